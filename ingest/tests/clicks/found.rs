//! What ingest finds of a click, for the rules to judge: each at its edge, in order, backwards and
//! everything twice. What the rules make of it is in the aggregator's tables.

use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use footfall_event::ads::{Proof, Token};
use footfall_event::blocklist::{BlockEntry, Subject};
use footfall_event::catalog::Entry;
use footfall_event::catalog::edit::{AdRequest, PlacementRequest};
use footfall_event::{Event, Id, Topic, VerdictReason as R};
use footfall_topics::RecordBatch;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{CHROME, NOW, SECRET, Server, ffclid, header};

const DAY: i64 = 86_400_000;
const HINTS: [(&str, &str); 2] =
    [("sec-ch-ua", r#""Chromium";v="131""#), ("sec-ch-ua-platform", "\"Windows\"")];

/// What of a record says it; `None`: ingest can't know. Without a wildcard, so that a new reason is
/// thought about.
fn says(event: &Event<'_>, reason: R) -> Option<bool> {
    Some(match reason {
        R::BotAgent => !event.bot.is_empty(),
        R::Expired => event.proof == Proof::Expired,
        R::ReferrerMismatch => !event.referrer_host.is_empty() && !event.placement.is_empty(),
        // The rules know which systems host servers.
        R::DatacentreNetwork => event.asn == 24_940,
        R::Blocklisted
        | R::NotRunning
        | R::PlacementSize
        | R::PlacementUnknown
        | R::PositionUnknown
        | R::HintMismatch => event.found.contains(&reason),
        // By the script: see `beacons_say_what_only_the_browser_knows`.
        R::Automated | R::GeoMismatch => return None,
        // By what came before and after.
        R::DoubleClick
        | R::DuplicateClick
        | R::VisitorAdDuplicate
        | R::DuplicateImpression
        | R::NetworkRate
        | R::CampaignRate
        | R::Churn
        | R::RegularTiming
        | R::ClicksEverything
        | R::FastClick
        | R::HiddenAd
        | R::ClickFlooding
        | R::FastClicks
        | R::Concentration
        | R::Collusion
        | R::Lifeless
        | R::PlacementCtr
        | R::RateShift
        | R::NewVisitorBurst
        | R::AddressEntropy
        | R::ConversionRate
        | R::ConversionTiming
        | R::ImpossibleTravel
        | R::ImpressionUnknown
        | R::NoImpression => return None,
    })
}

/// A request, and whether it has the reason.
struct Row {
    reason: R,
    path: String,
    headers: Vec<(&'static str, String)>,
    from: &'static str,
    found: bool,
}

fn row(reason: R, path: &str, found: bool) -> Row {
    Row { reason, path: path.to_owned(), headers: Vec::new(), from: "192.0.2.1", found }
}

impl Row {
    fn with(mut self, name: &'static str, value: &str) -> Row {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn from(self, from: &'static str) -> Row {
        Row { from, ..self }
    }
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(R::BotAgent, "/c/boots", false),
        row(R::BotAgent, "/c/boots", true).with("user-agent", "curl/8.5.0"),
        row(R::Blocklisted, "/c/boots", false).from("203.0.112.255"),
        row(R::Blocklisted, "/c/boots", true).from("203.0.113.0"),
        row(R::Blocklisted, "/c/boots", true).from("203.0.113.255"),
        row(R::Blocklisted, "/c/boots", false).from("203.0.114.0"),
        row(R::Blocklisted, "/c/boots", true).with("referer", "https://a.spam.test/"),
        row(R::Blocklisted, "/c/boots", false).with("referer", "https://aspam.test/"),
        row(R::DatacentreNetwork, "/c/boots", false).from("5.8.255.255"),
        row(R::DatacentreNetwork, "/c/boots", true).from("5.9.0.0"),
        row(R::DatacentreNetwork, "/c/boots", true).from("5.9.255.255"),
        row(R::DatacentreNetwork, "/c/boots", false).from("5.10.0.0"),
        row(R::NotRunning, "/c/boots", false),
        row(R::NotRunning, "/c/paused", true),
        row(R::PlacementSize, "/c/boots", false),
        row(R::PlacementSize, "/c/boots?placement=top", false),
        row(R::PlacementSize, "/c/boots?placement=dot", true),
        row(R::PlacementSize, "/c/boots?placement=line", false),
        row(R::PlacementUnknown, "/c/boots", false),
        row(R::PlacementUnknown, "/c/boots?placement=top", false),
        row(R::PlacementUnknown, "/c/boots?placement=to", true),
        row(R::PositionUnknown, "/c/boots?placement=top", false),
        row(R::PositionUnknown, "/c/boots?placement=top&position=0", true),
        row(R::PositionUnknown, "/c/boots?placement=top&position=1", false),
        row(R::PositionUnknown, "/c/boots?placement=top&position=3", false),
        row(R::PositionUnknown, "/c/boots?placement=top&position=4", true),
    ];
    for (age, found) in [(DAY - 1, false), (DAY, false), (DAY + 1, true)] {
        let token = Token {
            impression: Id::from_u128(5),
            time: NOW - age,
            ad: "boots".into(),
            ..Token::default()
        };
        rows.push(row(R::Expired, &format!("/c/s/{}", token.sign("k1", &SECRET)), found));
    }
    for (placement, page, found) in [
        ("top", "", false),
        ("top", "https://blog.example/post", false),
        ("top", "https://www.blog.example/", false),
        ("top", "https://sub.blog.example/", false),
        ("top", "https://otherblog.example/", true),
        ("top", "https://news.example/", true),
        ("", "https://elsewhere.example/", false),
    ] {
        let path = format!("/c/boots?placement={placement}");
        rows.push(row(R::ReferrerMismatch, &path, found).with("referer", page));
    }
    let hinted = |name: &str, value: &str, found| {
        HINTS.into_iter().fold(row(R::HintMismatch, "/c/boots", found), |row, (hint, usual)| {
            row.with(hint, if hint == name { value } else { usual })
        })
    };
    rows.extend([
        row(R::HintMismatch, "/c/boots", false),
        hinted("", "", false),
        hinted("sec-ch-ua-platform", "\"Linux\"", true),
        hinted("sec-ch-ua", r#""Chromium";v="130""#, true),
        row(R::HintMismatch, "/c/boots", true).with("sec-fetch-mode", "navigate"),
    ]);
    rows
}

/// What the catalogue and the blocklist have beside those of the other tests.
async fn prepare(server: &Server) {
    let catalog = server.catalog.load();
    let placement = |id: &str, size: &str| {
        let site = Some("blog.example".to_owned());
        let request =
            PlacementRequest { site, size: Some(size.to_owned()), ..PlacementRequest::default() };
        Entry::Placement(request.apply(id, None, &catalog, 0).unwrap())
    };
    let paused = AdRequest {
        campaign: Some("winter".into()),
        destination: Some("https://shop.example/".into()),
        paused: Some(true),
        ..AdRequest::default()
    };
    let paused = Entry::Ad(paused.apply("paused", None, &catalog, 0).unwrap());
    let entries = [placement("dot", "1x1"), placement("line", "1x2"), paused];
    server.catalog.put_all_blocking(&entries).unwrap();
    let mut batch = RecordBatch::new();
    for (subject, value) in [(Subject::Address, "203.0.113.0/24"), (Subject::Referrer, "spam.test")]
    {
        let entry = BlockEntry {
            v: 1,
            subject,
            value: value.into(),
            allow: false,
            until: None,
            by: "test".into(),
            why: String::new(),
            at: 0,
        };
        batch.push(Topic::Blocklist, 0, entry.key().as_bytes(), &entry.to_json());
    }
    footfall_topics::append(server.log.as_ref(), batch).await.unwrap();
    // One batch is followed as a whole.
    let until = Instant::now() + Duration::from_secs(20);
    while server.ingest.blocklist().is_empty() {
        assert!(Instant::now() < until, "the blocklist is not followed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Asks, and returns the id of the click.
async fn ask(server: &Server, row: &Row) -> Id {
    let address: SocketAddr = format!("{}:1", row.from).parse().unwrap();
    let mut request = Request::builder().method(Method::GET).uri(&row.path);
    if !row.headers.iter().any(|(name, _)| *name == "user-agent") {
        request = request.header("user-agent", CHROME);
    }
    for (name, value) in &row.headers {
        request = request.header(*name, value);
    }
    let request = request.extension(ConnectInfo(address)).body(String::new().into()).unwrap();
    let response = server.send(request).await;
    assert_eq!(response.status(), StatusCode::FOUND, "{}", row.path);
    server.click_id(ffclid(header(&response, "location"))).unwrap().click
}

#[tokio::test(flavor = "multi_thread")]
async fn each_finding_at_its_edge_in_any_order_and_twice() {
    let server = Server::start();
    prepare(&server).await;
    let rows = rows();
    let mut asked = Vec::new();
    for row in rows.iter().chain(rows.iter().rev()).flat_map(|row| [row, row]) {
        asked.push((ask(&server, row).await, row));
    }
    let clicks = server.records(Topic::Clicks);
    assert_eq!(clicks.len(), asked.len());
    let clicks: std::collections::HashMap<Id, _> =
        clicks.into_iter().map(|click| (click.id, click)).collect();
    for (id, Row { reason, path, headers, from, found }) in &asked {
        let said = says(&clicks[id], *reason);
        assert_eq!(said, Some(*found), "{reason}: {path} {headers:?} {from}");
    }
    let nothing = Event::new(footfall_event::Activity::Click, Id::nil(), "a.test", 0);
    for reason in R::ALL.iter().filter(|reason| says(&nothing, **reason).is_some()) {
        for found in [true, false] {
            let row = rows.iter().find(|row| row.reason == *reason && row.found == found);
            assert!(row.is_some(), "no row for {reason}, {found}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_say_what_only_the_browser_knows() {
    let server = Server::start();
    let mut expected = Vec::new();
    for (index, (members, automated, timezone)) in [
        ("", false, ""),
        (r#","automated":false"#, false, ""),
        (r#","automated":true"#, true, ""),
        (r#","timezone":"Asia/Tokyo""#, false, "Asia/Tokyo"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = Id::from_u128(0x0193_5a4e_0000_7000_8000_0000_0000_0001 + index as u128);
        let body = format!(
            r#"{{"type":"click","site":"news.example","id":"{id}","ad":"boots"{members}}}"#
        );
        // Twice: a retry.
        for _ in 0..2 {
            let response = server.ask("POST", "/e", &[], &body).await;
            assert_eq!(response.status(), StatusCode::ACCEPTED, "{body}");
            expected.push((id, automated, timezone.to_owned()));
        }
    }
    let clicks = server.records(Topic::Clicks).into_iter();
    let mut found: Vec<_> =
        clicks.map(|click| (click.id, click.automated, click.timezone.to_string())).collect();
    found.sort();
    assert_eq!(found, expected);
}
