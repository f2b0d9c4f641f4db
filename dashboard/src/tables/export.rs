//! The same figures for programs and spreadsheets: exact numbers, plain names.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::{Dimension, Panel, Row};
use crate::error::Problem;
use crate::figures::{Counts, Figures, Metric};
use crate::period::Range;
use crate::site::{Overview, Subject, unavailable};

/// Names and values of a row's columns, in their order.
fn fields(dimension: Dimension, row: &Row) -> Vec<(&'static str, Value)> {
    let name = match (dimension, row.name.as_str()) {
        (Dimension::Country, code) => code.to_owned(),
        _ => row.name.clone(),
    };
    let mut out = vec![(key(dimension), Value::from(name))];
    match dimension {
        Dimension::Country => out.push(("name", dimension.label(row).into())),
        Dimension::Region | Dimension::City => out.push(("country", row.code.clone().into())),
        _ => {}
    }
    match dimension {
        Dimension::Page => out.extend([
            ("visitors", row.main.into()),
            ("pageviews", row.second.into()),
            ("engaged_ms", row.third.into()),
        ]),
        Dimension::Query => {
            out.extend([("searches", row.main.into()), ("no_result", row.second.into())]);
        }
        Dimension::QueryWithoutResult => {
            out.extend([("searches", row.third.into()), ("no_result", row.main.into())]);
        }
        Dimension::Action => {
            let money: Vec<_> =
                row.money.iter().map(|(c, m)| format!("{c} {}", decimal(*m))).collect();
            out.extend([
                ("visitors", row.main.into()),
                ("total", row.second.into()),
                ("value", money.join(" + ").into()),
            ]);
        }
        _ => out.extend([("visitors", row.main.into()), ("visits", row.second.into())]),
    }
    out
}

const fn key(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Page | Dimension::Entry | Dimension::Exit => "path",
        Dimension::Source => "source",
        Dimension::Channel => "channel",
        Dimension::Campaign => "campaign",
        Dimension::Country => "country",
        Dimension::Region => "region",
        Dimension::City => "city",
        Dimension::Language => "language",
        Dimension::Device => "device",
        Dimension::Browser => "browser",
        Dimension::System => "system",
        Dimension::Screen => "screen",
        Dimension::Query | Dimension::QueryWithoutResult => "query",
        Dimension::Action => "action",
    }
}

/// Columns of a table without rows.
fn columns(dimension: Dimension) -> Vec<&'static str> {
    let none = Row {
        name: String::new(),
        code: String::new(),
        main: 0,
        second: 0,
        third: 0,
        money: Vec::new(),
        largest: 0,
        sum: 0,
        rows: 0,
    };
    fields(dimension, &none).into_iter().map(|(name, _)| name).collect()
}

