//! Conversions on the advertiser's page, and the clicks that they belong to.

use footfall_tests::Page;
use serde_json::{Value, json};

use crate::{complaints, setup};

/// A click id as Footfall makes them: 120 characters of base64url.
fn click(name: char) -> String {
    format!("{name}-_9").repeat(30)
}

fn convert(page: &Page) {
    page.eval(
        "footfall('conversion', {goal: 'order', transaction: 'T-1', status: 'sale', \
         value: {amount: '59.90', currency: 'EUR'}})",
    )
    .unwrap();
}

fn clicks(event: &Value) -> Vec<&str> {
    event["click"].as_str().map_or_else(Vec::new, |text| text.split(',').collect())
}

#[test]
fn a_conversion_names_the_click_that_led_to_the_site() {
    let (_browser, page, site) = setup();
    let id = click('a');
    page.goto(&site.url(&format!("/?utm_source=x&ffclid={id}#top"))).unwrap();
    // Whether the file for ads has come by now or not: the page's load does not wait for it.
    page.loads(|| page.click("#link")).unwrap();
    // The file for ads knows the click; from then on nothing has to be waited for.
    page.wait_until("!!window.footfall.click").unwrap();
    convert(&page);
    // The page is left at once.
    page.eval("location.href = '/'").unwrap();
    let conversion = site.exactly("conversion", 1).remove(0);
    for (field, expected) in [
        ("click", json!(id)),
        ("goal", json!("order")),
        ("transaction", json!("T-1")),
        ("status", json!("sale")),
        ("value", json!({"amount": "59.90", "currency": "EUR"})),
        ("url", json!(site.url("/other"))),
        ("site", json!("example.com")),
    ] {
        assert_eq!(conversion[field], expected, "{field}");
    }
    let others = site.events();
    let others = others.iter().filter(|event| event["type"] != "conversion");
    assert!(others.into_iter().all(|event| event.get("click").is_none()));
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn the_page_before_tells_of_a_click_if_it_is_one_of_the_site() {
    let (_browser, page, site) = setup();
    page.goto(&site.url(&format!("/?ffclid={}", click('a')))).unwrap();
    page.wait_until("!!localStorage.ffclid").unwrap();
    // As if the page had been left before the file for ads had come.
    page.eval("localStorage.clear()").unwrap();
    page.loads(|| page.click("#link")).unwrap();
    page.wait_until("!!localStorage.ffclid").unwrap();
    convert(&page);
    assert_eq!(clicks(&site.wait_for("conversion", 1)[0]), [click('a')]);

    page.eval("localStorage.clear()").unwrap();
    page.goto(&site.url("/?ffclid=foreign").replace("localhost", "127.0.0.1")).unwrap();
    page.eval("document.querySelector('#link').referrerPolicy = 'unsafe-url'").unwrap();
    page.eval(&format!("document.querySelector('#link').href = '{}'", site.url("/other"))).unwrap();
    page.loads(|| page.click("#link")).unwrap();
    assert!(page.eval("document.referrer").unwrap().as_str().unwrap().contains("foreign"));
    page.wait_until("'click' in window.footfall").unwrap();
    convert(&page);
    assert_eq!(clicks(&site.wait_for("conversion", 2)[1]), [""; 0]);
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn the_last_four_clicks_are_kept_oldest_first() {
    let (_browser, page, site) = setup();
    for name in ['a', 'b', 'c', 'd', 'e', 'c'] {
        page.goto(&site.url(&format!("/?ffclid={}", click(name)))).unwrap();
        page.wait_until(&format!("localStorage.ffclid?.includes('{}')", click(name))).unwrap();
    }
    page.goto(&site.url("/other")).unwrap();
    convert(&page);
    let conversion = site.wait_for("conversion", 1).remove(0);
    assert_eq!(clicks(&conversion), ['b', 'c', 'd', 'e'].map(click));
    assert!(conversion["click"].as_str().unwrap().len() <= 512, "as long as a field may be");
}

#[test]
fn clicks_are_forgotten_after_thirty_days() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    let day = 86_400_000;
    page.eval(&format!(
        "localStorage.ffclid = JSON.stringify([[Date.now() - 31 * {day}, 'old'], \
         [Date.now() - 29 * {day}, 'young']])"
    ))
    .unwrap();
    page.goto(&site.url("/other")).unwrap();
    convert(&page);
    assert_eq!(clicks(&site.wait_for("conversion", 1)[0]), ["young"]);
    page.wait_until("!localStorage.ffclid.includes('old')").unwrap();
    page.eval(&format!("localStorage.ffclid = JSON.stringify([[Date.now() - 31 * {day}, 'old']])"))
        .unwrap();
    page.goto(&site.url("/")).unwrap();
    page.wait_until("localStorage.length === 0").unwrap();
}

#[test]
fn what_others_left_in_the_storage_does_no_harm() {
    for found in ["nonsense", "5", "[5]", "[null]", "{}", "[[1e99,{}]]"] {
        let (_browser, page, site) = setup();
        page.goto(&site.url("/")).unwrap();
        page.eval(&format!("localStorage.ffclid = '{found}'")).unwrap();
        page.goto(&site.url("/?ffclid=good")).unwrap();
        convert(&page);
        let conversion = site.wait_for("conversion", 1).remove(0);
        assert_eq!(clicks(&conversion).last(), Some(&"good"), "{found}: {conversion}");
        assert_eq!(complaints(&page), [""; 0], "{found}");
    }
}

#[test]
fn without_storage_the_page_that_was_clicked_for_still_knows() {
    let (_browser, page, site) = setup();
    page.on_new_document(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})",
    )
    .unwrap();
    page.goto(&site.url("/?ffclid=here")).unwrap();
    convert(&page);
    assert_eq!(clicks(&site.wait_for("conversion", 1)[0]), ["here"]);
    page.goto(&site.url("/other")).unwrap();
    convert(&page);
    assert_eq!(clicks(&site.wait_for("conversion", 2)[1]), [""; 0]);
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn calls_before_the_script_and_routers_lose_no_click() {
    let (_browser, page, site) = setup();
    site.page("/early", "", "<script src=/stub.js></script>");
    site.file(
        "/stub.js",
        "window.footfall = function () { (footfall.q = footfall.q || []).push(arguments) };\
         footfall('conversion', {goal: 'visit'})",
    );
    page.goto(&site.url("/early?ffclid=early")).unwrap();
    assert_eq!(clicks(&site.wait_for("conversion", 1)[0]), ["early"]);

    // A router takes the click id off the address before the file for ads has come.
    site.page("/app", "", "<script defer src=/router.js></script>");
    site.file("/router.js", "history.replaceState({}, '', '/app')");
    page.goto(&site.url("/app?ffclid=app")).unwrap();
    page.wait_until("!!localStorage.ffclid?.includes('app')").unwrap();
    assert_eq!(page.eval("location.search").unwrap(), "");
}

#[test]
fn a_click_that_the_page_names_itself_is_taken() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/?ffclid=address")).unwrap();
    page.eval("footfall('conversion', {goal: 'order', click: 'mine'})").unwrap();
    assert_eq!(clicks(&site.wait_for("conversion", 1)[0]), ["mine"]);
}
