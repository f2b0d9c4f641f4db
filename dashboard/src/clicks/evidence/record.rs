//! The click's record as a list of names and values, the first ones with people's names.

use super::case::Case;
use crate::format;
use crate::words as w;

/// An entry.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) href: Option<String>,
    /// Set as code.
    pub(super) is_code: bool,
}

/// What people want to know first; entries without a value are left out.
pub(super) fn entries(case: &Case, ad: (String, String), campaign: (String, String)) -> Vec<Entry> {
    let click = &case.click;
    let text = |name, value: String| Entry { name, value, href: None, is_code: false };
    let link = |name, (value, href): (String, String)| Entry {
        name,
        value,
        href: Some(href).filter(|href| !href.is_empty()),
        is_code: false,
    };
    let code = |name, value: String| Entry { name, value, href: None, is_code: true };
    let placement = match click.text("placement") {
        "" => String::new(),
        id => case.names.placement_name(id),
    };
    let position = match click.number("position") {
        0 => String::new(),
        position => position.to_string(),
    };
    let agent = w::agent(
        click.text("browser"),
        click.text("browser_version"),
        &[click.text("os"), click.text("os_version")].join(" "),
    );
    let network = match click.number("asn") {
        0 => String::new(),
        asn => format!("AS{asn} {}", click.text("as_organization")),
    };
    let place = ["city", "region", "country"].map(|column| click.text(column));
    let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let mut out = vec![
        link(w::AD, ad),
        link(w::CAMPAIGN, campaign),
        text(w::PLACEMENT, placement),
        text(w::POSITION, position),
        text(w::SEARCH, click.text("query").to_owned()),
        code(w::PAGE, click.text("url").to_owned()),
        code(w::REFERRER, click.text("referrer").to_owned()),
        code(w::IMPRESSION, click.impression().to_owned()),
        code(w::REQUEST, click.text("request").to_owned()),
        text(w::BROWSER, agent),
        text(w::DEVICE, w::device(click.text("device")).to_owned()),
        text(w::PLACE, place.join(", ")),
        text(w::TIME_ZONE, click.text("timezone").to_owned()),
        text(w::NETWORK, network),
        code(w::NETWORK_KEY, key(click.of_network)),
        code(w::VISITOR_KEY, key(click.of_visitor)),
        text(w::CAME_BY, click.text("via").to_owned()),
        text(w::RECEIVED, received(case)),
    ];
    out.retain(|entry| !entry.value.trim().is_empty());
    out
}

fn received(case: &Case) -> String {
    let (at, received) = (case.click.at_ms, case.click.received_ms);
    w::clock_off(&format::exact(&case.names.zone, received), &format::span(received - at))
}

/// Both ends of a keyed hash: enough to see which are the same.
pub(super) fn key(hash: u64) -> String {
    if hash == 0 {
        return String::new();
    }
    let hex = format!("{hash:016x}");
    format!("{}…{}", &hex[..4], &hex[12..])
}
