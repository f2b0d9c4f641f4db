//! Events of the tables: by default a click that nothing speaks against.

use footfall_event::ads::Proof;
use footfall_event::time::day_of;
use footfall_event::{Activity, Event, Id};

use crate::ads::{billing, hash, network_id};
use crate::world::{HOUR, MIDNIGHT};

pub(super) const SECOND: i64 = 1_000;
pub(super) const NOON: i64 = MIDNIGHT + 12 * HOUR;

/// The impression that belongs to a click of this number.
pub(super) const fn shown(click: u128) -> u128 {
    click | 1 << 100
}

fn event(activity: Activity, id: u128, time: i64) -> Event<'static> {
    let mut event = Event::new(activity, Id::from_u128(id), "news.example", time);
    (event.ad, event.campaign, event.billing) = ("a".into(), "c0".into(), billing(0));
    (event.placement, event.position) = ("top".into(), 1);
    event
}

/// The same by somebody: a network, and a browser in it.
pub(super) fn by(network: u64, agent: u64, mut event: Event<'static>) -> Event<'static> {
    let day = day_of(event.time);
    let visitor =
        |day| hash(network_id(network, day).0 ^ agent << 8 ^ u64::from(event.site.as_bytes()[0]));
    (event.network, event.previous_network) =
        (Some(network_id(network, day)), Some(network_id(network, day - 1)));
    (event.visitor, event.previous_visitor) = (Some(visitor(day)), Some(visitor(day - 1)));
    event.user_agent = format!("Agent/{agent}").into();
    event
}

/// A click with a signed impression of its own, ten seconds before, by visitor 1 of network 1.
pub(super) fn click(id: u128, time: i64) -> Event<'static> {
    let mut event = event(Activity::Click, id, time);
    (event.proof, event.impression) = (Proof::Signed, Some(Id::from_u128(shown(id))));
    event.impression_at = time - 10 * SECOND;
    by(1, 1, event)
}

/// A click whose link is not signed.
pub(super) fn unsigned(id: u128, time: i64) -> Event<'static> {
    Event { proof: Proof::None, impression_at: 0, ..click(id, time) }
}

/// The impression of the click of this number, if it is unsigned.
pub(super) fn impression(click: u128, time: i64) -> Event<'static> {
    by(1, 1, event(Activity::Impression, shown(click), time))
}

/// Somebody looks at an ad: a sign of life.
pub(super) fn life(id: u128, network: u64, agent: u64, time: i64) -> Event<'static> {
    let mut event = event(Activity::View, id | 1 << 110, time);
    event.impression = Some(Id::from_u128(id | 1 << 111));
    by(network, agent, event)
}

/// So many people of network 1 who live: agents from 1 on, a minute before noon.
pub(super) fn people(count: u64) -> impl Iterator<Item = Event<'static>> {
    (1..=count).map(|n| life(u128::from(n), 1, n, NOON - 60 * SECOND))
}

/// The same on an ad and a campaign of its own.
pub(super) fn elsewhere(n: u64, event: Event<'static>) -> Event<'static> {
    Event { ad: format!("ad-{n}").into(), campaign: format!("of-{n}").into(), ..event }
}
