//! ClickHouse's HTTP interface over the engine in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::get;
use bytes::BytesMut;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tower_http::compression::CompressionLayer;

use super::Settings;
use super::library::{Answer, Connection};
use super::pool::{Pool, Turn};
use super::reply::{self, Pieces};
use super::request::{self, Asked};
use super::results::{Head, WholeResult, id, respond, stream, summary};
use super::secrets::{Role, Secrets};
use super::statement::{self, Statement};

/// What the handlers need.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) secrets: Secrets,
    pub(crate) queries: Arc<Pool>,
    pub(crate) inserts: Arc<Pool>,
    pub(crate) reader: Arc<Pool>,
}

/// The interface: `/ping` and `/`.
pub(crate) fn app(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/", get(query).post(query))
        .layer(CompressionLayer::new().gzip(true))
        .route("/ping", get(async || "Ok.\n"))
        .with_state(engine)
}

async fn query(State(engine): State<Arc<Engine>>, request: Request) -> Response<Body> {
    engine.answer(request).await.unwrap_or_else(|text| reply::error(&text))
}

impl Engine {
    async fn answer(&self, request: Request) -> Result<Response<Body>, String> {
        let (parts, body) = request.into_parts();
        let mut asked = request::parse(&parts.uri, &parts.headers, &self.secrets)?;
        if parts.headers.contains_key(header::CONTENT_ENCODING) {
            return Err("Code: 48. DB::Exception: Compressed requests are not supported: send the body as it is. (NOT_IMPLEMENTED)".to_owned());
        }
        if parts.method == hyper::Method::GET {
            // As ClickHouse does: a GET never changes anything.
            asked.wanted.settings.entry("readonly".to_owned()).or_insert_with(|| "2".to_owned());
        }
        if asked.role == Role::Reader {
            // Its connections are read-only already, and may not say so again.
            asked.wanted.settings.remove("readonly");
        }
        self.run(asked, &parts.headers, body).await
    }

    async fn run(
        &self,
        mut asked: Asked,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response<Body>, String> {
        if let Some(boundary) = request::form_boundary(headers) {
            let body = self.collect(body).await?;
            for (name, value) in request::form_fields(&body, &boundary)? {
                asked.add(name, value)?;
            }
            let sql = asked.query.take().unwrap_or_default();
            return self.statement(asked, sql, Body::empty()).await;
        }
        match asked.query.take() {
            // The statement is in the address, so the body is an INSERT's data or its rest.
            Some(sql) if matches!(statement::analyse(&sql)?, Statement::Insert { .. }) => {
                self.statement(asked, sql, body).await
            }
            Some(sql) => {
                let rest = self.text(body).await?;
                let sql = if rest.is_empty() { sql } else { format!("{sql}\n{rest}") };
                self.statement(asked, sql, Body::empty()).await
            }
            None => {
                let sql = self.text(body).await?;
                self.statement(asked, sql, Body::empty()).await
            }
        }
    }

    /// The body as text, as far as a statement may be long. An INSERT with its data in the body
    /// is a statement, too: larger ones have the statement in the address.
    async fn text(&self, body: Body) -> Result<String, String> {
        String::from_utf8(self.collect(body).await?.into()).map_err(|_| {
            "Code: 62. DB::Exception: Syntax error: the query is not UTF-8. (SYNTAX_ERROR)"
                .to_owned()
        })
    }

    async fn collect(&self, mut body: Body) -> Result<Bytes, String> {
        let limit = self.settings.query_bytes_max;
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                format!("Code: 210. DB::Exception: The request broke off: {error}. (NETWORK_ERROR)")
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > limit {
                linger(body).await;
                return Err(format!(
                    "Code: 307. DB::Exception: The query is longer than {limit} bytes: put an INSERT's statement into the address. (TOO_MANY_BYTES)"
                ));
            }
            read.extend_from_slice(&data);
        }
        Ok(read.freeze())
    }

    async fn statement(
        &self,
        asked: Asked,
        sql: String,
        body: Body,
    ) -> Result<Response<Body>, String> {
        let (is_insert, reads, taints, named) = match statement::analyse(&sql)? {
            Statement::Insert { .. } => (true, false, false, None),
            Statement::Select { format } => (false, true, false, format.map(str::to_owned)),
            Statement::Other { reads, taints } => (false, reads, taints, None),
        };
        if asked.role == Role::Reader && !reads {
            return Err("Code: 164. DB::Exception: reader: Cannot execute query in readonly mode. (READONLY)".to_owned());
        }
        let pool = match asked.role {
            Role::Reader => &self.reader,
            Role::Owner if is_insert => &self.inserts,
            Role::Owner => &self.queries,
        };
        let turn = pool.turn().await.ok_or(
            "Code: 202. DB::Exception: Too many simultaneous queries: none ended in time. (TOO_MANY_SIMULTANEOUS_QUERIES)",
        )?;
        let format =
            named.or_else(|| asked.format.clone()).unwrap_or_else(|| "TabSeparated".to_owned());
        if is_insert {
            return self.insert(asked, sql, body, turn).await;
        }
        let is_select = matches!(statement::analyse(&sql)?, Statement::Select { .. });
        match Pieces::of(&format) {
            pieces @ (Pieces::Plain | Pieces::Lines(_) | Pieces::Binary) if is_select => {
                stream(asked, sql, format, pieces, turn).await
            }
            _ => self.whole(asked, sql, format, taints, turn).await,
        }
    }

