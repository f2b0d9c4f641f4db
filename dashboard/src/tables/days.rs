//! A period as whole UTC days and what is left of it at both ends.

use clickhouse::query::Query;

use crate::period::Range;
use crate::query::seconds;
use crate::view::View;

/// A range as whole UTC days, which the roll-ups answer, and the rest at both ends, which is read
/// from the rows: the days of the site's time zone begin and end within days of UTC.
#[derive(Clone, Copy)]
pub(crate) struct Days {
    from: i64,
    whole_from: i64,
    whole_to: i64,
    to: i64,
}

impl Days {
    /// Splits a range.
    pub(crate) fn of(range: &Range) -> Days {
        const DAY_MS: i64 = 86_400_000;
        let first = range.from.div_euclid(DAY_MS) + i64::from(range.from.rem_euclid(DAY_MS) > 0);
        let end = range.to.div_euclid(DAY_MS).max(first);
        // Within one UTC day there is no whole day: everything is "the rest before it".
        let (whole_from, whole_to) = (first * DAY_MS, end * DAY_MS);
        Days { from: range.from, whole_from, whole_to, to: range.to }
    }

    /// Whether there is nothing beside whole days. Planning to read nothing costs time, too.
    fn are_whole(self) -> bool {
        self.from == self.whole_from && self.whole_to == self.to
    }

    /// Writes the statement: its only inner SELECT once for whole days, and again for the rest.
    /// `time` is the column of the exact time.
    pub(crate) fn fill(self, sql: &str, time: &str) -> String {
        let whole = sql.replace(
            "{range}",
            "day >= toDate(toDateTime(?, 'UTC')) AND day < toDate(toDateTime(?, 'UTC'))",
        );
        if self.are_whole() {
            return whole;
        }
        let end = whole.find("\n)").expect("the inner SELECT ends with a parenthesis of its own");
        let begin = sql.find("(\n").expect("the inner SELECT begins behind a parenthesis") + 2;
        let inner = &sql[begin..sql.find("\n)").unwrap_or(begin)];
        let at = |sign: &str| format!("{time} {sign} fromUnixTimestamp64Milli(toInt64(?), 'UTC')");
        let (from, to) = (at(">="), at("<"));
        let rest = inner.replace("{range}", &format!("(({from} AND {to}) OR ({from} AND {to}))"));
        format!("{}\n    UNION ALL\n{rest}{}", &whole[..end], &whole[end..])
    }

    /// Binds the arguments that `fill` left, from the site on.
    pub(crate) fn bind(self, query: Query, view: &View) -> Query {
        let query = query
            .bind(&view.site)
            .bind(view.gross)
            .bind(seconds(self.whole_from))
            .bind(seconds(self.whole_to));
        if self.are_whole() {
            return query;
        }
        query
            .bind(&view.site)
            .bind(view.gross)
            .bind(self.from)
            .bind(self.whole_from.min(self.to))
            .bind(self.whole_to.min(self.to))
            .bind(self.to)
    }
}
