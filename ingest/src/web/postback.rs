//! `GET|POST /postback`: conversions from advertisers' servers and trackers, with the parameter
//! names of common trackers beside our own. A parameter that holds a macro which was not filled
//! in (`{payout}`) is left out; names that are not known are ignored.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header};
use footfall_event::record::Via;
use footfall_event::{Event, Rejected};
use serde_json::{Value, json};

use super::api::{Admitted, bearer, key_of};
use super::body::{BodyError, read};
use super::reply::{problem, reply, status_of};
use super::store::{Refused, store};
use super::take::Taken;
use crate::accept::ads::verify;
use crate::accept::page::parameters;
use crate::accept::raw::{Moment, Raw, RawMoney};
use crate::accept::{Policy, Rejection};
use crate::service::Ingest;

/// The goal of a postback that names none.
const GOAL: &str = "conversion";
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What a postback says, by our names.
#[derive(Default)]
struct Postback {
    key: String,
    site: String,
    id: String,
    click: String,
    goal: String,
    transaction: String,
    amount: String,
    currency: String,
    status: String,
    time: String,
    ip: String,
    user_agent: String,
}

impl Postback {
    fn set(&mut self, name: &str, value: Cow<'_, str>) {
        let slot = match name {
            "key" => &mut self.key,
            "site" => &mut self.site,
            "id" => &mut self.id,
            "click" | "ffclid" | "clickid" | "click_id" | "cid" | "subid" | "cnv_id" => {
                &mut self.click
            }
            "goal" | "event" | "et" => &mut self.goal,
            "transaction" | "transaction_id" | "txid" | "tid" => &mut self.transaction,
            "amount" | "payout" | "revenue" | "sum" => &mut self.amount,
            "currency" | "cnv_currency" => &mut self.currency,
            "status" | "cnv_status" => &mut self.status,
            "time" => &mut self.time,
            "ip" => &mut self.ip,
            "user_agent" | "ua" => &mut self.user_agent,
            _ => return,
        };
        let value = value.trim();
        let is_unfilled = value.starts_with('{') && value.ends_with('}');
        if slot.is_empty() && !is_unfilled {
            value.clone_into(slot);
        }
    }

    /// The words of other trackers.
    fn status(&self) -> &str {
        match &*self.status.to_ascii_lowercase() {
            "approved" | "confirmed" | "paid" => "sale",
            "pending" | "hold" => "lead",
            "declined" | "cancelled" | "canceled" | "trash" | "refund" => "rejected",
            "lead" => "lead",
            "sale" => "sale",
            "rejected" => "rejected",
            _ => &self.status,
        }
    }
}

