//! Ads: what only ingest can know about an ad's event, having the catalogue and the secrets. The
//! campaign and its price at the event's time, what a click id says, and what is wrong with the
//! ad, the placement or the position.
//!
//! An ad that the catalogue doesn't know is taken all the same, with an empty campaign: figures
//! show it as unknown, rather than that it is lost because of a typing mistake.

use std::borrow::Cow;

use footfall_event::ads::{ClickId, Touch, is_name};
use footfall_event::catalog::{Ad, Campaign, Catalog};
use footfall_event::record::{Event, Text};
use footfall_event::{Activity, Hex64, Rejected, VerdictReason};

use super::limits::shown;
use super::{Context, Raw, Rejection};

/// Click ids that one conversion may name: the snippet keeps the last four.
const TOUCHES_MAX: usize = 4;

/// Enriches an event of an ad; others pass.
///
/// # Errors
/// `invalid_field` when the ad's id can't be one.
pub(crate) fn enrich<'a>(
    event: &mut Event<'a>,
    raw: &Raw<'_>,
    context: &Context<'a>,
) -> Result<(), Rejection> {
    match event.activity {
        Activity::Impression | Activity::View | Activity::Click => {
            event.proof = raw.proof;
            event.impression_at = raw.impression_at;
            event.found.extend_from_slice(&raw.found);
            ad(event, context)?;
            placement(event, context);
            event.found.sort_unstable();
            event.found.dedup();
            if event.activity == Activity::Impression {
                event.measurable = raw.measurable.unwrap_or(false);
            }
        }
        Activity::Conversion => event.touches = touches(event, context),
        Activity::Pageview | Activity::Engagement | Activity::Search | Activity::Action => {}
    }
    Ok(())
}

fn ad<'a>(event: &mut Event<'a>, context: &Context<'a>) -> Result<(), Rejection> {
    if event.ad.is_empty() {
        return Ok(());
    }
    if !is_name(&event.ad) {
        let detail = format!(
            "ad {:?} can't be an id: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -",
            shown(&event.ad)
        );
        return Err(Rejection::new(Rejected::InvalidField, detail));
    }
    let catalog = context.sites.catalog();
    let Some(ad) = catalog.ads.get(&*event.ad) else { return Ok(()) };
    event.campaign = Cow::Borrowed(&ad.campaign);
    let Some(campaign) = catalog.campaigns.get(&ad.campaign) else { return Ok(()) };
    match event.activity {
        Activity::Impression => {
            event.billing = campaign.billing(event.time);
            event.budget = campaign.budget;
            event.target = target(ad);
            event.view_days = campaign.attribution.view_days;
        }
        Activity::Click => {
            event.billing = campaign.billing(event.time);
            event.budget = campaign.budget;
            if !runs(ad, campaign, event.time) || context.used_up.contains(&campaign.id) {
                event.found.push(VerdictReason::NotRunning);
            }
        }
        _ => {}
    }
    Ok(())
}

fn runs(ad: &Ad, campaign: &Campaign, time: i64) -> bool {
    !ad.paused && !ad.removed && campaign.runs(time)
}

/// The host of an ad's destination without `www.`. Destinations were checked when they were
/// stored: the host stands there as it is.
fn target(ad: &Ad) -> Text<'_> {
    super::page::host_of(&ad.destination).unwrap_or_default()
}

/// A placement or position that does not exist is not recorded. One without room shows nothing.
fn placement(event: &mut Event<'_>, context: &Context<'_>) {
    if event.placement.is_empty() {
        return;
    }
    let known = context.sites.catalog().placements.get(&*event.placement);
    let Some(placement) = known.filter(|placement| placement.site == event.site) else {
        event.placement = Cow::Borrowed("");
        return event.found.push(VerdictReason::PlacementUnknown);
    };
    if placement.size.is_some_and(|(width, height)| width <= 1 && height <= 1) {
        event.found.push(VerdictReason::PlacementSize);
    }
    if placement.positions.is_some_and(|positions| event.position > positions) {
        event.position = 0;
        event.found.push(VerdictReason::PositionUnknown);
    }
}

/// The clicks that a conversion's click ids name, as far as they were made here.
fn touches<'a>(event: &Event<'_>, context: &Context<'a>) -> Vec<Touch<'a>> {
    let catalog = context.sites.catalog();
    let ids = event.click.split(',').map(str::trim).filter(|id| !id.is_empty());
    let verified = ids.filter_map(|id| verify(id, catalog));
    let touch = |id| touch(id, catalog, event.time);
    // The last ones, if there are more than the snippet keeps.
    let mut touches: Vec<Touch<'a>> = verified.filter_map(touch).collect();
    touches.sort_by_key(|touch| (touch.at, touch.click));
    touches.dedup_by_key(|touch| touch.click);
    touches.drain(..touches.len().saturating_sub(TOUCHES_MAX));
    touches
}

/// What a click id says, if one of our keys signed it.
pub(crate) fn verify(text: &str, catalog: &Catalog) -> Option<ClickId> {
    let secret = |number: u8| {
        let key = catalog.click_keys.get(&number)?;
        Some(secret_bytes(&key.secret).to_vec())
    };
    ClickId::verify(text, secret).ok()
}

/// The bytes of a click key's secret.
pub(crate) fn secret_bytes(secret: &[Hex64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (part, word) in bytes.chunks_exact_mut(8).zip(secret) {
        part.copy_from_slice(&word.0.to_be_bytes());
    }
    bytes
}

fn touch(id: ClickId, catalog: &Catalog, time: i64) -> Option<Touch<'_>> {
    let ad = catalog.ad_of_hash(id.ad)?;
    let site = catalog.site_of_hash(id.site)?;
    let placement = match id.placement {
        0 => "",
        hash => &catalog.placement_of_hash(hash)?.id,
    };
    let campaign = catalog.campaigns.get(&ad.campaign);
    Some(Touch {
        click: id.click,
        at: id.at,
        site: site.into(),
        campaign: campaign.map_or("", |campaign| &campaign.id).into(),
        ad: ad.id.as_str().into(),
        placement: placement.into(),
        position: id.position,
        impression: Some(id.impression).filter(|id| !id.is_nil()),
        query_hash: id.query,
        billing: campaign.and_then(|campaign| campaign.billing(time)),
        attribution: campaign.map(|campaign| campaign.attribution).unwrap_or_default(),
    })
}
