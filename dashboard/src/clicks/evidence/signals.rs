//! Each signal of the rules for one click: what was measured, at what it fires, and whether it did.
//!
//! Whether it fired is what the judgement says. What was measured is reckoned here, from stored
//! events, in the way that the rules do; where that needs the rules' own memory (the sequential tests
//! of placements, comparisons by the hour) the nearest figure is shown. The judgement holds.

use footfall_event::VerdictReason;
use footfall_event::verdict::Tier;

use super::facts::Facts;
use super::{own, place, repeats};
use crate::chart::one;
use crate::rulebook::Terms;

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is among the reasons.
    Fired,
    /// It was looked at and is not.
    Clear,
    /// There was too little to judge by.
    NotJudged,
    /// The rules switch it off.
    Off,
}

impl Outcome {
    /// The word for programs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Outcome::Fired => "fired",
            Outcome::Clear => "clear",
            Outcome::NotJudged => "not_judged",
            Outcome::Off => "off",
        }
    }
}

/// On which side of its limit a signal fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Below,
    Above,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Finding {
    pub(super) measured: String,
    pub(super) fires: String,
    /// The same as numbers, where there are any: value, limit, side.
    pub(super) scale: Option<(f64, f64, Side)>,
    pub(super) note: String,
    /// There was too little to judge by.
    pub(super) too_little: bool,
}

impl Finding {
    /// A value and at what it fires.
    pub(super) fn new(measured: impl Into<String>, fires: impl Into<String>) -> Finding {
        Finding { measured: measured.into(), fires: fires.into(), ..Finding::default() }
    }

    /// With a remark.
    pub(super) fn noting(self, note: impl Into<String>) -> Finding {
        Finding { note: note.into(), ..self }
    }

    /// Drawn against its limit, if there is one.
    pub(super) fn against(self, value: f64, limit: Option<f64>, side: Side) -> Finding {
        Finding { scale: limit.map(|limit| (value, limit, side)), ..self }
    }

    /// With too little to judge by, if that is so.
    pub(super) fn unless(self, enough: bool) -> Finding {
        Finding { too_little: !enough, ..self }
    }
}

/// A signal, ready to be written.
pub(super) struct Signal {
    pub(super) reason: VerdictReason,
    pub(super) outcome: Outcome,
    pub(super) tier: Tier,
    pub(super) finding: Finding,
    pub(super) gauge: Option<Gauge>,
}

/// A value on a track, in percent; the zone is where it fires.
pub(super) struct Gauge {
    pub(super) zone_x: &'static str,
    pub(super) zone_width: &'static str,
    pub(super) tick: &'static str,
    pub(super) at: String,
}

/// All signals that concern clicks: those that fired, those that did not, those without enough data.
pub(super) fn signals(facts: &Facts<'_>, terms: &Terms) -> Vec<Signal> {
    let mut all: Vec<Signal> =
        VerdictReason::ALL.iter().filter_map(|reason| signal(*reason, facts, terms)).collect();
    all.sort_by_key(|signal| signal.outcome as u8);
    all
}

fn signal(reason: VerdictReason, facts: &Facts<'_>, terms: &Terms) -> Option<Signal> {
    let finding = finding(reason, facts, terms)?;
    let tier = terms.tier(reason);
    let outcome = if facts.fired(reason) {
        Outcome::Fired
    } else if tier == Tier::Off {
        Outcome::Off
    } else if finding.too_little {
        Outcome::NotJudged
    } else {
        Outcome::Clear
    };
    let gauge = finding.scale.and_then(gauge);
    Some(Signal { reason, outcome, tier, finding, gauge })
}

fn gauge((value, limit, side): (f64, f64, Side)) -> Option<Gauge> {
    if !(limit > 0.0 && value >= 0.0) {
        return None;
    }
    let (zone_x, zone_width, tick, scale) = match side {
        Side::Below => ("0", "50%", "50%", 50.0),
        Side::Above => ("60%", "40%", "60%", 60.0),
    };
    let at = format!("{}%", one((value / limit * scale).clamp(2.0, 98.0)));
    Some(Gauge { zone_x, zone_width, tick, at })
}

