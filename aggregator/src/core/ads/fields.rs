//! The part of an ad event's record that only ads have. Read apart from [`super::super::seen`], so
//! that all other events pay nothing for it.

use std::borrow::Cow;

use footfall_event::ads::{Billing, Proof};
use footfall_event::money::Money;
use footfall_event::{Hex64, Id, VerdictReason};
use serde::Deserialize;

type Text<'a> = Cow<'a, str>;

/// See [`footfall_event::Event`] for the fields.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(in crate::core) struct Fields<'a> {
    pub(super) network: Option<Hex64>,
    pub(super) previous_network: Option<Hex64>,
    #[serde(borrow)]
    pub(super) user_agent: Text<'a>,
    #[serde(borrow)]
    pub(super) ad: Text<'a>,
    #[serde(borrow)]
    pub(super) campaign: Text<'a>,
    #[serde(borrow)]
    pub(super) placement: Text<'a>,
    pub(super) position: u16,
    #[serde(borrow)]
    pub(super) query: Text<'a>,
    pub(super) impression: Option<Id>,
    pub(super) billing: Option<Billing>,
    pub(super) budget: Option<Money>,
    #[serde(borrow)]
    pub(super) target: Text<'a>,
    pub(super) view_days: u16,
    pub(super) measurable: bool,
    pub(super) proof: Proof,
    pub(super) found: Vec<VerdictReason>,
    #[serde(borrow)]
    pub(super) goal: Text<'a>,
    #[serde(borrow)]
    pub(super) transaction: Text<'a>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        let none = Text::default;
        Fields {
            network: None,
            previous_network: None,
            user_agent: none(),
            ad: none(),
            campaign: none(),
            placement: none(),
            position: 0,
            query: none(),
            impression: None,
            billing: None,
            budget: None,
            target: none(),
            view_days: 0,
            measurable: false,
            proof: Proof::default(),
            found: Vec::new(),
            goal: none(),
            transaction: none(),
        }
    }
}

impl<'a> Fields<'a> {
    /// Reads them from a record.
    ///
    /// # Errors
    /// When the bytes are not JSON, or a field is of another type.
    pub(in crate::core) fn parse(record: &'a [u8]) -> Result<Fields<'a>, serde_json::Error> {
        serde_json::from_slice(record)
    }
}
