//! The lists of the page: what each counts, by what, and how its rows are read. A panel shows one
//! of its tabs (a [`Dimension`]); the same rows make the long pages and the exports.

pub(crate) mod days;
pub(crate) mod export;
pub(crate) mod page;
pub(crate) mod pager;
pub(crate) mod panel;

use clickhouse::Client;
use clickhouse::query::Query;
use serde::Deserialize;

use self::days::Days;
use crate::countries;
use crate::period::Period;
use crate::query::{Failure, Runner};
use crate::view::View;
use crate::words as w;

/// A panel of the page, and the name of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Pages,
    Sources,
    Locations,
    Devices,
    Searches,
    Actions,
}

/// What a list groups by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Page,
    Entry,
    Exit,
    Source,
    Channel,
    Campaign,
    Country,
    Region,
    City,
    Language,
    Device,
    Browser,
    System,
    Screen,
    Query,
    QueryWithoutResult,
    Action,
}

impl Panel {
    pub(crate) const ALL: [Panel; 6] = [
        Panel::Pages,
        Panel::Sources,
        Panel::Locations,
        Panel::Devices,
        Panel::Searches,
        Panel::Actions,
    ];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Panel::Pages => "pages",
            Panel::Sources => "sources",
            Panel::Locations => "locations",
            Panel::Devices => "devices",
            Panel::Searches => "searches",
            Panel::Actions => "actions",
        }
    }

    /// The panel of a word.
    pub(crate) fn parse(word: &str) -> Option<Panel> {
        Panel::ALL.into_iter().find(|panel| panel.as_str() == word)
    }

    /// Its tabs; the first is the usual one.
    pub(crate) const fn tabs(self) -> &'static [Dimension] {
        match self {
            Panel::Pages => &[Dimension::Page, Dimension::Entry, Dimension::Exit],
            Panel::Sources => &[Dimension::Source, Dimension::Channel, Dimension::Campaign],
            Panel::Locations => {
                &[Dimension::Country, Dimension::Region, Dimension::City, Dimension::Language]
            }
            Panel::Devices => {
                &[Dimension::Device, Dimension::Browser, Dimension::System, Dimension::Screen]
            }
            Panel::Searches => &[Dimension::Query, Dimension::QueryWithoutResult],
            Panel::Actions => &[Dimension::Action],
        }
    }

    /// How many rows it shows on the overview.
    pub(crate) const fn rows(self) -> u32 {
        match self {
            Panel::Pages | Panel::Sources => 8,
            Panel::Locations => 9,
            Panel::Devices | Panel::Searches => 6,
            Panel::Actions => 7,
        }
    }
}

/// Which statement fills a list.
enum Statement {
    /// `visits_by.sql` with these expressions: name, code beside it, visitors.
    VisitsBy(&'static str, &'static str, &'static str),
    Pages,
    Searches,
    Actions,
}

impl Dimension {
    /// The word in the address.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Dimension::Page => "top",
            Dimension::Entry => "entry",
            Dimension::Exit => "exit",
            Dimension::Source => "referrers",
            Dimension::Channel => "channels",
            Dimension::Campaign => "campaigns",
            Dimension::Country => "countries",
            Dimension::Region => "regions",
            Dimension::City => "cities",
            Dimension::Language => "languages",
            Dimension::Device => "size",
            Dimension::Browser => "browser",
            Dimension::System => "system",
            Dimension::Screen => "screen",
            Dimension::Query => "top",
            Dimension::QueryWithoutResult => "no_result",
            Dimension::Action => "all",
        }
    }

    // Column names come from this closed list only, never from a request.
    const fn statement(self) -> Statement {
        use Statement::VisitsBy;
        match self {
            Dimension::Page => Statement::Pages,
            Dimension::Entry => VisitsBy("entry", "''", "entry_visitors"),
            Dimension::Exit => VisitsBy("exit", "''", "exit_visitors"),
            Dimension::Source => VisitsBy("source", "''", "source_visitors"),
            Dimension::Channel => VisitsBy("channel", "''", "channel_visitors"),
            Dimension::Campaign => VisitsBy("utm_campaign", "''", "campaign_visitors"),
            Dimension::Country => VisitsBy("country", "country", "visitors"),
            Dimension::Region => VisitsBy("region", "country", "visitors"),
            Dimension::City => VisitsBy("city", "country", "visitors"),
            Dimension::Language => VisitsBy("language", "''", "visitors"),
            Dimension::Device => VisitsBy("device", "''", "visitors"),
            Dimension::Browser => VisitsBy("browser", "''", "visitors"),
            Dimension::System => VisitsBy("os", "''", "visitors"),
            Dimension::Screen => VisitsBy("screen", "''", "visitors"),
            Dimension::Query | Dimension::QueryWithoutResult => Statement::Searches,
            Dimension::Action => Statement::Actions,
        }
    }

    /// Visits without a value are a row of their own ("Direct or unknown"), or left out.
    const fn keeps_empty(self) -> bool {
        !matches!(
            self,
            Dimension::Page
                | Dimension::Entry
                | Dimension::Exit
                | Dimension::Campaign
                | Dimension::Query
                | Dimension::QueryWithoutResult
                | Dimension::Action
        )
    }

    /// The name of a row as people read it.
    pub(crate) fn label(self, row: &Row) -> String {
        match (self, row.name.as_str()) {
            (Dimension::Source, "") => w::DIRECT.into(),
            (_, "") => w::UNKNOWN.into(),
            (Dimension::Country, code) => countries::name(code).to_owned(),
            (Dimension::Device, word) => w::device(word).to_owned(),
            (Dimension::Screen, word) => w::screen(word).to_owned(),
            (_, name) => name.to_owned(),
        }
    }
}

