//! Signs of life where no ads are shown, which nobody needs to remember.
//!
//! They count from the first ad of a shard on, and until a day after the last. Which was first is
//! known when what is late has come: till then, those that don't count are kept aside.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{IMPRESSIONS_MS, LATENESS_MS};

/// Signs that are kept aside at the most; the oldest go first.
const SIGNS_MAX: usize = 65_536;

/// A visitor read, looked or did something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sign {
    pub(super) network: u64,
    pub(super) visitor: u64,
    pub(super) site: u64,
    pub(super) time: i64,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Early {
    /// The first ad and the last one.
    ads: Option<(i64, i64)>,
    aside: VecDeque<Sign>,
}

impl Early {
    fn counts(&self, sign: &Sign) -> bool {
        self.ads.is_some_and(|(first, last)| (first..=last + IMPRESSIONS_MS).contains(&sign.time))
    }

    /// An ad was shown or seen then. Returns the signs that count now.
    pub(super) fn advertised(&mut self, time: i64) -> Vec<Sign> {
        match &mut self.ads {
            Some((first, last)) if time <= *last + IMPRESSIONS_MS => {
                *last = time.max(*last);
                if time >= *first {
                    return Vec::new();
                }
                *first = time;
            }
            // The first one, or the first after a long time.
            ads => *ads = Some((time, time)),
        }
        let (count, wait) =
            std::mem::take(&mut self.aside).into_iter().partition(|sign| self.counts(sign));
        self.aside = wait;
        count.into()
    }

    /// Returns the sign if it counts already.
    pub(super) fn sign(&mut self, sign: Sign) -> Option<Sign> {
        if self.counts(&sign) {
            return Some(sign);
        }
        if self.aside.len() >= SIGNS_MAX {
            self.aside.pop_front();
        }
        self.aside.push_back(sign);
        None
    }

    /// An ad from before that time can't come any more.
    pub(super) fn tidy(&mut self, watermark: i64) {
        self.aside.retain(|sign| sign.time >= watermark.saturating_sub(LATENESS_MS));
    }

    pub(super) fn bytes(&self) -> usize {
        self.aside.capacity() * size_of::<Sign>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(time: i64) -> Sign {
        Sign { network: 1, visitor: 2, site: 3, time }
    }

    #[test]
    fn signs_count_from_the_first_ad_on_whatever_came_first() {
        let mut early = Early::default();
        assert_eq!(early.sign(sign(9)), None);
        assert_eq!(early.sign(sign(10)), None);
        assert_eq!(early.advertised(12), []);
        assert_eq!(early.sign(sign(12)), Some(sign(12)));
        // A late ad was the first.
        assert_eq!(early.advertised(10), [sign(10)]);
        assert_eq!(early.advertised(10), []);
        assert_eq!(early.sign(sign(9)), None);
        // A day and more without ads: they begin again.
        let later = 12 + IMPRESSIONS_MS;
        assert_eq!(early.sign(sign(later)), Some(sign(later)));
        assert_eq!(early.sign(sign(later + 1)), None);
        assert_eq!(early.advertised(later + 1), [sign(later + 1)]);
        assert_eq!(early.sign(sign(later)), None);
        early.tidy(later + LATENESS_MS + 1);
        assert!(early.aside.is_empty());
    }

    #[test]
    fn what_is_kept_aside_is_bounded() {
        let mut early = Early::default();
        for time in 0..2 * SIGNS_MAX as i64 {
            early.sign(sign(time));
        }
        assert_eq!(early.advertised(0).len(), SIGNS_MAX);
    }
}
