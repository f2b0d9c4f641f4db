//! Network: where the address is, and its keyed hash. After this step the address is forgotten.

use std::net::IpAddr;
use std::sync::Arc;

use footfall_event::record::Event;
use footfall_event::time::day_of;

use super::Context;
use crate::geo::Place;

/// The place of an address.
pub(crate) fn look_up(context: &Context<'_>, address: Option<IpAddr>) -> Option<Arc<Place>> {
    address.map(|address| context.geo.place(address))
}

/// Writes place and network into the event.
pub(crate) fn describe<'a>(
    event: &mut Event<'a>,
    context: &Context<'_>,
    address: Option<IpAddr>,
    place: Option<&'a Place>,
) {
    if let Some(place) = place {
        event.country = place.country.as_str().into();
        event.region = place.region.as_str().into();
        event.city = place.city.as_str().into();
        event.asn = place.asn;
        event.as_organization = (&*place.as_organization).into();
    }
    if let Some(address) = address {
        let day = day_of(event.time);
        event.network = context.keys.of_event(day).map(|key| key.network(address));
        event.previous_network = context.keys.of_day(day - 1).map(|key| key.network(address));
    }
}
