//! Impressions, viewability by the MRC's rule, and links that know their impression.

use std::time::Duration;

use footfall_tests::{Browser, Page};
use serde_json::{Value, json};

use crate::site::Site;
use crate::{complaints, setup};

/// Longer than a view takes to come.
const TOO_LONG_MS: u64 = 1_500;

/// A tall page with an ad of this size far below the fold.
fn page_with_ad(attributes: &str, width: u32, height: u32) -> (Browser, Page, Site) {
    let (browser, page, site) = setup();
    let gap = "<p><svg width=10 height=2000></svg></p>";
    site.page(
        "/",
        "",
        &format!(
            "{gap}<a id=ad data-footfall-ad=boots {attributes} href='/c/boots?placement=side'>\
             <svg width={width} height={height}></svg></a>{gap}"
        ),
    );
    page.goto(&site.url("/")).unwrap();
    (browser, page, site)
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Brings this share of the ad's height into view for so long, and out of it again. Returns how
/// long it really was, since machines are sometimes busy.
fn show(page: &Page, share: f64, ms: u64) -> f64 {
    page.eval(&format!(
        "(async () => {{
            const box = document.querySelector('#ad > *').getBoundingClientRect();
            scrollTo(0, scrollY + box.top + {share} * box.height - innerHeight);
            const since = performance.now();
            await new Promise((done) => setTimeout(done, {ms}));
            scrollTo(0, 0);
            return performance.now() - since;
        }})()"
    ))
    .unwrap()
    .as_f64()
    .unwrap()
}

#[test]
fn below_the_fold_an_ad_is_an_impression_and_not_viewable() {
    let (_browser, page, site) = page_with_ad(
        "data-footfall-placement=side data-footfall-position=2 \
         data-footfall-query='Rote Stiefel' data-footfall-request=r-7",
        300,
        250,
    );
    let impression = site.wait_for("impression", 1).remove(0);
    for (field, expected) in [
        ("site", json!("example.com")),
        ("url", json!(site.url("/"))),
        ("ad", json!("boots")),
        ("placement", json!("side")),
        ("position", json!(2)),
        ("query", json!("Rote Stiefel")),
        ("request", json!("r-7")),
        ("measurable", json!(true)),
    ] {
        assert_eq!(impression[field], expected, "{field}");
    }
    uuid::Uuid::parse_str(impression["id"].as_str().unwrap()).unwrap();
    pause(TOO_LONG_MS);
    site.exactly("impression", 1);
    site.exactly("view", 0);
    assert_eq!(complaints(&page), [""; 0], "also nothing about the content security policy");
}

