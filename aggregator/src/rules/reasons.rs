//! Sets of reasons, and of what stage 1 noticed for stage 2, as bits.

use footfall_event::VerdictReason;
use serde::{Deserialize, Serialize};

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reasons(u64);

impl Reasons {
    /// No reason at all.
    pub const NONE: Reasons = Reasons(0);

    /// Adds a reason.
    pub fn insert(&mut self, reason: VerdictReason) {
        self.0 |= 1 << reason as u64;
    }

    /// Adds a reason if a condition holds.
    pub fn insert_if(&mut self, condition: bool, reason: VerdictReason) {
        self.0 |= u64::from(condition) << reason as u64;
    }

    /// Takes a reason out.
    pub fn remove(&mut self, reason: VerdictReason) {
        self.0 &= !(1 << reason as u64);
    }

    /// Whether a reason is in it.
    pub fn contains(self, reason: VerdictReason) -> bool {
        self.0 >> reason as u64 & 1 == 1
    }

    /// Everything that is in one of the two.
    pub fn union(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }

    /// What is in both.
    pub fn intersection(self, other: Reasons) -> Reasons {
        Reasons(self.0 & other.0)
    }

    /// Whether there is no reason.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons, in the rules' order.
    pub fn iter(self) -> impl Iterator<Item = VerdictReason> {
        // Hardly any event has one: then none is asked about.
        let all = if self.is_empty() { &[] } else { VerdictReason::ALL };
        all.iter().copied().filter(move |reason| self.contains(*reason))
    }
}

impl FromIterator<VerdictReason> for Reasons {
    fn from_iter<I: IntoIterator<Item = VerdictReason>>(iter: I) -> Reasons {
        let mut reasons = Reasons::NONE;
        for reason in iter {
            reasons.insert(reason);
        }
        reasons
    }
}

/// What stage 1 noticed about a click that decides nothing alone, and that stage 2 compares with
/// what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marks(pub u16);

impl Marks {
    /// Its impression could be measured and was never in view.
    pub const UNVIEWED: Marks = Marks(1);
    /// Nothing proves its impression.
    pub const UNPROVEN: Marks = Marks(1 << 1);
    /// It came sooner than a person's.
    pub const FAST: Marks = Marks(1 << 2);
    /// Its network had clicked in this placement before.
    pub const REPEATED: Marks = Marks(1 << 3);
    /// Its network had clicked at several other publishers.
    pub const ROAMING: Marks = Marks(1 << 4);
    /// Its visitor has shown no other sign of life.
    pub const LIFELESS: Marks = Marks(1 << 5);
    /// Its network had not been seen a minute before.
    pub const NEW: Marks = Marks(1 << 6);
    /// Few people share its network, so that its repetitions mean something.
    pub const HOUSEHOLD: Marks = Marks(1 << 7);
    /// It is not the first click of its visit in this placement: the same people as before.
    pub const AGAIN: Marks = Marks(1 << 8);

    /// Adds marks if a condition holds.
    pub fn insert_if(&mut self, condition: bool, marks: Marks) {
        if condition {
            self.0 |= marks.0;
        }
    }

    /// Whether all of the other's marks are there.
    pub const fn has(self, marks: Marks) -> bool {
        self.0 & marks.0 == marks.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_keep_the_order_of_the_rules() {
        let set: Reasons =
            [VerdictReason::NoImpression, VerdictReason::BotAgent].into_iter().collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [VerdictReason::BotAgent, VerdictReason::NoImpression]
        );
        let mut less = set;
        less.remove(VerdictReason::BotAgent);
        assert!(!less.contains(VerdictReason::BotAgent) && !less.is_empty());
        assert_eq!(less.union(set), set);
        assert_eq!(less.intersection(set), less);
        for reason in VerdictReason::ALL {
            let one: Reasons = [*reason].into_iter().collect();
            assert_eq!(one.iter().collect::<Vec<_>>(), [*reason]);
        }
    }
}
