//! Who acts, and what is done: small, since a day has some three million acts.

use super::world::Cohort;

/// How somebody's browser behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// It runs the script: impressions, views and engagement are reported.
    Browser,
    /// It doesn't: only clicks are seen.
    Silent,
    /// It says that it is a bot.
    Declared,
    /// It says that it is driven by automation.
    Automated,
}

/// Somebody, or something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) network: u64,
    pub(crate) agent: u64,
    pub(crate) asn: u32,
    pub(crate) country: &'static str,
    pub(crate) timezone: &'static str,
    pub(crate) hours_ahead: i64,
    /// `None` for machines.
    pub(crate) cohort: Option<Cohort>,
    pub(crate) kind: Agent,
    /// How willingly ads are clicked; 1 on average.
    pub(crate) inclination: f64,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Impression,
    View,
    Click,
    Engagement,
    /// So many milliseconds after its click.
    Conversion(i64),
}

/// What a click really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// A person's.
    Honest,
    /// A person's second click on the same ad: not billable by rule, neither honest nor fraud.
    Repeat,
    /// Fraud.
    Fraud,
}

/// One thing that is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    pub(crate) time: i64,
    pub(crate) shown: i64,
    pub(crate) impression: u64,
    pub(crate) person: u32,
    pub(crate) placement: u16,
    pub(crate) ad: u16,
    pub(crate) position: u16,
    pub(crate) deed: Deed,
    pub(crate) label: Label,
    /// The link is signed and proves the impression.
    pub(crate) signed: bool,
}

impl Act {
    pub(crate) fn new(time: i64, person: u32, placement: usize, deed: Deed) -> Act {
        Act {
            time,
            shown: 0,
            impression: 0,
            person,
            placement: placement as u16,
            ad: 0,
            position: 0,
            deed,
            label: Label::Honest,
            signed: false,
        }
    }
}
