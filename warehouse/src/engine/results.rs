//! Answers to statements that succeeded: a result in memory, or one that is sent while it is made.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::library::{Answer, Connection};
use super::pool::Turn;
use super::reply::{self, Pieces};
use super::request::Asked;

/// The head of an answer: what is known when its first byte is sent.
pub(crate) struct Head {
    pub(crate) format: String,
    pub(crate) query_id: String,
    /// Rows and bytes: read, written; rows of the result.
    pub(crate) summary: String,
    pub(crate) exception_tag: Option<String>,
}

/// A result in memory. It keeps its turn until it was sent, so that slow clients can't pile up
/// results.
pub(crate) struct WholeResult {
    pub(crate) answer: Answer,
    pub(crate) _turn: Turn,
}

impl AsRef<[u8]> for WholeResult {
    fn as_ref(&self) -> &[u8] {
        self.answer.as_ref()
    }
}

/// Answers with a result that is sent while it is made. Errors before its first piece have a
/// status; later ones are told in the body, as ClickHouse does.
pub(crate) async fn stream(
    asked: Asked,
    sql: String,
    format: String,
    pieces: Pieces,
    turn: Turn,
) -> Result<Response<Body>, String> {
    let (send, mut receive) = mpsc::channel::<Result<Bytes, String>>(2);
    let query_id = asked.query_id.clone();
    let stream_format = format.clone();
    tokio::task::spawn_blocking(move || {
        let failed = turn.run(&asked.wanted, |connection| {
            let result = send_pieces(connection, &asked, &sql, &stream_format, pieces, &send);
            let reusable = result.is_ok();
            (result, reusable)
        });
        if let Err(text) = failed {
            let _ = send.blocking_send(Err(text));
        }
    });
    let first = receive.recv().await.transpose()?.unwrap_or_default();
    let tag: String =
        rand::random::<[u8; 16]>().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let later = Body::new(PiecesBody { first: Some(first), rest: receive, tag: tag.clone() });
    let head =
        Head { format, query_id: id(query_id), summary: "{}".to_owned(), exception_tag: Some(tag) };
    Ok(respond(head, later))
}

/// The body of a result in pieces.
struct PiecesBody {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Result<Bytes, String>>,
    tag: String,
}

impl hyper::body::Body for PiecesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|piece| {
            let data = match piece? {
                Ok(data) => data,
                Err(text) => Bytes::from(reply::broken_off(&text, &self.tag)),
            };
            Some(Ok(Frame::data(data)))
        })
    }
}

fn send_pieces(
    connection: &mut Connection,
    asked: &Asked,
    sql: &str,
    format: &str,
    pieces: Pieces,
    send: &mpsc::Sender<Result<Bytes, String>>,
) -> Result<(), String> {
    let mut stream = connection.stream(sql, format, &asked.params)?;
    let mut is_first = true;
    while let Some(piece) = stream.next()? {
        let head = if is_first { 0 } else { pieces.head_length(piece.as_ref()) };
        is_first = false;
        if send.blocking_send(Ok(Bytes::from_owner(piece).slice(head..))).is_err() {
            // The client is gone: dropping the stream cancels the query.
            return Ok(());
        }
    }
    Ok(())
}

pub(crate) fn summary(answer: &Answer, started: Instant) -> String {
    let ((read_rows, read_bytes), (written_rows, written_bytes)) =
        (answer.read(), answer.written());
    format!(
        "{{\"read_rows\":\"{read_rows}\",\"read_bytes\":\"{read_bytes}\",\"written_rows\":\"{written_rows}\",\"written_bytes\":\"{written_bytes}\",\"result_rows\":\"{}\",\"elapsed_ns\":\"{}\"}}",
        answer.rows(),
        started.elapsed().as_nanos()
    )
}

pub(crate) fn id(asked: Option<String>) -> String {
    asked.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
}

pub(crate) fn respond(head: Head, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(reply::content_type(&head.format));
    headers.insert(header::CONTENT_TYPE, content_type);
    for (name, value) in [
        ("x-clickhouse-format", Some(head.format)),
        ("x-clickhouse-query-id", Some(head.query_id)),
        ("x-clickhouse-summary", Some(head.summary)),
        ("x-clickhouse-exception-tag", head.exception_tag),
    ] {
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
