//! Clock: when did it happen, by a clock that can be trusted?

use footfall_event::Rejected;
use footfall_event::time::parse_rfc3339;

use super::limits::shown;
use super::raw::Moment;
use super::{Context, Raw, Rejection};

/// The event's time, milliseconds since 1970. A sender's clock that is off by more than the limit
/// is corrected by `sent_at`; smaller differences are mostly the way through the network, and
/// correcting them would turn the order of events around.
///
/// # Errors
/// `invalid_time`, `too_old`, `in_future`.
pub fn correct(raw: &Raw<'_>, context: &Context<'_>) -> Result<i64, Rejection> {
    let sent_at = match &raw.sent_at {
        Some(moment) => Some(millis("sent_at", moment)?),
        None => None,
    };
    let Some(moment) = &raw.time else { return Ok(context.now_ms) };
    let mut time = millis("time", moment)?;
    if let Some(sent_at) = sent_at {
        let off = context.now_ms.saturating_sub(sent_at);
        if off.saturating_abs() > context.limits.clock_skew_ms {
            time = time.saturating_add(off);
        }
    }
    let age = context.now_ms.saturating_sub(time);
    let too_old = if context.policy.age_limit { age > context.limits.age_ms_max } else { time < 0 };
    if too_old {
        let expected = if context.policy.age_limit {
            format!("expected at most {} h; older events come by import", hours(context))
        } else {
            "expected a time since 1970".to_owned()
        };
        return Err(Rejection::new(
            Rejected::TooOld,
            format!("time is {} s old: {expected}", age / 1_000),
        ));
    }
    if age < -context.limits.ahead_ms_max {
        let detail = format!(
            "time is {} s ahead: expected at most {} s",
            age.saturating_neg() / 1_000,
            context.limits.ahead_ms_max / 1_000
        );
        return Err(Rejection::new(Rejected::InFuture, detail));
    }
    Ok(time)
}

fn hours(context: &Context<'_>) -> i64 {
    context.limits.age_ms_max / 3_600_000
}

fn millis(name: &str, moment: &Moment<'_>) -> Result<i64, Rejection> {
    match moment {
        Moment::Millis(millis) => Ok(*millis),
        Moment::Text(text) => parse_rfc3339(text).ok_or_else(|| {
            let detail = format!(
                "{name} {:?} is not a time: expected RFC 3339 with a zone, such as \
                 2026-11-21T10:00:00.123Z, or milliseconds since 1970",
                shown(text)
            );
            Rejection::new(Rejected::InvalidTime, detail)
        }),
    }
}
