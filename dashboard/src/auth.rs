//! Who may look: one owner with a password, programs with a key, and everybody at this machine
//! when the dashboard listens on loopback only.
//!
//! # Layout
//!
//! - `links`: one-time links, with which the password is set.
//! - `secret`: what signs sessions and forms. `session`: the cookie.
//! - `guard`: lets a request through or not; also checks the origin of forms.
//! - `limit`: sign-in attempts. `password`: hashing, bounded.
//! - `pages`: sign in, sign out, use a link.

pub(crate) mod guard;
pub(crate) mod limit;
pub(crate) mod links;
pub(crate) mod pages;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod session;

pub use links::{OWNER, ensure_owner_link, new_link};
