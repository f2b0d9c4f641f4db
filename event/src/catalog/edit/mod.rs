//! From what somebody asks for to an entry: every value is checked here, whether it came by the
//! command line, the API or a page.
//!
//! A request holds texts as people write them (`"12.50"`, `"2026-11-21T10:00:00Z"`). What it
//! leaves out stays as it was, or gets its default if the thing is new; an empty text clears what
//! may be empty.

use crate::ads::is_name;
use crate::limits::TEXT_BYTES_MAX;
use crate::money::{Currency, parse_micros};
use crate::time::parse_rfc3339;

mod ad;
mod campaign;
mod placement;

pub use ad::{AdRequest, AdvertiserRequest};
pub use campaign::CampaignRequest;
pub use placement::PlacementRequest;

/// Why a request can't be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct EditError {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl EditError {
    fn new(field: &'static str, problem: impl Into<String>) -> EditError {
        EditError { field, problem: problem.into() }
    }
}

/// The start of a text that came from outside, for a message.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}

/// Checks the id of an advertiser, a campaign, an ad or a placement.
///
/// # Errors
/// When it is none.
pub fn check_id(id: &str) -> Result<(), EditError> {
    if is_name(id) {
        return Ok(());
    }
    let problem = format!(
        "{:?} can't be an id: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -",
        shown(id)
    );
    Err(EditError::new("id", problem))
}

/// A name for people.
fn name(text: Option<String>, known: &str) -> Result<String, EditError> {
    let Some(text) = text else { return Ok(known.to_owned()) };
    if text.len() > TEXT_BYTES_MAX {
        let problem = format!("it has {} bytes: expected at most {TEXT_BYTES_MAX}", text.len());
        return Err(EditError::new("name", problem));
    }
    if text.chars().any(char::is_control) {
        return Err(EditError::new("name", "it holds a control character"));
    }
    Ok(text)
}

/// A moment; `None` for an empty text.
fn moment(field: &'static str, text: &str) -> Result<Option<i64>, EditError> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_rfc3339(text).map(Some).ok_or_else(|| {
        let problem = format!(
            "{:?} is not a time: expected RFC 3339 with a zone, such as 2026-11-21T10:00:00Z",
            shown(text)
        );
        EditError::new(field, problem)
    })
}

/// An amount in millionths that is neither negative nor beyond `max_units`.
fn amount(field: &'static str, text: &str, max_units: i64) -> Result<i64, EditError> {
    let micros = parse_micros(text)
        .map_err(|error| EditError::new(field, format!("{:?}: {error}", shown(text))))?;
    if micros < 0 || micros > max_units * 1_000_000 {
        let problem = format!("{}: expected 0 to {max_units}", shown(text));
        return Err(EditError::new(field, problem));
    }
    Ok(micros)
}

fn currency(text: &str) -> Result<Currency, EditError> {
    Currency::parse(text).ok_or_else(|| {
        let problem =
            format!("{:?} is not a currency: expected three letters such as EUR", shown(text));
        EditError::new("currency", problem)
    })
}
