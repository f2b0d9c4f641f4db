//! Differences of one batch, added up before they are written.

use footfall_event::Hex64;
use footfall_event::ads::{AdDelta, Measures};
use footfall_event::money::Currency;
use footfall_event::record;

use super::keys::{KeyId, Keys};
use crate::windows::Windows;

/// Windows of the ads' figures are this long, milliseconds.
const MINUTE_MS: i64 = 60_000;

/// Measures by minute, place and currency. Empty between batches.
#[derive(Clone, Debug)]
pub(crate) struct Sums(Windows<(KeyId, Option<Currency>), Measures>);

impl Default for Sums {
    fn default() -> Sums {
        Sums(Windows::new(MINUTE_MS))
    }
}

impl Sums {
    /// The measures of a place in the minute of a time.
    pub(crate) fn of(
        &mut self,
        time: i64,
        key: KeyId,
        currency: Option<Currency>,
    ) -> &mut Measures {
        self.0.at(time, (key, currency))
    }

    /// Takes everything out that is not empty, as differences to write.
    pub(crate) fn drain<'k>(&mut self, keys: &'k Keys) -> impl Iterator<Item = AdDelta<'k>> {
        let filled = self.0.drain().filter(|(.., measures)| !measures.is_empty());
        filled.map(|(minute, (key, currency), measures)| {
            let place = keys.place(key);
            AdDelta {
                v: record::VERSION,
                minute,
                site: place.site.into(),
                campaign: place.campaign.into(),
                ad: place.ad.into(),
                placement: place.placement.into(),
                position: place.position,
                query: place.query.into(),
                query_hash: Hex64(place.query_hash),
                currency,
                measures,
            }
        })
    }
}
