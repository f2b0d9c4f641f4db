//! The handler of `GET /api/v1/feeds/{topic}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use footfall_event::Topic;
use http::{HeaderMap, header};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::body::{End, FeedBody};
use super::follow::{self, Feed, Start, edge};
use super::form::Form;
use super::is_public;
use super::place::Place;
use super::sight::Sight;
use crate::App;
use crate::auth::guard;
use crate::error::Problem;
use crate::words as w;

/// Pieces that wait for the connection.
const PIECES_MAX: usize = 8;
/// Seconds after which it is worth trying again when there are too many feeds.
const RETRY_S: u32 = 10;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    site: Option<String>,
    from: Option<String>,
}

/// The handler.
pub(crate) async fn feed(
    State(app): State<App>,
    Path(topic): Path<String>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let response = match question {
        Ok(Query(question)) => open(&app, &topic, &question, &headers).await,
        Err(error) => Err(Problem::BadRequest(error.body_text())),
    };
    response.unwrap_or_else(|problem| problem.json())
}

async fn open(
    app: &App,
    topic: &str,
    question: &Question,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let reader = guard::reader(app, headers)?;
    let topic = Topic::parse(topic).ok_or(Problem::NotFound)?;
    if !is_public(topic) {
        return Err(Problem::Forbidden(w::FEED_INTERNAL.into()));
    }
    let sight = match question.site.as_deref() {
        Some(site) if !reader.may_see(site) => {
            return Err(Problem::Forbidden(w::KEY_FOR_ANOTHER_SITE.into()));
        }
        Some(site) => Sight::Sites(vec![site.to_owned()]),
        None => match reader.sites() {
            Some(sites) => Sight::Sites(sites.to_vec()),
            None => Sight::All,
        },
    };
    let text = |name: header::HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let form = Form::of(text(header::ACCEPT));
    let permit = app.feeds.permits.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::Busy(RETRY_S))?;
    let last = text(header::HeaderName::from_static("last-event-id")).map(str::to_owned);
    let from = question.from.clone();
    let opened = app.clone();
    let opening = tokio::task::spawn_blocking(move || prepare(&opened, topic, last, from));
    let opening = opening.await.map_err(|error| Problem::Unavailable(error.to_string()))?;
    let (log_reader, start) = opening?;
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let end = End::default();
    let (checked, credentials) = (Arc::downgrade(app), headers.clone());
    let feed = Feed {
        reader: log_reader,
        topic,
        partitions: app.feeds.log.partitions(topic),
        sight,
        form,
        catalog: app.catalog.clone(),
        pieces: sender,
        stopping: app.feeds.stopping.subscribe(),
        may_read: Box::new(move || {
            let still = |app: App| guard::reader(&app, &credentials).ok();
            checked.upgrade().and_then(still).is_some_and(|now| now == reader)
        }),
    };
    begin(feed, start, end.clone(), permit).await?;
    let body = Body::new(FeedBody { pieces, end, form, ended: false });
    let response = Response::builder()
        .header(header::CONTENT_TYPE, form.content_type())
        .header(header::CACHE_CONTROL, "no-store")
        // Proxies that gather a response before they pass it on would hold everything back.
        .header("x-accel-buffering", "no")
        .body(body);
    response.map_err(|error| Problem::Unavailable(error.to_string()))
}

/// Starts a feed's thread. Not from here, an event loop: if that is bound to a processor, what it starts
/// is, too, for as long as the feed lasts.
async fn begin(
    feed: Feed,
    start: Start,
    end: End,
    permit: OwnedSemaphorePermit,
) -> Result<(), Problem> {
    let follow = move || {
        follow::run(feed, start, &end);
        drop(permit);
    };
    let begin = || std::thread::Builder::new().name("feed".to_owned()).spawn(follow);
    let begun = tokio::task::spawn_blocking(begin).await;
    let begun = begun.map_err(std::io::Error::from).flatten();
    begun.map(drop).map_err(|error| Problem::Unavailable(error.to_string()))
}

type Opened = (Box<dyn footfall_topics::Reader>, Start);

/// A reader, and where it begins.
fn prepare(
    app: &App,
    topic: Topic,
    last: Option<String>,
    from: Option<String>,
) -> Result<Opened, Problem> {
    let log = &app.feeds.log;
    let away = |error: footfall_topics::LogError| Problem::Unavailable(error.to_string());
    let start = match (last.as_deref(), from.as_deref()) {
        (Some(id), _) => {
            let place = Place::parse(id, log.partitions(topic));
            Start::At(place.ok_or_else(|| Problem::BadRequest(w::FEED_ID.into()))?)
        }
        (None, None) if topic.settings().compacted => Start::State,
        (None, Some("start")) => Start::At(edge(log, topic, false).map_err(away)?),
        (None, None | Some("end")) => Start::At(edge(log, topic, true).map_err(away)?),
        (None, Some(_)) => return Err(Problem::BadRequest(w::FEED_FROM.into())),
    };
    Ok((log.reader().map_err(away)?, start))
}
