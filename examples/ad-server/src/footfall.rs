//! The two calls to Footfall: which ads, and what was shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Longer than this no page waits for its ads.
const TIMEOUT: Duration = Duration::from_millis(500);

/// An ad that was placed on a page.
pub(crate) struct Shown {
    pub(crate) impression: Uuid,
    pub(crate) ad: String,
    pub(crate) placement: String,
    pub(crate) position: u16,
    pub(crate) query: String,
}

/// Who looks at the page.
pub(crate) struct Visitor {
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

/// A Footfall server.
pub(crate) struct Footfall {
    agent: ureq::Agent,
    url: String,
    site: String,
    stats: String,
    ingest: String,
}

#[derive(Deserialize)]
struct Ranking {
    ads: Vec<Ranked>,
}

#[derive(Deserialize)]
struct Ranked {
    ad: String,
}

impl Footfall {
    pub(crate) fn new(url: String, site: String, stats: &str, ingest: &str) -> Footfall {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build();
        Footfall {
            agent: config.into(),
            url: url.trim_end_matches('/').to_owned(),
            site,
            stats: format!("Bearer {stats}"),
            ingest: format!("Bearer {ingest}"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The best ads, best first. Asked anew for each page: every answer draws anew, and that is how
    /// new ads get their chance.
    pub(crate) fn ranking(&self, placement: &str, query: &str, n: usize) -> Result<Vec<String>> {
        let mut answer = self
            .agent
            .get(format!("{}/api/v1/ads/ranking", self.url))
            .query("placement", placement)
            .query("query", query)
            .query("n", n.to_string())
            .header("authorization", &self.stats)
            .call()?;
        ensure!(answer.status().is_success(), "{}", answer.body_mut().read_to_string()?);
        let ranking: Ranking = answer.body_mut().read_json()?;
        Ok(ranking.ads.into_iter().map(|ranked| ranked.ad).collect())
    }

    /// Reports the impressions of one page.
    pub(crate) fn report(&self, shown: &[Shown], visitor: &Visitor) -> Result<()> {
        if shown.is_empty() {
            return Ok(());
        }
        let event = |shown: &Shown| {
            let mut event = json!({
                "type": "impression",
                "id": shown.impression,
                "site": self.site,
                "ad": shown.ad,
                "placement": shown.placement,
                "position": shown.position,
            });
            for (name, value) in
                [("query", &shown.query), ("ip", &visitor.ip), ("user_agent", &visitor.user_agent)]
            {
                if !value.is_empty() {
                    event[name] = Value::from(value.as_str());
                }
            }
            event
        };
        let events: Vec<Value> = shown.iter().map(event).collect();
        let mut answer = self
            .agent
            .post(format!("{}/api/v1/events", self.url))
            .header("authorization", &self.ingest)
            .send_json(events)?;
        ensure!(answer.status().is_success(), "{}", answer.body_mut().read_to_string()?);
        Ok(())
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
