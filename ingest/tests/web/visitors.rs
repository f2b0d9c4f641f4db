//! Whose address counts, who is blocked, and that no address stays.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use footfall_event::VerdictReason;
use footfall_event::blocklist::{BlockEntry, Subject};
use footfall_ingest::Settings;
use footfall_ingest::salts::Salts;
use footfall_topics::{Log, RecordBatch, Topic};

use crate::server::{Server, clock, page, post};

#[test]
fn only_trusted_proxies_are_believed() {
    let settings = Settings {
        trusted_proxies: vec!["10.0.0.0/8".into(), "192.0.2.1".into()],
        ..Settings::default()
    };
    let server = Server::start(settings);
    for (peer, forwarded, expected) in [
        ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1", "198.51.100.1, 192.0.2.1"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1:5000"], "198.51.100.1"),
        ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", &["nonsense"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
    ] {
        let found = server.ingest.client_address(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(found, expected.parse::<std::net::IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_marked_within_a_second() {
    let server = Server::start(Settings::default());
    server.beacon(page("")).await;
    let entry = BlockEntry {
        v: 1,
        subject: Subject::Address,
        value: "203.0.113.0/24".into(),
        allow: false,
        until: None,
        by: "test".into(),
        why: String::new(),
        at: 0,
    };
    let mut batch = RecordBatch::new();
    batch.push(Topic::Blocklist, 0, entry.key().as_bytes(), &entry.to_json());
    footfall_topics::append(server.log.as_ref(), batch).await.unwrap();
    let until = Instant::now() + Duration::from_secs(1);
    while server.ingest.blocklist().is_empty() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.beacon(page("")).await;
    let found: Vec<_> =
        server.records(Topic::Pageviews).into_iter().map(|event| event.found).collect();
    assert_eq!(found, [vec![], vec![VerdictReason::Blocklisted]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_left_anywhere_in_the_log() {
    let server = Server::start(Settings {
        trusted_proxies: vec!["10.0.0.0/8".into()],
        ..Settings::default()
    });
    let v6 = "2001:db8:a1b2:c3d4:1122:3344:5566:7788";
    let addresses = ["203.0.113.77", "198.51.100.88", "192.0.2.99", v6];
    server.send(post("/e", page("")).body_of(&format!("{}:7", addresses[0]))).await;
    let proxied = post("/e", page("")).header("x-forwarded-for", addresses[1]);
    server.send(proxied.body_of("10.1.2.3:7")).await;
    for address in &addresses[2..] {
        let (status, _) = server.api(page(&format!(",\"ip\":\"{address}\""))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    assert_eq!(server.records(Topic::Pageviews).len(), 4);
    server.log.close(Duration::from_secs(10));
    let mut needles: Vec<Vec<u8>> = Vec::new();
    for address in addresses {
        needles.push(address.as_bytes().to_vec());
        match address.parse().unwrap() {
            std::net::IpAddr::V4(v4) => {
                // Four bytes may come up by chance in megabytes of compressed data: with a
                // neighbour that a binary form would have, they don't.
                needles.push([&[4][..], &v4.octets()].concat());
                needles.push([&[0xff, 0xff][..], &v4.octets()].concat());
            }
            std::net::IpAddr::V6(v6) => needles.push(v6.octets().to_vec()),
        }
    }
    let mut folders = vec![server.dir.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            files += 1;
            for needle in &needles {
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{} holds {}", path.display(), needle.escape_ascii());
            }
        }
    }
    assert!(files > 0);
}

#[test]
fn keys_change_at_midnight_and_everybody_agrees() {
    let server = Server::start(Settings::default());
    let day_ms = footfall_event::time::DAY_MS;
    let today = footfall_event::time::day_of(server.now.load(Ordering::Relaxed));
    let second = Salts::follow(server.log.clone(), clock(&server.now)).unwrap();
    let first_key = second.load().of_day(today).unwrap();
    let wait_for = |what: &dyn Fn() -> bool| {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(std::time::Instant::now() < until, "not within 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Ten minutes before midnight tomorrow's key is there, and it is another.
    server.now.store((today + 1) * day_ms - 600_000, Ordering::Relaxed);
    wait_for(&|| second.load().of_day(today + 1) != Some(first_key));
    let next_key = second.load().of_day(today + 1).unwrap();
    // Somebody who starts now learns the same keys.
    let third = Salts::follow(server.log.clone(), clock(&server.now)).unwrap();
    assert_eq!(third.load().of_day(today), Some(first_key));
    wait_for(&|| third.load().of_day(today + 1) == Some(next_key));
    // After the second midnight the first is forgotten.
    server.now.store((today + 2) * day_ms + 1, Ordering::Relaxed);
    wait_for(&|| second.load().of_day(today).is_none());
    assert_eq!(second.load().of_day(today + 1), Some(next_key));
}
