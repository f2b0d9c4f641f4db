//! Signed click links, by the recipe in `docs/for-ad-servers.md`:
//! `v1.KEY.base64url(JSON).base64url(HMAC-SHA256(secret, "v1.KEY.base64url(JSON)"))`.

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::footfall::{Shown, now_ms};

pub(crate) struct Signer {
    key: String,
    secret: Vec<u8>,
}

impl Signer {
    /// With the id and the secret that `footfall key add --scope tokens` prints.
    pub(crate) fn new(key: String, secret: &str) -> Result<Signer> {
        let secret = hex::decode(secret).ok().filter(|secret| secret.len() == 32);
        let secret = secret.context("TOKEN_SECRET is 64 hexadecimal digits")?;
        Ok(Signer { key, secret })
    }

    /// The token of an ad that is shown now.
    pub(crate) fn sign(&self, shown: &Shown) -> String {
        let payload = json!({
            "impression": shown.impression,
            "time": now_ms(),
            "ad": shown.ad,
            "placement": shown.placement,
            "position": shown.position,
            "query": shown.query,
        });
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload.to_string());
        let signed = format!("v1.{}.{payload}", self.key);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }
}