#[test]
fn a_second_in_view_makes_it_viewable_and_less_does_not() {
    let (_browser, page, site) =
        page_with_ad("data-footfall-placement=side data-footfall-position=3", 300, 250);
    let impression = site.wait_for("impression", 1).remove(0);
    let took = show(&page, 1.0, 900);
    if took < 1_000.0 {
        // Twice 0.9 s are no second without a break either.
        show(&page, 1.0, 500);
        pause(600);
        site.exactly("view", 0);
    }
    show(&page, 1.0, 1_100);
    pause(300);
    if site.events().iter().all(|event| event["type"] != "view") {
        show(&page, 1.0, 2_000); // The machine was too busy to draw in time.
    }
    let view = site.wait_for("view", 1).remove(0);
    assert_eq!(view["impression"], impression["id"]);
    assert_ne!(view["id"], impression["id"]);
    assert_eq!((&view["ad"], &view["placement"]), (&json!("boots"), &json!("side")));
    assert_eq!(view["position"], 3);
    assert!((1_000..2_100).contains(&view["viewable_ms"].as_u64().unwrap()), "{view}");
    assert!((95..=100).contains(&view["visible_pct"].as_u64().unwrap()), "{view}");

    show(&page, 1.0, 1_500);
    site.exactly("view", 1);
    site.exactly("impression", 1);
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn half_of_the_pixels_are_needed_and_of_large_ads_thirty_percent() {
    for (width, height, too_little, enough) in
        [(300, 250, 0.45, 0.55), (600, 400, 0.45, 0.55), (600, 405, 0.25, 0.35)]
    {
        let (_browser, page, site) = page_with_ad("", width, height);
        site.wait_for("impression", 1);
        show(&page, too_little, TOO_LONG_MS);
        site.exactly("view", 0);
        show(&page, enough, TOO_LONG_MS);
        let view = site.wait_for("view", 1).remove(0);
        let pct = view["visible_pct"].as_f64().unwrap();
        assert!((pct - enough * 100.0).abs() < 3.0, "{width}x{height}: {pct}");
    }
}

#[test]
fn a_hidden_tab_stops_the_clock() {
    let (browser, page, site) = page_with_ad("", 300, 250);
    site.wait_for("impression", 1);
    page.eval("document.querySelector('#ad').scrollIntoView({block: 'center'})").unwrap();
    pause(400);
    let other = browser.page().unwrap();
    pause(TOO_LONG_MS);
    site.exactly("view", 0);
    page.show().unwrap();
    let seen = page.eval("new Promise((done) => setTimeout(() => done(1), 500))").unwrap();
    assert_eq!(seen, 1);
    other.show().unwrap();
    site.exactly("view", 0);
    page.show().unwrap();
    let view = site.wait_for("view", 1).remove(0);
    assert!(view["viewable_ms"].as_u64().unwrap() >= 1_000, "{view}");
    site.exactly("impression", 1);
}

#[test]
fn in_a_tab_that_is_never_shown_there_is_no_impression() {
    let (browser, page, site) = setup();
    site.page("/", "", "<svg data-footfall-ad=boots width=300 height=250></svg>");
    let front = browser.page().unwrap();
    page.goto(&site.url("/")).unwrap();
    assert_eq!(page.eval("document.hidden").unwrap(), true);
    site.wait_for("pageview", 1);
    pause(TOO_LONG_MS);
    site.exactly("impression", 0);
    drop(front);
    page.show().unwrap();
    site.exactly("impression", 1);
    site.wait_for("view", 1);
}

#[test]
fn ads_that_come_later_count_and_pages_without_any_load_nothing() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    site.wait_for("pageview", 1);
    pause(700);
    assert_eq!(site.requests("/js/footfall-ads.js").len(), 0);

    let add = |ad: &str| {
        page.eval(&format!(
            "document.body.insertAdjacentHTML('afterbegin', '<svg data-footfall-ad={ad} width=300 \
             height=250></svg>')"
        ))
        .unwrap();
    };
    add("late");
    let impression = site.wait_for("impression", 1).remove(0);
    let view = site.wait_for("view", 1).remove(0);
    assert_eq!((&impression["ad"], &view["impression"]), (&json!("late"), &impression["id"]));

    add("later");
    assert_eq!(site.wait_for("impression", 2)[1]["ad"], "later");
    // Another ad in the same element is another impression; one without a size is none yet.
    page.eval("document.querySelector('[data-footfall-ad=later]').dataset.footfallAd = 'next'")
        .unwrap();
    assert_eq!(site.wait_for("impression", 3)[2]["ad"], "next");
    page.eval(
        "document.body.insertAdjacentHTML('beforeend', \
         '<table hidden data-footfall-ad=hidden><td>ad</table>')",
    )
    .unwrap();
    site.exactly("impression", 3);
    page.eval("document.querySelector('table').hidden = false").unwrap();
    assert_eq!(site.exactly("impression", 4)[3]["ad"], "hidden");
    assert_eq!(site.requests("/js/footfall-ads.js").len(), 1);
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn many_ads_at_once_are_all_counted() {
    let (_browser, page, site) = setup();
    let ads: String = (0..120)
        .map(|i| format!("<svg data-footfall-ad=ad-{i} width=30 height=25></svg>"))
        .collect();
    site.page("/", "", &ads);
    page.goto(&site.url("/")).unwrap();
    let impressions = site.exactly("impression", 120);
    let distinct: std::collections::HashSet<_> = impressions
        .iter()
        .map(|event| (event["id"].to_string(), event["ad"].to_string()))
        .collect();
    assert_eq!(distinct.len(), 120);
    assert!(site.requests("/e").len() < 30, "they travel together");
}

#[test]
fn links_know_their_impression_before_anybody_can_click() {
    let (_browser, page, site) = setup();
    let given = "0b0f2f6e-5f4b-4c43-9f0a-0d6f3a1c2b11";
    site.page(
        "/",
        "",
        &format!(
            "<div data-footfall-ad=boots><a id=ours href='/c/boots?placement=top&amp;query=a%20b'>go</a>\
             <a id=other href=/c/shoes>other</a><a id=foreign href='https://shop.test/a?b'>f</a>\
             <a id=signed href=/c/s/v1.k.p.s>signed</a></div>\
             <div data-footfall-ad=tent data-footfall-impression={given}><a id=given href=/c/tent>t</a></div>\
             <div data-footfall-ad=lamp data-footfall-impression=nonsense><a href=/c/lamp>t</a></div>"
        ),
    );
    site.file("/c/boots", "<title>there</title>");
    page.goto(&site.url("/")).unwrap();
    let impressions = site.wait_for("impression", 3);
    let id_of = |ad: &str| {
        let found = impressions.iter().find(|event| event["ad"] == ad).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let href = |id: &str| page.eval(&format!("document.getElementById('{id}').href")).unwrap();
    let boots = id_of("boots");
    let expected = format!("/c/boots?placement=top&query=a+b&impression={boots}");
    assert_eq!(href("ours"), site.url(&expected));
    assert_eq!(href("other"), site.url("/c/shoes"));
    assert_eq!(href("foreign"), "https://shop.test/a?b");
    assert_eq!(href("signed"), site.url("/c/s/v1.k.p.s"), "a token says it already");
    assert_eq!(id_of("tent"), given);
    assert_eq!(href("given"), site.url(&format!("/c/tent?impression={given}")));
    uuid::Uuid::parse_str(&id_of("lamp")).unwrap();

    // A framework that writes the link anew does not take the id away for long.
    page.eval("document.getElementById('ours').href = '/c/boots'").unwrap();
    page.wait_until("document.getElementById('ours').search.startsWith('?impression=')").unwrap();
    page.loads(|| page.click("#ours")).unwrap();
    assert_eq!(site.requests("/c/boots")[0].query, format!("impression={boots}"));
    site.exactly("impression", 3);
}

#[test]
fn a_page_from_the_back_forward_cache_goes_on_where_it_was() {
    let (_browser, page, site) = setup();
    site.page(
        "/",
        "",
        "<svg data-footfall-ad=boots width=300 height=250></svg><a id=link href=/other>other</a>",
    );
    page.goto(&site.url("/")).unwrap();
    page.eval("window.mark = 1").unwrap();
    site.wait_for("impression", 1);
    site.exactly("view", 0);
    page.loads(|| page.click("#link")).unwrap();
    pause(TOO_LONG_MS);
    site.exactly("view", 0);
    page.travel(-1).unwrap();
    page.wait_until("window.mark === 1").unwrap();
    let view = site.wait_for("view", 1).remove(0);
    let impressions = site.exactly("impression", 1);
    assert_eq!(view["impression"], impressions[0]["id"]);
}

#[test]
fn a_prerendered_ad_counts_when_it_is_shown() {
    let (browser, _page, site) = setup();
    site.page(
        "/",
        "",
        "<script type=speculationrules>\
         {\"prerender\": [{\"urls\": [\"/next\"], \"eagerness\": \"immediate\"}]}</script>\
         <script defer src=/go.js></script>",
    );
    let go = site.script().replace("js/footfall.js", "go");
    site.file(
        "/go.js",
        &format!(
            "setInterval(() => fetch('{go}').then((r) => r.ok && (location.href = '/next')), 50)"
        ),
    );
    site.page(
        "/next",
        "",
        "<svg data-footfall-ad=boots width=300 height=250></svg><script defer src=/done.js></script>",
    );
    site.file("/done.js", "");
    // Browsers prerender only in tabs that are not inspected: this one is on its own.
    browser.call("Target.createTarget", json!({"url": site.url("/")})).unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while site.requests("/done.js").is_empty() {
        assert!(std::time::Instant::now() < end, "nothing was prerendered");
        pause(10);
    }
    pause(700);
    site.exactly("impression", 0);
    site.file("/go", "");
    site.exactly("impression", 1);
    assert_eq!(site.requests("/next").len(), 1, "what was shown is what was prerendered");
}

#[test]
fn no_ad_is_counted_for_those_who_ask_not_to_be() {
    let (_browser, page, site) = setup();
    page.on_new_document(
        "Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})",
    )
    .unwrap();
    site.page("/", "", "<svg data-footfall-ad=boots width=300 height=250></svg>");
    page.goto(&site.url("/?ffclid=abc")).unwrap();
    pause(TOO_LONG_MS);
    let sent: Vec<Value> = site.events();
    assert_eq!(sent, [Value::Null; 0]);
    assert_eq!(site.requests("/js/footfall-ads.js").len(), 0);
    assert_eq!(page.eval("localStorage.length").unwrap(), 0);
    assert_eq!(complaints(&page), [""; 0]);
}
