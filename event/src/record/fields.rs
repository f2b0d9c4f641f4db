//! Everything an event has, and an event with nothing but what every event has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversionStatus, Device, Judgement, PropValue, Text, VERSION, Via, is_default};
use crate::ads::{Billing, Proof, Touch};
use crate::money::Money;
use crate::{Activity, Hex64, Id, VerdictReason};

/// An accepted event, enriched. All times are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event<'a> {
    /// Version of the format.
    pub v: u8,
    /// What happened.
    #[serde(rename = "type")]
    pub activity: Activity,
    /// Unique per site over all types.
    pub id: Id,
    /// The registered domain.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// When it happened, corrected if the sender's clock was off.
    pub time: i64,
    /// When Footfall took it.
    pub received_at: i64,
    /// How it came.
    #[serde(default, skip_serializing_if = "is_default")]
    pub via: Via,

    // Who, without saying who.
    /// Keyed hash of the client's address (IPv6: its /64); the key rotates daily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Hex64>,
    /// Keyed hash of site, address and user agent; the key rotates daily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Hex64>,
    /// `network` under the key of the day before, while that key lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_network: Option<Hex64>,
    /// `visitor` under the key of the day before, while that key lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_visitor: Option<Hex64>,
    /// Keyed hash of the site's own user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Hex64>,

    // The page.
    /// The page's address as the browser sent it.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub url: Text<'a>,
    /// Its host, lower case, without `www.`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub host: Text<'a>,
    /// Its path without query and fragment (with the fragment's path under hash routing).
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub path: Text<'a>,
    /// Its title.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub title: Text<'a>,
    /// The referrer as the browser sent it.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub referrer: Text<'a>,

    // Where the visitor came from (by this event's own page and referrer).
    /// Name of the source; empty for "Direct or unknown".
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub source: Text<'a>,
    /// GA4's default channel group, plus AI assistants.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub channel: Text<'a>,
    /// The referrer's host without `www.`; empty when it is the site's own.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub referrer_host: Text<'a>,
    /// `utm_medium`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_medium: Text<'a>,
    /// `utm_campaign`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_campaign: Text<'a>,
    /// `utm_content`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_content: Text<'a>,
    /// `utm_term`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_term: Text<'a>,
    /// The parameter name of an ad network's click id on the page's address (`gclid` …).
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub click_id_param: Text<'a>,

    // With what, and from where.
    /// The user agent as sent.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub user_agent: Text<'a>,
    /// Browser family.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub browser: Text<'a>,
    /// Browser version, major only.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub browser_version: Text<'a>,
    /// Operating system family.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub os: Text<'a>,
    /// Operating system version.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub os_version: Text<'a>,
    /// Kind of device.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: Device,
    /// Name of the bot that the user agent declares; empty for people.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub bot: Text<'a>,
    /// The page says that it is driven by automation (`navigator.webdriver`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub automated: bool,
    /// ISO 3166-1 alpha-2.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub country: Text<'a>,
    /// Name of the region.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub region: Text<'a>,
    /// Name of the city.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub city: Text<'a>,
    /// Autonomous system number; 0 when not known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub asn: u32,
    /// Its organisation.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub as_organization: Text<'a>,
    /// BCP 47 tag of the preferred language, lower case (`de-at`).
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub language: Text<'a>,
    /// Class of the screen's width: `xs` < 576 ≤ `sm` < 768 ≤ `md` < 992 ≤ `lg` < 1200 ≤ `xl` < 1600 ≤ `xxl`.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub screen: Text<'a>,
    /// IANA time zone of the browser.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub timezone: Text<'a>,

    /// The sender's own properties.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub props: BTreeMap<String, PropValue>,

    // Engagement.
    /// Id of the page view that an engagement completes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pageview: Option<Id>,
    /// Visible and focused time since the last report, milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub engaged_ms: u32,
    /// Deepest scroll, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scroll_pct: Option<u8>,

    // Search, and the search under which an ad was chosen.
    /// The query as typed.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub query: Text<'a>,
    /// Number of results; absent when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<u32>,
    /// Filters chosen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<String, String>,

    // Action and conversion.
    /// Name of the action.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub name: Text<'a>,
    /// Money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,

    // Ads.
    /// Ad.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub ad: Text<'a>,
    /// Placement.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub placement: Text<'a>,
    /// Position on the page, from 1; 0 when not said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub position: u16,
    /// The ad server's request id.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub request: Text<'a>,
    /// Id of the impression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impression: Option<Id>,
    /// How long the ad was viewable, milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub viewable_ms: u32,
    /// Share of its pixels that was visible, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_pct: Option<u8>,
    /// The click id (`ffclid`) of a conversion.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub click: Text<'a>,
    /// The goal of a conversion.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub goal: Text<'a>,
    /// The advertiser's transaction id.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub transaction: Text<'a>,
    /// State of a conversion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ConversionStatus>,

    // Ads: what ingest adds, since it has the catalogue and the secrets.
    /// The ad's campaign; empty when the catalogue doesn't know the ad.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub campaign: Text<'a>,
    /// What an impression or click of this campaign costs at this time; on impressions also what a
    /// conversion that is attributed to it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// The campaign's budget, on impressions and clicks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Host of the ad's destination without `www.`, on impressions: a conversion there may belong
    /// to this one.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub target: Text<'a>,
    /// How many days an impression counts for conversions (0 or 1).
    #[serde(default, skip_serializing_if = "is_default")]
    pub view_days: u16,
    /// Whether an impression's viewability could be measured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub measurable: bool,
    /// How sure it is that a click's impression happened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proof: Proof,
    /// When a click's impression was made, by its token; 0 when not known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub impression_at: i64,
    /// The clicks that a conversion's verified click ids name, in the order of their time.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch<'a>>,
    /// The last impression on the conversion's device that led to this site: the conversion belongs
    /// to it when no click claims it. Added by the aggregator; its `click` is nil, `at` is the
    /// impression's time, the billing is the impression's.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub view_through: Option<Touch<'a>>,
    /// What only ingest could see, having the catalogue, the headers and the secrets. The rules
    /// turn it into reasons of the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<VerdictReason>,

    /// What the aggregator found; absent in activity topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judgement>,
}

