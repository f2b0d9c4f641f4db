//! Which clicks are listed: of one verdict, of one reason. The rest is said as for all pages about
//! ads: [`crate::ads::choice`].

use footfall_event::{Verdict, VerdictReason};

use crate::ads::choice::Choice;
use crate::error::Problem;
use crate::format::path_segment;
use crate::view::wrong;

/// What is left of all clicks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `None`: any.
    pub(crate) verdict: Option<Verdict>,
    /// The reason under which they count; `None`: any.
    pub(crate) reason: Option<VerdictReason>,
}

impl Filter {
    /// Reads it.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Filter, Problem> {
        let get = |name: &str| {
            let mut all =
                pairs.iter().rev().filter(|(key, value)| key == name && !value.is_empty());
            all.next().map(|(_, value)| value.as_str())
        };
        let known_reasons = || {
            let words: Vec<_> = VerdictReason::ALL.iter().map(|reason| reason.as_str()).collect();
            words.join(", ")
        };
        Ok(Filter {
            verdict: match get("verdict") {
                None => None,
                Some(text) => Some(
                    Verdict::parse(text)
                        .ok_or_else(|| wrong("verdict", text, "valid, flagged, invalid"))?,
                ),
            },
            reason: match get("reason") {
                None => None,
                Some(text) => Some(
                    VerdictReason::parse(text)
                        .ok_or_else(|| wrong("reason", text, &known_reasons()))?,
                ),
            },
        })
    }

    /// Invalid ones.
    pub(crate) const INVALID: Filter = Filter { verdict: Some(Verdict::Invalid), reason: None };

    /// All of them.
    pub(crate) const ALL: Filter = Filter { verdict: None, reason: None };

    /// Those of one verdict.
    pub(crate) const fn of(verdict: Verdict) -> Filter {
        Filter { verdict: Some(verdict), reason: None }
    }

    /// Invalid ones that count under a reason.
    pub(crate) const fn because(reason: VerdictReason) -> Filter {
        Filter { verdict: Some(Verdict::Invalid), reason: Some(reason) }
    }

    /// The word of its verdict; empty for any.
    pub(crate) fn verdict_word(self) -> &'static str {
        self.verdict.map_or("", Verdict::as_str)
    }

    /// Whether a click with this verdict, counted under this reason, is left.
    pub(crate) fn leaves(self, verdict: &str, counted: &str) -> bool {
        self.verdict.is_none_or(|wanted| wanted.as_str() == verdict)
            && self.reason.is_none_or(|wanted| wanted.as_str() == counted)
    }

    /// The address of the list (`extension`: empty, `.csv` or `.json`).
    pub(crate) fn href(self, choice: &Choice, extension: &str) -> String {
        let site = path_segment(&choice.view.site);
        let mut query = choice.subject_only().query(true);
        let reason = self.reason.map_or("", |reason| reason.as_str());
        for (name, word) in [("verdict", self.verdict_word()), ("reason", reason)] {
            if !word.is_empty() {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str(name);
                query.push('=');
                query.push_str(word);
            }
        }
        format!("/sites/{site}/clicks{extension}{query}")
    }
}

/// The address of one click's page.
pub(crate) fn click_href(site: &str, id: &str) -> String {
    format!("/sites/{}/clicks/{}", path_segment(site), path_segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::View;

    #[test]
    fn addresses_round_trip_and_what_is_wrong_is_said() {
        for query in [
            "",
            "?period=7d&campaign=alpine&verdict=invalid&reason=double_click",
            "?ad=boots&verdict=valid",
        ] {
            let pairs: Vec<_> = query
                .trim_start_matches('?')
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let choice = Choice::parse(View::parse("a.example", &pairs).unwrap(), &pairs).unwrap();
            let filter = Filter::parse(&pairs).unwrap();
            let expected = format!("/sites/a.example/clicks.csv{query}");
            assert_eq!(filter.href(&choice, ".csv"), expected);
        }
        for (name, value, right) in
            [("verdict", "bad", "flagged"), ("reason", "luck", "double_click")]
        {
            let pairs = [(name.to_owned(), value.to_owned())];
            let Err(Problem::BadRequest(text)) = Filter::parse(&pairs) else {
                panic!("{value} was taken");
            };
            assert!(text.contains(right), "{text}");
        }
    }
}
