//! Clicks on ads, made as browsers make them: by the redirect, which is not followed. The click ids
//! that it hands out are kept for the conversions of the same visit.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use super::sender::locked;
use super::world::SimEvent;

/// Visits whose click ids are kept; more than click within any visit's time.
const VISITS_MAX: usize = 50_000;
/// Click ids of one visit: as many as the script keeps.
const CLICKS_MAX: usize = 4;

/// Click ids by visit.
#[derive(Default)]
pub(super) struct ClickIds(Mutex<HashMap<u64, Vec<String>>>);

impl ClickIds {
    /// Keeps the click id of a redirect's destination, if it has one.
    pub(super) fn keep(&self, visit: u64, destination: &str) {
        let Some((_, query)) = destination.split_once('?') else { return };
        let query = query.split('#').next().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let Some((_, id)) = pairs.find(|(name, _)| name == "ffclid") else { return };
        let mut visits = locked(&self.0);
        if visits.len() >= VISITS_MAX {
            visits.clear();
        }
        let kept = visits.entry(visit).or_default();
        kept.push(id.into_owned());
        if kept.len() > CLICKS_MAX {
            kept.remove(0);
        }
    }

    /// Adds to a conversion the clicks that led to it.
    pub(super) fn add_to(&self, event: &mut SimEvent) {
        if event.body["type"] == "conversion"
            && let Some(ids) = locked(&self.0).get(&event.visit)
        {
            event.body.insert("click".to_owned(), Value::String(ids.join(",")));
        }
    }
}

/// The address of the redirect for a click.
pub(super) fn address(server: &str, event: &SimEvent) -> String {
    let text = |name: &str| match &event.body[name] {
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["placement", "position", "query", "impression"] {
        if event.body.contains_key(name) {
            query.append_pair(name, &text(name));
        }
    }
    format!("{server}/c/{}?{}", text("ad"), query.finish())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use serde_json::{Map, json};

    use super::*;

    fn event(body: Value) -> SimEvent {
        let Value::Object(body) = body else { return event(json!({})) };
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        SimEvent { at_ms: 0, ip, user_agent: "", body: Map::from_iter(body), visit: 7 }
    }

    #[test]
    fn a_click_has_its_address_and_its_id_comes_back_with_the_conversion() {
        let click = event(json!({"type": "click", "ad": "a", "placement": "top", "position": 2,
            "query": "rote stiefel & mehr", "impression": "i"}));
        assert_eq!(
            address("http://h:1", &click),
            "http://h:1/c/a?placement=top&position=2&query=rote+stiefel+%26+mehr&impression=i"
        );
        let ids = ClickIds::default();
        for id in 1..=5 {
            ids.keep(7, &format!("http://shop.test/x?utm_source=y&ffclid=id-{id}#part"));
        }
        ids.keep(7, "http://shop.test/x");
        let mut conversion = event(json!({"type": "conversion"}));
        ids.add_to(&mut conversion);
        assert_eq!(conversion.body["click"], "id-2,id-3,id-4,id-5");
        let mut other = SimEvent { visit: 8, ..event(json!({"type": "conversion"})) };
        ids.add_to(&mut other);
        assert!(!other.body.contains_key("click"));
    }
}
