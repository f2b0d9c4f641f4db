//! The lists about ads as panels of a page, or as the table of their own page.

use super::budget::Spent;
use super::choice::{AdPanel, Choice, Rows};
use super::figures::Sums;
use super::lists::{ListRow, Saved, Trends};
use super::names::{Names, pays_clicks};
use super::positions::{self, PositionChart};
use super::table::Table;
use super::{load, money};
use crate::period::Period;
use crate::period::Unit;
use crate::query::Failure;
use crate::tables::panel::Tab;
use crate::{format, words as w};

/// A panel, ready to be written.
pub(crate) struct AdPanelView {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) half: bool,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) body: Body,
    /// "All 6 placements" and where they are.
    pub(crate) all: Option<(String, String)>,
    pub(crate) notes: Vec<String>,
    /// The text of the dashed line of rates.
    pub(crate) mean: Option<String>,
    pub(crate) csv: String,
}

/// What is in a panel.
pub(crate) enum Body {
    Table(Table),
    Positions(PositionChart, bool),
    Empty(&'static str),
    Failed(String),
}

/// What all lists of a page share.
pub(crate) struct Context<'a> {
    pub(crate) choice: &'a Choice,
    pub(crate) names: &'a Names,
    pub(crate) period: &'a Period,
    pub(crate) unit: Unit,
    /// Sums of the whole period, of which rows are parts.
    pub(crate) all: &'a Sums,
    /// Whether those could be read.
    pub(crate) is_known: bool,
    pub(crate) saved: &'a Saved,
    /// Absent when it could not be read.
    pub(crate) spent: Option<&'a Spent>,
    pub(crate) trends: &'a Trends,
    pub(crate) seconds_max: u32,
}

