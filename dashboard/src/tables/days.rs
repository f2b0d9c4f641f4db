//! A period as whole UTC days and what is left of it at both ends.

use clickhouse::query::Query;

use crate::period::Period;
use crate::query::seconds;
use crate::view::View;

/// A period as whole UTC days, which the roll-ups answer, and the rest at both ends, which is read
/// from the rows: the days of the site's time zone begin and end within days of UTC.
#[derive(Clone, Copy)]
pub(crate) struct Days {
    from: i64,
    whole_from: i64,
    whole_to: i64,
    to: i64,
}

const DAY_MS: i64 = 86_400_000;
/// Nothing is stored that lies further ahead: senders may be five minutes fast.
const AHEAD_MS: i64 = 10 * 60_000;

impl Days {
    /// Splits a period.
    pub(crate) fn of(period: &Period) -> Days {
        let range = &period.current;
        // A period that still runs ends where nothing is yet, so its last UTC day counts as whole:
        // else every look at the page would read the rows of today.
        let open = range.to > period.now + AHEAD_MS;
        let to = if open { next_day(range.to) } else { range.to };
        let first = next_day(range.from);
        let end = (to.div_euclid(DAY_MS) * DAY_MS).max(first);
        // Within one UTC day there is no whole day: everything is "the rest before it".
        Days { from: range.from, whole_from: first, whole_to: end, to }
    }

    /// Whether there is nothing beside whole days. Planning to read nothing costs time, too.
    fn are_whole(self) -> bool {
        self.from == self.whole_from && self.whole_to == self.to
    }

    /// Writes the statement: its inner part before `UNION ALL` reads the roll-up's days, the one
    /// behind it the rows of the rest and is left out where there is none. `time` is the column of
    /// the exact time.
    pub(crate) fn fill(self, sql: &str, time: &str) -> String {
        let days = "day >= toDate(toDateTime(?, 'UTC')) AND day < toDate(toDateTime(?, 'UTC'))";
        let sql = sql.replace("{days}", days);
        if self.are_whole() {
            let rest = sql.find("\n    UNION ALL").expect("two inner parts");
            let end = sql.find("\n)").expect("a parenthesis of its own ends them");
            return format!("{}{}", &sql[..rest], &sql[end..]);
        }
        let at = |sign: &str| format!("{time} {sign} fromUnixTimestamp64Milli(toInt64(?), 'UTC')");
        let (from, to) = (at(">="), at("<"));
        sql.replace("{ends}", &format!("(({from} AND {to}) OR ({from} AND {to}))"))
    }

    /// Binds the arguments that `fill` left, from the site on.
    pub(crate) fn bind(self, query: Query, view: &View) -> Query {
        self.bind_each(query, |query| query.bind(&view.site).bind(view.gross))
    }

    /// The same; `scope` binds what stands before the range in each inner part.
    pub(crate) fn bind_each(self, query: Query, scope: impl Fn(Query) -> Query) -> Query {
        let query = scope(query).bind(seconds(self.whole_from)).bind(seconds(self.whole_to));
        if self.are_whole() {
            return query;
        }
        scope(query)
            .bind(self.from)
            .bind(self.whole_from.min(self.to))
            .bind(self.whole_to.min(self.to))
            .bind(self.to)
    }
}

/// The first beginning of a UTC day that is not before `time`.
fn next_day(time: i64) -> i64 {
    time.div_euclid(DAY_MS) * DAY_MS + if time.rem_euclid(DAY_MS) > 0 { DAY_MS } else { 0 }
}
