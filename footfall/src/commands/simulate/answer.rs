//! What the server answered, and what it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the server may ask to be left alone, before the next try.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// What became of the events so far.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Events sent, whatever came back.
    pub(super) sent: u64,
    /// Events that the server has stored.
    pub(super) accepted: u64,
    /// Events left out by policy, by reason.
    pub(super) dropped: BTreeMap<String, u64>,
    /// Events refused, by reason.
    pub(super) rejected: BTreeMap<String, u64>,
    /// Events of requests without an answer: they may or may not be stored.
    pub(super) unanswered: u64,
    /// What would have been right, for the first event refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
}

/// The part of an answer that is counted.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) accepted: u64,
    pub(super) dropped: Vec<Refusal>,
    pub(super) rejected: Vec<Refusal>,
}

/// One event that was not taken.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) detail: String,
}

/// Status, what was said, and how long to wait before the next try.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Duration,
    pub(super) body: Answer,
}

impl Reply {
    /// What an answer says; `body` was read from it.
    pub(super) fn new(answer: &ureq::http::Response<ureq::Body>, body: Answer) -> Reply {
        let seconds = header(answer, "retry-after").parse().unwrap_or(1);
        let retry_after = Duration::from_secs(seconds).min(RETRY_AFTER_MAX);
        Reply { status: answer.status().as_u16(), retry_after, body }
    }
}

fn header<'a>(answer: &'a ureq::http::Response<ureq::Body>, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// A beacon's answer is in its headers.
pub(super) fn beacon_answer(answer: &ureq::http::Response<ureq::Body>) -> Answer {
    let reasons = |name: &str| -> Vec<Refusal> {
        let words = header(answer, name).split(',').map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(|word| Refusal { reason: word.to_owned(), detail: String::new() })
            .collect()
    };
    Answer {
        accepted: header(answer, "footfall-accepted").parse().unwrap_or(0),
        dropped: reasons("footfall-dropped"),
        rejected: reasons("footfall-rejected"),
    }
}