/// What was measured for a reason; `None` for those that clicks never have.
fn finding(reason: VerdictReason, facts: &Facts<'_>, terms: &Terms) -> Option<Finding> {
    use VerdictReason as R;
    let of = |section: &'static str| Limits { terms, section };
    Some(match reason {
        R::DuplicateImpression => return None,
        R::BotAgent => own::bot(facts),
        R::Blocklisted => own::blocklist(facts),
        R::Automated => own::automated(facts),
        R::NotRunning => own::running(facts),
        R::Expired => own::expired(facts),
        R::PlacementSize => own::size(facts),
        R::DatacentreNetwork => own::hosting(facts),
        R::FastClick => own::fast(facts, of("fast_click")),
        R::ImpossibleTravel => own::travel(facts, of("impossible_travel")),
        R::ReferrerMismatch => own::referrer(facts),
        R::GeoMismatch => own::geo(facts, of("geo_mismatch")),
        R::ImpressionUnknown => own::impression_known(facts),
        R::NoImpression => own::impression_named(facts),
        R::PlacementUnknown => own::placement(facts),
        R::PositionUnknown => own::position(facts),
        R::HintMismatch => own::hints(facts),
        R::DoubleClick => repeats::double(facts, of("double_click")),
        R::DuplicateClick => repeats::on_impression(facts),
        R::VisitorAdDuplicate => repeats::on_ad(facts, of("visitor_ad_duplicate")),
        R::NetworkRate => repeats::network(facts, of("network_rate")),
        R::CampaignRate => repeats::campaign(facts, of("campaign_rate")),
        R::Churn => repeats::churn(facts, of("churn")),
        R::RegularTiming => repeats::timing(facts, of("regular_timing")),
        R::ClicksEverything => repeats::everything(facts, of("clicks_everything")),
        R::HiddenAd => place::hidden(facts, of("hidden_ad")),
        R::ClickFlooding => place::flooding(facts, of("click_flooding")),
        R::FastClicks => place::fast(facts, of("fast_clicks")),
        R::Concentration => place::concentration(facts, of("concentration")),
        R::Collusion => place::collusion(facts, of("collusion")),
        R::Lifeless => place::lifeless(facts, of("lifeless")),
        R::PlacementCtr => place::ctr(facts, of("placement_ctr")),
        R::RateShift => place::shift(facts, of("rate_shift")),
        R::NewVisitorBurst => place::burst(facts, of("new_visitor_burst")),
        R::AddressEntropy => place::entropy(facts, of("address_entropy")),
        R::ConversionRate => place::conversions(facts, of("conversion_rate")),
        R::ConversionTiming => place::conversion_times(of("conversion_timing")),
    })
}

/// The thresholds of one section.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    terms: &'a Terms,
    section: &'static str,
}

impl Limits<'_> {
    /// A threshold; `None` when the rules are not known.
    pub(super) fn get(&self, key: &'static str) -> Option<f64> {
        debug_assert!(
            THRESHOLDS_SHOWN.contains(&(self.section, key)),
            "{}.{key} is not in the list",
            self.section
        );
        self.terms.number(self.section, key)
    }

    /// A threshold of another section.
    pub(super) fn of(&self, section: &'static str, key: &'static str) -> Option<f64> {
        Limits { section, ..*self }.get(key)
    }
}

/// Thresholds that the page of a click shows, by section and key of `rules.toml`.
pub const THRESHOLDS_SHOWN: &[(&str, &str)] = &[
    ("shared_address", "household"),
    ("double_click", "within_ms"),
    ("visitor_ad_duplicate", "within_s"),
    ("network_rate", "per_minute"),
    ("network_rate", "per_hour"),
    ("network_rate", "per_day"),
    ("campaign_rate", "per_day"),
    ("campaign_rate", "ratio"),
    ("churn", "visitors"),
    ("churn", "share"),
    ("regular_timing", "gaps"),
    ("regular_timing", "variation"),
    ("clicks_everything", "ads"),
    ("clicks_everything", "ratio"),
    ("fast_click", "sooner_ms"),
    ("hidden_ad", "usual"),
    ("hidden_ad", "strange"),
    ("click_flooding", "usual"),
    ("click_flooding", "strange"),
    ("fast_clicks", "usual"),
    ("fast_clicks", "strange"),
    ("concentration", "apart_s"),
    ("concentration", "usual"),
    ("concentration", "strange"),
    ("collusion", "publishers"),
    ("lifeless", "usual"),
    ("lifeless", "strange"),
    ("placement_ctr", "clicks"),
    ("placement_ctr", "probability"),
    ("rate_shift", "slack"),
    ("rate_shift", "alarm"),
    ("rate_shift", "hours"),
    ("new_visitor_burst", "deviations"),
    ("new_visitor_burst", "clicks"),
    ("address_entropy", "deviations"),
    ("address_entropy", "clicks"),
    ("conversion_rate", "probability"),
    ("conversion_rate", "clicks"),
    ("conversion_timing", "glut"),
    ("conversion_timing", "flat"),
    ("impossible_travel", "km_per_hour"),
    ("impossible_travel", "km"),
    ("geo_mismatch", "km"),
];
