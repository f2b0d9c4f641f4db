//! What is read about one click: its record, its verdicts, and what was stored around it.

use clickhouse::Row;
use footfall_event::Id;
use serde::Deserialize;

use super::rows::{
    Click, Conversion, Counts, Later, Life, Near, OfImpression, Place, PlaceHour, Tried,
};
use crate::query::{Failure, Runner, seconds};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Until so long after a click the rules look at what happens; corrections come until then.
const AFTER_MS: i64 = 480_000;
/// A conversion can belong to a click for so long.
const CONVERSIONS_MS: i64 = 31 * DAY_MS;
/// What is usual in an hour of the week is reckoned from so long before. The rules remember more, but
/// after eight weeks it weighs next to nothing.
const HOURS_MS: i64 = 8 * 7 * DAY_MS;
/// Clicks of a network that are looked at, as many as the rules remember.
const NETWORK_CLICKS: u32 = 2_048;
/// Clicks on the ad that are drawn, and from how far.
const AD_CLICKS: u32 = 400;
/// How far clicks are drawn.
pub(super) const NEAR_MS: i64 = 300_000;

#[derive(Debug, Row, Deserialize)]
struct Beside {
    which: String,
    click_id: String,
}

/// Finds a click; `None` when there is none with this id on this site.
pub(super) async fn click(
    runner: &Runner<'_>,
    site: &str,
    id: Id,
) -> Result<Option<Click>, Failure> {
    // An id of version 7 tells when it was made, so that days need not be searched. Whoever chose
    // an id may lie about it.
    let told = (id.get_version_num() == 7).then(|| (id.as_u128() >> 80) as i64);
    let ranges = [told.map(|at| (at - 2 * DAY_MS, at + 2 * DAY_MS)), None];
    let ranges = if told.is_some() { &ranges[..] } else { &ranges[1..] };
    for range in ranges {
        let when = match range {
            Some(_) => {
                "time > fromUnixTimestamp64Milli(toInt64(?), 'UTC') AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')"
            }
            None => "1",
        };
        let sql = include_str!("record.sql").replace("{when}", when);
        let mut query = runner.client().query(&sql).bind(site).bind(id.to_string());
        if let Some((from, to)) = range {
            query = query.bind(from).bind(to);
        }
        let rows: Vec<Click> = runner.rows("click", query).await?;
        if let Some(mut click) = rows.into_iter().next() {
            let record = serde_json::from_str(&click.stored).map_err(|_| Failure::Broken)?;
            click.record = record;
            return Ok(Some(click));
        }
    }
    Ok(None)
}

/// Everything around a click. What could not be read says why.
pub(super) struct Around {
    pub(super) history: Result<Vec<Later>, Failure>,
    pub(super) tried: Result<Vec<Tried>, Failure>,
    /// Clicks of its network, in the order of time.
    pub(super) network: Result<Vec<Near>, Failure>,
    /// Clicks on its ad near it, in the order of time.
    pub(super) on_ad: Result<Vec<Near>, Failure>,
    pub(super) life: Result<Vec<Life>, Failure>,
    pub(super) impression: Result<Vec<OfImpression>, Failure>,
    pub(super) place: Result<Place, Failure>,
    pub(super) counts: Result<Counts, Failure>,
    /// Hours of its placement before its own, in their order.
    pub(super) hours: Result<Vec<PlaceHour>, Failure>,
    pub(super) conversions: Result<Vec<Conversion>, Failure>,
    /// The clicks before and after it in its campaign.
    pub(super) beside: [Option<String>; 2],
}

impl Around {
    /// Reads it. `apart_ms`: after so long a network has come back to a placement.
    pub(super) async fn load(
        runner: &Runner<'_>,
        site: &str,
        click: &Click,
        apart_ms: i64,
    ) -> Around {
        let reader = Reader { runner, site, click };
        let (history, tried, network, on_ad, life) = tokio::join!(
            reader.history(),
            reader.tried(),
            reader.of_network(),
            reader.on_ad(),
            reader.life(),
        );
        let (impression, place, counts, hours, conversions, beside) = tokio::join!(
            reader.impression(),
            reader.place(apart_ms),
            reader.counts(),
            reader.hours(),
            reader.conversions(),
            reader.beside(),
        );
        let beside = beside.unwrap_or_default();
        Around {
            history,
            tried,
            network,
            on_ad,
            life,
            impression,
            place,
            counts,
            hours,
            conversions,
            beside,
        }
    }
}

struct Reader<'a> {
    runner: &'a Runner<'a>,
    site: &'a str,
    click: &'a Click,
}

