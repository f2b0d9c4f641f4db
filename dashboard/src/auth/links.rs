//! One-time links. Only the hash of a link's secret is stored; using it removes it.

use footfall_event::catalog::{Catalog, Entry, Link, User, secret_hash};
use footfall_topics::catalog::{CatalogView, ChangeError};

use super::secret::random_text;
use crate::query::now_ms;

/// Name of the one user there is.
pub const OWNER: &str = "owner";

/// How long a link can be used, milliseconds.
const LIFE_MS: i64 = 24 * 3_600 * 1_000;

/// The address of a new link with which the owner sets the first password; `None` when there is a
/// password already. Links made before are withdrawn: nobody can know whether they were seen.
///
/// # Errors
/// When the catalogue can't be changed.
pub async fn ensure_owner_link(
    catalog: &CatalogView,
    base_url: &str,
) -> Result<Option<String>, ChangeError> {
    let known = catalog.load();
    if known.users.get(OWNER).is_some_and(|user| !user.password.is_empty()) {
        return Ok(None);
    }
    for link in known.links.values().filter(|link| link.user == OWNER) {
        catalog.remove(&Entry::Link(link.clone()).key()).await?;
    }
    let (secret, entry) = new_link(OWNER, now_ms());
    catalog.put(&entry).await?;
    Ok(Some(format!("{}/login/{secret}", base_url.trim_end_matches('/'))))
}

/// A new link: its secret, which follows `/login/` in the address, and the entry to store. It signs
/// the user in and can set a password, once, within a day. A user of that name is made when the
/// link is used. `now_ms` is milliseconds since 1970.
pub fn new_link(user: &str, now_ms: i64) -> (String, Entry) {
    let secret = random_text();
    let link =
        Link { sha256: secret_hash(&secret), user: user.to_owned(), expires_at: now_ms + LIFE_MS };
    (secret, Entry::Link(link))
}

/// The link of a secret and its user, if it can still be used.
pub(super) fn find(catalog: &Catalog, secret: &str, now_ms: i64) -> Option<(Link, User)> {
    let link = catalog.links.get(&secret_hash(secret)).filter(|link| now_ms < link.expires_at)?;
    let new = || User {
        name: link.user.clone(),
        password: String::new(),
        sessions_since: now_ms,
        created_at: now_ms,
    };
    Some((link.clone(), catalog.users.get(&link.user).cloned().unwrap_or_else(new)))
}
