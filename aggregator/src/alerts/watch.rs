//! Raises alerts about what only shows over time: traffic far from its habit, a burst of invalid
//! clicks, figures that don't follow.
//!
//! Every process with a loader looks once a minute. That several see the same is no harm: an
//! alert's id follows from what it is about and from its hour, and it is delivered once.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::Row;
use footfall_event::alert::{Alert, AlertKind};
use footfall_topics::{Log, Topic};
use footfall_warehouse::Warehouse;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::progress::{Progress, now_ms};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(60);
/// The stretch of time that is compared, milliseconds. It ends [`SETTLE_MS`] ago.
const STRETCH_MS: i64 = 15 * 60 * 1_000;
/// How long figures may take to be complete.
const SETTLE_MS: i64 = 60 * 1_000;
const HOUR_MS: i64 = 3_600 * 1_000;
/// Weeks before that are compared with.
const WEEKS: u32 = 4;

/// A difference from the habit counts from so many standard deviations on. With 96 stretches a day
/// four of them leave chance one alert in some months per site.
const DEVIATIONS: f64 = 4.0;
/// … if it is also so many times as much (or as little) …
const FACTOR: f64 = 2.0;
/// … and concerns so many page views in a stretch.
const VIEWS_MIN: f64 = 100.0;
/// Clicks and invalid clicks in a stretch below which a share says nothing.
const CLICKS_MIN: u64 = 30;
const INVALID_MIN: u64 = 10;
/// Figures may be behind for so long.
const BEHIND_MS: i64 = 5 * 60 * 1_000;

/// Page views of a site in the stretch, and in the same stretch of the weeks before.
#[derive(Debug, Row, Deserialize)]
struct Traffic {
    site: String,
    now: u64,
    before: Vec<u64>,
}

/// Clicks of a campaign in the stretch, and in the day before it.
#[derive(Debug, Row, Deserialize)]
struct Clicks {
    site: String,
    campaign: String,
    clicks: u64,
    invalid: u64,
    clicks_before: u64,
    invalid_before: u64,
}

/// What the watch looks at.
pub struct Watch {
    /// Where alerts go.
    pub log: Arc<dyn Log>,
    /// Where figures come from.
    pub warehouse: Warehouse,
    /// Who is to keep up.
    pub groups: Vec<Arc<Progress>>,
}

impl Watch {
    /// Looks until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut behind_since: Option<i64> = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now = now_ms();
            let lag: u64 = self.groups.iter().map(|group| group.state().lag_events).sum();
            let stuck = self.groups.iter().any(|group| is_stuck(group, now));
            behind_since = stuck.then(|| behind_since.unwrap_or(now));
            let mut alerts = Vec::new();
            if let Some(since) = behind_since.filter(|since| now - since >= BEHIND_MS) {
                alerts.push(lagging(since, lag, now));
            } else {
                match unusual(&self.warehouse, now).await {
                    Ok(found) => alerts = found,
                    Err(error) => tracing::warn!(%error, "traffic can't be watched now"),
                }
            }
            for alert in alerts {
                let batch = super::record(&alert, self.log.partitions(Topic::Alerts));
                if let Err(error) = footfall_topics::append(self.log.as_ref(), batch).await {
                    tracing::warn!(%error, "an alert could not be raised; trying again");
                }
            }
        }
    }
}

/// What differs from its habit in the last complete stretch.
///
/// # Errors
/// When the warehouse doesn't answer.
pub async fn unusual(
    warehouse: &Warehouse,
    now_ms: i64,
) -> Result<Vec<Alert>, clickhouse::error::Error> {
    let to = now_ms - SETTLE_MS;
    let (since, until) = ((to - STRETCH_MS) / 1_000, to / 1_000);
    let client = warehouse.client();
    let traffic: Vec<Traffic> = client
        .query(include_str!("traffic.sql"))
        .bind(since)
        .bind(until)
        .bind(WEEKS)
        .fetch_all()
        .await?;
    let clicks: Vec<Clicks> =
        client.query(include_str!("clicks.sql")).bind(since).bind(until).fetch_all().await?;
    let alerts = traffic.iter().filter_map(|site| unusual_traffic(site, to));
    Ok(alerts.chain(clicks.iter().filter_map(|campaign| fraud_burst(campaign, to))).collect())
}

fn is_stuck(group: &Progress, now: i64) -> bool {
    let state = group.state();
    let old = state.watermark_ms.is_some_and(|newest| now - newest >= BEHIND_MS);
    state.trouble.is_some() || (state.lag_events > 0 && old)
}

fn lagging(since: i64, waiting: u64, now: i64) -> Alert {
    let occasion = (since / HOUR_MS).to_string();
    let mut alert = Alert::new(AlertKind::PipelineLag, "", "", &occasion, now);
    let minutes = (now - since) / 60_000;
    alert.message = format!("Figures have not followed for {minutes} minutes");
    alert.details.insert("waiting_events".to_owned(), waiting.to_string());
    alert
}

