//! Limits: is the type known, does every field belong to it, is each text short and clean enough?

use std::borrow::Cow;

use footfall_event::record::Text;
use footfall_event::{Activity, Rejected};

use super::{Context, Raw, Rejection, activity_words};

/// Checks and, where the policy allows, mends the texts. Returns the activity.
///
/// # Errors
/// `missing_field`, `unknown_type`, `unknown_field`, `too_large`, `invalid_field`.
pub fn check(raw: &mut Raw<'_>, context: &Context<'_>) -> Result<Activity, Rejection> {
    if raw.activity.is_empty() {
        let detail = format!("type is missing: expected one of {}", activity_words());
        return Err(Rejection::new(Rejected::MissingField, detail));
    }
    let Some(activity) = Activity::parse(&raw.activity) else {
        let word = shown(&raw.activity);
        let detail = format!("there is no type {word:?}: expected one of {}", activity_words());
        return Err(Rejection::new(Rejected::UnknownType, detail));
    };
    if context.policy.refuse_unknown_fields {
        known(raw, activity)?;
    } else {
        forget_misplaced(raw, activity);
    }
    texts(raw, context)?;
    maps(raw, context)?;
    required(raw, activity)?;
    Ok(activity)
}

/// The start of a text that came from outside, for a message.
pub(crate) fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(40)]
}

/// Which activities a field belongs to; fields that are not listed belong to all.
macro_rules! misplaced {
    ($raw:ident, $activity:ident, $found:ident) => {{
        use Activity::*;
        let ad = matches!($activity, Impression | View | Click);
        let engagement = $activity == Engagement;
        let conversion = $activity == Conversion;
        $found!("pageview", raw_text, $raw.pageview, engagement);
        $found!("engaged_ms", raw_option, $raw.engaged_ms, engagement);
        $found!("scroll_pct", raw_option, $raw.scroll_pct, engagement);
        $found!("query", raw_text, $raw.query, ad || $activity == Search);
        $found!("results", raw_option, $raw.results, $activity == Search);
        $found!("filters", raw_map, $raw.filters, $activity == Search);
        $found!("name", raw_text, $raw.name, $activity == Action);
        $found!("value", raw_option, $raw.value, conversion || $activity == Action);
        $found!("ad", raw_text, $raw.ad, ad);
        $found!("placement", raw_text, $raw.placement, ad);
        $found!("position", raw_option, $raw.position, ad);
        $found!("request", raw_text, $raw.request, ad);
        $found!("impression", raw_text, $raw.impression, matches!($activity, View | Click));
        $found!("viewable_ms", raw_option, $raw.viewable_ms, $activity == View);
        $found!("visible_pct", raw_option, $raw.visible_pct, $activity == View);
        $found!("measurable", raw_option, $raw.measurable, $activity == Impression);
        $found!("click", raw_text, $raw.click, conversion);
        $found!("goal", raw_text, $raw.goal, conversion);
        $found!("transaction", raw_text, $raw.transaction, conversion);
        $found!("status", raw_text, $raw.status, conversion);
    }};
}

macro_rules! is_set {
    (raw_text, $slot:expr) => {
        !$slot.is_empty()
    };
    (raw_map, $slot:expr) => {
        !$slot.is_empty()
    };
    (raw_option, $slot:expr) => {
        $slot.is_some()
    };
}

fn known(raw: &Raw<'_>, activity: Activity) -> Result<(), Rejection> {
    if let Some(name) = &raw.unknown {
        let detail = format!("there is no field {:?}", shown(name));
        return Err(Rejection::new(Rejected::UnknownField, detail));
    }
    macro_rules! refuse {
        ($name:literal, $kind:ident, $slot:expr, $belongs:expr) => {
            if is_set!($kind, $slot) && !$belongs {
                let detail = format!("{} does not belong to the type {}", $name, activity.as_str());
                return Err(Rejection::new(Rejected::UnknownField, detail));
            }
        };
    }
    misplaced!(raw, activity, refuse);
    Ok(())
}

fn forget_misplaced(raw: &mut Raw<'_>, activity: Activity) {
    macro_rules! forget {
        ($name:literal, $kind:ident, $slot:expr, $belongs:expr) => {
            if is_set!($kind, $slot) && !$belongs {
                $slot = Default::default();
            }
        };
    }
    misplaced!(raw, activity, forget);
}

fn texts(raw: &mut Raw<'_>, context: &Context<'_>) -> Result<(), Rejection> {
    let refuse = context.policy.refuse_bad_texts;
    let (url_max, text_max) = (context.limits.url_bytes_max, context.limits.text_bytes_max);
    text("url", &mut raw.url, url_max, refuse)?;
    text("referrer", &mut raw.referrer, url_max, refuse)?;
    macro_rules! each {
        ($($name:ident)+) => {
            $(text(stringify!($name), &mut raw.$name, text_max, refuse)?;)+
        };
    }
    each! {
        id site title language screen timezone account ip user_agent pageview query name ad
        placement request impression click goal transaction status
    }
    if let Some(value) = &mut raw.value {
        text("amount", &mut value.amount, text_max, refuse)?;
        text("currency", &mut value.currency, text_max, refuse)?;
    }
    Ok(())
}

