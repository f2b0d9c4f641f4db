//! A list as a panel of the overview, or as the table of its own page.

use super::{Dimension, Panel, Row};
use crate::assets::ASSETS;
use crate::countries;
use crate::format;
use crate::query::Failure;
use crate::view::View;
use crate::words as w;

/// A tab, or any other choice among links.
pub(crate) struct Tab {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A panel, ready to be written.
pub(crate) struct PanelView {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Half the width, or all of it.
    pub(crate) half: bool,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) body: Body,
    /// "All 214 pages" and where they are.
    pub(crate) all: Option<(String, String)>,
    pub(crate) csv: String,
    pub(crate) map: Option<MapView>,
}

/// What is in a panel.
pub(crate) enum Body {
    List(List),
    Empty(&'static str),
    Failed(String),
}

/// A list of rows. Templates only write it down.
pub(crate) struct List {
    /// The head of the names.
    pub(crate) name: &'static str,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<ListRow>,
    /// Hairlines instead of bars.
    pub(crate) ruled: bool,
}

/// The head of a column of figures.
pub(crate) struct Head {
    pub(crate) text: &'static str,
    pub(crate) class: &'static str,
}

/// A row of a list.
pub(crate) struct ListRow {
    pub(crate) bar: String,
    pub(crate) code: String,
    pub(crate) label: String,
    /// Text and class of each column.
    pub(crate) cells: Vec<(String, &'static str)>,
}

/// The map beside the list of countries.
pub(crate) struct MapView {
    /// Address of the file with the shapes.
    pub(crate) file: &'static str,
    /// Code, step of colour, and what the mouse shows.
    pub(crate) countries: Vec<(String, u8, String)>,
    /// The upper end of the legend.
    pub(crate) largest: String,
}

/// Makes the panel of the overview. `visitors` is the whole of which rows are shares.
pub(crate) fn panel(
    panel: Panel,
    view: &View,
    rows: Result<Vec<Row>, Failure>,
    visitors: i64,
    seconds_max: u32,
) -> PanelView {
    let dimension = view.tab(panel);
    let tabs = panel.tabs().iter().enumerate().map(|(at, tab)| Tab {
        label: w::tab(*tab),
        href: view.with(|view| view.tabs[panel as usize] = at).href(),
        current: *tab == dimension,
    });
    let tabs: Vec<Tab> = if panel.tabs().len() > 1 { tabs.collect() } else { Vec::new() };
    let map = match (&rows, dimension) {
        (Ok(rows), Dimension::Country) if !rows.is_empty() => Some(map(rows)),
        _ => None,
    };
    let all = rows
        .as_ref()
        .ok()
        .and_then(|rows| rows.first())
        .map(|row| (w::all_of(dimension, row.rows), view.table_href(panel, "")));
    let body = match rows {
        Err(failure) => Body::Failed(w::failure(failure, seconds_max)),
        Ok(rows) if rows.is_empty() => Body::Empty(w::panel_empty(panel)),
        Ok(mut rows) => {
            // The map shows more countries than the list beside it.
            rows.truncate(panel.rows() as usize);
            Body::List(list(dimension, &rows, visitors))
        }
    };
    PanelView {
        id: panel.as_str(),
        title: w::panel(panel),
        half: !matches!(panel, Panel::Locations | Panel::Actions),
        tabs,
        body,
        all,
        csv: view.table_href(panel, ".csv"),
        map,
    }
}

/// Makes the list of rows.
pub(crate) fn list(dimension: Dimension, rows: &[Row], visitors: i64) -> List {
    let largest = rows.first().map_or(0, |row| row.largest).max(1);
    let rows = rows.iter().map(|row| ListRow {
        bar: format!("{}%", (row.main.max(0) as f64 / largest as f64 * 1_000.0).round() / 10.0),
        code: if dimension == Dimension::Country || !row.name.is_empty() {
            row.code.clone()
        } else {
            String::new()
        },
        label: dimension.label(row),
        cells: cells(dimension, row, visitors),
    });
    List {
        name: w::column(dimension),
        heads: heads(dimension),
        rows: rows.collect(),
        ruled: dimension == Dimension::Action,
    }
}

fn heads(dimension: Dimension) -> Vec<Head> {
    let head = |text, class| Head { text, class };
    match dimension {
        Dimension::Page => {
            vec![head(w::ENGAGED, "n p-hide"), head(w::VISITORS, "n"), head(w::SHARE, "n s")]
        }
        Dimension::Query => {
            vec![head(w::NO_RESULT, "n p-hide"), head(w::SEARCHES, "n"), head(w::SHARE, "n s")]
        }
        Dimension::QueryWithoutResult => {
            vec![head(w::OF_ALL, "n p-hide"), head(w::NO_RESULT, "n"), head(w::SHARE, "n s")]
        }
        Dimension::Action => vec![
            head(w::VISITORS, "n"),
            head(w::TOTAL, "n"),
            head(w::RATE, "n"),
            head(w::INTERVAL, "n p-hide"),
            head(w::VALUE, "n"),
        ],
        _ => vec![head(w::VISITORS, "n"), head(w::SHARE, "n s")],
    }
}

fn cells(dimension: Dimension, row: &Row, visitors: i64) -> Vec<(String, &'static str)> {
    let main = (format::count(row.main), "n");
    let share = |whole| (format::share(row.main, whole), "n s");
    match dimension {
        Dimension::Page => {
            let engaged = match row.second {
                ..=0 => "–".to_owned(),
                views => format::duration(row.third as f64 / views as f64),
            };
            vec![(engaged, "n p-hide dim"), main, share(visitors)]
        }
        Dimension::Query => {
            vec![(format::share(row.second, row.main), "n p-hide dim"), main, share(row.sum)]
        }
        Dimension::QueryWithoutResult => {
            vec![(format::share(row.second, row.third), "n p-hide dim"), main, share(row.sum)]
        }
        Dimension::Action => {
            let money: Vec<_> =
                row.money.iter().map(|(currency, sum)| format::money(*sum, currency)).collect();
            vec![
                main,
                (format::count(row.second), "n"),
                (format::rate(row.main, visitors), "n"),
                (format::wilson(row.main, visitors), "n dim p-hide"),
                (if money.is_empty() { "–".into() } else { money.join(" + ") }, "n"),
            ]
        }
        _ => vec![main, share(visitors)],
    }
}

fn map(rows: &[Row]) -> MapView {
    let largest = rows.first().map_or(0, |row| row.largest).max(1);
    let countries = rows
        .iter()
        .filter(|row| countries::on_map(&row.name) && row.main > 0)
        .map(|row| {
            let text = w::visitors_of(countries::name(&row.name), &format::count(row.main));
            (row.name.clone(), step(row.main as f64 / largest as f64), text)
        })
        .collect();
    MapView { file: &ASSETS.map.href, countries, largest: format::count(largest) }
}

/// Five steps by share of the largest, wider where few differ much: visits are not spread evenly.
fn step(share: f64) -> u8 {
    match share {
        s if s > 0.5 => 5,
        s if s > 0.15 => 4,
        s if s > 0.05 => 3,
        s if s > 0.01 => 2,
        _ => 1,
    }
}