impl Context<'_> {
    /// The panel of a list, with at most `limit` rows.
    pub(crate) fn panel(
        &self,
        panel: AdPanel,
        rows: Result<Vec<ListRow>, Failure>,
        half: bool,
    ) -> AdPanelView {
        let count = rows.as_ref().ok().and_then(|rows| rows.first()).map_or(0, |row| row.rows);
        let body = match rows {
            Err(failure) => Body::Failed(w::failure(failure, self.seconds_max)),
            Ok(rows) if rows.is_empty() => Body::Empty(w::ad_panel_empty(panel)),
            Ok(rows) => {
                let shown = &rows[..rows.len().min(load::ROWS as usize)];
                Body::Table(self.table(panel, shown, half))
            }
        };
        let drawn = matches!(body, Body::Table(_));
        let mean = match panel {
            AdPanel::Campaigns | AdPanel::Placements => self.mean().filter(|_| drawn),
            _ => None,
        };
        AdPanelView {
            id: panel.as_str(),
            title: match panel {
                AdPanel::Campaigns => w::rows(self.choice.rows),
                panel => w::ad_panel(panel),
            },
            half,
            tabs: self.tabs(panel),
            body,
            all: drawn.then(|| {
                (w::all_ads(panel, self.choice.rows, count), self.choice.list_href(panel, ""))
            }),
            notes: match panel {
                AdPanel::Campaigns if !half && !self.saved.is_empty() => {
                    vec![w::SAVED_MEANS.to_owned()]
                }
                _ => Vec::new(),
            },
            mean,
            csv: self.choice.list_href(panel, ".csv"),
        }
    }

    fn mean(&self) -> Option<String> {
        let (clicks, impressions) = self.all.ctr_of(self.choice.view.gross);
        (impressions > 0).then(|| format!("{}, {}", w::MEAN_CTR, format::rate(clicks, impressions)))
    }

    fn tabs(&self, panel: AdPanel) -> Vec<Tab> {
        match panel {
            AdPanel::Campaigns if self.choice.campaign.is_empty() && self.choice.ad.is_empty() => {
                let tab = |rows: Rows| Tab {
                    label: w::rows(rows),
                    href: self.choice.with(|choice| choice.rows = rows).href(),
                    current: self.choice.rows == rows,
                };
                Rows::ALL.map(tab).into()
            }
            AdPanel::Positions => [(false, w::AS_MEASURED), (true, w::SAME_MIX)]
                .map(|(mixed, label)| Tab {
                    label,
                    href: self.choice.with(|choice| choice.same_mix = mixed).href(),
                    current: self.choice.same_mix == mixed,
                })
                .into(),
            _ => Vec::new(),
        }
    }

    /// The chart of positions.
    pub(crate) fn positions(&self, rows: Result<Vec<ListRow>, Failure>) -> AdPanelView {
        let mixed = self.choice.same_mix;
        let without = match &rows {
            Ok(rows) => rows.iter().find(|row| row.name == "0").map(|row| row.sums.impressions),
            Err(_) => None,
        };
        let count =
            rows.as_ref().map_or(0, |rows| rows.iter().filter(|row| row.name != "0").count());
        let drawn = match &rows {
            Ok(rows) => positions::draw(rows, self.all.ctr_of(false), mixed),
            Err(_) => None,
        };
        let body = match (rows, drawn) {
            (Err(failure), _) => Body::Failed(w::failure(failure, self.seconds_max)),
            (Ok(_), Some(chart)) => Body::Positions(chart, mixed),
            (Ok(_), None) => Body::Empty(w::ad_panel_empty(AdPanel::Positions)),
        };
        let some = matches!(body, Body::Positions(..));
        let panel = AdPanel::Positions;
        AdPanelView {
            id: panel.as_str(),
            title: w::BY_POSITION,
            half: true,
            tabs: self.tabs(panel),
            body,
            all: some.then(|| {
                let label = w::all_ads(panel, self.choice.rows, count as u64);
                (label, self.choice.list_href(panel, ""))
            }),
            notes: without
                .filter(|without| *without > 0)
                .map(|without| w::without_position(&format::count(without)))
                .into_iter()
                .collect(),
            mean: None,
            csv: self.choice.list_href(panel, ".csv"),
        }
    }

    /// Why clicks were removed, as a list of bars would be: reasons with their share of gross.
    pub(crate) fn removed(&self, rows: Result<Vec<(String, i64)>, Failure>) -> AdPanelView {
        let panel = AdPanel::Removed;
        let body = match &rows {
            Err(failure) => Body::Failed(w::failure(*failure, self.seconds_max)),
            Ok(rows) if rows.is_empty() => Body::Empty(w::NOTHING_REMOVED),
            Ok(rows) => Body::Table(self.removed_table(rows, load::ROWS as usize)),
        };
        let some = matches!(body, Body::Table(_));
        let invalid = format::count(self.all.invalid_clicks());
        AdPanelView {
            id: panel.as_str(),
            title: w::ad_panel(panel),
            half: true,
            tabs: Vec::new(),
            all: some.then(|| {
                let count = rows.as_ref().map_or(0, Vec::len) as u64;
                (w::all_ads(panel, self.choice.rows, count), self.choice.list_href(panel, ""))
            }),
            notes: match some && self.is_known {
                true => vec![w::removed_sentence(&invalid, &format::count(self.all.clicks))],
                false => Vec::new(),
            },
            body,
            mean: None,
            csv: self.choice.list_href(panel, ".csv"),
        }
    }
}

/// The campaign, or ad, that lost most clicks, if that is a lot: its name and the share.
pub(crate) fn much_invalid(rows: &[ListRow], names: &Names) -> Option<(String, String)> {
    const SHARE: f64 = 0.3;
    const CLICKS: i64 = 100;
    let lost = |row: &ListRow| row.sums.invalid_clicks();
    let row = rows
        .iter()
        .filter(|row| row.sums.clicks >= CLICKS)
        .filter(|row| lost(row) as f64 >= SHARE * row.sums.clicks as f64)
        .max_by_key(|row| lost(row))?;
    let paid = names.campaign(&row.name).is_none_or(pays_clicks);
    let share = format::share(lost(row), row.sums.clicks);
    paid.then(|| w::much_invalid(&names.campaign_name(&row.name), &share))
}

/// What a thousand impressions cost.
pub(crate) fn spend_detail(sums: &Sums) -> String {
    money::cost_per(&sums.purse, sums.net_impressions, 1_000)
        .map_or(String::new(), |each| w::ecpm(&each))
}
