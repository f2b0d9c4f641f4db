//! The credit report: every invalid click of a campaign or ad, what it would have cost, and why it
//! does not. An advertiser can check it line by line; it has no address and no visitor in it.

use axum::response::Response;
use footfall_event::ads::is_name;
use footfall_event::{Verdict, VerdictReason};

use super::choice::Filter;
use super::load::{ClickRow, Order, Summary, clicks};
use crate::App;
use crate::ads::Scope;
use crate::ads::choice::Choice;
use crate::error::Problem;
use crate::site::{Subject, unavailable};
use crate::tables::export::{csv, csv_text, decimal};
use crate::words as w;

/// Clicks that one report lists. Its totals are of all.
const ROWS_MAX: u32 = 100_000;
const COLUMNS: &str =
    "click,time,ad,placement,position,reason,sentence,credited,currency,rules\r\n";

/// Answers with the report.
pub(super) async fn answer(
    app: &App,
    site: &str,
    scope: Scope,
    pairs: &[(String, String)],
) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = Subject::resolve(app, &runner, site, pairs).await?;
    let mut choice = Choice::parse(subject.view.clone(), pairs)?;
    let (campaign, ad) = match scope {
        Scope::Campaign(id) => (id, String::new()),
        Scope::Ad(id) => (String::new(), id),
        Scope::All => Default::default(),
    };
    let id = if ad.is_empty() { &campaign } else { &ad };
    if !is_name(id) {
        return Err(Problem::NotFound);
    }
    let name = format!("credit-{id}");
    (choice.campaign, choice.ad) = (campaign, ad);
    let terms = app.status.terms(&choice.view.site, &choice.campaign);
    let of = (&choice, &subject.period, &terms);
    let (rows, summary) = tokio::join!(
        clicks(&runner, of, Filter::INVALID, Order::OldestFirst, (ROWS_MAX, 0)),
        Summary::load(&runner, &choice, &subject.period, &terms),
    );
    let (rows, summary) = (rows.map_err(unavailable)?, summary.map_err(unavailable)?);
    Ok(csv(&subject, &name, report(&rows, &summary)))
}

/// The lines: one per click, one per reason and currency, one per currency over all.
fn report(rows: &[ClickRow], summary: &Summary) -> String {
    let mut out = COLUMNS.to_owned();
    for row in rows {
        out.push_str(&click_line(row));
    }
    for reason in VerdictReason::ALL {
        totals(summary, Filter::because(*reason), reason.as_str(), &mut out);
    }
    totals(summary, Filter::INVALID, "", &mut out);
    if summary.clicks(Filter::INVALID) > rows.len() as i64 {
        out.push_str(&format!("note,,,,,,{},,,\r\n", csv_text(&w::credit_cut(rows.len()))));
    }
    out
}

fn click_line(row: &ClickRow) -> String {
    let sentence = VerdictReason::parse(&row.counted).map_or("", VerdictReason::sentence);
    let position = if row.of_position > 0 { row.of_position.to_string() } else { String::new() };
    let cells = [
        row.id.clone(),
        footfall_event::time::format_rfc3339(row.at_ms),
        csv_text(&row.of_ad),
        csv_text(&row.of_placement),
        position,
        csv_text(&row.counted),
        csv_text(sentence),
        decimal(row.worth),
        csv_text(&row.of_currency),
        row.judged_by.to_string(),
    ];
    cells.join(",") + "\r\n"
}

/// What the clicks of a filter add up to: a line per currency, or one without any.
fn totals(summary: &Summary, filter: Filter, reason: &str, out: &mut String) {
    let clicks = summary.clicks(filter);
    if clicks == 0 && !reason.is_empty() {
        return;
    }
    let mut worth = summary.worth(filter);
    if worth.is_empty() {
        worth.push((String::new(), 0));
    }
    for (currency, micros) in worth {
        let count = csv_text(&w::clicks(clicks, Some(Verdict::Invalid)));
        let credited = decimal(micros);
        out.push_str(&format!("total,,,,,{reason},{count},{credited},{currency},\r\n"));
    }
}
