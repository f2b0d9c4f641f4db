//! Input whose right answer is known: a fixed crowd of visitors, sent event by event until each is
//! acknowledged, and the ledger that the store must agree with.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Pages of the crowd's site.
const PAGES: [&str; 6] = ["/", "/guides", "/boots", "/tents", "/basket", "/thanks"];

/// What has to be configured for the crowd's ads to be known. They lead to `site` itself.
pub fn ads(site: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut add = |line: String| commands.push(line.split(' ').map(str::to_owned).collect());
    for (campaign, model, price) in [("c1", "cpc", "0.25"), ("c2", "cpm", "3"), ("c3", "cpa", "7")]
    {
        add(format!(
            "campaign add {campaign} --site {site} --cost-model {model} --price {price} --currency EUR"
        ));
        add(format!(
            "ad add ad-{campaign} --campaign {campaign} --destination https://{site}/basket"
        ));
    }
    add(format!("placement add top --site {site} --positions 2"));
    commands
}

/// What a visitor sees, clicks and buys. `base` is what all of the visitor's events have.
fn of_ads(base: &Value, time: i64, random: &mut StdRng, events: &mut Vec<Value>) {
    let id = |random: &mut StdRng| {
        uuid::Builder::from_random_bytes(random.random()).into_uuid().to_string()
    };
    let mut add = |random: &mut StdRng, what: &str, after: i64, more: Value| {
        let mut event = base.clone();
        (event["type"], event["id"], event["time"]) =
            (json!(what), json!(id(random)), json!(time + after));
        let members = more.as_object().expect("written below as an object");
        members.iter().for_each(|(name, value)| event[name] = value.clone());
        events.push(event.clone());
        event["id"].clone()
    };
    let ad = json!({
        "ad": (["ad-c1", "ad-c2", "ad-c3", "unheard-of"][random.random_range(0..4)]),
        "placement": (["top", "bottom"][random.random_range(0..2)]),
        "position": random.random_range(1..4),
        "query": (["", "hiking boots", "Hiking  Boots"][random.random_range(0..3)]),
    });
    let impression = add(random, "impression", 500, ad.clone());
    let mut of = ad;
    of["impression"] = impression;
    // Everybody looks: who clicks and does nothing else is suspect, and how suspect depends on who else
    // is judged by the same shard.
    for _ in 0..random.random_range(1..3) {
        let after = random.random_range(2_000..9_000);
        add(random, "view", after, of.clone());
    }
    for _ in 0..random.random_range(0..3) {
        let after = random.random_range(2_000..60_000);
        add(random, "click", after, of.clone());
    }
    if random.random_bool(0.4) {
        let order = format!("order-{}", random.random_range(0..40));
        let status = ["lead", "sale", "sale", "rejected"][random.random_range(0..4)];
        let bought = json!({
            "transaction": order, "goal": "basket", "status": status,
            "value": {"amount": "19.90", "currency": "EUR"},
        });
        let after = random.random_range(60_000..90_000);
        add(random, "conversion", after, bought);
    }
}

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
            if random.random_bool(0.3) {
                let base = json!({"site": site, "ip": ip, "user_agent": agent, "url": url});
                of_ads(&base, time, &mut random, &mut events);
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
    (SELECT groupArray((source, v)) FROM (SELECT source, sum(source_visitors) AS v FROM footfall.sessions GROUP BY source HAVING v != 0 ORDER BY source)),
    (SELECT groupArray((campaign, ad, placement, position, currency, figures)) FROM (
        SELECT campaign, ad, placement, position, currency,
            (sum(impressions), sum(net_impressions), sum(viewable), sum(clicks), sum(net_clicks), sum(click_conversions_micros), sum(view_conversions_micros), sum(revenue_micros), sum(cost_micros), sum(cost_per_mille_micros)) AS figures
        FROM footfall.ad_windows GROUP BY campaign, ad, placement, position, currency
        HAVING sum(impressions) != 0 OR sum(viewable) != 0 OR sum(clicks) != 0 OR sum(view_conversions_micros) != 0
        ORDER BY campaign, ad, placement, position, currency)),
    (SELECT mapSort(sumMap(invalid_clicks)) FROM footfall.ad_windows),
    (SELECT groupArray((query_hash, i, c)) FROM (SELECT query_hash, sum(impressions) AS i, sum(net_clicks) AS c FROM footfall.search_windows GROUP BY query_hash ORDER BY query_hash)),
    (SELECT countIf(if(d.known = 1, d.verdict, e.verdict) = 'invalid') FROM footfall.events AS e
        LEFT JOIN (SELECT id, argMax(verdict, decided_at) AS verdict, 1 AS known FROM footfall.verdicts GROUP BY id) AS d ON d.id = e.id
        WHERE e.type = 'click')
FORMAT JSONCompactEachRow";
