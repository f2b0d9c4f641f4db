//! Reading bodies within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use footfall_event::Rejected;
use http_body_util::BodyExt;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::accept::Rejection;

/// A zstd stream may ask for a window of so many bytes (as a power of two).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// So much of a body that is too large is still taken off the wire before the answer.
const LINGER_BYTES_MAX: usize = 1 << 20;
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It can't be taken, for this reason.
    Rejected(Rejection),
    /// It did not come in time.
    Slow,
}

fn too_large(bytes_max: usize, what: &str) -> BodyError {
    let detail = format!("the body is larger than {bytes_max} bytes{what}");
    BodyError::Rejected(Rejection::new(Rejected::TooLarge, detail))
}

/// Reads a body. One that says that it is too large is not read at all.
pub(super) async fn read(
    body: Body,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError> {
    use http_body::Body as _;
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max, ""));
    }
    match tokio::time::timeout(timeout, collect(body, bytes_max)).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::Slow),
    }
}

/// All frames of a body; most bodies have one, which is not copied.
async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut read = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let detail = "the body broke off";
            return Err(BodyError::Rejected(Rejection::new(Rejected::Malformed, detail)));
        };
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > bytes_max {
            linger(body).await;
            return Err(too_large(bytes_max, ""));
        }
        if read.is_empty() {
            read = data;
        } else {
            // More than one frame: from here on they are put together.
            let mut all = read.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            all.extend_from_slice(&data);
            read = all.freeze();
        }
    }
    Ok(read)
}

/// Reads on for a moment without keeping anything: closing while the sender still sends would
/// reset the connection, and the answer would be lost with it.
async fn linger(mut body: Body) {
    let drain = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > LINGER_BYTES_MAX {
                return;
            }
        }
    };
    drop(tokio::time::timeout(LINGER_TIMEOUT, drain).await);
}

/// Whether the body is compressed.
pub(super) fn is_compressed(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Decompresses a body as its `Content-Encoding` says, up to a limit.
pub(super) async fn decompress(
    headers: &HeaderMap,
    body: Bytes,
    bytes_max: usize,
) -> Result<Bytes, BodyError> {
    let encoding = super::request::text(headers, CONTENT_ENCODING).trim().to_ascii_lowercase();
    match &*encoding {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(&body[..]);
            decoder.multiple_members(true);
            drain(decoder, bytes_max).await
        }
        "br" => drain(BrotliDecoder::new(&body[..]), bytes_max).await,
        "zstd" => {
            use async_compression::zstd::DParameter;
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX)];
            drain(ZstdDecoder::with_params(&body[..], &window), bytes_max).await
        }
        _ => {
            let detail = "the content encoding is not known: expected gzip, br, zstd or none";
            Err(BodyError::Rejected(Rejection::new(Rejected::Malformed, detail)))
        }
    }
}

async fn drain(decoder: impl AsyncRead + Unpin, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut decoder = decoder.take(bytes_max as u64 + 1);
    let mut out = Vec::new();
    loop {
        out.reserve(64 * 1024);
        match decoder.read_buf(&mut out).await {
            Ok(0) => break,
            // The input is all there, so reading never waits: let others run in between.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => {
                let detail = format!("the body can't be decompressed: {error}");
                return Err(BodyError::Rejected(Rejection::new(Rejected::Malformed, detail)));
            }
        }
        if out.len() > bytes_max {
            return Err(too_large(bytes_max, " when decompressed"));
        }
    }
    Ok(out.into())
}
