//! Webhooks: a POST of the alert's JSON, signed.
//!
//! ```text
//! Footfall-Timestamp: seconds since 1970
//! Footfall-Signature: v1=<HMAC-SHA256(secret, timestamp "." body), hexadecimal>
//! ```
//!
//! Redirects are not followed: where one leads was not checked by whoever added the channel.

use std::time::Duration;

use footfall_event::alert::Alert;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;
use ureq::tls::{TlsConfig, TlsProvider};
use ureq::unversioned::transport::DefaultConnector;

use super::guard::PublicOnly;
use super::send::SendError;

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "footfall-signature";
/// The header with the time that is signed along, seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "footfall-timestamp";
/// The header with the alert's id.
const ID_HEADER: &str = "footfall-alert";

/// A receiver that takes longer is tried again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether an address can be a webhook's: http or https, with a host, without user info.
///
/// # Errors
/// A sentence that says what would be right.
pub fn check_url(url: &str) -> Result<(), String> {
    let expected = "expected an address such as https://example.com/hook";
    let uri: http::Uri = url.parse().map_err(|error| format!("{error}: {expected}"))?;
    let authority = uri.authority().ok_or_else(|| expected.to_owned())?;
    if authority.as_str().contains('@') {
        return Err(format!("user names don't belong into the address: {expected}"));
    }
    match uri.scheme_str() {
        Some("http" | "https") if !authority.host().is_empty() => Ok(()),
        _ => Err(expected.to_owned()),
    }
}

/// The value of [`SIGNATURE_HEADER`] for a body sent at a time.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// The client that all webhooks share.
pub(super) fn client(allow_private: bool) -> Agent {
    let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("footfall/", env!("CARGO_PKG_VERSION")))
        .build();
    if allow_private {
        return Agent::new_with_config(config);
    }
    Agent::with_parts(config, DefaultConnector::default(), PublicOnly::default())
}

/// One delivery.
pub(super) fn post(
    client: &Agent,
    url: &str,
    secret: &str,
    alert: &Alert,
    now_s: i64,
) -> Result<(), SendError> {
    let body = alert.to_json();
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .header(ID_HEADER, alert.id.to_string())
        .header(TIMESTAMP_HEADER, now_s.to_string())
        .header(SIGNATURE_HEADER, signature(secret, now_s, &body))
        .send(&body[..])
        .map_err(|error| SendError(error.to_string()))?;
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        300..=399 => Err(SendError(format!(
            "the receiver answered {}: redirects are not followed, so give its final address",
            answer.status()
        ))),
        _ => Err(SendError(format!("the receiver answered {}", answer.status()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["https://example.com/hook?x=1", "http://example.com:8080"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in
            ["", "example.com", "/hook", "ftp://example.com", "https://u:p@example.com", "https://"]
        {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    /// Made with `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_what_anybody_can_compute() {
        assert_eq!(
            signature("secret", 1_700_000_000, b"{}"),
            "v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
