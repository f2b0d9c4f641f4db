//! Signed clicks: an ad server says which impression was clicked, and nobody else can.
//!
//! ```text
//! token     = "v1." key-id "." payload "." signature
//! payload   = base64url(JSON object), no padding
//! signature = base64url(HMAC-SHA256(secret, "v1." key-id "." payload)), no padding
//! ```
//!
//! `secret` is the 32 bytes that the key's 64 hexadecimal digits stand for. The signature covers
//! the bytes as they stand in the token, so any way to write the JSON will do.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Id;

/// Bytes of a token at the most: what fits into any address line with room to spare.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// What a token says. Members that are not known are refused: a misspelt one would be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The impression's id.
    pub impression: Id,
    /// When the impression was made, milliseconds since 1970.
    pub time: i64,
    /// Ad.
    pub ad: String,
    /// Placement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub placement: String,
    /// Position on the page, from 1; 0 when not said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub position: u16,
    /// Search criteria under which the ad was chosen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Where the click leads, when not to the ad's own destination.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub destination: String,
}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

/// Why a text is not a token that may be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not four parts, not of this version, or too long.
    #[error("not a token of the form v1.<key>.<payload>.<signature>")]
    Form,
    /// No such key.
    #[error("signed with a key that is not known here")]
    Key,
    /// The signature is not that of the payload under the key.
    #[error("the signature doesn't fit")]
    Signature,
    /// Genuine, but not what a token says.
    #[error("the payload can't be read: {0}")]
    Payload(String),
}

impl Token {
    /// The token's text.
    pub fn sign(&self, key_id: &str, secret: &[u8]) -> String {
        let json = serde_json::to_vec(self).expect("a token is plain data");
        let signed = format!("v1.{key_id}.{}", BASE64.encode(json));
        let signature = mac(secret, &signed).finalize().into_bytes();
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Verifies a token and reads it. The signature is compared in constant time, and nothing of
    /// the payload is looked at before. `secret` gives the bytes of a key's secret.
    ///
    /// # Errors
    /// When the text is not a token, its key is not known, its signature doesn't fit, or what is
    /// signed can't be read.
    pub fn verify(
        text: &str,
        secret: impl FnOnce(&str) -> Option<Vec<u8>>,
    ) -> Result<Token, TokenError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Form)?;
        let mut parts = signed.split('.');
        let (Some("v1"), Some(key_id), Some(payload), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let signature = BASE64.decode(signature).map_err(|_| TokenError::Form)?;
        let secret = secret(key_id).ok_or(TokenError::Key)?;
        mac(&secret, signed).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
        let payload =
            BASE64.decode(payload).map_err(|error| TokenError::Payload(error.to_string()))?;
        serde_json::from_slice(&payload).map_err(|error| TokenError::Payload(error.to_string()))
    }
}

fn mac(secret: &[u8], signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn token() -> Token {
        Token {
            impression: Id::from_u128(1),
            time: 1_700_000_000_000,
            ad: "boots".into(),
            placement: "top".into(),
            position: 2,
            query: "rote stiefel".into(),
            destination: String::new(),
        }
    }

    fn verify(text: &str) -> Result<Token, TokenError> {
        Token::verify(text, |key| (key == "k1").then(|| SECRET.to_vec()))
    }

    #[test]
    fn a_token_says_what_was_signed() {
        assert_eq!(verify(&token().sign("k1", &SECRET)), Ok(token()));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_refused() {
        let text = token().sign("k1", &SECRET);
        for at in 0..text.len() {
            assert!(verify(&text[..at]).is_err(), "cut at {at}");
            for flip in [1u8, 2, 4, 8, 16, 32, 64] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= flip;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(verify(&changed).is_err(), "byte {at} ^ {flip}: {changed}");
            }
        }
    }

    #[test]
    fn other_keys_and_other_ads_are_refused() {
        assert_eq!(verify(&token().sign("k1", &[8; 32])), Err(TokenError::Signature));
        assert_eq!(verify(&token().sign("k2", &SECRET)), Err(TokenError::Key));
        let (ours, other) = (token(), Token { ad: "shoes".into(), ..token() });
        let (ours, other) = (ours.sign("k1", &SECRET), other.sign("k1", &SECRET));
        let (signed, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = ours.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{signed}.{signature}")), Err(TokenError::Signature));
    }
}
