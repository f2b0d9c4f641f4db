//! The list of clicks, as a page, as CSV or as JSON.

use askama::Template;
use axum::response::{IntoResponse, Response};
use footfall_event::Verdict;
use http::request::Parts;
use serde_json::{Value, json};

use super::choice::{Filter, click_href};
use super::load::{ClickRow, Order, Summary, clicks};
use super::vd::Vd;
use crate::App;
use crate::ads::choice::Choice;
use crate::ads::names::Names;
use crate::ads::{list, names};
use crate::asked::Asked;
use crate::error::Problem;
use crate::frame::{Frame, Theme, render};
use crate::query::Failure;
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, foot, frame_of, unavailable};
use crate::tables::export::{csv, csv_text, decimal, head};
use crate::tables::pager::Pager;
use crate::{countries, format, words as w};

/// Rows of one page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "clicks/list.html")]
struct ClicksPage {
    frame: Frame,
    crumbs: Vec<(String, String)>,
    printed: String,
    tools: Tools,
    note: Option<(String, String, bool)>,
    /// The chosen reason, and the same list without it.
    chip: Option<(&'static str, String)>,
    heading: String,
    tabs: Vec<VerdictTab>,
    reasons: Vec<(String, String)>,
    rows: Vec<RowView>,
    empty: Option<String>,
    pager: Pager,
    foot: Vec<String>,
}

struct VerdictTab {
    label: String,
    href: String,
    current: bool,
}

struct RowView {
    href: String,
    time: String,
    day: String,
    ad: String,
    campaign: String,
    placement: String,
    position: String,
    country: String,
    device: String,
    vd: Vd,
    reason: String,
    worth: String,
}

/// `GET /sites/{site}/clicks`, also `.json` and `.csv`.
pub(crate) async fn answer(app: &App, asked: Asked<'_>) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    let choice = Choice::parse(subject.view.clone(), asked.pairs)?;
    let filter = Filter::parse(asked.pairs)?;
    let names = names(app, &subject);
    let terms = app.status.terms(&choice.view.site, &choice.campaign);
    let limit = asked.rows_max(app, ROWS);
    let offset = (choice.view.page - 1).saturating_mul(limit);
    let of = (&choice, &subject.period, &terms);
    let (rows, summary) = tokio::join!(
        clicks(&runner, of, filter, Order::NewestFirst, (limit, offset)),
        Summary::load(&runner, &choice, &subject.period, &terms),
    );
    match asked.extension {
        ".csv" => Ok(list_csv(&subject, &rows.map_err(unavailable)?)),
        ".json" => {
            let total = summary.map_err(unavailable)?.clicks(filter);
            Ok(list_json(&subject, &choice, &rows.map_err(unavailable)?, total))
        }
        _ => {
            let made = Made { subject, choice, filter, names, rows, summary };
            Ok(page(app, made, asked.request))
        }
    }
}

struct Made {
    subject: Subject,
    choice: Choice,
    filter: Filter,
    names: Names,
    rows: Result<Vec<ClickRow>, Failure>,
    summary: Result<Summary, Failure>,
}

fn page(app: &App, made: Made, request: &Parts) -> Response {
    let Made { subject, choice, filter, names, rows, summary } = made;
    let (view, period) = (&choice.view, &subject.period);
    let away = matches!(rows, Err(Failure::Away));
    let total = summary.as_ref().map_or(0, |summary| summary.clicks(filter));
    let count = rows.as_ref().map_or(0, Vec::len);
    let plain = choice.with(|_| {});
    let at = |page: u32| {
        let mut choice = choice.clone();
        choice.view.page = page;
        filter.href(&choice, "")
    };
    let empty = match &rows {
        Err(failure) => Some(w::failure(*failure, app.queries.seconds_max)),
        Ok(rows) if rows.is_empty() => Some(w::NO_CLICKS.to_owned()),
        Ok(_) => None,
    };
    let days = format::days(&period.current);
    let page = ClicksPage {
        frame: frame_of(app, request, w::title_clicks(&view.site), view),
        crumbs: list::crumbs(&plain, &names),
        printed: w::printed(&view.site, &days, view.gross, subject.zone_name()),
        tools: Tools::of(&subject, |view| {
            filter.href(&choice.with(|choice| choice.view = view.clone()), "")
        })
        .period_only(),
        note: delay_note(app, period, away),
        chip: filter
            .reason
            .map(|reason| (w::reason(reason), Filter { reason: None, ..filter }.href(&plain, ""))),
        heading: w::clicks(total, filter.verdict),
        tabs: summary.as_ref().map_or_else(|_| Vec::new(), |all| tabs(all, &plain, filter)),
        reasons: summary.as_ref().map_or_else(|_| Vec::new(), |all| reasons(all, &plain, filter)),
        rows: rows.iter().flatten().map(|row| row_view(row, &subject, &names)).collect(),
        empty,
        pager: Pager::new(
            (view.page, ROWS),
            (count, total.max(0).cast_unsigned()),
            at,
            |extension| filter.href(&plain, extension),
        ),
        foot: foot(app, &subject, Err(()), w::JUDGED_MEANING.to_owned()),
    };
    render(&page)
}

fn tabs(all: &Summary, choice: &Choice, filter: Filter) -> Vec<VerdictTab> {
    let verdicts = [None, Some(Verdict::Valid), Some(Verdict::Flagged), Some(Verdict::Invalid)];
    let tab = |verdict: Option<Verdict>| {
        let of = Filter { verdict, reason: None };
        VerdictTab {
            label: w::tab_of(verdict.map_or(w::ALL_VERDICTS, w::verdict), all.clicks(of)),
            href: of.href(choice, ""),
            current: filter.verdict == verdict,
        }
    };
    verdicts.into_iter().map(tab).collect()
}

/// The reasons under which the clicks of the chosen verdict count, most frequent first.
fn reasons(all: &Summary, choice: &Choice, filter: Filter) -> Vec<(String, String)> {
    let mut found: Vec<_> = footfall_event::VerdictReason::ALL
        .iter()
        .map(|reason| Filter { reason: Some(*reason), ..filter })
        .map(|of| (all.clicks(of), of))
        .filter(|(clicks, _)| *clicks > 0)
        .collect();
    found.sort_by_key(|(clicks, _)| std::cmp::Reverse(*clicks));
    let link = |(clicks, of): (i64, Filter)| {
        (w::tab_of(of.reason.map_or("", w::reason), clicks), of.href(choice, ""))
    };
    found.into_iter().map(link).collect()
}

fn row_view(row: &ClickRow, subject: &Subject, names: &Names) -> RowView {
    let verdict = Verdict::parse(&row.in_force).unwrap_or(Verdict::Valid);
    RowView {
        href: click_href(&subject.site.domain, &row.id),
        time: format::exact(&names.zone, row.at_ms),
        day: format::day_month_year(&names.zone, row.at_ms),
        ad: names.ad_name(&row.of_ad),
        campaign: names.campaign_name(&row.of_campaign),
        placement: names.placement_name(&row.of_placement),
        position: match row.of_position {
            0 => String::new(),
            position => w::position(&position.to_string()),
        },
        country: match row.of_country.as_str() {
            "" => w::UNKNOWN.to_owned(),
            code => countries::name(code).to_owned(),
        },
        device: w::device(&row.of_device).to_owned(),
        vd: Vd::of(verdict),
        reason: if row.counted.is_empty() { String::new() } else { w::removed(&row.counted) },
        worth: match row.of_currency.as_str() {
            "" => "–".to_owned(),
            currency => format::money(row.worth, currency),
        },
    }
}

/// Names and values of a click, as programs read it.
fn fields(row: &ClickRow) -> Vec<(&'static str, Value)> {
    vec![
        ("click", row.id.as_str().into()),
        ("time", footfall_event::time::format_rfc3339(row.at_ms).into()),
        ("campaign", row.of_campaign.as_str().into()),
        ("ad", row.of_ad.as_str().into()),
        ("placement", row.of_placement.as_str().into()),
        ("position", (row.of_position > 0).then_some(row.of_position).into()),
        ("country", row.of_country.as_str().into()),
        ("device", row.of_device.as_str().into()),
        ("verdict", row.in_force.as_str().into()),
        ("first_verdict", row.was.as_str().into()),
        ("reason", row.counted.as_str().into()),
        ("reasons", row.why.join(" ").into()),
        ("rules", row.judged_by.into()),
        ("price", decimal(row.worth).into()),
        ("currency", row.of_currency.as_str().into()),
    ]
}

fn list_csv(subject: &Subject, rows: &[ClickRow]) -> Response {
    let none = fields(&ClickRow::default());
    let names: Vec<_> = none.into_iter().map(|(name, _)| name).collect();
    let mut out = names.join(",") + "\r\n";
    for row in rows {
        let cells = fields(row).into_iter().map(|(_, value)| match value {
            Value::String(text) => csv_text(&text),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        out.push_str(&(cells.collect::<Vec<_>>().join(",") + "\r\n"));
    }
    csv(subject, "clicks", out)
}

fn list_json(subject: &Subject, choice: &Choice, rows: &[ClickRow], total: i64) -> Response {
    let mut body = head(subject);
    for (name, id) in [("campaign", &choice.campaign), ("ad", &choice.ad)] {
        if !id.is_empty() {
            body.insert(name.into(), id.as_str().into());
        }
    }
    body.insert("total_rows".into(), total.into());
    let object = |row: &ClickRow| -> Value {
        let mut fields: serde_json::Map<_, _> =
            fields(row).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        fields.insert("reasons".into(), json!(row.why));
        let href = click_href(&subject.site.domain, &row.id) + ".json";
        fields.insert("evidence".into(), href.into());
        Value::Object(fields)
    };
    body.insert("rows".into(), rows.iter().map(object).collect());
    axum::Json(Value::Object(body)).into_response()
}