impl Reader<'_> {
    /// The day before the click, and as long after it as the rules look.
    fn range(&self) -> (i64, i64) {
        (self.click.at_ms - DAY_MS, self.click.at_ms + AFTER_MS)
    }

    async fn history(&self) -> Result<Vec<Later>, Failure> {
        let Click { click_id, at_ms, .. } = self.click;
        let query = self.runner.client().query(include_str!("history.sql"));
        let query = query.bind(self.site).bind(click_id).bind(at_ms).bind(at_ms);
        self.runner.rows("click_history", query).await
    }

    async fn tried(&self) -> Result<Vec<Tried>, Failure> {
        let Click { click_id, at_ms, .. } = self.click;
        let query = self.runner.client().query(include_str!("tried.sql"));
        let query = query.bind(self.site).bind(click_id).bind(at_ms).bind(at_ms);
        self.runner.rows("click_tried", query).await
    }

    async fn of_network(&self) -> Result<Vec<Near>, Failure> {
        if self.click.of_network == 0 {
            return Ok(Vec::new());
        }
        let sql = include_str!("around.sql").replace("{whose}", "events.network = ?");
        let (from, to) = self.range();
        let query = self.runner.client().query(&sql).bind(from).bind(to).bind(from).bind(to);
        let query = query.bind(self.click.of_network).bind(self.click.at_ms).bind(NETWORK_CLICKS);
        self.in_order("click_network", query).await
    }

    async fn on_ad(&self) -> Result<Vec<Near>, Failure> {
        let sql =
            include_str!("around.sql").replace("{whose}", "events.site = ? AND events.ad = ?");
        let at = self.click.at_ms;
        let (from, to) = (at - NEAR_MS, at + NEAR_MS);
        let query = self.runner.client().query(&sql).bind(from).bind(to).bind(from).bind(to);
        let query = query.bind(self.site).bind(self.click.text("ad")).bind(at).bind(AD_CLICKS);
        self.in_order("click_ad", query).await
    }

    async fn in_order(
        &self,
        name: &'static str,
        query: clickhouse::query::Query,
    ) -> Result<Vec<Near>, Failure> {
        let mut rows: Vec<Near> = self.runner.rows(name, query).await?;
        rows.sort_by(|a, b| (a.at_ms, &a.click_id).cmp(&(b.at_ms, &b.click_id)));
        Ok(rows)
    }

    async fn life(&self) -> Result<Vec<Life>, Failure> {
        if self.click.of_network == 0 {
            return Ok(Vec::new());
        }
        let (from, to) = self.range();
        let query = self.runner.client().query(include_str!("life.sql"));
        let query = query.bind(self.click.at_ms).bind(self.click.of_network).bind(from).bind(to);
        self.runner.rows("click_life", query).await
    }

    async fn impression(&self) -> Result<Vec<OfImpression>, Failure> {
        let impression = self.click.impression();
        if impression.is_empty() {
            return Ok(Vec::new());
        }
        let (from, to) = self.range();
        let query = self.runner.client().query(include_str!("impression.sql"));
        let query = query
            .bind(self.site)
            .bind(impression)
            .bind(impression)
            .bind(self.click.text("ad"))
            .bind(from - HOUR_MS)
            .bind(to);
        self.runner.rows("click_impression", query).await
    }

    async fn place(&self, apart_ms: i64) -> Result<Place, Failure> {
        let placement = self.click.text("placement");
        if placement.is_empty() {
            return Ok(Place::default());
        }
        let (from, to) = self.range();
        let query = self.runner.client().query(include_str!("placement.sql"));
        let query = query
            .bind(from)
            .bind(to)
            .bind(apart_ms)
            .bind(self.site)
            .bind(placement)
            .bind(self.site)
            .bind(self.click.at_ms - HOUR_MS)
            .bind(self.site)
            .bind(placement);
        let rows: Vec<Place> = self.runner.rows("click_placement", query).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    async fn counts(&self) -> Result<Counts, Failure> {
        let placement = self.click.text("placement");
        if placement.is_empty() {
            return Ok(Counts::default());
        }
        let at = self.click.at_ms;
        let query = self.runner.client().query(include_str!("windows.sql"));
        let query = query
            .bind(seconds(at - HOUR_MS))
            .bind(self.site)
            .bind(placement)
            .bind(seconds(at - DAY_MS))
            .bind(seconds(at));
        let rows: Vec<Counts> = self.runner.rows("click_windows", query).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    async fn hours(&self) -> Result<Vec<PlaceHour>, Failure> {
        let (placement, campaign) = (self.click.text("placement"), self.click.text("campaign"));
        if placement.is_empty() || campaign.is_empty() {
            return Ok(Vec::new());
        }
        let begin = self.click.at_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let query = self.runner.client().query(include_str!("hours.sql"));
        let query = query.bind(placement).bind(placement).bind(self.site).bind(campaign);
        let query = query.bind(seconds(begin - HOURS_MS)).bind(seconds(begin));
        self.runner.rows("click_hours", query).await
    }

    async fn conversions(&self) -> Result<Vec<Conversion>, Failure> {
        let Click { click_id, at_ms, .. } = self.click;
        let query = self.runner.client().query(include_str!("conversions.sql"));
        let query = query.bind(at_ms).bind(at_ms + CONVERSIONS_MS).bind(click_id);
        self.runner.rows("click_conversions", query).await
    }

    async fn beside(&self) -> Result<[Option<String>; 2], Failure> {
        let Click { click_id, at_ms, .. } = self.click;
        let mut query = self.runner.client().query(include_str!("beside.sql"));
        for _ in 0..2 {
            query = query.bind(self.site).bind(self.click.text("campaign"));
            query = query.bind(at_ms).bind(at_ms).bind(click_id);
        }
        let rows: Vec<Beside> = self.runner.rows("click_beside", query).await?;
        let find = |which: &str| {
            let found = rows.iter().find(|row| row.which == which);
            found.map(|row| row.click_id.clone())
        };
        Ok([find("earlier"), find("later")])
    }
}
