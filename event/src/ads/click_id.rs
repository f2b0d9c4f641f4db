//! `ffclid`: what Footfall appends to a destination, and the advertiser gives back with a
//! conversion. It carries all that attribution needs, so nothing is looked up weeks later.
//!
//! 90 bytes, written as 120 characters of base64url: 74 that say something, in network byte order,
//! and the first 128 bits of their HMAC-SHA256. Names are carried as hashes ([`super::name_hash`]);
//! the catalogue, which forgets no name, gives them back.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Hex64, Id};

/// The version in the first byte.
const VERSION: u8 = 1;
const BODY: usize = 74;
const WHOLE: usize = BODY + 16;

/// What a click id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClickId {
    /// The click's id.
    pub click: Id,
    /// When it happened, milliseconds since 1970 (48 bits).
    pub at: i64,
    /// Hash of the publisher's site.
    pub site: u64,
    /// Hash of the ad's id.
    pub ad: u64,
    /// Hash of the placement's id; 0 for none.
    pub placement: u64,
    /// Position; 0 when not known.
    pub position: u16,
    /// The impression; nil when not known.
    pub impression: Id,
    /// Hash of the search criteria; 0 for none.
    pub query: Hex64,
}

/// Why a text is not a click id that may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClickIdError {
    /// Not 120 characters of base64url, or not of this version.
    #[error("not a click id")]
    Form,
    /// Signed with a key that is not known.
    #[error("signed with a key that is not known here")]
    Key,
    /// The signature doesn't fit.
    #[error("the signature doesn't fit")]
    Signature,
}

impl ClickId {
    /// The text, signed with the key of this number.
    pub fn sign(&self, number: u8, secret: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(WHOLE);
        bytes.extend_from_slice(&[VERSION, number]);
        bytes.extend_from_slice(self.click.as_bytes());
        // Times are not negative and fit into 48 bits until the year 10889.
        bytes.extend_from_slice(&self.at.to_be_bytes()[2..]);
        for hash in [self.site, self.ad, self.placement] {
            bytes.extend_from_slice(&hash.to_be_bytes());
        }
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(self.impression.as_bytes());
        bytes.extend_from_slice(&self.query.0.to_be_bytes());
        let signature = mac(secret, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..WHOLE - BODY]);
        BASE64.encode(bytes)
    }

    /// Verifies a click id, in constant time, and reads it. `secret` gives a key by its number.
    ///
    /// # Errors
    /// When the text is not a click id, its key is not known, or its signature doesn't fit.
    pub fn verify(
        text: &str,
        secret: impl FnOnce(u8) -> Option<Vec<u8>>,
    ) -> Result<ClickId, ClickIdError> {
        let bytes: [u8; WHOLE] = BASE64
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(ClickIdError::Form)?;
        if bytes[0] != VERSION {
            return Err(ClickIdError::Form);
        }
        let secret = secret(bytes[1]).ok_or(ClickIdError::Key)?;
        let (body, signature) = bytes.split_at(BODY);
        mac(&secret, body).verify_truncated_left(signature).map_err(|_| ClickIdError::Signature)?;
        let id = |at: usize| Id::from_slice(&body[at..at + 16]).expect("sixteen bytes");
        let number = |at: usize, length: usize| {
            body[at..at + length].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        Ok(ClickId {
            click: id(2),
            at: number(18, 6) as i64,
            site: number(24, 8),
            ad: number(32, 8),
            placement: number(40, 8),
            position: number(48, 2) as u16,
            impression: id(50),
            query: Hex64(number(66, 8)),
        })
    }
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_id_comes_back_and_no_other_text_is_one() {
        let id = ClickId {
            click: Id::from_u128(u128::MAX - 3),
            at: 1_700_000_000_123,
            site: 1,
            ad: u64::MAX,
            placement: 0,
            position: 513,
            impression: Id::from_u128(9),
            query: Hex64(77),
        };
        let text = id.sign(3, b"secret");
        assert_eq!(text.len(), 120);
        let verify =
            |text: &str| ClickId::verify(text, |number| (number == 3).then(|| b"secret".to_vec()));
        assert_eq!(verify(&text), Ok(id));
        for at in 0..text.len() {
            assert!(verify(&text[..at]).is_err());
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(verify(&String::from_utf8(bytes).unwrap()).is_err(), "{at}");
        }
        assert_eq!(verify(&id.sign(4, b"secret")), Err(ClickIdError::Key));
        assert_eq!(verify(&id.sign(3, b"other")), Err(ClickIdError::Signature));
    }
}
