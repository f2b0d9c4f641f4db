//! Which page views are counted, and with which fields.

use serde_json::{Value, json};

use crate::{complaints, setup};

fn urls(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["url"].as_str().unwrap()).collect()
}

#[test]
fn a_page_view_says_where_and_on_what() {
    let (_browser, page, site) = setup();
    let before = page.eval("Date.now()").unwrap().as_i64().unwrap();
    page.goto(&site.url("/?utm_source=news&q=1#part")).unwrap();
    let view = site.exactly("pageview", 1).remove(0);

    assert_eq!(view["url"], site.url("/?utm_source=news&q=1"), "the fragment stays at home");
    assert_eq!(view["site"], "example.com");
    assert_eq!(view["title"], "/");
    assert_eq!(view["language"], "en-US");
    assert_eq!(view["screen"], page.eval("`${screen.width}x${screen.height}`").unwrap());
    assert_eq!(
        view["timezone"],
        page.eval("Intl.DateTimeFormat().resolvedOptions().timeZone").unwrap()
    );
    uuid::Uuid::parse_str(view["id"].as_str().unwrap()).unwrap();
    let (time, sent) = (view["time"].as_i64().unwrap(), view["sent_at"].as_i64().unwrap());
    assert!(before <= time && time <= sent && sent < before + 10_000, "{before} {time} {sent}");
    assert_eq!(view.get("automated"), None);
    for absent in ["referrer", "account", "hash"] {
        assert_eq!(view.get(absent), None, "{absent}");
    }

    let beacon = &site.requests("/e")[0];
    assert_eq!(beacon.method, "POST", "no preflight");
    assert!(beacon.headers["content-type"].starts_with("text/plain"), "{:?}", beacon.headers);
    assert_eq!(beacon.headers.get("cookie"), None);

    page.loads(|| page.click("#link")).unwrap();
    let views = site.exactly("pageview", 2);
    assert_eq!(views[1]["referrer"], site.url("/?utm_source=news&q=1"));
    assert_ne!(views[0]["id"], views[1]["id"]);
    assert_eq!(complaints(&page), [""; 0], "also nothing about the content security policy");
}

#[test]
fn automated_browsers_say_so() {
    let (_browser, page, site) = setup();
    page.on_new_document("Object.defineProperty(navigator, 'webdriver', {get: () => true})")
        .unwrap();
    page.goto(&site.url("/")).unwrap();
    assert_eq!(site.wait_for("pageview", 1)[0]["automated"], true);
}

#[test]
fn a_single_page_application_is_followed() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    site.wait_for("pageview", 1);

    page.eval("history.pushState({}, '', '/a?x=1'); document.title = 'A'").unwrap();
    let views = site.wait_for("pageview", 2);
    assert_eq!(views[1]["url"], site.url("/a?x=1"));
    assert_eq!(views[1]["referrer"], site.url("/"), "the page before, so that it is no new source");
    assert_eq!(views[1]["title"], "A", "routers set it after the address");

    page.eval("history.pushState({}, '', '/a?x=2')").unwrap();
    site.wait_for("pageview", 3);
    page.eval("history.replaceState({}, '', '/b')").unwrap();
    site.wait_for("pageview", 4);
    // None of these leads to another page.
    page.eval("history.replaceState({}, '', '/b?sort=up')").unwrap();
    page.eval("history.replaceState({}, '', '/b?sort=up')").unwrap();
    page.eval("history.pushState({}, '', '/b?sort=up')").unwrap();
    page.eval("history.pushState({}, '', '#there')").unwrap();
    page.click("#part").unwrap();
    site.exactly("pageview", 4);

    page.eval("history.go(-4)").unwrap();
    site.wait_for("pageview", 5);
    page.travel(-1).unwrap();
    site.wait_for("pageview", 6);
    page.travel(1).unwrap();
    let views = site.exactly("pageview", 7);
    let expected =
        ["/", "/a?x=1", "/a?x=2", "/b", "/a?x=1", "/", "/a?x=1"].map(|path| site.url(path));
    assert_eq!(urls(&views), expected);
    assert_eq!(page.eval("history.state").unwrap(), json!({}), "the page's own state is untouched");
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn fragments_are_routes_only_when_chosen() {
    let (_browser, page, site) = setup();
    site.page("/app", "data-hash", "");
    page.goto(&site.url("/app#/")).unwrap();
    site.wait_for("pageview", 1);
    page.eval("location.hash = '/inbox'").unwrap();
    site.wait_for("pageview", 2);
    page.eval("history.pushState({}, '', '#/sent')").unwrap();
    site.wait_for("pageview", 3);
    page.eval("history.replaceState({}, '', '#/drafts')").unwrap();
    site.wait_for("pageview", 4);
    page.travel(-1).unwrap();
    let views = site.exactly("pageview", 5);
    let expected = ["#/", "#/inbox", "#/sent", "#/drafts", "#/inbox"]
        .map(|hash| site.url(&format!("/app{hash}")));
    assert_eq!(urls(&views), expected);
    assert!(views.iter().all(|view| view["hash"] == true));
}

#[test]
fn a_page_that_comes_back_from_the_cache_is_seen_again() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    page.eval("window.mark = 1").unwrap();
    page.loads(|| page.click("#link")).unwrap();
    site.wait_for("pageview", 2);
    page.travel(-1).unwrap();
    page.wait_until("window.mark === 1").unwrap();
    let views = site.exactly("pageview", 3);
    assert_eq!(views[2]["url"], site.url("/"));
    assert_eq!(views[2]["referrer"], site.url("/"), "going back is no new source");
    assert_ne!(views[2]["id"], views[0]["id"]);
}

