//! Reading bodies within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use footfall_event::Rejected;
use http_body_util::{BodyExt, Limited};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::accept::Rejection;

/// A zstd stream may ask for a window of so many bytes (as a power of two).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

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
    match tokio::time::timeout(timeout, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(too_large(bytes_max, ""))
        }
        Ok(Err(_)) => {
            let detail = "the body broke off";
            Err(BodyError::Rejected(Rejection::new(Rejected::Malformed, detail)))
        }
        Err(_) => Err(BodyError::Slow),
    }
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
