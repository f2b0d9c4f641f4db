//! One delivery, by whatever way the channel asks for.

use footfall_event::alert::Alert;
use footfall_event::catalog::{AlertChannel, AlertTarget};
use lettre::SmtpTransport;
use ureq::Agent;

use super::{AlertSettings, email, webhook};

/// Why an alert did not arrive. It is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct SendError(pub(super) String);

/// What deliveries need.
pub(super) struct Sender {
    client: Agent,
    mail: Result<Option<SmtpTransport>, SendError>,
    from: String,
}

impl Sender {
    pub(super) fn new(settings: &AlertSettings) -> Sender {
        Sender {
            client: webhook::client(settings.allow_private_addresses),
            mail: email::transport(settings),
            from: settings.from.clone(),
        }
    }

    /// Delivers an alert. Blocks, some ten seconds at the most.
    pub(super) fn send(
        &self,
        channel: &AlertChannel,
        alert: &Alert,
        now_ms: i64,
    ) -> Result<(), SendError> {
        match &channel.target {
            AlertTarget::Webhook { url, secret } => {
                webhook::post(&self.client, url, secret, alert, now_ms / 1_000)
            }
            AlertTarget::Email { to } => {
                let mail = self.mail.as_ref().map_err(Clone::clone)?;
                email::send(mail.as_ref(), &self.from, to, alert)
            }
        }
    }
}