    /// Runs a statement to its end and answers with its whole result.
    async fn whole(
        &self,
        asked: Asked,
        sql: String,
        format: String,
        taints: bool,
        turn: Turn,
    ) -> Result<Response<Body>, String> {
        let limit = self.settings.result_bytes_max;
        let started = Instant::now();
        let query_id = asked.query_id.clone();
        let (result, format) = blocking(move || {
            let answer = turn.run(&asked.wanted, |connection| {
                let answer = connection.query(&sql, &format, &asked.params);
                // What a failed query had written would come before the next one's result.
                let reusable = answer.is_ok() && !taints;
                (answer, reusable)
            })?;
            Ok((WholeResult { answer, _turn: turn }, format))
        })
        .await?;
        if result.as_ref().len() as u64 > limit {
            return Err(format!(
                "Code: 396. DB::Exception: The result is longer than {limit} bytes: ask for a format that can be sent while it is made (JSONEachRow, CSV, RowBinary). (TOO_MANY_ROWS_OR_BYTES)"
            ));
        }
        let summary = summary(&result.answer, started);
        let head = Head { format, query_id: id(query_id), summary, exception_tag: None };
        Ok(respond(head, Body::from(Bytes::from_owner(result))))
    }

    /// Feeds the body to an INSERT while it arrives.
    async fn insert(
        &self,
        asked: Asked,
        sql: String,
        body: Body,
        turn: Turn,
    ) -> Result<Response<Body>, String> {
        let started = Instant::now();
        let (send, receive) = mpsc::channel::<Option<Bytes>>(4);
        let limit = self.settings.insert_bytes_max;
        let query_id = asked.query_id.clone();
        let work = blocking(move || {
            turn.run(&asked.wanted, |connection| {
                let result = insert_from(connection, &asked, &sql, receive);
                let reusable = result.is_ok();
                (result, reusable)
            })
        });
        let (answer, fed) = tokio::join!(work, feed(body, send, limit));
        fed?;
        let answer = answer?;
        let summary = summary(&answer, started);
        let format = "TabSeparated".to_owned();
        let head = Head { format, query_id: id(query_id), summary, exception_tag: None };
        Ok(respond(head, Body::empty()))
    }
}

/// Passes a body's pieces on, and `None` at its end: a body that breaks off has no end, so that
/// nothing of it is stored.
async fn feed(body: Body, send: mpsc::Sender<Option<Bytes>>, limit: usize) -> Result<(), String> {
    let mut body = body;
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            format!("Code: 210. DB::Exception: The request broke off: {error}. (NETWORK_ERROR)")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(format!(
                "Code: 307. DB::Exception: The data of one insert is longer than {limit} bytes. (TOO_MANY_BYTES)"
            ));
        }
        if send.send(Some(data)).await.is_err() {
            // The insert failed; its own error says why.
            return Ok(());
        }
    }
    let _ = send.send(None).await;
    Ok(())
}

fn insert_from(
    connection: &mut Connection,
    asked: &Asked,
    sql: &str,
    mut receive: mpsc::Receiver<Option<Bytes>>,
) -> Result<Answer, String> {
    let Statement::Insert { head, format, data } = statement::analyse(sql)? else {
        return Err(
            "Code: 62. DB::Exception: Syntax error: not an INSERT. (SYNTAX_ERROR)".to_owned()
        );
    };
    let mut stream = connection.insert(head, format, &asked.params)?;
    if !data.is_empty() {
        stream.append(data.as_bytes())?;
    }
    loop {
        match receive.blocking_recv() {
            Some(Some(piece)) => stream.append(&piece)?,
            Some(None) => return stream.done(),
            None => {
                return Err(
                    "Code: 210. DB::Exception: The request broke off. (NETWORK_ERROR)".to_owned()
                );
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(format!(
            "Code: 49. DB::Exception: The engine's thread failed: {error}. (LOGICAL_ERROR)"
        ))
    })
}

/// Reads on for a moment without keeping anything: closing while the sender still sends would
/// reset the connection, and the answer would be lost with it.
async fn linger(mut body: Body) {
    const BYTES_MAX: usize = 8 << 20;
    const TIMEOUT: Duration = Duration::from_secs(1);
    let drain = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await
            && drained < BYTES_MAX
        {
            drained += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    drop(tokio::time::timeout(TIMEOUT, drain).await);
}
