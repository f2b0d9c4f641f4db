//! The demo shop: a newcomer's way through it, and what it shows of its own traffic.

use serde_json::{Value, json};

use footfall_tests::Page;

use crate::site::Site;
use crate::{complaints, setup};

#[test]
fn a_way_through_the_demo_shop() {
    let (_browser, page, site) = setup();
    let folder = footfall_tests::tools::repository().join("footfall/demo");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        let path = if name == "index.html" { String::new() } else { name.to_owned() };
        site.file(&format!("/demo/{path}"), &std::fs::read_to_string(&file).unwrap());
    }

    through_the_shop(&page, &site);
    past_its_ads(&page, &site);
    if let Some(folder) = std::env::var_os("FOOTFALL_SCREENSHOTS") {
        for (name, width, dark) in [("demo-light", 1280, false), ("demo-dark-phone", 390, true)] {
            let file = std::path::Path::new(&folder).join(format!("{name}.png"));
            page.screenshot(&file, width, dark).unwrap();
        }
    }
}

/// Looks around, searches, puts something into the basket and orders it.
fn through_the_shop(page: &Page, site: &Site) {
    page.goto(&site.url("/demo/")).unwrap();
    page.wait_until("document.querySelector('.receipt .stored')?.textContent === 'stored'")
        .unwrap();
    assert!(page.text().unwrap().contains("pageview"));

    page.loads(|| page.click("nav a[href='search.html']")).unwrap();
    page.fill("input[name=q]", "Skis").unwrap();
    page.loads(|| page.click("form.search button")).unwrap();
    let search = site.wait_for("search", 1).remove(0);
    assert_eq!((&search["query"], &search["results"]), (&json!("Skis"), &json!(0)));

    page.goto(&site.url("/demo/product.html")).unwrap();
    page.loads(|| page.click("form.add button")).unwrap();
    let action = site.wait_for("action", 1).remove(0);
    assert_eq!(action["name"], "add to basket");
    assert_eq!(action["value"], json!({"amount": "189.00", "currency": "EUR"}));

    // The checkout changes in place; back and forward work in it.
    page.eval("window.mark = 1").unwrap();
    page.click("main a[data-swap]").unwrap();
    page.wait_until("document.querySelector('h1').textContent === 'Delivery'").unwrap();
    site.wait_for("pageview", 6);
    page.travel(-1).unwrap();
    page.wait_until("document.querySelector('h1').textContent === 'Basket'").unwrap();
    site.wait_for("pageview", 7);
    page.travel(1).unwrap();
    page.wait_until("document.querySelector('h1').textContent === 'Delivery'").unwrap();
    site.wait_for("pageview", 8);
    page.click("main a[data-order]").unwrap();
    page.wait_until("document.querySelector('h1').textContent.startsWith('Thanks')").unwrap();
    assert_eq!(page.eval("window.mark").unwrap(), 1);
    assert_eq!(site.wait_for("action", 2)[1]["name"], "order");

    let views = site.exactly("pageview", 9);
    let expected = [
        ("", "Tarn & Trail: a demo shop"),
        ("search.html", "Search – Tarn & Trail"),
        ("search.html?q=Skis&kind=", "Search – Tarn & Trail"),
        ("product.html", "Fellside boots – Tarn & Trail"),
        ("basket.html?size=42", "Basket – Tarn & Trail"),
        ("delivery.html", "Delivery – Tarn & Trail"),
        ("basket.html?size=42", "Basket – Tarn & Trail"),
        ("delivery.html", "Delivery – Tarn & Trail"),
        ("thanks.html", "Thanks – Tarn & Trail"),
    ];
    let seen: Vec<(&Value, &Value)> =
        views.iter().map(|view| (&view["url"], &view["title"])).collect();
    for ((url, title), (path, name)) in seen.into_iter().zip(expected) {
        assert_eq!((url, title), (&json!(site.url(&format!("/demo/{path}"))), &json!(name)));
    }
    assert!(views.iter().all(|view| view["site"] == "demo.localhost"));
    assert_eq!(complaints(page), [""; 0]);
}

/// Follows an ad, which is in the page or comes for a search, and books at the advertiser's.
fn past_its_ads(page: &Page, site: &Site) {
    page.goto(&site.url("/demo/search.html?q=rain")).unwrap();
    page.wait_until("document.querySelectorAll('.promos a').length === 2").unwrap();
    let ads: Vec<Value> = site.events();
    let ads = ads.iter().filter(|event| event["type"] == "impression");
    let places: Vec<_> =
        ads.map(|event| (event["placement"].clone(), &event["position"])).collect();
    assert_eq!(places[0], (json!("demo-home"), &json!(1)), "{places:?}");
    page.wait_until("document.querySelector('.promos a').search.includes('impression=')").unwrap();
    site.file("/c/demo-hut-weekend", "<title>there</title>");
    page.loads(|| page.click("[data-footfall-ad=demo-hut-weekend] a")).unwrap();
    let click = site.requests("/c/demo-hut-weekend").remove(0);
    assert!(click.query.starts_with("placement=demo-search&position="), "{}", click.query);
    assert!(click.query.contains("&query=rain&impression="), "{}", click.query);

    // The advertiser's page converts, and knows by which click.
    page.goto(&site.url("/demo/huts.html?ffclid=a-click")).unwrap();
    page.click("form.convert button").unwrap();
    let conversion = site.wait_for("conversion", 1).remove(0);
    assert_eq!((&conversion["goal"], &conversion["click"]), (&json!("booking"), &json!("a-click")));
    assert_eq!(conversion["value"], json!({"amount": "84.00", "currency": "EUR"}));
    assert_eq!(conversion["site"], "partners.localhost");
    assert_eq!(complaints(page), [""; 0]);
}
