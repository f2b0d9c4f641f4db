//! The evidence of one click for programs.

use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::case::{self, Case, Said};
use super::rows::{NO_ID, Near};
use super::signals::Signal;
use crate::clicks::choice::click_href;
use crate::rulebook::Terms;
use crate::site::Subject;

/// A time that is not known, as the warehouse writes it.
const NO_TIME: &str = "1970-01-01 00:00:00.000";
/// Neighbours that are listed; the nearest in time.
const NEIGHBOURS: usize = 100;

/// Everything about a click.
pub(super) fn json(subject: &Subject, case: &Case) -> Response {
    let site = &subject.site.domain;
    let said = case.said();
    let signals = case.signals(site);
    let body = json!({
        "site": site,
        "click": record(case),
        "verdict": said.verdict.as_str(),
        "counted_under": Some(&said.counted).filter(|word| !word.is_empty()),
        "reasons": said.reasons.iter().map(|word| reason(word, said, &case.terms)).collect::<Value>(),
        "rules": said.rules,
        "thresholds_of_rules": (case.terms.version != 0).then_some(case.terms.version),
        "history": case.history.iter().map(judgement).collect::<Value>(),
        "other_rules": case.tried.iter().map(judgement).collect::<Value>(),
        "signals": signals.iter().map(|signal| one_signal(signal, &case.terms)).collect::<Value>(),
        "neighbours": neighbours(case, site),
        "conversions": conversions(case),
    });
    axum::Json(body).into_response()
}

/// Every column. Numbers of 64 bits are written as hexadecimal text, since many programs can't
/// read them.
fn record(case: &Case) -> Map<String, Value> {
    let click = &case.click;
    let mut record = click.record.clone();
    let hashes = [
        ("network", click.of_network),
        ("visitor", click.of_visitor),
        ("account", click.of_account),
    ];
    for (column, hash) in hashes {
        let text = (hash != 0).then(|| format!("{hash:016x}"));
        record.insert(column.into(), text.into());
    }
    // What stands for nothing in the warehouse.
    for value in record.values_mut() {
        if matches!(value.as_str(), Some(NO_ID | NO_TIME)) {
            *value = Value::Null;
        }
    }
    // Belongs to the warehouse, and to nobody's evidence.
    for column in ["session", "retention_days", "new_visitor", "new_on_path"] {
        record.remove(column);
    }
    record
}

fn reason(word: &str, said: &Said, terms: &Terms) -> Value {
    match case::reason(word) {
        Some(reason) => json!({
            "reason": word,
            "sentence": reason.sentence(),
            "told": reason.told(),
            "class": reason.class().as_str(),
            "tier": terms.tier(reason).as_str(),
            "source": reason.source(),
            "counted_here": word == said.counted,
        }),
        None => json!({"reason": word, "counted_here": word == said.counted}),
    }
}

fn judgement(said: &Said) -> Value {
    json!({
        "decided_at": said.decided_ms.map(footfall_event::time::format_rfc3339),
        "rules": said.rules,
        "verdict": said.verdict.as_str(),
        "reasons": said.reasons,
        "counted_under": Some(&said.counted).filter(|word| !word.is_empty()),
        "in_force": said.in_force,
    })
}

fn one_signal(signal: &Signal, terms: &Terms) -> Value {
    let section = signal.reason.as_str();
    let thresholds = terms.thresholds.iter().filter(|threshold| threshold.section == section);
    let thresholds: Vec<Value> = thresholds
        .map(|it| json!({"key": it.key, "value": it.value, "meaning": it.meaning}))
        .collect();
    let scale = signal.finding.scale;
    json!({
        "signal": section,
        "result": signal.outcome.as_str(),
        "class": signal.reason.class().as_str(),
        "tier": signal.tier.as_str(),
        "measured": signal.finding.measured,
        "fires_at": signal.finding.fires,
        "value": scale.map(|(value, _, _)| value),
        "limit": scale.map(|(_, limit, _)| limit),
        "note": signal.finding.note,
        "thresholds": thresholds,
    })
}

fn neighbours(case: &Case, site: &str) -> Value {
    let Ok(network) = &case.around.network else { return Value::Null };
    let at = case.click.at_ms;
    let mut near: Vec<&Near> = network
        .iter()
        .filter(|near| near.of_site == site && near.click_id != case.click.click_id)
        .collect();
    near.sort_by_key(|near| (near.at_ms - at).abs());
    near.truncate(NEIGHBOURS);
    near.sort_by_key(|near| near.at_ms);
    let one = |near: &Near| {
        json!({
            "click": near.click_id,
            "time": footfall_event::time::format_rfc3339(near.at_ms),
            "same_visitor": near.of_visitor == case.click.of_visitor && near.of_visitor != 0,
            "campaign": near.of_campaign,
            "ad": near.of_ad,
            "position": (near.of_position > 0).then_some(near.of_position),
            "verdict": near.in_force,
            "reasons": near.why,
            "evidence": click_href(site, &near.click_id) + ".json",
        })
    };
    near.into_iter().map(one).collect()
}

fn conversions(case: &Case) -> Value {
    let Ok(conversions) = &case.around.conversions else { return Value::Null };
    let one = |found: &super::rows::Conversion| {
        json!({
            "time": footfall_event::time::format_rfc3339(found.at_ms),
            "goal": found.of_goal,
            "status": found.of_status,
            "amount": crate::tables::export::decimal(found.micros),
            "currency": found.of_currency,
        })
    };
    conversions.iter().map(one).collect()
}
