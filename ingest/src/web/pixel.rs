//! `GET /e.gif`: the pixel for pages without JavaScript, and for e-mail. The same fields as query
//! parameters; without `url` the page is the one in `Referer`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header};
use footfall_event::Rejected;
use footfall_event::record::Via;

use super::beacon::{Browser, distinct, note_in_headers, store_or_refuse};
use super::reply::{ACCEPTED, DROPPED, REJECTED, reply, status_of};
use super::request;
use super::take::Taken;
use crate::accept::page::parameters;
use crate::accept::raw::{Moment, Raw, RawMoney};
use crate::metrics::{Endpoint, took};
use crate::service::Ingest;

/// One transparent dot.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\
                     \x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// `GET /e.gif`. Always an image, so that no page shows a broken one; what became of the event is
/// in the status and the headers.
pub(super) async fn pixel(State(ingest): State<Arc<Ingest>>, request: Request) -> Response<Body> {
    let began = Instant::now();
    let (parts, _) = request.into_parts();
    let result = accept(&ingest, &parts).await;
    let (status, taken, wait_s) = match &result {
        Ok(taken) => (status(taken), Some(taken), 0),
        Err((refused, status)) => (*status, None, refused.retry_after_s),
    };
    let mut response = reply(status, "image/gif", GIF);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if wait_s > 0 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    }
    match (taken, &result) {
        (Some(taken), _) => {
            headers.insert(ACCEPTED, HeaderValue::from(taken.stored()));
            let notes =
                [(DROPPED, distinct(&taken.dropped)), (REJECTED, distinct(&taken.rejected))];
            note_in_headers(&mut response, notes);
        }
        (None, Err((refused, _))) => {
            let reason = refused.rejection.reason.as_str().to_owned();
            note_in_headers(&mut response, [(REJECTED, reason)]);
        }
        (None, Ok(_)) => {}
    }
    took(Endpoint::Pixel, began.elapsed());
    response
}

fn status(taken: &Taken) -> StatusCode {
    match taken.rejected.first().and_then(|note| Rejected::parse(note.reason)) {
        Some(reason) => status_of(reason),
        None => StatusCode::OK,
    }
}

async fn accept(
    ingest: &Ingest,
    parts: &Parts,
) -> Result<Taken, (super::store::Refused, StatusCode)> {
    let browser = Browser::admit(ingest, request::peer(parts), &parts.headers);
    let browser = browser.map_err(super::store::refuse_whole)?;
    let referer = request::text(&parts.headers, header::REFERER);
    let mut raw = raw_of_query(parts.uri.query().unwrap_or_default(), referer);
    let mut taken = Taken::default();
    // A page without JavaScript sends no `Origin`; an image's request has none.
    taken.decide(0, &mut raw, &browser.context(ingest, &parts.headers, Via::Pixel));
    store_or_refuse(ingest, &mut taken).await?;
    Ok(taken)
}

/// The event of a query's parameters. What can't be a number is left out.
fn raw_of_query<'a>(query: &'a str, referer: &'a str) -> Raw<'a> {
    let mut raw = Raw { activity: Cow::Borrowed("pageview"), ..Raw::default() };
    let (mut amount, mut currency) = (Cow::Borrowed(""), Cow::Borrowed(""));
    for (name, value) in parameters(query) {
        let slot = match name {
            "type" => &mut raw.activity,
            "id" => &mut raw.id,
            "site" => &mut raw.site,
            "url" => &mut raw.url,
            "referrer" => &mut raw.referrer,
            "title" => &mut raw.title,
            "language" => &mut raw.language,
            "screen" => &mut raw.screen,
            "timezone" => &mut raw.timezone,
            "account" => &mut raw.account,
            "pageview" => &mut raw.pageview,
            "query" => &mut raw.query,
            "name" => &mut raw.name,
            "ad" => &mut raw.ad,
            "placement" => &mut raw.placement,
            "request" => &mut raw.request,
            "impression" => &mut raw.impression,
            "click" => &mut raw.click,
            "goal" => &mut raw.goal,
            "transaction" => &mut raw.transaction,
            "status" => &mut raw.status,
            "amount" => &mut amount,
            "currency" => &mut currency,
            "measurable" => {
                raw.measurable = value.parse().ok();
                continue;
            }
            "time" | "sent_at" => {
                let moment = value.parse().map(Moment::Millis).unwrap_or(Moment::Text(value));
                *if name == "time" { &mut raw.time } else { &mut raw.sent_at } = Some(moment);
                continue;
            }
            other => {
                let slot = match other {
                    "engaged_ms" => &mut raw.engaged_ms,
                    "scroll_pct" => &mut raw.scroll_pct,
                    "results" => &mut raw.results,
                    "position" => &mut raw.position,
                    "viewable_ms" => &mut raw.viewable_ms,
                    "visible_pct" => &mut raw.visible_pct,
                    _ => continue,
                };
                *slot = value.parse().ok().filter(|number: &f64| number.is_finite());
                continue;
            }
        };
        *slot = value;
    }
    if !amount.is_empty() || !currency.is_empty() {
        raw.value = Some(RawMoney { amount, currency });
    }
    if raw.url.is_empty() {
        raw.url = Cow::Borrowed(referer);
    }
    raw
}
