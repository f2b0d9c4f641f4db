//! Lists that roll-ups answer are those that the rows would give, in any time zone.

use std::collections::BTreeMap;

use footfall_event::{Activity, Verdict, VerdictReason};
use serde_json::Value;

use crate::world::{World, ms};

/// Site, its zone, and where its 3 and 9 November begin and end.
const ZONES: [(&str, &str, &str, &str); 4] = [
    ("utc.example", "", "2026-11-03T00:00:00Z", "2026-11-10T00:00:00Z"),
    ("berlin.example", "Europe/Berlin", "2026-11-02T23:00:00Z", "2026-11-09T23:00:00Z"),
    ("delhi.example", "Asia/Kolkata", "2026-11-02T18:30:00Z", "2026-11-09T18:30:00Z"),
    ("hawaii.example", "Pacific/Honolulu", "2026-11-03T10:00:00Z", "2026-11-10T10:00:00Z"),
];

/// Small, and the same at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// Two measures of each name: events, and what is counted beside them.
type Sums = BTreeMap<String, (i64, i64)>;

/// The sums of each list of a site, gross or not.
type Expected = BTreeMap<(&'static str, &'static str, bool), Sums>;

/// Stores events at random, and says what their sums are.
async fn events_at_random(world: &mut World) -> Expected {
    let mut expected = Expected::new();
    let mut dice = Dice(7);
    for (site, zone, from, to) in ZONES {
        world.site(site, zone).await;
        let inside = ms(from)..ms(to);
        for n in 0..2_000 {
            // Nine days around the seven, many at the very edges.
            let time = match dice.roll(10) {
                0 => ms(from) - 1 + dice.roll(2) as i64,
                1 => ms(to) - 1 + dice.roll(2) as i64,
                _ => ms(from) - 86_400_000 + dice.roll(9 * 86_400_000) as i64,
            };
            let (activity, list) = match dice.roll(4) {
                0 => (Activity::Search, "searches"),
                1 => (Activity::Action, "actions"),
                2 => (Activity::Engagement, "pages"),
                _ => (Activity::Pageview, "pages"),
            };
            let (name, new, invalid) = (dice.roll(30), dice.roll(2) as u8, dice.roll(5) == 0);
            let name = if activity == Activity::Engagement { name % 3 } else { name };
            world.event(activity, site, time, |event, judged| {
                (event.path, event.query) = (format!("/{name}").into(), format!("q {name}").into());
                event.name = format!("a {name}").into();
                event.results = (activity == Activity::Search).then_some(u32::from(new));
                // Marks that only page views and actions have.
                let marked = matches!(activity, Activity::Pageview | Activity::Action);
                judged.new_on_path = if marked { new } else { 0 };
                if invalid {
                    (judged.verdict, judged.reasons) =
                        (Verdict::Invalid, vec![VerdictReason::BotAgent]);
                }
            });
            if inside.contains(&time) && activity != Activity::Engagement {
                let name = match list {
                    "searches" => format!("q {name}"),
                    "actions" => format!("a {name}"),
                    _ => format!("/{name}"),
                };
                let beside = if list == "searches" { 1 - i64::from(new) } else { i64::from(new) };
                for gross in [false, true] {
                    if gross || !invalid {
                        let sums = expected.entry((site, list, gross)).or_default();
                        let sum = sums.entry(name.clone()).or_default();
                        (sum.0, sum.1) = (sum.0 + 1, sum.1 + beside);
                    }
                }
            }
            // Several blocks, so that sums are spread over parts.
            if n % 700 == 699 {
                world.store().await;
            }
        }
        world.store().await;
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_roll_ups_equal_those_of_the_rows() {
    let mut world = World::new("rows").await;
    let expected = events_at_random(&mut world).await;
    for ((site, list, gross), sums) in expected {
        let counting = if gross { "gross" } else { "net" };
        let period = format!("period=custom&from=2026-11-03&to=2026-11-09&counting={counting}");
        let answer = world.json(&format!("/sites/{site}/{list}.json?{period}")).await;
        let (name, count, beside) = match list {
            "searches" => ("query", "searches", "no_result"),
            "actions" => ("action", "total", "visitors"),
            _ => ("path", "pageviews", "visitors"),
        };
        let number = |row: &Value, key: &str| row[key].as_i64().unwrap();
        let found: Sums = answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let sums = (number(row, count), number(row, beside));
                (row[name].as_str().unwrap().to_owned(), sums)
            })
            .collect();
        assert_eq!(found, sums, "{list} of {site}, {counting}");
    }
}
