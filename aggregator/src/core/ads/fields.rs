//! The part of an ad event's record that only ads have, apart from [`super::super::seen`], so that all
//! other events pay nothing for it.

use std::borrow::Cow;

use footfall_event::ads::{Billing, Proof, name_hash};
use footfall_event::money::Money;
use footfall_event::record::RecordError;
use footfall_event::scan::members::members;
use footfall_event::{Hex64, Id};
use serde::Deserialize;

type Text<'a> = Cow<'a, str>;

/// What stands for the names among them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::core) struct Hashes {
    pub(in crate::core) campaign: u64,
    pub(in crate::core) ad: u64,
    pub(in crate::core) placement: u64,
}

/// See [`footfall_event::Event`] for the fields.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::core) struct Fields<'a> {
    pub(in crate::core) previous_network: Option<Hex64>,
    #[serde(borrow)]
    pub(in crate::core) user_agent: Text<'a>,
    #[serde(borrow)]
    pub(in crate::core) ad: Text<'a>,
    #[serde(borrow)]
    pub(in crate::core) campaign: Text<'a>,
    #[serde(borrow)]
    pub(in crate::core) placement: Text<'a>,
    pub(in crate::core) position: u16,
    #[serde(borrow)]
    pub(in crate::core) query: Text<'a>,
    pub(in crate::core) impression: Option<Id>,
    pub(in crate::core) billing: Option<Billing>,
    pub(in crate::core) budget: Option<Money>,
    #[serde(borrow)]
    pub(in crate::core) target: Text<'a>,
    pub(in crate::core) view_days: u16,
    pub(in crate::core) measurable: bool,
    pub(in crate::core) proof: Proof,
    pub(in crate::core) impression_at: i64,
    pub(in crate::core) asn: u32,
    #[serde(borrow)]
    pub(in crate::core) timezone: Text<'a>,
    #[serde(borrow)]
    pub(in crate::core) goal: Text<'a>,
    #[serde(borrow)]
    pub(in crate::core) transaction: Text<'a>,
    #[serde(skip)]
    pub(in crate::core) hashes: Hashes,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        let none = Text::default;
        Fields {
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
            impression_at: 0,
            asn: 0,
            timezone: none(),
            goal: none(),
            transaction: none(),
            hashes: Hashes::default(),
        }
    }
}

impl<'a> Fields<'a> {
    /// By the general parser.
    ///
    /// # Errors
    /// When the bytes are not JSON, or a field is of another type.
    pub(in crate::core) fn parse(record: &'a [u8]) -> Result<Fields<'a>, RecordError> {
        Ok(serde_json::from_slice(record)?)
    }

    /// Makes what stands for the names.
    pub(in crate::core) fn hash_names(&mut self) {
        self.hashes = Hashes {
            campaign: name_hash(&self.campaign),
            ad: name_hash(&self.ad),
            placement: name_hash(&self.placement),
        };
    }
}

members! { pub(in crate::core) set_fields, has, Fields<'a>:
    previous_network user_agent ad campaign placement position query impression billing budget target
    view_days measurable proof impression_at asn timezone goal transaction
}