/// One row of any list. What `main`, `second` and `third` count depends on the statement.
#[derive(Clone, Debug, PartialEq, Eq, clickhouse::Row, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Country code beside the name of a place; else empty.
    pub(crate) code: String,
    /// Visitors; of searches: searches.
    pub(crate) main: i64,
    /// Visits; of pages: page views; of searches: those without a result; of actions: actions.
    pub(crate) second: i64,
    /// Of pages: engaged time in milliseconds; of searches: all of them; else 0.
    pub(crate) third: i64,
    /// Sums by currency, in millionths.
    pub(crate) money: Vec<(String, i64)>,
    /// `main` of the largest row of the whole list, to which bars are scaled.
    pub(crate) largest: i64,
    /// Sum of `main` over the whole list.
    pub(crate) sum: i64,
    /// Rows of the whole list.
    pub(crate) rows: u64,
}

/// How many rows the overview reads for a panel: the map shows more than the list beside it.
pub(crate) const fn overview_rows(panel: Panel) -> u32 {
    match panel {
        Panel::Locations => 250,
        _ => panel.rows(),
    }
}

/// Reads `limit` rows of a list from `offset`.
pub(crate) async fn load(
    runner: &Runner<'_>,
    view: &View,
    period: &Period,
    dimension: Dimension,
    limit: u32,
    offset: u32,
) -> Result<Vec<Row>, Failure> {
    let query = query(runner.client(), view, period, dimension).bind(limit).bind(offset);
    runner.rows(dimension.slug(), query).await
}

/// The statement of a list; limit and offset are still to be bound.
pub(crate) fn query(client: &Client, view: &View, period: &Period, dimension: Dimension) -> Query {
    let days = Days::of(period);
    let fill = |sql: &str, time| client.query(&days.fill(sql, time));
    match dimension.statement() {
        Statement::VisitsBy(name, code, visitors) => {
            let sql = include_str!("tables/visits_by.sql")
                .replace("{name}", name)
                .replace("{code}", code)
                .replace("{visitors}", visitors)
                // The exit page moves while a visit lasts, and only this measure moves with it.
                .replace("{visits}", if name == "exit" { "exits" } else { "visits" });
            days.bind(fill(&sql, "start"), view).bind(dimension.keeps_empty())
        }
        Statement::Pages => days.bind(fill(include_str!("tables/pages.sql"), "time"), view),
        Statement::Searches => {
            let query = fill(include_str!("tables/searches.sql"), "time");
            days.bind(query.bind(dimension == Dimension::Query), view)
        }
        Statement::Actions => days.bind(fill(include_str!("tables/actions.sql"), "time"), view),
    }
}