/// Checks one text, or cuts and cleans it.
fn text(
    name: &'static str,
    slot: &mut Text<'_>,
    bytes_max: usize,
    refuse: bool,
) -> Result<(), Rejection> {
    if slot.is_empty() {
        return Ok(());
    }
    if slot.len() > bytes_max {
        if refuse {
            return Err(too_long(name, slot.len(), bytes_max));
        }
        cut(slot, bytes_max);
    }
    if has_control(slot) {
        if refuse {
            return Err(control(name));
        }
        *slot = Cow::Owned(slot.replace(|c: char| c.is_ascii_control(), " "));
    }
    Ok(())
}

fn too_long(name: &str, bytes: usize, bytes_max: usize) -> Rejection {
    let detail = format!("{name} has {bytes} bytes: expected at most {bytes_max}");
    Rejection::new(Rejected::TooLarge, detail)
}

fn control(name: &str) -> Rejection {
    let detail = format!("{name} holds a control character: expected printable text");
    Rejection::new(Rejected::InvalidField, detail)
}

fn has_control(text: &str) -> bool {
    // Without a branch per byte, so that the compiler can look at many bytes at once.
    text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == 0x7f))
}

fn cut(slot: &mut Text<'_>, bytes_max: usize) {
    let end = slot.floor_char_boundary(bytes_max);
    match slot {
        Cow::Borrowed(text) => *text = &text[..end],
        Cow::Owned(text) => text.truncate(end),
    }
}

/// Properties and filters: not too many, and each name and text as any other.
fn maps(raw: &mut Raw<'_>, context: &Context<'_>) -> Result<(), Rejection> {
    use footfall_event::record::PropValue;
    let refuse = context.policy.refuse_bad_texts;
    let text_max = context.limits.text_bytes_max;
    let bad = |text: &str| text.len() > text_max || has_control(text);
    if !raw.props.is_empty() {
        count("props", raw.props.len(), context.limits.props_max, refuse)?;
        let is_bad = |(name, value): (&String, &PropValue)| {
            bad(name) || matches!(value, PropValue::Text(text) if bad(text))
        };
        if raw.props.len() > context.limits.props_max || raw.props.iter().any(is_bad) {
            if refuse {
                return Err(bad_entry("props", text_max));
            }
            let mended = std::mem::take(&mut raw.props).into_iter().take(context.limits.props_max);
            raw.props = mended
                .map(|(name, value)| match value {
                    PropValue::Text(text) => {
                        (mend(name, text_max), PropValue::Text(mend(text, text_max)))
                    }
                    other => (mend(name, text_max), other),
                })
                .collect();
        }
    }
    if !raw.filters.is_empty() {
        count("filters", raw.filters.len(), context.limits.filters_max, refuse)?;
        let too_many = raw.filters.len() > context.limits.filters_max;
        if too_many || raw.filters.iter().any(|(name, text)| bad(name) || bad(text)) {
            if refuse {
                return Err(bad_entry("filters", text_max));
            }
            let all = std::mem::take(&mut raw.filters).into_iter();
            raw.filters = all
                .take(context.limits.filters_max)
                .map(|(name, text)| (mend(name, text_max), mend(text, text_max)))
                .collect();
        }
    }
    Ok(())
}

fn count(name: &str, found: usize, max: usize, refuse: bool) -> Result<(), Rejection> {
    if refuse && found > max {
        let detail = format!("{name} has {found} entries: expected at most {max}");
        return Err(Rejection::new(Rejected::TooLarge, detail));
    }
    Ok(())
}

fn bad_entry(name: &str, text_max: usize) -> Rejection {
    let detail = format!(
        "{name} holds a name or text that is longer than {text_max} bytes or has control characters"
    );
    Rejection::new(Rejected::InvalidField, detail)
}

fn mend(text: String, bytes_max: usize) -> String {
    let mut slot = Cow::Owned(text);
    cut(&mut slot, bytes_max);
    if has_control(&slot) {
        return slot.replace(|c: char| c.is_ascii_control(), " ");
    }
    slot.into_owned()
}

fn required(raw: &Raw<'_>, activity: Activity) -> Result<(), Rejection> {
    let missing = match activity {
        Activity::Pageview if raw.url.is_empty() => "url",
        Activity::Engagement if raw.engaged_ms.is_none() && raw.scroll_pct.is_none() => {
            "engaged_ms or scroll_pct"
        }
        Activity::Search if raw.query.trim().is_empty() => "query",
        Activity::Action if raw.name.is_empty() => "name",
        Activity::Impression if raw.ad.is_empty() => "ad",
        Activity::View if raw.impression.is_empty() => "impression",
        Activity::Click if raw.ad.is_empty() && raw.impression.is_empty() => "ad or impression",
        Activity::Conversion if raw.goal.is_empty() => "goal",
        _ => return Ok(()),
    };
    let detail = format!("{missing} is missing: the type {} needs it", activity.as_str());
    Err(Rejection::new(Rejected::MissingField, detail))
}