/// Compares with the mean of the weeks before. Counts scatter at least as Poisson's do, so the
/// variance is never taken for less than the mean.
fn unusual_traffic(traffic: &Traffic, at: i64) -> Option<Alert> {
    let weeks = traffic.before.len() as f64;
    if weeks < 2.0 {
        return None;
    }
    let now = traffic.now as f64;
    let mean = traffic.before.iter().sum::<u64>() as f64 / weeks;
    let squares: f64 = traffic.before.iter().map(|n| (*n as f64 - mean).powi(2)).sum();
    let reach = DEVIATIONS * (squares / (weeks - 1.0)).max(mean).max(1.0).sqrt();
    let spike = now >= VIEWS_MIN && now >= mean + reach && now >= FACTOR * mean;
    let drop = mean >= VIEWS_MIN && now <= mean - reach && now * FACTOR <= mean;
    let (kind, word) = match (spike, drop) {
        (true, _) => (AlertKind::TrafficSpike, "more"),
        (_, true) => (AlertKind::TrafficDrop, "fewer"),
        _ => return None,
    };
    let mut alert = Alert::new(kind, &traffic.site, "", &(at / HOUR_MS).to_string(), at);
    alert.message = format!(
        "{}: far {word} page views than usual at this hour of the week ({} in 15 minutes, usually {mean:.0})",
        traffic.site, traffic.now
    );
    alert.details.insert("pageviews".to_owned(), traffic.now.to_string());
    alert.details.insert("usual_pageviews".to_owned(), format!("{mean:.0}"));
    Some(alert)
}

/// Compares the share of invalid clicks with that of the day before, as a binomial's normal
/// approximation does: `z = (x - n·p) / √(n·p·(1-p))`.
fn fraud_burst(clicks: &Clicks, at: i64) -> Option<Alert> {
    if clicks.clicks < CLICKS_MIN || clicks.invalid < INVALID_MIN {
        return None;
    }
    let before = clicks.clicks_before.max(1) as f64;
    // One in a hundred is usual everywhere; without a past, nothing is known to be more.
    let usual = (clicks.invalid_before as f64 / before).clamp(0.01, 0.99);
    let n = clicks.clicks as f64;
    let z = (clicks.invalid as f64 - n * usual) / (n * usual * (1.0 - usual)).sqrt();
    if z < DEVIATIONS {
        return None;
    }
    let occasion = (at / HOUR_MS).to_string();
    let mut alert =
        Alert::new(AlertKind::FraudBurst, &clicks.site, &clicks.campaign, &occasion, at);
    let share = 100.0 * clicks.invalid as f64 / n;
    alert.message = format!(
        "{share:.0} % of {} clicks were invalid in 15 minutes, usually {:.0} %",
        clicks.clicks,
        100.0 * usual
    );
    alert.details.insert("clicks".to_owned(), clicks.clicks.to_string());
    alert.details.insert("invalid_clicks".to_owned(), clicks.invalid.to_string());
    Some(alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(now: u64, before: &[u64]) -> Option<AlertKind> {
        let traffic = Traffic { site: "a.test".into(), now, before: before.to_vec() };
        unusual_traffic(&traffic, 0).map(|alert| alert.kind)
    }

    #[test]
    fn traffic_is_compared_with_its_habit() {
        let (spike, drop) = (Some(AlertKind::TrafficSpike), Some(AlertKind::TrafficDrop));
        for (now, before, expected) in [
            (1_000, &[100, 110, 90, 100][..], spike),
            (200, &[100, 110, 90, 100], spike),
            (199, &[100, 110, 90, 100], None), // not twice as much
            (99, &[1, 1, 1, 1], None),         // too few to matter
            (100, &[1, 1, 1, 1], spike),
            (500, &[0, 400, 0, 400], None), // it scatters that much
            (0, &[100, 110, 90, 100], drop),
            (50, &[100, 110, 90, 100], drop),
            (51, &[100, 110, 90, 100], None),
            (0, &[99, 99, 99, 99], None),
            (1_000, &[100], None), // no habit yet
            (1_000, &[], None),
        ] {
            assert_eq!(traffic(now, before), expected, "{now} after {before:?}");
        }
    }

    #[test]
    fn a_burst_is_far_more_than_the_usual_share() {
        let burst = |clicks, invalid, clicks_before, invalid_before| {
            let clicks = Clicks {
                site: "a.test".into(),
                campaign: "c".into(),
                clicks,
                invalid,
                clicks_before,
                invalid_before,
            };
            fraud_burst(&clicks, 0).is_some()
        };
        assert!(burst(100, 50, 1_000, 20));
        assert!(!burst(100, 50, 1_000, 500), "as usual");
        assert!(!burst(29, 29, 1_000, 20), "too few clicks");
        assert!(!burst(100, 9, 1_000, 0), "too few invalid ones");
        assert!(burst(100, 10, 0, 0), "new, and one in ten is far more than one in a hundred");
    }
}
