//! To which clicks, or to which impression, a conversion belongs. Pure arithmetic on what the
//! conversion's own record says: nothing is looked up.

use footfall_event::Id;
use footfall_event::ads::{Attribution, AttributionModel, Billing, CostModel, Touch};
use footfall_event::limits::CLOCK_SKEW_MS;
use footfall_event::money::Money;
use footfall_event::time::DAY_MS;
use serde::{Deserialize, Serialize};

use super::keys::{KeyId, Keys, Place};

/// One conversion, in the unit of shares.
const WHOLE: i64 = 1_000_000;

/// A click or an impression that a conversion may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Contact {
    /// The click, or the impression.
    pub(super) id: Id,
    pub(super) at: i64,
    /// Where it was.
    pub(super) key: KeyId,
    billing: Option<Billing>,
    attribution: Attribution,
}

impl Contact {
    /// As a record says it.
    pub(super) fn new(touch: &Touch<'_>, keys: &mut Keys) -> Contact {
        let key = keys.intern(&Place {
            site: &touch.site,
            campaign: &touch.campaign,
            ad: &touch.ad,
            placement: &touch.placement,
            position: touch.position,
            query: "",
            query_hash: touch.query_hash.0,
        });
        let id = if touch.click.is_nil() { touch.impression } else { Some(touch.click) };
        let Touch { at, billing, attribution, .. } = *touch;
        Contact { id: id.unwrap_or_default(), at, key, billing, attribution }
    }
}

/// A part of a conversion, counted under a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    pub(super) key: KeyId,
    /// Given to an impression, not to a click.
    pub(super) by_view: bool,
    /// Millionths of a conversion.
    pub(super) micros: i64,
    pub(super) revenue: Option<Money>,
    pub(super) cost: Option<Money>,
}

/// The shares of a conversion: to clicks, if one lies within its window, else to the impression, else
/// to nobody. Shares, revenue and equal prices add up exactly.
pub(super) fn shares(
    time: i64,
    value: Option<Money>,
    touches: &[Contact],
    view: Option<&Contact>,
) -> Vec<Share> {
    let clicks = within_window(time, touches);
    let (chosen, by_view) = match (clicks.is_empty(), view) {
        (false, _) => (clicks, false),
        (true, Some(view)) if is_seen_within_window(time, view) => (vec![*view], true),
        (true, _) => return Vec::new(),
    };
    let of = chosen.len();
    let part = |whole: Money, at| Money { micros: split(whole.micros, of, at), ..whole };
    let share = |(at, contact): (usize, &Contact)| {
        let billed = contact.billing.filter(|billing| billing.model == CostModel::Cpa);
        Share {
            key: contact.key,
            by_view,
            micros: split(WHOLE, of, at),
            revenue: value.map(|value| part(value, at)),
            cost: billed.map(|billing| part(billing.price, at)),
        }
    };
    chosen.iter().enumerate().map(share).collect()
}

/// The clicks that get a share. The last click's campaign says for how many days clicks count, and
/// by which model.
fn within_window(time: i64, touches: &[Contact]) -> Vec<Contact> {
    // Clocks differ: a click just after the conversion came before it all the same.
    let mut clicks: Vec<Contact> =
        touches.iter().filter(|touch| touch.at <= time + CLOCK_SKEW_MS).copied().collect();
    clicks.sort_unstable_by_key(|click| (click.at, click.id));
    clicks.dedup_by_key(|click| (click.at, click.id));
    let Some(last) = clicks.last() else { return clicks };
    let Attribution { model, click_days, .. } = last.attribution;
    let since = time - i64::from(click_days) * DAY_MS;
    clicks.retain(|click| click.at >= since);
    let keep = match model {
        AttributionModel::Last => clicks.len().saturating_sub(1)..clicks.len(),
        AttributionModel::First => 0..clicks.len().min(1),
        AttributionModel::Linear => 0..clicks.len(),
    };
    clicks[keep].to_vec()
}

fn is_seen_within_window(time: i64, view: &Contact) -> bool {
    (0..=i64::from(view.attribution.view_days) * DAY_MS).contains(&(time - view.at))
}

/// Part number `at` of a whole that is cut into `of` equal parts: what can't be divided goes to the
/// first ones, one millionth each.
fn split(whole: i64, of: usize, at: usize) -> i64 {
    let of = of as i64;
    whole.div_euclid(of) + i64::from((at as i64) < whole.rem_euclid(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        for whole in [0, 1, 2, 1_000_000, -7, i64::MAX, i64::MIN] {
            for of in 1..8usize {
                let sum: i128 = (0..of).map(|at| i128::from(split(whole, of, at))).sum();
                assert_eq!(sum, i128::from(whole), "{whole} in {of}");
            }
        }
    }
}
