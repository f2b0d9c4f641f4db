//! What the version before remembered of a placement.

use std::collections::BTreeMap;

use footfall_event::shift;
use serde::Deserialize;

use super::{Conversions, History, Hour, POSITIONS};
use crate::rules::Reasons;

#[derive(Deserialize)]
struct HourBefore {
    impressions: [u32; POSITIONS],
    clicks: [u32; POSITIONS],
    new: u32,
    networks: BTreeMap<u32, u32>,
}

/// See the module.
#[derive(Deserialize)]
pub(crate) struct HistoryBefore {
    hour: HourBefore,
    /// Impressions of the hour after.
    next: [u32; POSITIONS],
    conversions: Conversions,
    shift: shift::Hours,
    new_share: f64,
    new_clicks: f64,
    flags: Reasons,
}

impl HistoryBefore {
    /// As it is remembered now; `open` is the hour that is open.
    pub(crate) fn now(self, open: i64) -> History {
        let HourBefore { impressions, clicks, new, networks } = self.hour;
        let hour = Hour { impressions, clicks, new, networks, conversions: Conversions::default() };
        let next = Hour { impressions: self.next, ..Hour::default() };
        let HistoryBefore { conversions, shift, new_share, new_clicks, flags, .. } = self;
        let coming = vec![(open + 1, next)];
        History { hour, coming, conversions, shift, new_share, new_clicks, flags }
    }
}
