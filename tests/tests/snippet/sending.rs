//! How events travel: what is tried again and for how long, and what is carried at all.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use footfall_tests::{Browser, Page};
use serde_json::{Value, json};

use crate::site::{ADS, Answer, SCRIPT, Site};
use crate::{complaints, setup};

/// Waits of a second and more pass 20 times as fast, and are written down.
const HURRY: &str = "window.waits = [];
    const wait = window.setTimeout.bind(window);
    window.setTimeout = (work, ms) => {
        if (ms >= 1000) window.waits.push(ms);
        return wait(work, ms >= 1000 ? ms / 20 : ms);
    };
    const limit = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => limit(ms / 20);";

fn hurried() -> (Browser, Page, Site) {
    let (browser, page, site) = setup();
    page.on_new_document(HURRY).unwrap();
    (browser, page, site)
}

fn ids(events: &[Value]) -> HashSet<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

fn assert_quiet(page: &Page) {
    assert_eq!(complaints(page), [""; 0]);
}

#[test]
fn what_may_pass_is_tried_again_four_times_at_the_most() {
    for failure in [Answer::Status(500), Answer::Status(503), Answer::Status(408), Answer::Close] {
        let (_browser, page, site) = hurried();
        site.answer(&[], failure);
        page.goto(&site.url("/")).unwrap();
        site.wait_for("pageview", 4);
        std::thread::sleep(Duration::from_millis(1_500)); // the next would come after 64 s / 20
        let tries = site.exactly("pageview", 4);
        assert_eq!(ids(&tries).len(), 1, "{failure:?}: every try has the same id");
        assert!(tries.iter().all(|event| event["time"] == tries[0]["time"]), "{tries:#?}");
        assert!(tries[0]["sent_at"].as_i64() < tries[3]["sent_at"].as_i64(), "{tries:#?}");
        assert_eq!(page.eval("waits").unwrap(), json!([1_000, 4_000, 16_000]), "{failure:?}");
        assert_quiet(&page);
    }
}

#[test]
fn what_will_not_pass_is_never_tried_again() {
    for refusal in [400, 403, 404, 413, 422] {
        let (_browser, page, site) = hurried();
        site.answer(&[], Answer::Status(refusal));
        page.goto(&site.url("/")).unwrap();
        site.exactly("pageview", 1);
        assert_eq!(page.eval("waits").unwrap(), json!([]), "{refusal}");
        assert_quiet(&page);
    }
}

#[test]
fn it_ends_with_success_and_waits_as_long_as_it_is_told() {
    let (_browser, page, site) = hurried();
    site.answer(&[Answer::After(7), Answer::After(86_400)], Answer::Status(202));
    page.goto(&site.url("/")).unwrap();
    site.wait_for("pageview", 3);
    assert_eq!(page.eval("waits").unwrap(), json!([7_000, 60_000]), "a minute at the most");
    let tries = site.exactly("pageview", 3);
    assert_eq!(ids(&tries).len(), 1);
    assert_quiet(&page);
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let (_browser, page, site) = hurried();
    site.answer(&[Answer::Hang], Answer::Status(202));
    page.goto(&site.url("/")).unwrap();
    let tries = site.exactly("pageview", 2);
    assert_eq!(ids(&tries).len(), 1);
    assert_quiet(&page);
}

#[test]
fn what_is_held_is_bounded() {
    let (_browser, page, site) = setup();
    site.answer(&[], Answer::Status(500));
    page.goto(&site.url("/")).unwrap();
    page.eval("for (let i = 0; i < 500; i++) footfall('action', {name: 'a' + i})").unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let events = site.wait_for("action", 1);
    assert!(ids(&events).len() <= 50, "{}", events.len());
    assert_quiet(&page);
}

