//! Clicks on ads: what was clicked, where that leads, and the click's record.
//!
//! A destination comes from the catalogue or from a token that is signed with one of our keys, and
//! from nowhere else. Its macros are filled in, and what comes out is checked again: it has to lead
//! to the same scheme, host and port as what was stored.

use std::borrow::Cow;
use std::sync::Arc;

use footfall_event::ads::destination;
use footfall_event::ads::token::TokenError;
use footfall_event::ads::{
    ClickId, Proof, Token, is_name, name_hash, normalised_query, query_hash,
};
use footfall_event::catalog::Ad;
use footfall_event::limits::AGE_MS_MAX;
use footfall_event::record::{Device, Event};
use footfall_event::{Id, VerdictReason};

use crate::accept::ads::secret_bytes;
use crate::accept::page::{host_of, parameters};
use crate::accept::raw::Raw;
use crate::sites::Sites;

pub(crate) mod hints;
mod macros;

use macros::{Values, add_click_id, fill};

/// Why a click leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The catalogue has no such ad (any more).
    UnknownAd,
    /// The token can't be trusted; the word for the metric.
    BadToken(&'static str),
}

/// What was clicked.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    ad: &'a Arc<Ad>,
    /// The publisher's site.
    pub(crate) site: &'a str,
    /// Where it leads, with macros.
    template: Cow<'a, str>,
    /// The page it leads to in the end, when that is not `template`.
    landing: Cow<'a, str>,
    placement: Cow<'a, str>,
    position: Option<u16>,
    query: Cow<'a, str>,
    impression: Option<Id>,
    request: Cow<'a, str>,
    proof: Proof,
    impression_at: i64,
    found: Vec<VerdictReason>,
}

