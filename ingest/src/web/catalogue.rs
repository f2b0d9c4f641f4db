//! `GET|PUT|DELETE /api/v1/{advertisers,campaigns,ads,placements}/{id}`: the catalogue of ads for
//! programs, with a key for administration. `PUT` adds a thing or changes what it says; what it
//! leaves out stays as it was. `DELETE` takes it off the lists: what is counted still names it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Method, Response, StatusCode};
use footfall_event::Rejected;
use footfall_event::catalog::edit::{
    AdRequest, AdvertiserRequest, CampaignRequest, EditError, PlacementRequest,
};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Catalog, Entry, Key, Placement};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::api::{Admitted, admin_of, bearer};
use super::body::{BodyError, read};
use super::reply::{problem, reply, status_of};
use crate::accept::Rejection;
use crate::service::Ingest;

const BODY_BYTES_MAX: usize = 16 * 1024;

/// `…/advertisers/{id}`.
pub(super) async fn advertiser(
    State(ingest): State<Arc<Ingest>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    thing(&ingest, "advertiser", &id, request).await
}

/// `…/campaigns/{id}`.
pub(super) async fn campaign(
    State(ingest): State<Arc<Ingest>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    thing(&ingest, "campaign", &id, request).await
}

/// `…/ads/{id}`.
pub(super) async fn ad(
    State(ingest): State<Arc<Ingest>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    thing(&ingest, "ad", &id, request).await
}

/// `…/placements/{id}`.
pub(super) async fn placement(
    State(ingest): State<Arc<Ingest>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    thing(&ingest, "placement", &id, request).await
}

async fn thing(ingest: &Ingest, kind: &str, id: &str, request: Request) -> Response<Body> {
    match handle(ingest, kind, id, request).await {
        Ok(value) => reply(StatusCode::OK, "application/json", value.to_string()),
        Err((status, rejection)) => problem(status, &rejection, None),
    }
}

type Refusal = (StatusCode, Rejection);

fn refusal(rejection: Rejection) -> Refusal {
    (status_of(rejection.reason), rejection)
}

fn not_found(what: &str) -> Refusal {
    let rejection = Rejection::new(Rejected::InvalidField, format!("there is no {what}"));
    (StatusCode::NOT_FOUND, rejection)
}

async fn handle(ingest: &Ingest, kind: &str, id: &str, request: Request) -> Result<Value, Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = admin_of(ingest, bearer(&parts.headers)).map_err(refusal)?;
    let Admitted { sites, key } = &admitted;
    let catalog = sites.catalog();
    let name = &id[..id.floor_char_boundary(64)];
    let known = catalog.entry(&format!("{kind}/{id}"));
    if let Some(known) = &known {
        may(key, known, catalog)?;
    }
    match parts.method {
        Method::PUT => {
            let timeout = std::time::Duration::from_millis(ingest.settings.limits.body_timeout_ms);
            let body = read(body, BODY_BYTES_MAX, timeout).await.map_err(|error| match error {
                BodyError::Rejected(rejection) => refusal(rejection),
                BodyError::Slow => {
                    let detail = "the body came too slowly";
                    refusal(Rejection::new(Rejected::Malformed, detail))
                }
            })?;
            let now_ms = ingest.salts.now_ms();
            let entry = asked_for(kind, id, known.as_ref(), &body, catalog, now_ms)?;
            may(key, &entry, catalog)?;
            store(ingest, &entry).await?;
            Ok(shown(&entry))
        }
        Method::DELETE => {
            let known = known.filter(|known| !is_removed(known));
            let entry =
                known.and_then(removed).ok_or_else(|| not_found(&format!("{kind} {name}")))?;
            store(ingest, &entry).await?;
            Ok(json!({ "removed": id }))
        }
        _ => {
            let known = known.filter(|known| !is_removed(known));
            known.map(|known| shown(&known)).ok_or_else(|| not_found(&format!("{kind} {name}")))
        }
    }
}

async fn store(ingest: &Ingest, entry: &Entry) -> Result<(), Refusal> {
    ingest.catalog.put(entry).await.map_err(|error| {
        tracing::error!(%error, "the catalogue could not be changed");
        let detail = "the catalogue can't be changed now";
        refusal(Rejection::new(Rejected::Unavailable, detail))
    })
}

/// Whether a key for some sites may see and change this.
fn may(key: &Key, entry: &Entry, catalog: &Catalog) -> Result<(), Refusal> {
    if key.sites.is_empty() {
        return Ok(());
    }
    let site = match entry {
        Entry::Campaign(campaign) => Some(&campaign.site),
        Entry::Placement(placement) => Some(&placement.site),
        Entry::Ad(ad) => catalog.campaigns.get(&ad.campaign).map(|campaign| &campaign.site),
        _ => None,
    };
    if site.is_some_and(|site| key.sites.contains(site)) {
        return Ok(());
    }
    let detail = "the key is for other sites";
    Err(refusal(Rejection::new(Rejected::ForbiddenSite, detail)))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        refusal(Rejection::new(Rejected::Malformed, format!("the body can't be read: {error}")))
    })
}

fn asked_for(
    kind: &str,
    id: &str,
    known: Option<&Entry>,
    body: &[u8],
    catalog: &Catalog,
    now_ms: i64,
) -> Result<Entry, Refusal> {
    let wrong =
        |error: EditError| refusal(Rejection::new(Rejected::InvalidField, error.to_string()));
    match kind {
        "advertiser" => {
            let known = match known {
                Some(Entry::Advertiser(known)) => Some(known),
                _ => None,
            };
            let advertiser = parse::<AdvertiserRequest>(body)?.apply(id, known, now_ms);
            advertiser.map(Entry::Advertiser).map_err(wrong)
        }
        "campaign" => {
            let known = match known {
                Some(Entry::Campaign(known)) => Some(known),
                _ => None,
            };
            let campaign = parse::<CampaignRequest>(body)?.apply(id, known, catalog, now_ms);
            campaign.map(Entry::Campaign).map_err(wrong)
        }
        "placement" => {
            let known = match known {
                Some(Entry::Placement(known)) => Some(known),
                _ => None,
            };
            let placement = parse::<PlacementRequest>(body)?.apply(id, known, catalog, now_ms);
            placement.map(Entry::Placement).map_err(wrong)
        }
        _ => {
            let known = match known {
                Some(Entry::Ad(known)) => Some(known),
                _ => None,
            };
            let ad = parse::<AdRequest>(body)?.apply(id, known, catalog, now_ms);
            ad.map(Entry::Ad).map_err(wrong)
        }
    }
}

fn is_removed(entry: &Entry) -> bool {
    match entry {
        Entry::Advertiser(it) => it.removed,
        Entry::Campaign(it) => it.removed,
        Entry::Ad(it) => it.removed,
        Entry::Placement(it) => it.removed,
        _ => false,
    }
}

fn removed(entry: Entry) -> Option<Entry> {
    Some(match entry {
        Entry::Advertiser(it) => Entry::Advertiser(Advertiser { removed: true, ..it }),
        Entry::Campaign(it) => Entry::Campaign(Campaign { removed: true, ..it }),
        Entry::Ad(it) => Entry::Ad(Ad { removed: true, ..it }),
        Entry::Placement(it) => Entry::Placement(Placement { removed: true, ..it }),
        _ => return None,
    })
}

/// The entry without the word for its kind, which the address says.
fn shown(entry: &Entry) -> Value {
    let mut value = serde_json::to_value(entry).expect("an entry is plain data");
    if let Some(object) = value.as_object_mut() {
        object.remove("kind");
    }
    value
}
