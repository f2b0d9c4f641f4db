//! What the rules look at of an event: hashes instead of names, so that state stays small.

use footfall_event::ads::{Proof, name_hash};
use footfall_event::record::Via;
use footfall_event::{Activity, Event, Hex64};

use super::Reasons;

/// One event as the rules see it. Hashes are 0 where there is nothing.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What happened.
    pub activity: Activity,
    /// The event's id.
    pub id: u128,
    /// When, milliseconds since 1970.
    pub time: i64,
    /// When it was taken.
    pub received_at: i64,
    /// How it came.
    pub via: Via,
    /// Hash of the site.
    pub site: u64,
    /// Hash of the campaign.
    pub campaign: u64,
    /// Hash of the ad.
    pub ad: u64,
    /// Hash of the placement.
    pub placement: u64,
    /// Keyed hash of the address.
    pub network: u64,
    /// `network` under the key of the day before.
    pub previous_network: u64,
    /// Keyed hash of site, address and user agent.
    pub visitor: u64,
    /// `visitor` under the key of the day before.
    pub previous_visitor: u64,
    /// The impression that a view or a click belongs to.
    pub impression: u128,
    /// When the impression was made, by a click's token.
    pub impression_at: i64,
    /// How sure it is that a click's impression happened.
    pub proof: Proof,
    /// Whether an impression's viewability can be measured.
    pub measurable: bool,
    /// Engaged time of an engagement, milliseconds.
    pub engaged_ms: u32,
    /// The user agent says that it is a bot.
    pub bot: bool,
    /// The page says that it is driven by automation.
    pub automated: bool,
    /// Autonomous system.
    pub asn: u32,
    /// Country of the address.
    pub country: &'a str,
    /// Time zone of the browser.
    pub timezone: &'a str,
    /// Host of a foreign referrer; of a click, the foreign site that it was sent from.
    pub referrer_host: &'a str,
    /// What ingest found.
    pub found: Reasons,
}

impl<'a> Facts<'a> {
    /// The facts of a record.
    pub fn of(event: &'a Event<'_>) -> Facts<'a> {
        let hash = |id: Option<Hex64>| id.map_or(0, |id| id.0);
        Facts {
            activity: event.activity,
            id: event.id.as_u128(),
            time: event.time,
            received_at: event.received_at,
            via: event.via,
            site: name_hash(&event.site),
            campaign: name_hash(&event.campaign),
            ad: name_hash(&event.ad),
            placement: name_hash(&event.placement),
            network: hash(event.network),
            previous_network: hash(event.previous_network),
            visitor: hash(event.visitor),
            previous_visitor: hash(event.previous_visitor),
            impression: event.impression.map_or(0, |id| id.as_u128()),
            impression_at: event.impression_at,
            proof: event.proof,
            measurable: event.measurable,
            engaged_ms: event.engaged_ms,
            bot: !event.bot.is_empty(),
            automated: event.automated,
            asn: event.asn,
            country: &event.country,
            timezone: &event.timezone,
            referrer_host: &event.referrer_host,
            found: event.found.iter().copied().collect(),
        }
    }

    /// Facts with nothing but what every event has.
    pub fn new(activity: Activity, id: u128, time: i64) -> Facts<'a> {
        Facts {
            activity,
            id,
            time,
            received_at: time,
            via: Via::Script,
            site: 0,
            campaign: 0,
            ad: 0,
            placement: 0,
            network: 0,
            previous_network: 0,
            visitor: 0,
            previous_visitor: 0,
            impression: 0,
            impression_at: 0,
            proof: Proof::None,
            measurable: false,
            engaged_ms: 0,
            bot: false,
            automated: false,
            asn: 0,
            country: "",
            timezone: "",
            referrer_host: "",
            found: Reasons::NONE,
        }
    }
}
