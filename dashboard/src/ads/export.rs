//! The same figures for programs and spreadsheets: exact numbers, plain ids. Money is a decimal
//! number beside its currency; several currencies stand in one cell, never added up.

use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::choice::{AdPanel, Choice, Rows};
use super::figures::{Figures, Sums};
use super::list::Rowed;
use super::lists::ListRow;
use super::load::Loaded;
use super::money::Purse;
use super::names::Names;
use super::positions::same_mix;
use crate::error::Problem;
use crate::query::Failure;
use crate::site::{Subject, unavailable};
use crate::tables::export::{csv, csv_text, decimal, head};
use crate::{format, words as w};

type Fields = Vec<(&'static str, Value)>;

/// `EUR 4583.04 + CHF 12`.
fn amounts(purse: &Purse, of: impl Fn(&super::money::Amounts) -> i64) -> String {
    let parts: Vec<_> = purse
        .iter()
        .filter(|(_, amounts)| of(amounts) != 0)
        .map(|(currency, amounts)| format!("{currency} {}", decimal(of(amounts))))
        .collect();
    parts.join(" + ")
}

/// A number with at most six decimals, as JSON and CSV write it.
fn rounded(value: f64) -> Value {
    ((value * 1e6).round() / 1e6).into()
}

fn counts(sums: &Sums, gross: bool) -> Fields {
    let (clicks, impressions) = sums.ctr_of(gross);
    let ratio = |part: i64, whole: i64| match whole {
        ..=0 => Value::Null,
        _ => rounded(part as f64 / whole as f64),
    };
    let (low, high) = match format::wilson_bounds(clicks, impressions) {
        Some((low, high)) => (rounded(low), rounded(high)),
        None => (Value::Null, Value::Null),
    };
    vec![
        ("impressions", sums.impressions.into()),
        ("net_impressions", sums.net_impressions.into()),
        ("measurable", sums.measurable.into()),
        ("viewable", sums.viewable.into()),
        ("viewable_rate", ratio(sums.viewable, sums.measurable)),
        ("clicks", sums.clicks.into()),
        ("net_clicks", sums.net_clicks.into()),
        ("ctr", ratio(clicks, impressions)),
        ("ctr_low", low),
        ("ctr_high", high),
        ("click_conversions", rounded(sums.click_conversions as f64 / 1e6)),
        ("view_conversions", rounded(sums.view_conversions as f64 / 1e6)),
        ("cost", amounts(&sums.purse, |amounts| amounts.cost_micros()).into()),
        ("revenue", amounts(&sums.purse, |amounts| amounts.revenue_micros).into()),
    ]
}

/// What is told about a row: its id, its name for people, its counts.
fn fields(row: &ListRow, choice: &Choice, names: &Names, panel: AdPanel, all: &Sums) -> Fields {
    let id = row.name.as_str();
    let mut out: Fields = match panel {
        AdPanel::Campaigns => match choice.rows {
            Rows::Campaigns => {
                vec![("campaign", id.into()), ("name", names.campaign_name(id).into())]
            }
            Rows::Ads => vec![
                ("ad", id.into()),
                ("name", names.ad_name(id).into()),
                ("campaign", row.code.as_str().into()),
            ],
            Rows::Advertisers => {
                vec![("advertiser", id.into()), ("name", names.advertiser_name(id).into())]
            }
        },
        AdPanel::Positions => vec![("position", id.parse().unwrap_or(0u16).into())],
        AdPanel::Placements => {
            vec![("placement", id.into()), ("name", names.placement_name(id).into())]
        }
        AdPanel::Criteria => vec![("query", id.into())],
        AdPanel::Devices => vec![("device", id.into())],
        AdPanel::Countries => vec![("country", id.into())],
        AdPanel::Delay => vec![("time_to_click", w::delay(id).into())],
        AdPanel::Removed => vec![("reason", id.into())],
    };
    match panel {
        // Of these only events are known, not windows.
        AdPanel::Devices | AdPanel::Countries => out.extend([
            ("impressions", row.sums.impressions.into()),
            ("net_impressions", row.sums.net_impressions.into()),
            ("clicks", row.sums.clicks.into()),
            ("net_clicks", row.sums.net_clicks.into()),
        ]),
        AdPanel::Delay => out.extend([
            ("clicks", row.sums.clicks.into()),
            ("net_clicks", row.sums.net_clicks.into()),
        ]),
        _ => out.extend(counts(&row.sums, choice.view.gross)),
    }
    if matches!(panel, AdPanel::Campaigns | AdPanel::Placements | AdPanel::Positions) {
        let mixed = same_mix(row, all.ctr_of(choice.view.gross), choice.view.gross);
        out.push(("ctr_same_mix", mixed.map_or(Value::Null, rounded)));
    }
    out
}

/// The sums of all rows, for rates that are standardised.
fn sum(rows: &[ListRow]) -> Sums {
    let mut all = Sums::default();
    for row in rows {
        all.add(&row.sums);
    }
    all
}

fn records(subject: &Choice, names: &Names, panel: AdPanel, rows: &Rowed) -> Vec<Fields> {
    match rows {
        Rowed::Rows(rows) => {
            let all = sum(rows);
            rows.iter().map(|row| fields(row, subject, names, panel, &all)).collect()
        }
        Rowed::Removed(rows) => rows
            .iter()
            .map(|(reason, clicks)| {
                vec![("reason", reason.as_str().into()), ("clicks", (*clicks).into())]
            })
            .collect(),
    }
}

/// A list as CSV (RFC 4180).
pub(super) fn list_csv(
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    panel: AdPanel,
    rows: &Rowed,
) -> Response {
    let none = match panel {
        AdPanel::Removed => Rowed::Removed(vec![(String::new(), 0)]),
        _ => Rowed::Rows(vec![ListRow::default()]),
    };
    let columns = records(choice, names, panel, &none).remove(0);
    let columns: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
    let mut out = columns.join(",") + "\r\n";
    for fields in records(choice, names, panel, rows) {
        out.push_str(&line(fields.into_iter().map(|(_, value)| value)));
    }
    csv(subject, panel.as_str(), out)
}

fn line(values: impl Iterator<Item = Value>) -> String {
    let cells = values.map(|value| match value {
        Value::String(text) => csv_text(&text),
        Value::Null => String::new(),
        number => number.to_string(),
    });
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn objects(records: Vec<Fields>) -> Value {
    let object = |fields: Fields| -> Value {
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    records.into_iter().map(object).collect()
}

fn scope(subject: &Subject, choice: &Choice) -> Map<String, Value> {
    let mut body = head(subject);
    for (name, id) in [("campaign", &choice.campaign), ("ad", &choice.ad)] {
        if !id.is_empty() {
            body.insert(name.into(), id.as_str().into());
        }
    }
    body
}

/// A list as JSON.
pub(super) fn list_json(
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    panel: AdPanel,
    rows: &Rowed,
) -> Response {
    let mut body = scope(subject, choice);
    body.insert("table".into(), panel.as_str().into());
    body.insert("total_rows".into(), rows.total().into());
    body.insert("rows".into(), objects(records(choice, names, panel, rows)));
    axum::Json(Value::Object(body)).into_response()
}

/// The chart's buckets as CSV.
pub(super) fn figures_csv(subject: &Subject, choice: &Choice, figures: Figures) -> Response {
    let gross = choice.view.gross;
    let columns = counts(&Sums::default(), gross).into_iter().map(|(name, _)| name);
    let mut out = format!("from,{}\r\n", columns.collect::<Vec<_>>().join(","));
    let none = Sums::default();
    for bucket in subject.period.buckets(subject.unit) {
        let sums = figures.buckets.get(&bucket.from).unwrap_or(&none);
        let from = crate::period::instant(bucket.from).to_zoned(subject.period.zone.clone());
        out.push_str(&from.strftime("%Y-%m-%dT%H:%M:%S%:z,").to_string());
        out.push_str(&line(counts(sums, gross).into_iter().map(|(_, value)| value)));
    }
    csv(subject, "ads", out)
}

/// A whole page as JSON. A list that failed is `null`.
pub(super) fn page_json(
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    loaded: Loaded,
) -> Result<Response, Problem> {
    let figures = loaded.figures.map_err(unavailable)?;
    let gross = choice.view.gross;
    let object = |sums: &Sums| objects(vec![counts(sums, gross)])[0].take();
    let mut body = scope(subject, choice);
    body.insert("current".into(), object(&figures.current));
    body.insert("previous".into(), figures.previous.as_ref().map_or(Value::Null, object));
    let none = Sums::default();
    let series = subject.period.buckets(subject.unit).into_iter().map(|bucket| {
        let mut point = object(figures.buckets.get(&bucket.from).unwrap_or(&none));
        if let Value::Object(point) = &mut point {
            point.insert("from".into(), footfall_event::time::format_rfc3339(bucket.from).into());
        }
        point
    });
    body.insert("interval".into(), subject.unit.as_str().into());
    body.insert("series".into(), series.collect());
    let list = |panel, rows: Result<Vec<ListRow>, Failure>| match rows {
        Ok(rows) => {
            let each = |row| fields(row, choice, names, panel, &figures.current);
            objects(rows.iter().map(each).collect())
        }
        Err(_) => Value::Null,
    };
    body.insert(choice.rows.as_str().into(), list(AdPanel::Campaigns, loaded.lists.rows));
    body.insert("positions".into(), list(AdPanel::Positions, loaded.lists.positions));
    body.insert("placements".into(), list(AdPanel::Placements, loaded.lists.placements));
    body.insert("criteria".into(), list(AdPanel::Criteria, loaded.lists.criteria));
    let removed = loaded.lists.removed.map_or(Value::Null, |rows| {
        let removed: Map<_, _> = rows.into_iter().map(|(name, n)| (name, json!(n))).collect();
        Value::Object(removed)
    });
    body.insert("removed".into(), removed);
    Ok(axum::Json(Value::Object(body)).into_response())
}
