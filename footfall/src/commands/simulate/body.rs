//! The fields of the crowd's events, as the events API takes them.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::market::Shown;
use super::pages::ORIGINS;
use super::visit::{Act, Visit};
use super::world::World;

impl World {
    /// The event of what a visit does now.
    pub(super) fn body(&self, visit: &Visit, act: Act) -> Map<String, Value> {
        let person = &visit.person;
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        set("id", json!(self.id(visit.seed, visit.steps - 1).to_string()));
        set("site", json!(self.site()));
        if !person.is_bot {
            set("language", json!(person.language));
            set("screen", json!(person.screen));
            set("timezone", json!(person.timezone));
        }
        match act {
            Act::View { page, from } => self.view(&mut set, visit, page, from),
            Act::Engagement { page, engaged_ms, scroll_pct } => {
                set("type", json!("engagement"));
                set("url", json!(self.url(page, "")));
                set("pageview", json!(self.id(visit.seed, visit.view_step).to_string()));
                set("engaged_ms", json!(engaged_ms));
                set("scroll_pct", json!(scroll_pct));
            }
            Act::Search { query, results } => {
                set("type", json!("search"));
                set("url", json!(self.url(self.pages.results, "")));
                set("query", json!(query));
                set("results", json!(results));
            }
            Act::Action { page, name, value_cents } => {
                set("type", json!("action"));
                set("url", json!(self.url(page, "")));
                set("name", json!(name));
                if let Some(cents) = value_cents {
                    set("value", euros(cents));
                }
            }
            Act::Conversion { page, value_cents } => {
                set("type", json!("conversion"));
                set("url", json!(self.url(page, "")));
                set("goal", json!("order"));
                set("status", json!("sale"));
                set("transaction", json!(self.id(visit.seed, visit.steps - 1).to_string()));
                set("value", euros(value_cents));
            }
            Act::Impression { page, shown } => {
                set("type", json!("impression"));
                set("id", json!(self.impression(visit, &shown)));
                set("measurable", json!(true));
                about(&mut set, self.url(page, ""), &shown);
            }
            Act::Viewable { page, shown, viewable_ms, visible_pct } => {
                set("type", json!("view"));
                set("impression", json!(self.impression(visit, &shown)));
                set("viewable_ms", json!(viewable_ms));
                set("visible_pct", json!(visible_pct));
                about(&mut set, self.url(page, ""), &shown);
            }
            Act::Click { page, shown, seen } => {
                set("type", json!("click"));
                if seen {
                    set("impression", json!(self.impression(visit, &shown)));
                }
                about(&mut set, self.url(page, ""), &shown);
            }
        }
        body
    }

    /// A page view, with the page it came from: one of these, or somebody else's.
    fn view(
        &self,
        set: &mut impl FnMut(&str, Value),
        visit: &Visit,
        page: usize,
        from: Option<usize>,
    ) {
        let (referrer, query) = match from {
            Some(from) => (self.url(from, ""), ""),
            None if visit.person.is_bot => (String::new(), ""),
            None => {
                let (referrer, query) = Dice::new(visit.origin).weighted(ORIGINS);
                (referrer.to_owned(), query)
            }
        };
        set("type", json!("pageview"));
        set("url", json!(self.url(page, query)));
        set("title", json!(self.pages.get(page).title));
        if !referrer.is_empty() {
            set("referrer", json!(referrer));
        }
    }

    /// The id of a visit's impression, which is no number of an event: views and clicks name it.
    fn impression(&self, visit: &Visit, shown: &Shown) -> String {
        self.id(visit.seed ^ 0x0069_6d70_7265_7373, shown.number).to_string()
    }
}

/// Which ad, and where.
fn about(set: &mut impl FnMut(&str, Value), url: String, shown: &Shown) {
    set("url", json!(url));
    set("ad", json!(shown.ad()));
    set("placement", json!(shown.placement()));
    set("position", json!(shown.position));
    if !shown.query.is_empty() {
        set("query", json!(shown.query));
    }
}

fn euros(cents: u32) -> Value {
    json!({ "amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR" })
}
