//! The script as it is shipped, in a real Chromium, against a site that records what it sends.

#![expect(clippy::unwrap_used, reason = "also the helpers run in tests only")]

mod ads;
mod conversions;
mod demo;
mod engagement;
mod sending;
mod site;
mod views;

use footfall_tests::{Browser, Page};
use site::Site;

/// A browser with one tab, and a site with a tall page at `/` and a short one at `/other`.
fn setup() -> (Browser, Page, Site) {
    let site = Site::start();
    site.page(
        "/",
        "",
        "<p><a id=link href=/other>other</a> <a id=part href=#part>part</a></p>\
         <p><svg width=10 height=4000></svg></p>",
    );
    site.page("/other", "", "<p>other");
    let browser = Browser::start().unwrap();
    let page = browser.page().unwrap();
    (browser, page, site)
}

/// What is on the console apart from requests that failed, which the browser itself reports.
fn complaints(page: &Page) -> Vec<String> {
    let mut lines = page.console();
    lines.retain(|line| !line.starts_with("\"network\""));
    lines
}
