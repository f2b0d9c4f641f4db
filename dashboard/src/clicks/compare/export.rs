//! The comparison for programs and spreadsheets.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Compared;
use super::load::{Amount, Changed, Pair};
use crate::clicks::choice::click_href;
use crate::site::Subject;
use crate::tables::export::{csv as file, csv_text, decimal, head};

const COLUMNS: &str =
    "click,time,campaign,ad,verdict,reason,new_verdict,new_reason,price,currency\r\n";

/// The clicks that change.
pub(super) fn csv(subject: &Subject, compared: &Compared) -> Response {
    let mut out = COLUMNS.to_owned();
    for row in &compared.changes {
        let cells = [
            row.id.clone(),
            footfall_event::time::format_rfc3339(row.at_ms),
            csv_text(&row.of_campaign),
            csv_text(&row.of_ad),
            csv_text(&row.in_force),
            csv_text(&row.counted),
            csv_text(&row.tried),
            csv_text(&row.tried_counted),
            decimal(row.worth),
            csv_text(&row.of_currency),
        ];
        out.push_str(&(cells.join(",") + "\r\n"));
    }
    file(subject, &format!("rules-v{}", compared.version), out)
}

/// Sums, and the clicks that change.
pub(super) fn json(subject: &Subject, compared: &Compared) -> Response {
    let moves = &compared.moves;
    let (lost, won) = moves.turned();
    let named = |key: &str, pairs: Vec<(String, Pair)>| -> Value {
        let one = |(name, of): (String, Pair)| {
            let mut out = pair(&of);
            out[key] = name.into();
            out
        };
        pairs.into_iter().map(one).collect()
    };
    let mut body = head(subject);
    body.insert("version".into(), compared.version.into());
    let tried = compared.tried.iter().map(|version| version.version);
    body.insert("versions".into(), tried.collect());
    body.insert("clicks".into(), compared.all.into());
    body.insert("compared".into(), moves.clicks().into());
    body.insert("changed".into(), moves.changed().into());
    body.insert("no_longer_counted".into(), lost.into());
    body.insert("counted_again".into(), won.into());
    body.insert("net".into(), pair(&moves.net()));
    body.insert("flagged".into(), pair(&moves.flagged()));
    body.insert("by_reason".into(), named("reason", moves.by_reason()));
    body.insert("by_campaign".into(), named("campaign", moves.by_campaign()));
    let site = &subject.site.domain;
    body.insert("changes".into(), compared.changes.iter().map(|row| change(site, row)).collect());
    axum::Json(Value::Object(body)).into_response()
}

fn amount(amount: &Amount) -> Value {
    let worth: serde_json::Map<_, _> =
        amount.worth.iter().map(|(code, micros)| (code.clone(), decimal(*micros).into())).collect();
    json!({"clicks": amount.clicks, "worth": worth})
}

fn pair(pair: &Pair) -> Value {
    json!({
        "in_force": amount(&pair.in_force),
        "tried": amount(&pair.tried),
        "change": amount(&pair.change),
    })
}

fn change(site: &str, row: &Changed) -> Value {
    json!({
        "click": row.id,
        "time": footfall_event::time::format_rfc3339(row.at_ms),
        "campaign": row.of_campaign,
        "ad": row.of_ad,
        "verdict": row.in_force,
        "reason": row.counted,
        "new_verdict": row.tried,
        "new_reason": row.tried_counted,
        "price": decimal(row.worth),
        "currency": row.of_currency,
        "evidence": click_href(site, &row.id) + ".json",
    })
}
