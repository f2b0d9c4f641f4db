//! Differences of one batch, added up before they are written.

use footfall_event::Hex64;
use footfall_event::ads::delta::minute_of;
use footfall_event::ads::{AdDelta, Measures};
use footfall_event::money::Currency;
use footfall_event::record;
use hashbrown::HashMap;

use super::keys::{KeyId, Keys};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Window {
    minute: i64,
    key: KeyId,
    currency: Option<Currency>,
}

/// Measures by minute, place and currency, in the order in which they were first touched (which no
/// hash table may decide). Empty between batches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    list: Vec<(Window, Measures)>,
    index: HashMap<Window, usize>,
}

impl Sums {
    /// The measures of a place in the minute of a time.
    pub(crate) fn of(
        &mut self,
        time: i64,
        key: KeyId,
        currency: Option<Currency>,
    ) -> &mut Measures {
        let window = Window { minute: minute_of(time), key, currency };
        let list = &mut self.list;
        let at = *self.index.entry(window).or_insert_with(|| {
            list.push((window, Measures::default()));
            list.len() - 1
        });
        &mut self.list[at].1
    }

    /// Takes everything out that is not empty, as differences to write.
    pub(crate) fn drain<'k>(&mut self, keys: &'k Keys) -> impl Iterator<Item = AdDelta<'k>> {
        self.index.clear();
        let filled = self.list.drain(..).filter(|(_, measures)| !measures.is_empty());
        filled.map(|(window, measures)| {
            let place = keys.place(window.key);
            AdDelta {
                v: record::VERSION,
                minute: window.minute,
                site: place.site.into(),
                campaign: place.campaign.into(),
                ad: place.ad.into(),
                placement: place.placement.into(),
                position: place.position,
                query: place.query.into(),
                query_hash: Hex64(place.query_hash),
                currency: window.currency,
                measures,
            }
        })
    }
}
