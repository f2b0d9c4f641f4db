//! Alerts to those who want to hear of them: webhooks and e-mails.
//!
//! A consumer group (`alerts`) reads the topic; each shard owns its partition, so an alert has one
//! sender. Every channel has a cursor of its own in the offset's metadata: a receiver that is away
//! holds up nobody else, and is tried again for [`AlertSettings::give_up_hours`]. A cursor moves
//! only after the delivery, so an alert is never lost; a process that dies between the two sends it
//! again, with the same id, by which receivers tell a repetition.
//!
//! # Layout
//!
//! - [`worker`]: the life of one shard. [`cursors`]: how far each channel is. [`retry`]: when again.
//! - [`watch`]: raises what only shows over time.
//! - [`send`]: one delivery. [`webhook`], [`email`]: how. [`guard`]: where a webhook may lead.

use footfall_event::alert::Alert;
use footfall_topics::{RecordBatch, Topic};
use serde::{Deserialize, Serialize};

mod cursors;
mod email;
mod guard;
mod retry;
mod send;
pub mod watch;
mod webhook;
pub(crate) mod worker;

pub use webhook::{SIGNATURE_HEADER, TIMESTAMP_HEADER, check_url, signature};

/// Channels there may be: their cursors must fit into an offset's metadata.
pub const CHANNELS_MAX: usize = 100;

/// What an operator can set about alerts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Let webhooks lead to loopback and private addresses. Whoever may add a channel could then
    /// reach whatever this machine can reach.
    pub allow_private_addresses: bool,
    /// The mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://HOST:25` without encryption.
    /// Empty: no e-mails.
    #[serde(serialize_with = "redacted")]
    pub smtp: String,
    /// The sender of e-mails.
    pub from: String,
    /// A delivery is tried again for so long.
    pub give_up_hours: u32,
}

/// The record that raises an alert, in a batch of its own. The same alert goes to the same
/// partition, where it is known by its id.
pub fn record(alert: &Alert, partitions: u32) -> RecordBatch {
    let mut batch = RecordBatch::new();
    let (high, low) = alert.id.as_u64_pair();
    let partition = ((high ^ low) % u64::from(partitions.max(1))) as u32;
    batch.push(Topic::Alerts, partition, alert.id.as_bytes(), &alert.to_json());
    batch
}

fn redacted<S: serde::Serializer>(value: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if value.is_empty() { "" } else { "(secret)" })
}

impl std::fmt::Debug for AlertSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertSettings")
            .field("allow_private_addresses", &self.allow_private_addresses)
            .field("smtp", &if self.smtp.is_empty() { "" } else { "(secret)" })
            .field("from", &self.from)
            .field("give_up_hours", &self.give_up_hours)
            .finish()
    }
}

impl Default for AlertSettings {
    fn default() -> AlertSettings {
        AlertSettings {
            allow_private_addresses: false,
            smtp: String::new(),
            from: "Footfall <footfall@localhost>".to_owned(),
            give_up_hours: 72,
        }
    }
}
