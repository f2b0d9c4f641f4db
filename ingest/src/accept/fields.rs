//! The type's own fields: checked and moved into the event.

use std::borrow::Cow;

use footfall_event::money::{Currency, Money, parse_micros};
use footfall_event::record::{ConversionStatus, Event, Text};
use footfall_event::{Id, Rejected};

use super::limits::shown;
use super::{Context, Raw, Rejection};

/// The event's id: the sender's, or a fresh one.
///
/// # Errors
/// `invalid_field` when it is not a UUID, or the nil UUID (which would make all events one).
pub(crate) fn id(raw: &Raw<'_>, context: &Context<'_>) -> Result<Id, Rejection> {
    Ok(uuid("id", &raw.id)?.unwrap_or_else(|| context.fresh.next()))
}

fn uuid(name: &str, text: &str) -> Result<Option<Id>, Rejection> {
    if text.is_empty() {
        return Ok(None);
    }
    match Id::try_parse(text) {
        Ok(id) if !id.is_nil() => Ok(Some(id)),
        _ => Err(invalid(format!("{name} {:?} is not a UUID", shown(text)))),
    }
}

fn invalid(detail: String) -> Rejection {
    Rejection::new(Rejected::InvalidField, detail)
}

/// Moves what is left of `raw` into the event.
///
/// # Errors
/// `invalid_field` with the field's name and what would be right.
pub(crate) fn copy<'a, 'r: 'a>(
    event: &mut Event<'a>,
    raw: &mut Raw<'r>,
    context: &Context<'a>,
    user_agent: &Text<'a>,
) -> Result<(), Rejection> {
    macro_rules! texts {
        ($($name:ident)+) => {
            $(event.$name = std::mem::take(&mut raw.$name);)+
        };
    }
    texts!(url title referrer timezone query name ad placement request click goal transaction);
    event.user_agent = agent_text(user_agent, context);
    event.language = language(&raw.language, context.accept_language);
    event.screen = Cow::Borrowed(screen_class(&raw.screen));
    event.props = std::mem::take(&mut raw.props);
    event.filters = std::mem::take(&mut raw.filters);
    event.automated = raw.automated;
    event.pageview = uuid("pageview", &raw.pageview)?;
    event.impression = uuid("impression", &raw.impression)?;
    event.engaged_ms = number("engaged_ms", raw.engaged_ms, 0, 86_400_000)?.unwrap_or(0);
    event.scroll_pct = number("scroll_pct", raw.scroll_pct, 0, 100)?.map(|pct| pct as u8);
    event.results = number("results", raw.results, 0, u32::MAX)?;
    event.position = number("position", raw.position, 1, 65_535)?.unwrap_or(0) as u16;
    event.viewable_ms = number("viewable_ms", raw.viewable_ms, 0, 86_400_000)?.unwrap_or(0);
    event.visible_pct = number("visible_pct", raw.visible_pct, 0, 100)?.map(|pct| pct as u8);
    event.status = status(&raw.status)?;
    event.value = match &raw.value {
        Some(value) => Some(money(&value.amount, &value.currency)?),
        None => None,
    };
    Ok(())
}

fn agent_text<'a>(user_agent: &Text<'a>, context: &Context<'_>) -> Text<'a> {
    let end = user_agent.floor_char_boundary(context.limits.text_bytes_max);
    match user_agent {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
    }
}

/// A number, rounded: scripts measure in fractions.
fn number(name: &str, value: Option<f64>, min: u32, max: u32) -> Result<Option<u32>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let rounded = value.round();
    if rounded < f64::from(min) || rounded > f64::from(max) {
        return Err(invalid(format!("{name} is {value}: expected {min} to {max}")));
    }
    Ok(Some(rounded as u32))
}

fn status(text: &str) -> Result<Option<ConversionStatus>, Rejection> {
    Ok(Some(match text {
        "" => return Ok(None),
        "lead" => ConversionStatus::Lead,
        "sale" => ConversionStatus::Sale,
        "rejected" => ConversionStatus::Rejected,
        other => {
            let detail = format!("status {:?}: expected lead, sale or rejected", shown(other));
            return Err(invalid(detail));
        }
    }))
}

fn money(amount: &str, currency: &str) -> Result<Money, Rejection> {
    let micros = parse_micros(amount)
        .map_err(|error| invalid(format!("value: amount {:?}: {error}", shown(amount))))?;
    let currency = Currency::parse(currency).ok_or_else(|| {
        let detail =
            format!("value: currency {:?}: expected three letters such as EUR", shown(currency));
        invalid(detail)
    })?;
    Ok(Money { micros, currency })
}

/// The preferred language as a lower-case tag: the field's, else the first of `Accept-Language`.
fn language<'a, 'r: 'a>(field: &Text<'r>, accept_language: &'a str) -> Text<'a> {
    let tag: Text<'a> = if field.is_empty() {
        let first = accept_language.split([',', ';']).next().unwrap_or_default().trim();
        Cow::Borrowed(first)
    } else {
        field.clone()
    };
    let is_tag = (2..=35).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && tag.as_bytes()[0].is_ascii_alphabetic();
    if !is_tag {
        return Cow::Borrowed("");
    }
    if tag.bytes().any(|b| b.is_ascii_uppercase() || b == b'_') {
        return Cow::Owned(tag.to_ascii_lowercase().replace('_', "-"));
    }
    tag
}

/// The class of a screen such as `1440x900` by its width; empty when it is not said or no size.
fn screen_class(screen: &str) -> &'static str {
    let width = screen.split_once('x').and_then(|(width, height)| {
        height.trim().parse::<f64>().ok()?;
        width.trim().parse::<f64>().ok()
    });
    match width {
        Some(width) if !(1.0..=100_000.0).contains(&width) => "",
        None => "",
        Some(width) if width < 576.0 => "xs",
        Some(width) if width < 768.0 => "sm",
        Some(width) if width < 992.0 => "md",
        Some(width) if width < 1_200.0 => "lg",
        Some(width) if width < 1_600.0 => "xl",
        Some(_) => "xxl",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags() {
        for (field, header, expected) in [
            ("de-AT", "", "de-at"),
            ("", "en-GB,en;q=0.9", "en-gb"),
            ("fr", "en", "fr"),
            ("pt_BR", "", "pt-br"),
            ("", "*", ""),
            ("", "", ""),
            ("<script>", "", ""),
        ] {
            assert_eq!(language(&Cow::Borrowed(field), header), expected, "{field} {header}");
        }
    }

    #[test]
    fn screens_have_classes() {
        for (screen, expected) in [
            ("390x844", "xs"),
            ("576x1", "sm"),
            ("768x1024", "md"),
            ("992x1", "lg"),
            ("1440x900", "xl"),
            ("1600x1", "xxl"),
            ("1440", ""),
            ("x900", ""),
            ("-1x2", ""),
            ("NaNx2", ""),
            ("0x0", ""),
        ] {
            assert_eq!(screen_class(screen), expected, "{screen}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(number("n", Some(99.6), 0, 100), Ok(Some(100)));
        for bad in [-1.0, 101.0, 1e308, f64::NEG_INFINITY] {
            let detail = number("n", Some(bad), 0, 100).unwrap_err().detail;
            assert!(detail.ends_with("expected 0 to 100"), "{detail}");
        }
    }
}
