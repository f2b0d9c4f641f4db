//! What the click says about itself.

use super::facts::Facts;
use super::signals::{Finding, Limits, Side};
use crate::words as w;
use crate::{countries, format};

const DAY_MS: f64 = 86_400_000.0;

pub(super) fn bot(facts: &Facts<'_>) -> Finding {
    let bot = facts.click.text("bot");
    let measured = if bot.is_empty() { w::NO.to_owned() } else { bot.to_owned() };
    Finding::new(measured, w::FIRES_DECLARED).noting(w::agent(
        facts.click.text("browser"),
        facts.click.text("browser_version"),
        facts.click.text("os"),
    ))
}

pub(super) fn blocklist(facts: &Facts<'_>) -> Finding {
    let listed = facts.fired(footfall_event::VerdictReason::Blocklisted);
    Finding::new(if listed { w::LISTED } else { w::NOT_LISTED }, w::FIRES_LISTED)
}

pub(super) fn automated(facts: &Facts<'_>) -> Finding {
    let automated = facts.click.is("automated");
    Finding::new(if automated { w::YES } else { w::NO }, w::FIRES_AUTOMATED)
}

pub(super) fn running(facts: &Facts<'_>) -> Finding {
    let stopped = facts.fired(footfall_event::VerdictReason::NotRunning);
    Finding::new(if stopped { w::NOT_RUNNING } else { w::RUNS }, w::FIRES_NOT_RUNNING)
}

pub(super) fn expired(facts: &Facts<'_>) -> Finding {
    if !facts.is_signed() || facts.click.impression_ms <= 0 {
        return Finding::new("–", "> 24 h").noting(w::UNSIGNED).unless(false);
    }
    let age = facts.click.at_ms - facts.click.impression_ms;
    Finding::new(format::span(age), "> 24 h").against(age as f64, Some(DAY_MS), Side::Above)
}

pub(super) fn size(facts: &Facts<'_>) -> Finding {
    let placement = facts.names.placement(facts.click.text("placement"));
    match placement.and_then(|placement| placement.size) {
        Some((width, height)) => Finding::new(format!("{width}×{height}"), w::FIRES_SIZE),
        None => Finding::new("–", w::FIRES_SIZE).noting(w::SIZE_UNKNOWN).unless(false),
    }
}

pub(super) fn hosting(facts: &Facts<'_>) -> Finding {
    match facts.click.number("asn") {
        0 => Finding::new("–", w::FIRES_LISTED).noting(w::NETWORK_UNKNOWN).unless(false),
        asn => Finding::new(format!("AS{asn}"), w::FIRES_LISTED)
            .noting(facts.click.text("as_organization")),
    }
}

pub(super) fn fast(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let limit = limits.get("sooner_ms");
    let fires = limit.map_or("–".to_owned(), |limit| format!("< {}", format::span(limit as i64)));
    match facts.impression_ms() {
        Some(at) => {
            let delay = facts.click.at_ms - at;
            Finding::new(format::span(delay), fires).against(delay as f64, limit, Side::Below)
        }
        None => Finding::new("–", fires).noting(w::UNKNOWN_DELAY).unless(false),
    }
}

pub(super) fn travel(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = match (limits.get("km_per_hour"), limits.get("km")) {
        (Some(speed), Some(km)) => w::fires_travel(speed as i64, km as i64),
        _ => "–".to_owned(),
    };
    match facts.click.of_account {
        0 => Finding::new("–", fires).noting(w::NO_ACCOUNT).unless(false),
        _ => Finding::new(country(facts), fires).noting(w::WITHIN_CAMPAIGN),
    }
}

fn country(facts: &Facts<'_>) -> String {
    match facts.click.text("country") {
        "" => w::UNKNOWN.to_owned(),
        code => countries::name(code).to_owned(),
    }
}

pub(super) fn referrer(facts: &Facts<'_>) -> Finding {
    match facts.click.text("referrer_host") {
        "" => Finding::new(w::OWN_SITE, w::FIRES_REFERRER),
        host => Finding::new(host, w::FIRES_REFERRER),
    }
}

pub(super) fn hints(facts: &Facts<'_>) -> Finding {
    let contradict = facts.fired(footfall_event::VerdictReason::HintMismatch);
    Finding::new(if contradict { w::HINTS_CONTRADICT } else { w::HINTS_AGREE }, w::FIRES_HINTS)
}

pub(super) fn geo(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = limits.get("km").map_or("–".to_owned(), |km| w::fires_apart(km as i64));
    let (zone, country) = (facts.click.text("timezone"), facts.click.text("country"));
    if zone.is_empty() || country.is_empty() {
        return Finding::new("–", fires).noting(w::ZONE_UNKNOWN).unless(false);
    }
    Finding::new(format!("{zone}, {country}"), fires)
}

pub(super) fn impression_known(facts: &Facts<'_>) -> Finding {
    if facts.is_signed() {
        return Finding::new(w::SIGNED, w::FIRES_UNKNOWN_IMPRESSION);
    }
    let found = facts.impression.iter().any(|it| it.kind == "impression");
    match (facts.click.impression(), found) {
        ("", _) => Finding::new("–", w::FIRES_UNKNOWN_IMPRESSION)
            .noting(w::NO_IMPRESSION_NAMED)
            .unless(false),
        (_, true) => Finding::new(w::FOUND, w::FIRES_UNKNOWN_IMPRESSION),
        (_, false) => Finding::new(w::NOT_FOUND_HERE, w::FIRES_UNKNOWN_IMPRESSION),
    }
}

pub(super) fn impression_named(facts: &Facts<'_>) -> Finding {
    let named = facts.is_signed() || !facts.click.impression().is_empty();
    Finding::new(if named { w::NAMED } else { w::NONE }, w::FIRES_NO_IMPRESSION)
}

pub(super) fn placement(facts: &Facts<'_>) -> Finding {
    let placement = facts.click.text("placement");
    let measured = if placement.is_empty() { w::NONE } else { placement };
    Finding::new(measured, w::FIRES_NOT_IN_CATALOGUE)
}

pub(super) fn position(facts: &Facts<'_>) -> Finding {
    let all = facts.names.placement(facts.click.text("placement")).and_then(|it| it.positions);
    let measured = match (facts.click.number("position"), all) {
        (0, _) => w::NONE.to_owned(),
        (position, Some(all)) => w::of_positions(position, i64::from(all)),
        (position, None) => position.to_string(),
    };
    Finding::new(measured, w::FIRES_NOT_IN_CATALOGUE)
}
