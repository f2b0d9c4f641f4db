//! Judged events and visits to store.

use footfall_event::record::{Device, PropValue};
use footfall_event::{Activity, Event, Hex64, Id, Judgement, SessionDelta, Verdict, VerdictReason};

/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000_000;
pub(crate) const DAY: i64 = 86_400_000;

/// Event number `n` of a site; every seventh is a search, every eleventh invalid.
pub(crate) fn event(n: u64, time: i64) -> Event<'static> {
    let activity = if n.is_multiple_of(7) { Activity::Search } else { Activity::Pageview };
    let id = Id::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | n);
    let mut event = Event::new(activity, id, "example.com", time);
    event.received_at = time + 40;
    event.network = Some(Hex64(n / 4 + 1));
    event.visitor = Some(Hex64(n / 4 + 1_000_000));
    event.host = "example.com".into();
    event.path = format!("/articles/{}", n % 50).into();
    event.url = format!("https://www.example.com{}?utm_source=x", event.path).into();
    event.title = format!("Article {}", n % 50).into();
    event.browser = ["Firefox", "Chrome", "Safari"][(n % 3) as usize].into();
    event.os = ["Windows", "Android", "iOS"][(n % 3) as usize].into();
    event.device = if n.is_multiple_of(2) { Device::Desktop } else { Device::Mobile };
    event.country = ["AT", "DE", "CH"][(n % 3) as usize].into();
    event.city = ["Wien", "Berlin", "Zürich"][(n % 3) as usize].into();
    event.language = "de-at".into();
    event.user_agent = format!("Mozilla/5.0 (test {})", n % 20).into();
    if activity == Activity::Search {
        event.query = format!("  Große  Schuhe {} ", n % 5).into();
        event.results = Some((n % 9) as u32);
        event.filters.insert("farbe".to_owned(), "rot".to_owned());
    }
    if n.is_multiple_of(5) {
        event.props.insert("plan".to_owned(), PropValue::Text("pro".to_owned()));
        event.props.insert("n".to_owned(), PropValue::Number(n.into()));
        event.props.insert("new".to_owned(), PropValue::Bool(true));
    }
    let invalid = n.is_multiple_of(11);
    event.judged = Some(Judgement {
        verdict: if invalid { Verdict::Invalid } else { Verdict::Valid },
        reasons: if invalid { vec![VerdictReason::BotAgent] } else { vec![] },
        rules: 1,
        session: Some(Hex64(n / 4 + 5_000_000)),
        new_visitor: u8::from(n.is_multiple_of(4)),
        new_on_path: u8::from(activity == Activity::Pageview),
        late: false,
        marks: 0,
    });
    event
}

/// Visit number `n`.
pub(crate) fn visit(n: u64, start: i64) -> SessionDelta<'static> {
    let mut delta = SessionDelta::new("example.com", Hex64(n), Hex64(n + 1_000_000), start);
    delta.host = "example.com".into();
    delta.entry = format!("/articles/{}", n % 50).into();
    delta.exit = delta.entry.clone();
    delta.source = ["Google", "", "Mastodon"][(n % 3) as usize].into();
    delta.channel = ["Organic Search", "Direct", "Organic Social"][(n % 3) as usize].into();
    delta.country = ["AT", "DE", "CH"][(n % 3) as usize].into();
    delta.browser = "Firefox".into();
    delta.visits = 1;
    delta.exits = 1;
    delta.bounces = 1;
    delta.pageviews = 1;
    delta.visitors = 1;
    delta.source_visitors = 1;
    delta.duration_ms = 12_000;
    delta
}
