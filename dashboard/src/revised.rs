//! Events beside the verdicts that replace theirs, for every statement that needs the verdict in force
//! over a period.

use clickhouse::query::Query;

use crate::ads::choice::Choice;
use crate::period::Period;

/// A statement with `{from_revised}` filled in. [`bind`] binds what that asks for.
pub(crate) fn fill(sql: &str) -> String {
    sql.replace("{from_revised}", include_str!("revised.sql").trim_end())
}

/// Binds what `{from_revised}` asks for.
pub(crate) fn bind(query: Query, choice: &Choice, period: &Period) -> Query {
    /// A verdict may be replaced by one that is as old as its event at the least.
    const SLACK_MS: i64 = 1_000;
    let range = &period.current;
    query
        .bind(&choice.view.site)
        .bind(range.from - SLACK_MS)
        .bind(range.to + SLACK_MS)
        .bind(&choice.view.site)
        .bind(range.from)
        .bind(range.to)
        .bind(&choice.campaign)
        .bind(&choice.campaign)
        .bind(&choice.ad)
        .bind(&choice.ad)
}