impl<'a> Target<'a> {
    /// What `/c/{ad}` and its parameters name.
    pub(crate) fn of_ad(
        ad: &str,
        query: &'a str,
        referer: &str,
        sites: &'a Sites,
    ) -> Result<Target<'a>, NoTarget> {
        let ad = find(ad, sites)?;
        let mut target = Target::new(ad);
        for (name, value) in parameters(query) {
            match name {
                "placement" => target.placement = value,
                "position" if value.is_empty() => {}
                "position" => match value.parse() {
                    Ok(position) if position > 0 => target.position = Some(position),
                    _ => target.found.push(VerdictReason::PositionUnknown),
                },
                "query" => target.query = value,
                "request" => target.request = value,
                // A text that is no id names no impression.
                "impression" => target.impression = Id::try_parse(&value).ok(),
                _ => {}
            }
        }
        target.settle(referer, sites)?;
        Ok(target)
    }

    /// What a token says, if it is genuine.
    pub(crate) fn of_token(
        text: &str,
        referer: &str,
        sites: &'a Sites,
        now_ms: i64,
    ) -> Result<Target<'a>, NoTarget> {
        let keys = &sites.catalog().token_keys;
        let mut key = None;
        let token = Token::verify(text, |id| {
            key = keys.get(id);
            hex::decode(&key?.secret).ok()
        });
        let token = token.map_err(|error| {
            NoTarget::BadToken(match error {
                TokenError::Form => "form",
                TokenError::Key => "key",
                TokenError::Signature => "signature",
                TokenError::Payload(_) => "payload",
            })
        })?;
        if token.impression.is_nil() {
            return Err(NoTarget::BadToken("payload"));
        }
        let ad = find(&token.ad, sites)?;
        let mut target = Target::new(ad);
        if !token.destination.is_empty() {
            if destination::check(&token.destination).is_err() {
                return Err(NoTarget::BadToken("destination"));
            }
            // An ad whose own destination asks for the landing page goes there first.
            if !ad.destination.contains("{lpurl}") {
                target.template = Cow::Owned(token.destination.clone());
            }
            target.landing = Cow::Owned(token.destination);
        }
        target.placement = Cow::Owned(token.placement);
        target.position = Some(token.position).filter(|position| *position > 0);
        target.query = Cow::Owned(token.query);
        target.impression = Some(token.impression);
        target.impression_at = token.time;
        let is_old = now_ms.saturating_sub(token.time) > AGE_MS_MAX;
        target.proof = if is_old { Proof::Expired } else { Proof::Signed };
        target.settle(referer, sites)?;
        let allowed = key.map_or(&[][..], |key| &key.sites);
        if !allowed.is_empty() && !allowed.iter().any(|site| site == target.site) {
            return Err(NoTarget::BadToken("site"));
        }
        Ok(target)
    }

    /// Something else that was found out about the click.
    pub(crate) fn found(self, condition: bool, reason: VerdictReason) -> Target<'a> {
        let mut target = self;
        target.found.extend(condition.then_some(reason));
        target
    }

    fn new(ad: &'a Arc<Ad>) -> Target<'a> {
        Target {
            ad,
            site: "",
            template: Cow::Borrowed(&ad.destination),
            landing: Cow::Borrowed(&ad.destination),
            placement: Cow::Borrowed(""),
            position: None,
            query: Cow::Borrowed(""),
            impression: None,
            request: Cow::Borrowed(""),
            proof: Proof::None,
            impression_at: 0,
            found: Vec::new(),
        }
    }

    /// Finds the site: the placement's, else the one whose page was left, else the campaign's.
    fn settle(&mut self, referer: &str, sites: &'a Sites) -> Result<(), NoTarget> {
        let catalog = sites.catalog();
        let placement = catalog.placements.get(&*self.placement);
        let of_placement = placement.and_then(|placement| sites.get(&placement.site));
        let of_page = || sites.of_host(&host_of(referer)?);
        let of_campaign = || sites.get(&catalog.campaigns.get(&self.ad.campaign)?.site);
        let site = of_placement.or_else(of_page).or_else(of_campaign);
        self.site = site.ok_or(NoTarget::UnknownAd)?.domain();
        Ok(())
    }

    /// The click as an event, to be taken through the accept steps.
    pub(crate) fn raw<'r>(&'r self, id: &'r str, referer: &'r str) -> Raw<'r> {
        let borrow = |text: &'r Cow<'_, str>| Cow::Borrowed(&**text);
        Raw {
            activity: Cow::Borrowed("click"),
            id: Cow::Borrowed(id),
            site: Cow::Borrowed(self.site),
            url: if host_of(referer).is_some() { referer.into() } else { "".into() },
            ad: Cow::Borrowed(&self.ad.id),
            placement: borrow(&self.placement),
            position: self.position.map(f64::from),
            query: borrow(&self.query),
            request: borrow(&self.request),
            impression: self.impression.map_or("".into(), |id| Cow::Owned(id.to_string())),
            proof: self.proof,
            impression_at: self.impression_at,
            found: self.found.clone(),
            ..Raw::default()
        }
    }

    /// Where the click leads, ready for a header. `None` when what is stored is no destination
    /// any more, or the filled-in one would lead elsewhere.
    pub(crate) fn location(&self, click: &Click, random: u64) -> Option<String> {
        let end = self.landing.find(['?', '#']).unwrap_or(self.landing.len());
        let landing = match &self.landing {
            own if **own == *self.template => &own[..end],
            given => &**given,
        };
        let values = Values {
            click_id: &click.click_id,
            site: self.site,
            ad: &self.ad.id,
            campaign: &self.ad.campaign,
            placement: &click.placement,
            position: click.position,
            query: &click.query,
            impression: self.impression,
            device: click.device,
            landing,
            random,
            now_ms: click.time,
        };
        let mut address = fill(&self.template, &values);
        if !click.click_id.is_empty() {
            add_click_id(&mut address, &click.click_id);
        }
        destination::filled_in(&self.template, address)
    }
}

fn find<'a>(ad: &str, sites: &'a Sites) -> Result<&'a Arc<Ad>, NoTarget> {
    let known = if is_name(ad) { sites.catalog().ads.get(ad) } else { None };
    known.filter(|ad| !ad.removed).ok_or(NoTarget::UnknownAd)
}

/// What of a click's record goes into its destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct Click {
    /// The signed click id; empty when the click is not recorded.
    click_id: String,
    placement: String,
    position: u16,
    query: String,
    device: Device,
    time: i64,
}

impl Click {
    /// What a click's record says, and its signed id.
    pub(crate) fn of(event: &Event<'_>, sites: &Sites) -> Click {
        let key = sites.catalog().signing_key();
        let click_id = key.map(|key| {
            let id = ClickId {
                click: event.id,
                at: event.time,
                site: name_hash(&event.site),
                ad: name_hash(&event.ad),
                placement: name_hash(&event.placement),
                position: event.position,
                impression: event.impression.unwrap_or_default(),
                query: query_hash(&normalised_query(&event.query)),
            };
            id.sign(key.number, &secret_bytes(&key.secret))
        });
        Click {
            click_id: click_id.unwrap_or_default(),
            placement: event.placement.as_ref().to_owned(),
            position: event.position,
            query: event.query.as_ref().to_owned(),
            device: event.device,
            time: event.time,
        }
    }
}
