//! Input whose right answer is known: a fixed crowd of visitors, sent event by event until each is
//! acknowledged, and the ledger that the store must agree with.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Pages of the crowd's site.
const PAGES: [&str; 6] = ["/", "/guides", "/boots", "/tents", "/basket", "/thanks"];

/// Events of `visits` visits on `site`, in the order of their times, all before `until_ms` and not
/// older than 50 minutes. The same seed and time make the same events.
pub fn crowd(site: &str, visits: usize, seed: u64, until_ms: i64) -> Vec<Value> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut events = Vec::new();
    for visit in 0..visits {
        let ip = format!("198.18.{}.{}", visit / 250 % 250, visit % 250 + 1);
        let agent = format!(
            "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
            90 + visit % 40
        );
        let mut time = until_ms - random.random_range(25 * 60_000..50 * 60_000);
        for step in 0..random.random_range(1..6) {
            let url = format!("https://{site}{}", PAGES[random.random_range(0..PAGES.len())]);
            let mut event = json!({
                "id": uuid::Builder::from_random_bytes(random.random()).into_uuid().to_string(),
                "site": site, "time": time, "ip": ip, "user_agent": agent, "url": url,
            });
            match random.random_range(0..10) {
                0 if step > 0 => {
                    event["type"] = json!("search");
                    event["query"] = json!("hiking boots");
                }
                1 if step > 0 => {
                    event["type"] = json!("action");
                    event["name"] = json!("add_to_basket");
                }
                _ => event["type"] = json!("pageview"),
            }
            if step == 0 && random.random_bool(0.5) {
                event["referrer"] = json!("https://www.google.com/");
            }
            events.push(event);
            time += random.random_range(1_000..4 * 60_000);
        }
    }
    events.sort_by_key(|event| event["time"].as_i64());
    events
}

/// Sends events by the keyed API until every one is acknowledged, whatever happens in between.
pub struct Sender {
    agent: ureq::Agent,
    key: String,
}

impl Sender {
    /// A sender with an ingest key.
    pub fn new(key: &str) -> Sender {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(15)));
        Sender { agent: config.build().into(), key: key.to_owned() }
    }

    /// Sends once. `Ok` only when the whole batch was acknowledged as stored.
    ///
    /// # Errors
    /// When the answer is anything else, or none came.
    pub fn send(&self, url: &str, batch: &[Value]) -> Result<()> {
        let mut answer = self
            .agent
            .post(format!("{url}/api/v1/events"))
            .header("Authorization", format!("Bearer {}", self.key))
            .header("Content-Type", "application/json")
            .send(serde_json::to_vec(batch)?)?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status() != 202 {
            bail!("{}: {text}", answer.status());
        }
        let said: Value = serde_json::from_str(&text).context("the answer is not JSON")?;
        if said["accepted"].as_u64() != Some(batch.len() as u64) {
            bail!("not all were accepted: {text}");
        }
        Ok(())
    }

    /// Sends until acknowledged; `url` is asked anew for each try, since ports change at restarts.
    ///
    /// # Errors
    /// When it takes longer than `timeout`, or the answer says that it will never be taken.
    pub fn insist(
        &self,
        url: impl Fn() -> String,
        batch: &[Value],
        timeout: Duration,
    ) -> Result<()> {
        let start = std::time::Instant::now();
        loop {
            match self.send(&url(), batch) {
                Ok(()) => return Ok(()),
                Err(error) if error.to_string().starts_with('4') => return Err(error),
                Err(error) if start.elapsed() > timeout => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// The figures that two runs over the same input must agree on, as one line of text. Visitor ids
/// differ between runs (their key is random); their numbers must not.
pub const TOTALS_SQL: &str = "
SELECT
    (SELECT count() FROM footfall.events),
    (SELECT uniqExact(id) FROM footfall.events),
    (SELECT sum(new_visitor) FROM footfall.events),
    (SELECT sum(new_on_path) FROM footfall.events),
    (SELECT uniqExact(visitor) FROM footfall.events),
    (SELECT sum(events) FROM footfall.event_hours),
    (SELECT sum(new_visitor) FROM footfall.event_hours),
    (SELECT (sum(events), sum(visitors), sum(engaged_ms), sum(without_result), sum(value_micros)) FROM footfall.event_days),
    (SELECT (sum(visits), sum(bounces), sum(pageviews), sum(duration_ms)) FROM footfall.visit_hours),
    (SELECT sum(visits) FROM footfall.sessions),
    (SELECT sum(bounces) FROM footfall.sessions),
    (SELECT sum(pageviews) FROM footfall.sessions),
    (SELECT sum(duration_ms) FROM footfall.sessions),
    (SELECT sum(visitors) FROM footfall.sessions),
    (SELECT groupArray((entry, v)) FROM (SELECT entry, sum(visits) AS v FROM footfall.sessions GROUP BY entry HAVING v != 0 ORDER BY entry)),
    (SELECT groupArray((exit, v)) FROM (SELECT exit, sum(exit_visitors) AS v FROM footfall.sessions GROUP BY exit HAVING v != 0 ORDER BY exit)),
    (SELECT groupArray((exit, v)) FROM (SELECT exit, sum(exits) AS v FROM footfall.sessions GROUP BY exit HAVING v != 0 ORDER BY exit)),
    (SELECT groupArray((source, v)) FROM (SELECT source, sum(source_visitors) AS v FROM footfall.sessions GROUP BY source HAVING v != 0 ORDER BY source))
FORMAT JSONCompactEachRow";