impl<'a> Event<'a> {
    /// An event with nothing but what every event has.
    pub fn new(activity: Activity, id: Id, site: impl Into<Text<'a>>, time: i64) -> Event<'a> {
        Event {
            v: VERSION,
            activity,
            id,
            site: site.into(),
            time,
            received_at: time,
            via: Via::default(),
            network: None,
            visitor: None,
            previous_network: None,
            previous_visitor: None,
            account: None,
            url: Text::default(),
            host: Text::default(),
            path: Text::default(),
            title: Text::default(),
            referrer: Text::default(),
            source: Text::default(),
            channel: Text::default(),
            referrer_host: Text::default(),
            utm_medium: Text::default(),
            utm_campaign: Text::default(),
            utm_content: Text::default(),
            utm_term: Text::default(),
            click_id_param: Text::default(),
            user_agent: Text::default(),
            browser: Text::default(),
            browser_version: Text::default(),
            os: Text::default(),
            os_version: Text::default(),
            device: Device::default(),
            bot: Text::default(),
            automated: false,
            country: Text::default(),
            region: Text::default(),
            city: Text::default(),
            asn: 0,
            as_organization: Text::default(),
            language: Text::default(),
            screen: Text::default(),
            timezone: Text::default(),
            props: BTreeMap::new(),
            pageview: None,
            engaged_ms: 0,
            scroll_pct: None,
            query: Text::default(),
            results: None,
            filters: BTreeMap::new(),
            name: Text::default(),
            value: None,
            ad: Text::default(),
            placement: Text::default(),
            position: 0,
            request: Text::default(),
            impression: None,
            viewable_ms: 0,
            visible_pct: None,
            click: Text::default(),
            goal: Text::default(),
            transaction: Text::default(),
            status: None,
            campaign: Text::default(),
            billing: None,
            budget: None,
            target: Text::default(),
            view_days: 0,
            measurable: false,
            proof: Proof::default(),
            impression_at: 0,
            touches: Vec::new(),
            view_through: None,
            found: Vec::new(),
            judged: None,
        }
    }
}