/// A table as CSV (RFC 4180).
pub(crate) fn table_csv(subject: &Subject, panel: Panel, rows: &[Row]) -> Response {
    let dimension = subject.view.tab(panel);
    let mut out = columns(dimension).join(",");
    out.push_str("\r\n");
    for row in rows {
        let cells = fields(dimension, row).into_iter().map(|(_, value)| match value {
            Value::String(text) => csv_text(&text),
            number => number.to_string(),
        });
        out.push_str(&cells.collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    csv(subject, panel.as_str(), out)
}

/// The chart's buckets as CSV.
pub(crate) fn figures_csv(subject: &Subject, figures: Figures) -> Response {
    let mut out = String::from(
        "from,visitors,visits,pageviews,views_per_visit,bounce_rate,visit_duration_s\r\n",
    );
    for bucket in subject.period.buckets(subject.unit) {
        let counts = figures.buckets.get(&bucket.from).copied().unwrap_or_default();
        let rate = |metric: Metric, scale: f64| {
            metric.of(&counts).map_or(String::new(), |value| format!("{:.4}", value / scale))
        };
        let from = crate::period::instant(bucket.from).to_zoned(subject.period.zone.clone());
        out.push_str(&format!(
            "{},{},{},{},{},{},{}\r\n",
            from.strftime("%Y-%m-%dT%H:%M:%S%:z"),
            counts.visitors,
            counts.visits,
            counts.pageviews,
            rate(Metric::ViewsPerVisit, 1.0),
            rate(Metric::BounceRate, 100.0),
            rate(Metric::Duration, 1_000.0),
        ));
    }
    csv(subject, "overview", out)
}

/// A CSV file as a download.
pub(crate) fn csv(subject: &Subject, name: &str, body: String) -> Response {
    let (site, range) = (&subject.site.domain, &subject.period.current);
    let plain: String =
        site.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let file =
        format!("attachment; filename=\"{plain}-{name}-{}-{}.csv\"", range.first, range.last);
    let mut response =
        ([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], body).into_response();
    if let Ok(value) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// A text as a cell. Spreadsheets run cells that begin like a formula: those get an apostrophe.
pub(crate) fn csv_text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    if text.contains(['"', ',', '\r', '\n', '\t']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A table as JSON.
pub(crate) fn table_json(subject: &Subject, panel: Panel, rows: &[Row], visitors: i64) -> Response {
    let dimension = subject.view.tab(panel);
    let mut body = head(subject);
    body.insert("table".into(), panel.as_str().into());
    body.insert("by".into(), key(dimension).into());
    body.insert("visitors".into(), visitors.into());
    body.insert("total_rows".into(), rows.first().map_or(0, |row| row.rows).into());
    body.insert("rows".into(), objects(dimension, rows));
    axum::Json(Value::Object(body)).into_response()
}

/// The whole overview as JSON. A table that failed is `null`.
pub(crate) fn overview_json(subject: &Subject, overview: Overview) -> Result<Response, Problem> {
    let figures = overview.figures.map_err(unavailable)?;
    let mut body = head(subject);
    body.insert("now".into(), overview.look.map_or(Value::Null, |look| look.now.into()));
    body.insert("current".into(), counts(&figures.current));
    body.insert("previous".into(), figures.previous.as_ref().map_or(Value::Null, counts));
    let left_out: Map<_, _> =
        figures.left_out.iter().map(|(reason, n)| (reason.clone(), Value::from(*n))).collect();
    body.insert("invalid_pageviews".into(), Value::Object(left_out));
    let buckets = subject.period.buckets(subject.unit);
    let series = buckets.iter().map(|bucket| {
        let mut point = counts(&figures.buckets.get(&bucket.from).copied().unwrap_or_default());
        if let Value::Object(point) = &mut point {
            point.insert("from".into(), footfall_event::time::format_rfc3339(bucket.from).into());
        }
        point
    });
    body.insert("interval".into(), subject.unit.as_str().into());
    body.insert("series".into(), series.collect());
    for (panel, rows) in Panel::ALL.into_iter().zip(overview.panels) {
        let table = |rows: Vec<Row>| objects(subject.view.tab(panel), &rows);
        body.insert(panel.as_str().into(), rows.map_or(Value::Null, table));
    }
    Ok(axum::Json(Value::Object(body)).into_response())
}

/// What every JSON answer begins with.
pub(crate) fn head(subject: &Subject) -> Map<String, Value> {
    let range =
        |range: &Range| json!({"from": range.first.to_string(), "to": range.last.to_string()});
    let period = &subject.period;
    let mut out = Map::new();
    out.insert("site".into(), subject.site.domain.clone().into());
    out.insert("timezone".into(), subject.zone_name().into());
    out.insert("counting".into(), if subject.view.gross { "gross" } else { "net" }.into());
    out.insert("period".into(), range(&period.current));
    out.insert("compared_with".into(), period.previous.as_ref().map_or(Value::Null, range));
    out
}

fn objects(dimension: Dimension, rows: &[Row]) -> Value {
    let object = |row: &Row| -> Value {
        fields(dimension, row).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    rows.iter().map(object).collect()
}

fn counts(counts: &Counts) -> Value {
    let rounded = |metric: Metric, scale: f64| -> Value {
        metric
            .of(counts)
            .map_or(Value::Null, |value| ((value / scale * 10_000.0).round() / 10_000.0).into())
    };
    json!({
        "visitors": counts.visitors,
        "visits": counts.visits,
        "pageviews": counts.pageviews,
        "bounces": counts.bounces,
        "views_per_visit": rounded(Metric::ViewsPerVisit, 1.0),
        "bounce_rate": rounded(Metric::BounceRate, 100.0),
        "visit_duration_s": rounded(Metric::Duration, 1_000.0),
    })
}

/// Millionths as a decimal number, exact.
pub(crate) fn decimal(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, part) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_can_not_become_formulas_and_are_quoted() {
        for (text, expected) in [
            ("/plain", "/plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@sum", "\"'@sum\""),
            ("\tx", "\"'\tx\""),
            ("\r\nx", "\"'\r\nx\""),
            ("", ""),
        ] {
            assert_eq!(csv_text(text), expected);
        }
        assert_eq!(decimal(12_500_000), "12.5");
        assert_eq!(decimal(-1), "-0.000001");
        assert_eq!(decimal(0), "0");
    }
}