#[test]
fn a_prerendered_page_counts_when_it_is_shown() {
    let (browser, _page, site) = setup();
    site.page(
        "/",
        "",
        "<script type=speculationrules>\
         {\"prerender\": [{\"urls\": [\"/next\"], \"eagerness\": \"immediate\"}]}</script>\
         <script defer src=/go.js></script>",
    );
    site.file(
        "/go.js",
        &format!(
            "setInterval(() => fetch('{}').then((reply) => reply.ok && (location.href = '/next')), 50)",
            site.script().replace("js/footfall.js", "go")
        ),
    );
    site.page("/next", "", "<script defer src=/early.js></script>");
    site.file("/early.js", "footfall('action', {name: 'early'})");
    // Browsers prerender only in tabs that are not inspected: this one is on its own.
    browser.call("Target.createTarget", json!({"url": site.url("/")})).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while site.requests("/early.js").is_empty() {
        assert!(std::time::Instant::now() < end, "nothing was prerendered");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    site.exactly("pageview", 1);
    site.exactly("action", 0);

    site.file("/go", "");
    let views = site.exactly("pageview", 2);
    assert_eq!(views[1]["url"], site.url("/next"));
    site.exactly("action", 1);
    let loads = site.requests("/next");
    assert_eq!(loads.len(), 1, "what was shown is what was prerendered");
    assert!(loads[0].headers["sec-purpose"].contains("prerender"), "{:?}", loads[0].headers);
}

#[test]
fn a_page_that_is_opened_in_the_background_counts() {
    let (browser, page, site) = setup();
    let _front = browser.page().unwrap();
    page.goto(&site.url("/")).unwrap();
    assert_eq!(page.eval("document.hidden").unwrap(), true);
    site.exactly("pageview", 1);
}

#[test]
fn nothing_is_sent_for_those_who_ask_not_to_be_counted() {
    for wish in ["globalPrivacyControl', {get: () => true}", "doNotTrack', {get: () => '1'}"] {
        let (_browser, page, site) = setup();
        page.on_new_document(&format!("Object.defineProperty(navigator, '{wish})")).unwrap();
        site.page("/", "", "<a id=link href=/other>other</a><script src=/stub.js></script>");
        site.file("/stub.js", STUB);
        page.goto(&site.url("/")).unwrap();
        page.eval("footfall('action', {name: 'a'}); history.pushState({}, '', '/a')").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        page.loads(|| page.click("#link")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(400));
        assert_eq!(site.requests("/e").len(), 0, "{wish}");
        assert_eq!(complaints(&page), [""; 0], "calls stay harmless");
    }
}

const STUB: &str = "window.footfall = window.footfall || function () {\
     (footfall.q = footfall.q || []).push(arguments) };\
     footfall('search', {query: 'red shoes', results: 3});";

#[test]
fn calls_before_the_script_are_kept() {
    let (_browser, page, site) = setup();
    site.page("/", "", "<script src=/stub.js></script>");
    site.file("/stub.js", STUB);
    page.goto(&site.url("/")).unwrap();
    let search = site.exactly("search", 1).remove(0);
    assert_eq!((&search["query"], &search["results"]), (&json!("red shoes"), &json!(3)));
    let view = site.exactly("pageview", 1).remove(0);
    assert!(
        view["time"].as_i64() <= search["time"].as_i64(),
        "what happens on a page comes after it"
    );
}

#[test]
fn a_second_copy_of_the_script_does_nothing() {
    let (_browser, page, site) = setup();
    let again = format!("<script defer data-site=example.com src={}></script>", site.script());
    site.page("/", "", &again);
    page.goto(&site.url("/")).unwrap();
    site.exactly("pageview", 1);
    page.eval("history.pushState({}, '', '/a'); footfall('action', {name: 'a'})").unwrap();
    site.exactly("pageview", 2);
    site.exactly("action", 1);
}

#[test]
fn by_hand_nothing_is_counted_by_itself() {
    let (_browser, page, site) = setup();
    site.page("/", "data-manual data-account=user-7", "<a id=link href=/other>other</a>");
    page.goto(&site.url("/")).unwrap();
    page.eval("history.pushState({}, '', '/a')").unwrap();
    site.exactly("pageview", 0);
    page.eval("footfall('pageview', {url: '/virtual#x', title: 'Mine', props: {plan: 'free'}})")
        .unwrap();
    let view = site.exactly("pageview", 1).remove(0);
    assert_eq!(view["url"], site.url("/virtual"));
    assert_eq!((&view["title"], &view["account"]), (&json!("Mine"), &json!("user-7")));
    assert_eq!(view["props"], json!({"plan": "free"}));
    page.loads(|| page.click("#link")).unwrap();
    let engagement = site.wait_for("engagement", 1).remove(0);
    assert_eq!((&engagement["pageview"], &engagement["url"]), (&view["id"], &view["url"]));
}

#[test]
fn excluded_paths_are_never_sent() {
    let (_browser, page, site) = setup();
    let exclude = "data-exclude='/private/*, *.draft,/exact'";
    for path in ["/private/a", "/x.draft", "/xydraft", "/exact", "/exactly", "/not/private/a"] {
        site.page(path, exclude, "");
        page.goto(&site.url(path)).unwrap();
        page.eval("footfall('action', {name: 'a'})").unwrap();
    }
    let views = site.exactly("pageview", 3);
    assert_eq!(urls(&views), ["/xydraft", "/exactly", "/not/private/a"].map(|path| site.url(path)));
    site.exactly("action", 3);

    site.page("/", "data-exclude=/private/*", "");
    page.goto(&site.url("/")).unwrap();
    page.eval("history.pushState({}, '', '/private/b')").unwrap();
    page.eval("history.pushState({}, '', '/c')").unwrap();
    let views = site.exactly("pageview", 5);
    assert_eq!(urls(&views[3..]), [site.url("/"), site.url("/c")]);
}
