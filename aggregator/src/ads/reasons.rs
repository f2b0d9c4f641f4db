//! The reasons of one event, as a set of bits: state keeps them for every click.

use footfall_event::{Verdict, VerdictReason};
use serde::{Deserialize, Serialize};

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reasons(u64);

const _: () = assert!(VerdictReason::ALL.len() <= 64);

impl Reasons {
    /// Adds one. Whether it is new.
    pub(crate) fn insert(&mut self, reason: VerdictReason) -> bool {
        let before = self.0;
        self.0 |= 1 << reason as u64;
        before != self.0
    }

    /// Takes one out. Whether it was there.
    pub(crate) fn remove(&mut self, reason: VerdictReason) -> bool {
        let before = self.0;
        self.0 &= !(1 << reason as u64);
        before != self.0
    }

    /// Whether it is there.
    pub(crate) fn contains(self, reason: VerdictReason) -> bool {
        self.0 & 1 << reason as u64 != 0
    }

    /// In the rules' order.
    pub(crate) fn iter(self) -> impl Iterator<Item = VerdictReason> {
        VerdictReason::ALL.iter().copied().filter(move |reason| self.contains(*reason))
    }

    /// What they make of an event: the worst of them.
    pub(crate) fn verdict(self) -> Verdict {
        self.iter().map(VerdictReason::verdict).max().unwrap_or(Verdict::Valid)
    }

    /// The reason under which an invalid event is counted: the first that makes it invalid.
    pub(crate) fn first_invalid(self) -> Option<VerdictReason> {
        self.iter().find(|reason| reason.verdict() == Verdict::Invalid)
    }
}

impl FromIterator<VerdictReason> for Reasons {
    fn from_iter<T: IntoIterator<Item = VerdictReason>>(reasons: T) -> Reasons {
        let mut set = Reasons::default();
        for reason in reasons {
            set.insert(reason);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_and_the_first_invalid_one_counts() {
        let mut reasons = Reasons::default();
        assert_eq!((reasons.verdict(), reasons.first_invalid()), (Verdict::Valid, None));
        assert!(reasons.insert(VerdictReason::ImpressionUnknown));
        assert_eq!(reasons.verdict(), Verdict::Flagged);
        assert!(reasons.insert(VerdictReason::VisitorAdDuplicate));
        assert!(reasons.insert(VerdictReason::Expired) && !reasons.insert(VerdictReason::Expired));
        assert_eq!(reasons.verdict(), Verdict::Invalid);
        assert_eq!(reasons.first_invalid(), Some(VerdictReason::Expired));
        assert!(reasons.remove(VerdictReason::Expired) && !reasons.remove(VerdictReason::Expired));
        assert_eq!(reasons.first_invalid(), Some(VerdictReason::VisitorAdDuplicate));
        for &reason in VerdictReason::ALL {
            assert_eq!(Reasons::from_iter([reason]).iter().collect::<Vec<_>>(), [reason]);
        }
    }
}
