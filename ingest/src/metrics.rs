//! The metrics of accepting. Counted locally per request and added up once at its end.

use std::sync::OnceLock;
use std::time::Duration;

use footfall_event::{Activity, Dropped, Rejected};
use metrics::{Counter, Histogram, Unit};

const RECEIVED: &str = "footfall_events_received_total";
const DURATION: &str = "footfall_request_duration_seconds";
const REDIRECT: &str = "footfall_redirect_duration_seconds";
const PREFETCHES: &str = "footfall_click_prefetches_total";
const TOKENS_REFUSED: &str = "footfall_click_tokens_refused_total";
const RATE_TABLE_FULL: &str = "footfall_rate_table_full_total";

/// Describes the metrics to the exporter.
pub fn describe() {
    metrics::describe_counter!(
        RECEIVED,
        Unit::Count,
        "Events by type (unknown if it could not be read), outcome and reason"
    );
    metrics::describe_histogram!(
        DURATION,
        Unit::Seconds,
        "From the request's headers until its answer, by endpoint"
    );
    metrics::describe_histogram!(
        REDIRECT,
        Unit::Seconds,
        "From a click's headers until its redirect"
    );
    metrics::describe_counter!(
        PREFETCHES,
        Unit::Count,
        "Addresses of clicks that browsers fetched ahead of time: neither redirected nor counted"
    );
    metrics::describe_counter!(
        TOKENS_REFUSED,
        Unit::Count,
        "Tokens of clicks that were not genuine, by what was wrong"
    );
    metrics::describe_counter!(
        RATE_TABLE_FULL,
        Unit::Count,
        "Beacons let through without a rate limit because too many networks were sending"
    );
}

/// A click was redirected.
pub(crate) fn redirected(duration: Duration) {
    static HISTOGRAM: OnceLock<Histogram> = OnceLock::new();
    HISTOGRAM.get_or_init(|| metrics::histogram!(REDIRECT)).record(duration.as_secs_f64());
}

/// A click's address was fetched ahead of time.
pub(crate) fn prefetched() {
    metrics::counter!(PREFETCHES).increment(1);
}

/// A token was no genuine one.
pub(crate) fn token_refused(reason: &'static str) {
    metrics::counter!(TOKENS_REFUSED, "reason" => reason).increment(1);
}

pub(crate) fn rate_table_full() {
    metrics::counter!(RATE_TABLE_FULL).increment(1);
}

const TYPES: usize = Activity::ALL.len() + 1;
const OUTCOMES: usize = 1 + Dropped::ALL.len() + Rejected::ALL.len();

/// What became of an event, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Accepted,
    Dropped(Dropped),
    Rejected(Rejected),
}

impl Counted {
    fn index(self) -> usize {
        match self {
            Counted::Accepted => 0,
            Counted::Dropped(reason) => 1 + reason as usize,
            Counted::Rejected(reason) => 1 + Dropped::ALL.len() + reason as usize,
        }
    }

    fn labels(index: usize) -> (&'static str, &'static str) {
        match index.checked_sub(1) {
            None => ("accepted", ""),
            Some(i) if i < Dropped::ALL.len() => ("dropped", Dropped::ALL[i].as_str()),
            Some(i) => ("rejected", Rejected::ALL[i - Dropped::ALL.len()].as_str()),
        }
    }
}

/// The counts of one request.
#[derive(Clone, Debug)]
pub(crate) struct Tally([[u32; OUTCOMES]; TYPES]);

impl Default for Tally {
    fn default() -> Tally {
        Tally([[0; OUTCOMES]; TYPES])
    }
}

fn row(activity: Option<Activity>) -> usize {
    activity.map_or(TYPES - 1, |activity| activity as usize)
}

impl Tally {
    pub(crate) fn add(&mut self, activity: Option<Activity>, outcome: Counted) {
        self.0[row(activity)][outcome.index()] += 1;
    }

    pub(crate) fn accepted(&self) -> u32 {
        self.0.iter().map(|row| row[0]).sum()
    }

    /// What was to be accepted could not be stored.
    pub(crate) fn refuse_accepted(&mut self, reason: Rejected) {
        let to = Counted::Rejected(reason).index();
        for row in &mut self.0 {
            row[to] += std::mem::take(&mut row[0]);
        }
    }

    /// Adds the counts to the exported ones.
    pub(crate) fn flush(&self) {
        for (index, row) in self.0.iter().enumerate() {
            for (outcome, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                counter(index, outcome).increment(u64::from(*count));
            }
        }
    }
}

/// Counts one event, without a [`Tally`].
pub(crate) fn count(activity: Option<Activity>, outcome: Counted) {
    counter(row(activity), outcome.index()).increment(1);
}

/// The exported counter of a row and an outcome.
fn counter(index: usize, outcome: usize) -> &'static Counter {
    static COUNTERS: [[OnceLock<Counter>; OUTCOMES]; TYPES] =
        [const { [const { OnceLock::new() }; OUTCOMES] }; TYPES];
    COUNTERS[index][outcome].get_or_init(|| {
        let kind = Activity::ALL.get(index).map_or("unknown", |a| a.as_str());
        let (outcome, reason) = Counted::labels(outcome);
        metrics::counter!(RECEIVED, "type" => kind, "outcome" => outcome, "reason" => reason)
    })
}

/// The endpoints whose duration is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    Beacon,
    Pixel,
    Api,
}

pub(crate) fn took(endpoint: Endpoint, duration: Duration) {
    static HISTOGRAMS: [OnceLock<Histogram>; 3] = [const { OnceLock::new() }; 3];
    let name = match endpoint {
        Endpoint::Beacon => "beacon",
        Endpoint::Pixel => "pixel",
        Endpoint::Api => "api",
    };
    HISTOGRAMS[endpoint as usize]
        .get_or_init(|| metrics::histogram!(DURATION, "endpoint" => name))
        .record(duration.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_place_and_words() {
        let mut words = std::collections::HashSet::new();
        let all = std::iter::once(Counted::Accepted)
            .chain(Dropped::ALL.iter().map(|r| Counted::Dropped(*r)))
            .chain(Rejected::ALL.iter().map(|r| Counted::Rejected(*r)));
        for (index, outcome) in all.enumerate() {
            assert_eq!(outcome.index(), index);
            assert!(words.insert(Counted::labels(index)));
        }
        assert_eq!(words.len(), OUTCOMES);
        assert_eq!(Counted::labels(1), ("dropped", "opted_out"));
    }

    #[test]
    fn what_could_not_be_stored_is_rejected() {
        let mut tally = Tally::default();
        tally.add(Some(Activity::Pageview), Counted::Accepted);
        tally.add(None, Counted::Rejected(Rejected::Malformed));
        tally.refuse_accepted(Rejected::Unavailable);
        assert_eq!(tally.accepted(), 0);
        let index = Counted::Rejected(Rejected::Unavailable).index();
        assert_eq!(tally.0[Activity::Pageview as usize][index], 1);
    }
}
