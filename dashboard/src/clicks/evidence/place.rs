//! The click among those of its placement. The rules follow a placement's clicks one by one, with a
//! memory of their own; here stands what the day before looked like.

use std::collections::BTreeSet;

use footfall_event::shift;

use super::facts::Facts;
use super::rows::Place;
use super::signals::{Finding, Limits, Side};
use crate::format;
use crate::words as w;

/// A share of the placement's clicks, which an alarm follows.
fn share(facts: &Facts<'_>, limits: Limits<'_>, of: fn(&Place) -> i64) -> Finding {
    let strange = limits.get("strange");
    let fires = match (limits.get("usual"), strange) {
        (Some(usual), Some(strange)) => w::fires_share(usual, strange),
        _ => "–".to_owned(),
    };
    match facts.place {
        Some(place) => Finding::new(format::share(of(place), place.clicks), fires)
            .against(of(place) as f64 / place.clicks as f64, strange, Side::Above)
            .noting(w::of_placement(of(place), place.clicks)),
        None => Finding::new("–", fires).noting(w::PLACEMENT_UNREAD).unless(false),
    }
}

pub(super) fn hidden(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let view = facts.impression.iter().find(|it| it.kind == "view");
    let shown = facts.impression.iter().find(|it| it.kind == "impression");
    let found = share(facts, limits, |place| place.unviewed);
    match (view, shown) {
        (Some(view), _) => found.noting(w::was_viewable(view.viewable, view.visible)),
        (None, Some(shown)) if shown.is_measurable => found.noting(w::NEVER_VIEWED),
        (None, Some(_)) => found.noting(w::NOT_MEASURABLE).unless(false),
        (None, None) => found.noting(w::UNKNOWN_VIEW).unless(false),
    }
}

pub(super) fn flooding(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    share(facts, limits, |place| place.unproven)
}

pub(super) fn fast(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    share(facts, limits, |place| place.fast)
}

pub(super) fn concentration(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    share(facts, limits, |place| place.repeated)
}

pub(super) fn lifeless(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let found = share(facts, limits, |place| place.lifeless);
    if facts.is_whole && facts.is_live(facts.site, facts.click.of_visitor) {
        return found.noting(w::VISITOR_LIVES);
    }
    found
}

pub(super) fn collusion(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let others: BTreeSet<&str> = facts
        .network
        .iter()
        .map(|near| near.of_site.as_str())
        .filter(|site| *site != facts.site)
        .collect();
    let limit = limits.get("publishers");
    let fires = limit.map_or("–".to_owned(), |limit| w::fires_publishers(limit as i64));
    Finding::new(w::publishers(others.len() as i64), fires)
        .against(others.len() as f64, limit, Side::Above)
        .unless(facts.is_whole)
}

/// Something that is compared by the hour, with so many clicks at the least.
fn hourly(
    facts: &Facts<'_>,
    fires: String,
    needed: Option<f64>,
    measured: impl FnOnce(&Place) -> String,
) -> Finding {
    match facts.place {
        Some(place) => {
            let enough = needed.is_none_or(|needed| place.hour_clicks as f64 >= needed);
            let found = Finding::new(measured(place), fires);
            match needed {
                Some(needed) if !enough => {
                    found.noting(w::needs_clicks(needed as i64, place.hour_clicks)).unless(false)
                }
                _ => found,
            }
        }
        None => Finding::new("–", fires).noting(w::PLACEMENT_UNREAD).unless(false),
    }
}

pub(super) fn ctr(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = limits.get("probability").map_or("–".to_owned(), w::fires_chance);
    let impressions = facts.counts.map_or(0, |counts| counts.hour_impressions);
    hourly(facts, fires, limits.get("clicks"), |place| format::rate(place.hour_clicks, impressions))
}

/// The sum that the rules follow from hour to hour, as it stood when the click's own hour began: with
/// it the click was judged.
pub(super) fn shift(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let [slack, alarm, needed] = ["slack", "alarm", "hours"].map(|key| limits.get(key));
    let fires = alarm.map_or("–".to_owned(), w::fires_shift);
    let of = match (slack, alarm, needed) {
        (Some(slack), Some(alarm), Some(hours)) => {
            shift::Limits { slack, alarm, hours: hours as u32 }
        }
        _ => return Finding::new("–", fires).unless(false),
    };
    // Until then the rules don't know the placement.
    let known = facts.hours.iter().skip_while(|hour| hour.happened == 0);
    let (mut hours, mut closed, mut last) = (shift::Hours::default(), 0, None);
    for hour in known.filter(|hour| hour.of_campaign > 0) {
        let clicks = u32::try_from(hour.of_place).unwrap_or_default();
        last = Some(hours.close(hour.of_hour, clicks, of));
        closed += 1;
    }
    match last {
        Some(shift::Hour { clicks, usual: Some(usual), sum, .. }) => {
            Finding::new(w::cusum(sum), fires)
                .against(sum, alarm, Side::Above)
                .noting(w::clicks_usual(clicks, usual))
        }
        _ => Finding::new("–", fires).noting(w::needs_hours(of.hours.into(), closed)).unless(false),
    }
}

pub(super) fn burst(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = limits.get("deviations").map_or("–".to_owned(), w::fires_above);
    hourly(facts, fires, limits.get("clicks"), |place| w::times(place.hour_clicks, w::AN_HOUR))
}

pub(super) fn entropy(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = limits.get("deviations").map_or("–".to_owned(), w::fires_below);
    hourly(facts, fires, limits.get("clicks"), |place| {
        w::networks_of(place.hour_networks, place.hour_clicks)
    })
}

pub(super) fn conversions(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let fires = limits.get("probability").map_or("–".to_owned(), w::fires_chance);
    let Some(counts) = facts.counts else {
        return Finding::new("–", fires).noting(w::PLACEMENT_UNREAD).unless(false);
    };
    let needed = limits.get("clicks").unwrap_or(0.0);
    let found = Finding::new(w::conversions_of(counts.day_conversions, counts.day_clicks), fires);
    if (counts.day_clicks as f64) < needed {
        return found.noting(w::needs_clicks(needed as i64, counts.day_clicks)).unless(false);
    }
    found
}

pub(super) fn conversion_times(limits: Limits<'_>) -> Finding {
    let fires = match (limits.get("glut"), limits.get("flat")) {
        (Some(glut), Some(flat)) => w::fires_times(glut, flat),
        _ => "–".to_owned(),
    };
    Finding::new("–", fires).noting(w::BY_CAMPAIGN)
}
