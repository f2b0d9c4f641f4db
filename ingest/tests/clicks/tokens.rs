//! `GET /c/s/{token}`: only what one of our keys signed leads anywhere.

use axum::http::StatusCode;
use footfall_event::ads::{Proof, Token};
use footfall_event::{Id, Topic};

use crate::{NOW, SECRET, Server, header};

const HOUR: i64 = 3_600_000;

fn token() -> Token {
    Token {
        impression: Id::from_u128(5),
        time: NOW - HOUR,
        ad: "boots".into(),
        placement: "top".into(),
        position: 3,
        query: "Rote  Stiefel".into(),
        destination: String::new(),
    }
}

fn path(token: &Token) -> String {
    format!("/c/s/{}", token.sign("k1", &SECRET))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_the_impression() {
    let server = Server::start();
    let response = server.get(&path(&token()), &[]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = header(&response, "location");
    assert!(location.contains("k=Rote%20%20Stiefel&ffclid="), "{location}");
    let clicks = server.records(Topic::Clicks);
    let click = &clicks[0];
    assert_eq!((click.proof, click.impression_at), (Proof::Signed, NOW - HOUR));
    assert_eq!((click.impression, &*click.site), (Some(Id::from_u128(5)), "blog.example"));
    assert_eq!((&*click.ad, &*click.placement, click.position), ("boots", "top", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_token_leads_on_for_ever_but_proves_for_a_day() {
    let server = Server::start();
    for (age, proof) in [
        (0, Proof::Signed),
        (24 * HOUR, Proof::Signed),
        (24 * HOUR + 1, Proof::Expired),
        (1_000 * 24 * HOUR, Proof::Expired),
        (-HOUR, Proof::Signed),
    ] {
        let known: Vec<Id> = server.records(Topic::Clicks).iter().map(|click| click.id).collect();
        let token = Token { time: NOW - age, ..token() };
        let response = server.get(&path(&token), &[]).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{age}");
        let clicks = server.records(Topic::Clicks);
        let click = clicks.iter().find(|click| !known.contains(&click.id)).unwrap();
        assert_eq!(click.proof, proof, "{age}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changed_byte_and_every_cut_is_refused() {
    let server = Server::start();
    let token = token().sign("k1", &SECRET);
    for at in 0..token.len() {
        let cut = server.get(&format!("/c/s/{}", &token[..at]), &[]).await;
        assert_ne!(cut.status(), StatusCode::FOUND, "cut at {at}");
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let response = server.get(&format!("/c/s/{changed}"), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "byte {at}: {changed}");
        assert_eq!(header(&response, "location"), "");
    }
    assert!(server.records(Topic::Clicks).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_other_sites_and_other_ads_are_refused() {
    let server = Server::start();
    let sign =
        |token: &Token, key: &str, secret: &[u8]| format!("/c/s/{}", token.sign(key, secret));
    let nil = Token { impression: Id::nil(), ..token() };
    let gone = Token { ad: "nobody".into(), ..token() };
    let (mine, other) = (token(), Token { ad: "plain".into(), ..token() });
    let swapped = {
        let (mine, other) = (mine.sign("k1", &SECRET), other.sign("k1", &SECRET));
        let (signed, signature) =
            (other.rsplit_once('.').unwrap().0, mine.rsplit_once('.').unwrap().1);
        format!("/c/s/{signed}.{signature}")
    };
    let bad = |destination: &str| path(&Token { destination: destination.to_owned(), ..token() });
    for (path, status) in [
        (sign(&mine, "k1", &[8; 32]), 400),
        (sign(&mine, "k3", &SECRET), 400),
        (swapped, 400),
        // k2 is for news.example, the placement is on blog.example.
        (sign(&mine, "k2", &SECRET), 400),
        (path(&nil), 400),
        (path(&gone), 404),
        (bad("javascript:alert(1)"), 400),
        (bad("https://user@shop.example/"), 400),
        (bad("https://{ad}.example/"), 400),
        (bad("//evil.example/"), 400),
        (format!("/c/s/{}", "a".repeat(10_000)), 400),
    ] {
        let response = server.get(&path, &[]).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(header(&response, "location"), "");
    }
    let no_placement = Token { placement: String::new(), ..token() };
    let response = server.get(&sign(&no_placement, "k2", &SECRET), &[]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_name_the_destination() {
    let server = Server::start();
    let destination = "https://other.example/a?p={position}".to_owned();
    let response = server.get(&path(&Token { destination, ..token() }), &[]).await;
    let location = header(&response, "location");
    assert!(location.starts_with("https://other.example/a?p=3&ffclid="), "{location}");
    // The ad's own destination is a tracker that asks for the page.
    let destination = "https://other.example/a?b=c".to_owned();
    let ad = "through".to_owned();
    let response = server.get(&path(&Token { destination, ad, ..token() }), &[]).await;
    let location = header(&response, "location");
    let start = "https://track.example/?to=https%3A%2F%2Fother.example%2Fa%3Fb%3Dc&c=";
    assert!(location.starts_with(start), "{location}");
}
