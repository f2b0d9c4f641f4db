//! The session cookie: name, times and a random part, signed. The server keeps nothing per
//! session; a user's `sessions_since` ends all that are older.

use footfall_event::catalog::Catalog;
use http::{HeaderMap, header};

use super::secret::Secret;

/// Name of the cookie over https and on localhost, where browsers accept it.
const SECURE: &str = "__Host-footfall";
/// Name of the cookie over plain http: browsers don't take the other one there.
const PLAIN: &str = "footfall";
const PURPOSE: &str = "session";

/// A session that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) user: String,
    /// Its random part, to which form tokens are bound.
    pub(crate) id: String,
}

/// The value of a new cookie. Times are milliseconds since 1970.
pub(crate) fn issue(secret: &Secret, user: &str, now: i64, until: i64) -> String {
    let text = format!("{now}.{until}.{}.{user}", &super::secret::random_text()[..32]);
    format!("{}.{text}", secret.sign(PURPOSE, &text))
}

/// The session of a request's cookies, if one is signed, not over, and not ended.
pub(crate) fn verify(
    secret: &Secret,
    catalog: &Catalog,
    headers: &HeaderMap,
    now: i64,
) -> Option<Session> {
    [SECURE, PLAIN].into_iter().find_map(|name| {
        let value = cookie(headers, name)?;
        let (signature, text) = value.split_once('.')?;
        if !secret.verifies(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = text.splitn(4, '.');
        let issued: i64 = parts.next()?.parse().ok()?;
        let until: i64 = parts.next()?.parse().ok()?;
        let (id, user) = (parts.next()?, parts.next()?);
        let known = catalog.users.get(user)?;
        (issued >= known.sessions_since && now < until)
            .then(|| Session { user: user.to_owned(), id: id.to_owned() })
    })
}

/// The `Set-Cookie` value of a session; `secure` says whether the browser came over https or to
/// localhost.
pub(crate) fn set(value: &str, secure: bool, seconds: i64) -> String {
    let (name, flag) = if secure { (SECURE, " Secure;") } else { (PLAIN, "") };
    format!("{name}={value}; Path=/; Max-Age={seconds};{flag} HttpOnly; SameSite=Lax")
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}
