//! What is known of a click when its signals are explained.

use footfall_event::VerdictReason;

use super::load::Around;
use super::rows::{Click, Counts, Life, Near, OfImpression, Place, PlaceHour};
use crate::ads::names::Names;

/// Everything that findings look at. What could not be read is empty, and `is_whole` says so.
pub(super) struct Facts<'a> {
    pub(super) click: &'a Click,
    pub(super) names: &'a Names,
    pub(super) site: &'a str,
    /// Every reason of the verdict in force.
    pub(super) reasons: &'a [String],
    /// Clicks of its network, in the order of time, itself among them.
    pub(super) network: &'a [Near],
    pub(super) life: &'a [Life],
    pub(super) impression: &'a [OfImpression],
    pub(super) place: Option<&'a Place>,
    pub(super) counts: Option<&'a Counts>,
    /// Hours of its placement before its own, in their order.
    pub(super) hours: &'a [PlaceHour],
    /// The network's clicks and its life could be read.
    pub(super) is_whole: bool,
}

impl<'a> Facts<'a> {
    /// From what was read.
    pub(super) fn of(
        click: &'a Click,
        around: &'a Around,
        names: &'a Names,
        site: &'a str,
        reasons: &'a [String],
    ) -> Facts<'a> {
        Facts {
            click,
            names,
            site,
            reasons,
            network: around.network.as_deref().unwrap_or_default(),
            life: around.life.as_deref().unwrap_or_default(),
            impression: around.impression.as_deref().unwrap_or_default(),
            place: around.place.as_ref().ok().filter(|place| place.clicks > 0),
            counts: around.counts.as_ref().ok(),
            hours: around.hours.as_deref().unwrap_or_default(),
            is_whole: around.network.is_ok() && around.life.is_ok() && click.of_network != 0,
        }
    }

    /// Whether a reason is among those of the verdict.
    pub(super) fn fired(&self, reason: VerdictReason) -> bool {
        self.reasons.iter().any(|word| word == reason.as_str())
    }

    /// When its impression was made: by its token, else as it was stored.
    pub(super) fn impression_ms(&self) -> Option<i64> {
        let token = Some(self.click.impression_ms).filter(|at| *at > 0);
        let stored = || self.impression.iter().find(|it| it.kind == "impression");
        token.or_else(|| Some(stored()?.at_ms))
    }

    /// Whether a token says which impression it belongs to.
    pub(super) fn is_signed(&self) -> bool {
        matches!(self.click.text("proof"), "signed" | "expired")
    }

    /// Clicks of the network before it, and itself.
    pub(super) fn until_now(&self) -> impl DoubleEndedIterator<Item = &'a Near> + use<'a> {
        let (at, id) = (self.click.at_ms, self.click.click_id.as_str());
        self.network.iter().filter(move |near| (near.at_ms, near.click_id.as_str()) <= (at, id))
    }

    /// Whether a click is this one.
    pub(super) fn is_this(&self, near: &Near) -> bool {
        near.click_id == self.click.click_id && near.of_site == self.site
    }

    /// Visitors of the network who showed signs of life, at the site where there were most.
    pub(super) fn live(&self) -> i64 {
        self.life.iter().map(|life| life.live.len() as i64).max().unwrap_or(0)
    }

    /// Whether a visitor of a site showed signs of life.
    pub(super) fn is_live(&self, site: &str, visitor: u64) -> bool {
        self.life.iter().any(|life| life.of_site == site && life.live.contains(&visitor))
    }

    /// Ads that the network was shown.
    pub(super) fn shown(&self) -> i64 {
        self.life.iter().map(|life| life.shown).sum()
    }
}