/// `GET|POST /postback`.
pub(super) async fn postback(
    State(ingest): State<Arc<Ingest>>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut response = match accept(&ingest, &parts, body).await {
        Ok((taken, clicks)) => answer(&taken, clicks),
        Err(refused) => {
            let status = status_of(refused.rejection.reason);
            let wait = (refused.retry_after_s > 0).then_some(refused.retry_after_s);
            let mut response = problem(status, &refused.rejection, wait);
            if status == StatusCode::UNAUTHORIZED {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            response
        }
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

/// 200, since some trackers take every other answer for a failure.
fn answer(taken: &Taken, clicks: usize) -> Response<Body> {
    if let Some(note) = taken.rejected.first() {
        let reason = Rejected::parse(note.reason).expect("reasons are from the list");
        return problem(status_of(reason), &Rejection::new(reason, note.detail.clone()), None);
    }
    let answer = json!({
        "accepted": taken.stored(), "dropped": taken.dropped, "rejected": [], "clicks": clicks,
    });
    reply(StatusCode::OK, "application/json", answer.to_string())
}

/// The stored conversion, and how many clicks its ids name.
async fn accept(ingest: &Ingest, parts: &Parts, body: Body) -> Result<(Taken, usize), Refused> {
    let whole = |rejection| Refused { rejection, retry_after_s: 0 };
    let mut postback = Postback::default();
    for (name, value) in parameters(parts.uri.query().unwrap_or_default()) {
        postback.set(name, value);
    }
    let timeout = std::time::Duration::from_millis(ingest.settings.limits.body_timeout_ms);
    let body = read(body, BODY_BYTES_MAX, timeout).await.map_err(|error| match error {
        BodyError::Rejected(rejection) => whole(rejection),
        BodyError::Slow => whole(Rejection::new(Rejected::Malformed, "the body came too slowly")),
    })?;
    read_body(&mut postback, &body).map_err(whole)?;
    let key = Some(&*postback.key).filter(|key| !key.is_empty()).or_else(|| bearer(&parts.headers));
    let admitted = key_of(ingest, key).map_err(whole)?;
    let (mut taken, clicks) = decide(ingest, &admitted, &postback).map_err(whole)?;
    store(ingest, &mut taken).await?;
    Ok((taken, clicks))
}

/// A form, or the scalar members of a JSON object.
fn read_body(postback: &mut Postback, body: &[u8]) -> Result<(), Rejection> {
    let malformed = |detail: &str| Rejection::new(Rejected::Malformed, detail);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?.trim();
    if !text.starts_with('{') {
        parameters(text).for_each(|(name, value)| postback.set(name, value));
        return Ok(());
    }
    let object: serde_json::Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| malformed(&format!("the body is neither a form nor JSON: {error}")))?;
    for (name, value) in object {
        match value {
            Value::String(text) => postback.set(&name, text.into()),
            Value::Number(number) => postback.set(&name, number.to_string().into()),
            Value::Null | Value::Bool(_) => {}
            Value::Array(_) | Value::Object(_) => {
                let detail = format!("{name:?} is no text and no number");
                return Err(malformed(&detail));
            }
        }
    }
    Ok(())
}

fn decide(
    ingest: &Ingest,
    admitted: &Admitted,
    postback: &Postback,
) -> Result<(Taken, usize), Rejection> {
    let catalog = admitted.sites.catalog();
    let clicks = || postback.click.split(',').filter_map(|id| verify(id.trim(), catalog));
    let last = clicks().next_back();
    let clicked_on = last.and_then(|id| catalog.site_of_hash(id.site)).unwrap_or_default();
    // A key for one site says which; else the publisher's site, by the click.
    let site = match (&*postback.site, &*admitted.key.sites) {
        ("", [_]) => "",
        ("", _) => clicked_on,
        (site, _) => site,
    };
    let value = if postback.amount.is_empty() {
        None
    } else {
        let billing = last.and_then(|id| {
            let campaign = &catalog.ad_of_hash(id.ad)?.campaign;
            catalog.campaigns.get(campaign)?.prices.first()
        });
        let currency = match &*postback.currency {
            "" => billing.map(|price| price.price.currency.as_str().to_owned()),
            given => Some(given.to_owned()),
        };
        let currency = currency.ok_or_else(|| {
            let detail = "currency is missing: expected three letters such as EUR";
            Rejection::new(Rejected::MissingField, detail)
        })?;
        Some(RawMoney { amount: (&*postback.amount).into(), currency: currency.into() })
    };
    let mut raw = Raw {
        activity: "conversion".into(),
        id: (&*postback.id).into(),
        site: site.into(),
        time: match &*postback.time {
            "" => None,
            text => Some(text.parse().map(Moment::Millis).unwrap_or(Moment::Text(text.into()))),
        },
        click: (&*postback.click).into(),
        goal: if postback.goal.is_empty() { GOAL.into() } else { (&*postback.goal).into() },
        transaction: (&*postback.transaction).into(),
        status: postback.status().into(),
        value,
        ip: (&*postback.ip).into(),
        user_agent: (&*postback.user_agent).into(),
        ..Raw::default()
    };
    let mut taken = Taken::default();
    admitted.with_context(ingest, Via::Api, Policy::API, |context| {
        taken.decide(0, &mut raw, context);
    })?;
    let record = taken.batch.iter().next();
    let touches = record.and_then(|(.., value)| Some(Event::from_json(value).ok()?.touches.len()));
    Ok((taken, touches.unwrap_or(0)))
}