#[test]
fn leaving_takes_along_what_still_waits() {
    let (_browser, page, site) = setup();
    site.answer(&[Answer::Status(503)], Answer::Status(202));
    page.goto(&site.url("/")).unwrap();
    let first = site.wait_for("pageview", 1).remove(0);
    page.eval("footfall('action', {name: 'leave'}); location.href = '/other'").unwrap();
    site.exactly("action", 1);
    let views = site.exactly("pageview", 3);
    let again = views.iter().find(|view| view["id"] == first["id"] && view != &&first).unwrap();
    assert_eq!(again["url"], site.url("/"));
}

#[test]
fn without_beacons_a_request_does_it() {
    for beacon in ["() => false", "undefined"] {
        let (_browser, page, site) = setup();
        page.on_new_document(&format!(
            "Object.defineProperty(navigator, 'sendBeacon', {{value: {beacon}}})"
        ))
        .unwrap();
        page.goto(&site.url("/")).unwrap();
        site.wait_for("pageview", 1);
        page.loads(|| page.click("#link")).unwrap();
        site.exactly("engagement", 1);
        assert_quiet(&page);
    }
}

#[test]
fn searches_and_actions_carry_their_fields() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    page.eval("footfall('search', {query: 'Zürich', results: 0, filters: {size: 'L'}})").unwrap();
    page.eval(
        "const props = {n: 1, yes: true}; footfall('action', {name: 'buy', \
         value: {amount: '12.50', currency: 'EUR'}, props}); props.n = 2",
    )
    .unwrap();
    let search = site.wait_for("search", 1).remove(0);
    assert_eq!((&search["query"], &search["results"]), (&json!("Zürich"), &json!(0)));
    assert_eq!(search["filters"], json!({"size": "L"}));
    let action = site.wait_for("action", 1).remove(0);
    assert_eq!(action["value"], json!({"amount": "12.50", "currency": "EUR"}));
    assert_eq!(action["props"], json!({"n": 1, "yes": true}), "as it was when it was called");
    assert_eq!(action["url"], site.url("/"));
}

#[test]
fn nothing_that_goes_wrong_reaches_the_page() {
    let (browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    page.eval(
        "const loop = {}; loop.loop = loop;
         footfall(); footfall('action', loop); footfall('action', {name: 10n});
         footfall('pageview', {url: 'http://['}); footfall('action', {name: 'good'})",
    )
    .unwrap();
    assert_eq!(site.exactly("action", 1)[0]["name"], "good");
    assert_quiet(&page);

    for broken in [
        "window.fetch = () => { throw new Error('no') }",
        "window.fetch = undefined",
        "crypto.__proto__.randomUUID = () => { throw new Error('no') }",
        "Object.defineProperty(document, 'currentScript', {value: null})",
        "window.footfall = 7",
        "window.footfall = {q: 5}",
        "AbortSignal.timeout = undefined",
    ] {
        let page = browser.page().unwrap();
        page.on_new_document(broken).unwrap();
        page.goto(&site.url("/")).unwrap();
        page.eval("history.pushState({}, '', '/a'); scrollTo(0, 10)").unwrap();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(complaints(&page), [""; 0], "{broken}");
        page.close().unwrap();
    }
}

#[test]
fn ids_are_uuids_without_tls_too() {
    let (_browser, page, site) = setup();
    page.on_new_document("delete Crypto.prototype.randomUUID").unwrap();
    page.goto(&site.url("/")).unwrap();
    page.eval("for (let i = 0; i < 20; i++) footfall('action', {name: 'a'})").unwrap();
    let events = site.wait_for("action", 20);
    assert_eq!(ids(&events).len(), 20);
    for id in ids(&events) {
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4, "{id}");
    }
}

#[test]
fn they_are_small() {
    for (script, limit) in [(SCRIPT, 1_500), (ADS, 2_048)] {
        let mut gzip = Command::new("gzip")
            .args(["-9", "-c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        gzip.stdin.take().unwrap().write_all(script).unwrap();
        let size = gzip.wait_with_output().unwrap().stdout.len();
        assert!(size < limit, "{size} bytes gzipped");
    }
}
