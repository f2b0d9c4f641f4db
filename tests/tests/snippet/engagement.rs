//! Engaged time and scroll depth.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{complaints, setup};

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

fn engaged(event: &Value) -> u64 {
    event["engaged_ms"].as_u64().unwrap()
}

#[test]
fn only_time_in_front_counts() {
    let (browser, page, site) = setup();
    let start = std::time::Instant::now();
    page.goto(&site.url("/")).unwrap();
    let view = site.wait_for("pageview", 1).remove(0);
    pause(1_200);
    let other = browser.page().unwrap();
    let first = site.exactly("engagement", 1).remove(0);
    let upper = start.elapsed().as_millis() as u64;
    assert_eq!((&first["pageview"], &first["url"]), (&view["id"], &view["url"]));
    assert!((1_100..=upper).contains(&engaged(&first)), "{first} {upper}");
    uuid::Uuid::parse_str(first["id"].as_str().unwrap()).unwrap();
    assert_ne!(first["id"], view["id"]);

    pause(1_500); // hidden
    page.show().unwrap();
    let back = std::time::Instant::now();
    pause(1_100);
    other.show().unwrap();
    let second = site.exactly("engagement", 2).remove(1);
    let upper = back.elapsed().as_millis() as u64 + 100;
    assert!((1_000..=upper).contains(&engaged(&second)), "{second} {upper}");
    assert_ne!(second["id"], first["id"]);

    // A glance with nothing new is not worth a request; its time is kept for the next report.
    page.show().unwrap();
    other.show().unwrap();
    site.exactly("engagement", 2);
    assert_eq!(complaints(&page), [""; 0]);
}

#[test]
fn an_unfocused_window_does_not_count() {
    let (_browser, page, site) = setup();
    page.on_new_document("document.hasFocus = () => window.focused !== false").unwrap();
    page.goto(&site.url("/")).unwrap();
    pause(300);
    page.eval("window.focused = false; dispatchEvent(new Event('blur'))").unwrap();
    pause(1_500);
    page.eval("window.focused = true; dispatchEvent(new Event('focus'))").unwrap();
    pause(300);
    page.loads(|| page.click("#link")).unwrap();
    let time = engaged(&site.wait_for("engagement", 1)[0]);
    assert!((500..1_500).contains(&time), "{time}");
}

#[test]
fn leaving_reports_the_deepest_point() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    page.eval("scrollTo(0, document.documentElement.scrollHeight * 0.75 - innerHeight)").unwrap();
    pause(300);
    page.eval("scrollTo(0, 0)").unwrap();
    pause(300);
    page.loads(|| page.click("#link")).unwrap();
    let report = site.exactly("engagement", 1).remove(0);
    let depth = report["scroll_pct"].as_u64().unwrap();
    assert!((74..=76).contains(&depth), "{report}");
    assert!((300..10_000).contains(&engaged(&report)), "{report}");
    let beacon = site.requests("/e").into_iter().find(|beacon| beacon.body.contains("engagement"));
    assert!(beacon.unwrap().headers["content-type"].starts_with("text/plain"));

    page.goto("about:blank").unwrap();
    let reports = site.exactly("engagement", 2);
    assert_eq!(reports[1]["scroll_pct"], 100, "all of a short page is seen at once");
}

#[test]
fn closing_the_tab_reports_too() {
    let (browser, page, site) = setup();
    let _other = browser.page().unwrap();
    page.show().unwrap();
    page.goto(&site.url("/")).unwrap();
    site.wait_for("pageview", 1);
    page.close().unwrap();
    site.exactly("engagement", 1);
}

#[test]
fn each_view_of_an_application_has_its_own() {
    let (_browser, page, site) = setup();
    page.goto(&site.url("/")).unwrap();
    page.eval("scrollTo(0, 1e6)").unwrap();
    pause(1_200);
    page.eval("history.pushState({}, '', '/a'); scrollTo(0, 0)").unwrap();
    pause(1_100);
    page.loads(|| page.eval("location.href = '/other'").map(drop)).unwrap();
    let views = site.wait_for("pageview", 3);
    let reports = site.exactly("engagement", 2);
    let of = |report: &Value| (report["pageview"].clone(), report["url"].clone());
    assert_eq!(of(&reports[0]), (views[0]["id"].clone(), json!(site.url("/"))));
    assert_eq!(of(&reports[1]), (views[1]["id"].clone(), json!(site.url("/a"))));
    assert_eq!(reports[0]["scroll_pct"], 100);
    assert!(reports[1]["scroll_pct"].as_u64().unwrap() < 50, "{}", reports[1]);
    assert!(reports.iter().all(|report| (1_000..4_000).contains(&engaged(report))), "{reports:#?}");
}
