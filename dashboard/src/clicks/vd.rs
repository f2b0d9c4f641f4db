//! A verdict as it is drawn: a shape, a word, and a colour that says no more than the two.

use footfall_event::Verdict;

use crate::words as w;

/// What the template writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vd {
    /// `ok`, `flag`, `no`; with ` pill` when it needs the eye.
    pub(crate) class: &'static str,
    /// The symbol in the frame.
    pub(crate) symbol: &'static str,
    pub(crate) text: String,
}

impl Vd {
    /// A verdict with its own word.
    pub(crate) fn of(verdict: Verdict) -> Vd {
        Vd::saying(verdict, w::verdict(verdict).to_owned())
    }

    /// A verdict with other words.
    pub(crate) fn saying(verdict: Verdict, text: String) -> Vd {
        let (class, symbol) = match verdict {
            Verdict::Valid => ("ok", "v-ok"),
            Verdict::Flagged => ("flag pill", "v-flag"),
            Verdict::Invalid => ("no pill", "v-no"),
        };
        Vd { class, symbol, text }
    }
}
