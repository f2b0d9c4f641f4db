//! Everything that a page about ads reads, at once.

use super::budget::{self, Spent};
use super::choice::{Choice, Rows};
use super::figures::Figures;
use super::lists::{self, By, ListRow, Saved, Trends};
use super::names::Names;
use crate::App;
use crate::clicks::compare::load::versions;
use crate::clicks::load::Summary;
use crate::live::Look;
use crate::query::{Failure, Runner};
use crate::site::Subject;

/// Rows of a list beside others.
pub(crate) const ROWS: u32 = 8;
/// Campaigns with figures of which a page knows. Those without are added from the catalogue, and
/// advertisers are sums over campaigns, so all of them are read.
const CAMPAIGNS_MAX: u32 = 10_000;

/// What was read. A part that failed says why.
pub(crate) struct Loaded {
    pub(crate) figures: Result<Figures, Failure>,
    pub(crate) lists: Lists,
    pub(crate) saved: Saved,
    /// Absent when it could not be read.
    pub(crate) spent: Option<Spent>,
    pub(crate) trends: Trends,
    pub(crate) look: Result<Look, Failure>,
}

/// The lists of every page.
pub(crate) struct Lists {
    /// Campaigns, ads or advertisers.
    pub(crate) rows: Result<Vec<ListRow>, Failure>,
    pub(crate) positions: Result<Vec<ListRow>, Failure>,
    pub(crate) removed: Result<Vec<(String, i64)>, Failure>,
    pub(crate) placements: Result<Vec<ListRow>, Failure>,
    pub(crate) criteria: Result<Vec<ListRow>, Failure>,
}

/// What only an ad's own page reads.
pub(crate) struct Audience {
    pub(crate) devices: Result<Vec<ListRow>, Failure>,
    pub(crate) countries: Result<Vec<ListRow>, Failure>,
    pub(crate) delays: Result<Vec<ListRow>, Failure>,
}

/// How the rows of the list of campaigns are grouped in the warehouse.
pub(crate) const fn by(rows: Rows) -> By {
    match rows {
        Rows::Ads => By::Ad,
        Rows::Campaigns | Rows::Advertisers => By::Campaign,
    }
}

/// Reads what every page about ads shows.
pub(crate) async fn load(
    app: &App,
    runner: &Runner<'_>,
    subject: &Subject,
    choice: &Choice,
    names: &Names,
) -> Loaded {
    let period = &subject.period;
    let by = by(choice.rows);
    let limit = if by == By::Ad { ROWS } else { CAMPAIGNS_MAX };
    let list = |by, limit| lists::load(runner, choice, period, by, limit, 0);
    let (figures, rows, positions, removed, placements, criteria, saved, look) = tokio::join!(
        Figures::load(runner, choice, period, subject.unit),
        list(by, limit),
        list(By::Position, 100),
        lists::removed(runner, choice, period),
        list(By::Placement, ROWS),
        list(By::Criteria, ROWS),
        lists::saved(runner, choice, period, by == By::Ad),
        app.live.at_ads(runner, &choice.view.site),
    );
    let rows = rows.map(|rows| with_catalogue(rows, choice, names));
    let (spent, trends) = match &rows {
        Ok(rows) => beside(runner, subject, choice, names, rows).await,
        Err(_) => (None, Trends::new()),
    };
    Loaded {
        figures,
        lists: Lists { rows, positions, removed, placements, criteria },
        saved: saved.unwrap_or_default(),
        spent,
        trends,
        look,
    }
}

/// Budgets and trends of the rows that are shown. Without them a list is still right.
async fn beside(
    runner: &Runner<'_>,
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    rows: &[ListRow],
) -> (Option<Spent>, Trends) {
    let shown: Vec<&str> = rows.iter().take(ROWS as usize).map(|row| row.name.as_str()).collect();
    let of_ad = names.ad(&choice.ad).map_or("", |ad| ad.campaign.as_str());
    let campaigns: &[&str] = match (choice.campaign.as_str(), of_ad) {
        ("", "") if choice.rows == Rows::Campaigns => &shown,
        ("", "") => &[],
        ("", campaign) | (campaign, _) => &[campaign],
    };
    let of = (by(choice.rows), shown.as_slice());
    let (spent, trends) = tokio::join!(
        budget::spent(runner, campaigns),
        lists::trends(runner, choice, &subject.period, subject.unit, of),
    );
    (spent.ok(), trends.unwrap_or_default())
}

/// Reads what an ad's page shows besides.
pub(crate) async fn audience(runner: &Runner<'_>, subject: &Subject, choice: &Choice) -> Audience {
    let list = |by| lists::load(runner, choice, &subject.period, by, ROWS, 0);
    let (devices, countries, delays) =
        tokio::join!(list(By::Device), list(By::Country), list(By::Delay));
    Audience { devices, countries, delays }
}

/// How the clicks of a campaign or ad were judged.
pub(crate) struct Judged {
    pub(crate) summary: Summary,
    /// The newest version of other rules that were tried on them.
    pub(crate) tried: Option<u32>,
}

/// Reads it.
pub(crate) async fn judged(
    app: &App,
    runner: &Runner<'_>,
    subject: &Subject,
    choice: &Choice,
) -> Result<Judged, Failure> {
    let terms = app.status.terms(&choice.view.site, &choice.campaign);
    let (summary, tried) = tokio::join!(
        Summary::load(runner, choice, &subject.period, &terms),
        versions(runner, &choice.view.site, &subject.period),
    );
    let tried = tried.unwrap_or_default().first().map(|newest| newest.version);
    Ok(Judged { summary: summary?, tried })
}

/// Adds the site's campaigns that nothing was counted for, or sums up by advertiser.
pub(crate) fn with_catalogue(rows: Vec<ListRow>, choice: &Choice, names: &Names) -> Vec<ListRow> {
    let mut rows = match choice.rows {
        Rows::Ads => return rows,
        Rows::Advertisers => by_advertiser(rows, names),
        Rows::Campaigns => {
            let mut rows = rows;
            let known: std::collections::HashSet<String> =
                rows.iter().map(|row| row.name.clone()).collect();
            let others = names.catalog.campaigns.values().filter(|campaign| {
                campaign.site == choice.view.site
                    && !campaign.removed
                    && (choice.campaign.is_empty() || choice.campaign == campaign.id)
                    && !known.contains(&campaign.id)
            });
            let others: Vec<_> = others
                .map(|campaign| ListRow { name: campaign.id.clone(), ..ListRow::default() })
                .collect();
            rows.extend(others);
            rows
        }
    };
    let count = rows.len() as u64;
    for row in &mut rows {
        row.rows = count;
    }
    rows
}

fn by_advertiser(rows: Vec<ListRow>, names: &Names) -> Vec<ListRow> {
    let mut sums = std::collections::BTreeMap::<String, ListRow>::new();
    for row in rows {
        let advertiser =
            names.campaign(&row.name).map_or(String::new(), |campaign| campaign.advertiser.clone());
        let sum = sums.entry(advertiser.clone()).or_default();
        sum.name = advertiser;
        sum.sums.add(&row.sums);
        sum.expected += row.expected;
    }
    let mut out: Vec<_> = sums.into_values().collect();
    out.sort_by_key(|row| std::cmp::Reverse((row.sums.net_clicks, row.sums.net_impressions)));
    out
}
