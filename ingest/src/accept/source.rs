//! Source: where the visitor came from, by this event's own page and referrer.
//!
//! The first of: `utm_source`, `ref`, `source`, the network of an ad click's id, the referrer's
//! host (the site's own is none). Names are those of the list in [`crate::referrers`].

use footfall_event::Activity;
use footfall_event::record::{Event, Text};

use super::page::{Page, host_of, parameters};
use crate::channels::{self, Facts};
use crate::referrers::{self, Medium};
use crate::sites::SiteRules;

/// Ad networks by the parameter that carries their click's id, and whether a click is paid.
const CLICK_IDS: [(&str, &str, bool); 14] = [
    ("gclid", "Google", true),
    ("gbraid", "Google", true),
    ("wbraid", "Google", true),
    ("dclid", "Google", true),
    ("msclkid", "Bing", true),
    ("fbclid", "Facebook", false),
    ("igshid", "Instagram", false),
    ("ttclid", "TikTok", true),
    ("twclid", "X", true),
    ("li_fat_id", "LinkedIn", true),
    ("epik", "Pinterest", false),
    ("rdt_cid", "Reddit", true),
    ("sccid", "Snapchat", true),
    ("yclid", "Yandex", true),
];

#[derive(Default)]
struct Tags<'a> {
    utm_source: Text<'a>,
    reference: Text<'a>,
    source: Text<'a>,
    medium: Text<'a>,
    campaign: Text<'a>,
    content: Text<'a>,
    term: Text<'a>,
    click_id: Option<&'static (&'static str, &'static str, bool)>,
}

fn tags(query: &str) -> Tags<'_> {
    let mut tags = Tags::default();
    for (name, value) in parameters(query) {
        if value.is_empty() {
            continue;
        }
        let slot = match name {
            "utm_source" => &mut tags.utm_source,
            "utm_medium" => &mut tags.medium,
            "utm_campaign" => &mut tags.campaign,
            "utm_content" => &mut tags.content,
            "utm_term" => &mut tags.term,
            "ref" => &mut tags.reference,
            "source" => &mut tags.source,
            other => {
                if tags.click_id.is_none() {
                    tags.click_id = CLICK_IDS.iter().find(|(param, ..)| *param == other);
                }
                continue;
            }
        };
        if slot.is_empty() {
            *slot = clean(value);
        }
    }
    tags
}

/// Decoding may have brought control characters in.
fn clean(value: Text<'_>) -> Text<'_> {
    if value.chars().any(char::is_control) {
        return value.replace(char::is_control, " ").into();
    }
    value
}

/// Writes source and channel into an event that can begin a visit; and into a click, from which
/// foreign site it was sent, if it was.
pub(crate) fn describe<'a>(
    event: &mut Event<'a>,
    site: &SiteRules,
    page: Option<&Page<'a>>,
    referrer: &Text<'a>,
) {
    let page_host = page.map_or("", |page| &*page.host);
    if event.activity == Activity::Click && !page_host.is_empty() && !site.owns_host(page_host) {
        event.referrer_host = Text::Owned(page_host.to_owned());
    }
    if !event.activity.opens_visit() {
        return;
    }
    let referrer_host = host_of(referrer)
        .filter(|host| **host != *page_host && !site.owns_host(host))
        .map(|host| Text::Owned(host.into_owned()))
        .unwrap_or_default();
    let tags: Tags<'a> = match page {
        Some(page) if !page.query.is_empty() => own(tags(&page.query)),
        _ => Tags::default(),
    };
    let by_click = tags.click_id.map_or("", |(_, network, _)| network);
    let named = [&tags.utm_source, &tags.reference, &tags.source].into_iter();
    let tagged = named.map(|tag| &**tag).find(|tag| !tag.is_empty());
    let (source, medium) = match (tagged, by_click) {
        (Some(tag), _) => referrers::name_of_tag(tag),
        (None, "") if referrer_host.is_empty() => (Text::default(), Medium::None),
        (None, "") => referrers::name_of_host(&referrer_host),
        (None, network) => (Text::Borrowed(network), referrers::medium_of_name(network)),
    };
    event.channel = Text::Borrowed(channels::of(&Facts {
        source: &source,
        medium: &tags.medium,
        campaign: &tags.campaign,
        kind: medium,
        paid_click: tags.click_id.is_some_and(|(.., paid)| *paid),
        has_referrer: !referrer_host.is_empty(),
    }));
    event.source = Text::Owned(source.into_owned());
    event.referrer_host = referrer_host;
    event.utm_medium = tags.medium;
    event.utm_campaign = tags.campaign;
    event.utm_content = tags.content;
    event.utm_term = tags.term;
    event.click_id_param = Text::Borrowed(tags.click_id.map_or("", |(param, ..)| param));
}

/// The tags outlive the page, which moves into the event.
fn own<'a>(tags: Tags<'_>) -> Tags<'a> {
    let own = |text: Text<'_>| Text::Owned(text.into_owned());
    Tags {
        utm_source: own(tags.utm_source),
        reference: own(tags.reference),
        source: own(tags.source),
        medium: own(tags.medium),
        campaign: own(tags.campaign),
        content: own(tags.content),
        term: own(tags.term),
        click_id: tags.click_id,
    }
}
