//! E-mails: one sentence, the figures behind it, and an id by which mail programs tell repetitions.

use std::time::Duration;

use footfall_event::alert::Alert;
use lettre::message::header::ContentType;
use lettre::{Message, SmtpTransport, Transport};

use super::AlertSettings;
use super::send::SendError;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The connection to the mail server; `None` when none is configured.
pub(super) fn transport(settings: &AlertSettings) -> Result<Option<SmtpTransport>, SendError> {
    if settings.smtp.is_empty() {
        return Ok(None);
    }
    let transport = SmtpTransport::from_url(&settings.smtp)
        .map_err(|error| SendError(format!("alerts.smtp: {error}")))?;
    Ok(Some(transport.timeout(Some(TIMEOUT)).build()))
}

/// One delivery.
pub(super) fn send(
    transport: Option<&SmtpTransport>,
    from: &str,
    to: &str,
    alert: &Alert,
) -> Result<(), SendError> {
    let transport = transport.ok_or_else(|| {
        SendError("no mail server: set alerts.smtp in the configuration".to_owned())
    })?;
    let message = message(from, to, alert)?;
    transport.send(&message).map(drop).map_err(|error| SendError(error.to_string()))
}

fn message(from: &str, to: &str, alert: &Alert) -> Result<Message, SendError> {
    let mailbox = |name: &str, text: &str| {
        text.parse().map_err(|error| SendError(format!("{name} {text:?}: {error}")))
    };
    let about = if alert.site.is_empty() { String::new() } else { format!(" {}", alert.site) };
    let mut body = format!("{}\n", alert.message);
    for (name, value) in &alert.details {
        body.push_str(&format!("\n{name}: {value}"));
    }
    body.push_str(&format!("\n\n{} {}\n", alert.kind.as_str(), alert.id));
    Message::builder()
        .from(mailbox("alerts.from", from)?)
        .to(mailbox("recipient", to)?)
        .subject(format!("[Footfall{about}] {}", alert.message))
        .message_id(Some(format!("<{}@footfall>", alert.id)))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| SendError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use footfall_event::alert::AlertKind;

    use super::*;

    #[test]
    fn a_message_says_what_happened_and_can_be_recognised() {
        let mut alert = Alert::new(AlertKind::BudgetUsed, "example.com", "summer", "1", 0);
        alert.message = "The budget of summer is used up".to_owned();
        alert.details.insert("spent".to_owned(), "100.00 EUR".to_owned());
        let sent = message("Footfall <f@example.com>", "ann@example.com", &alert).unwrap();
        let text = String::from_utf8(sent.formatted()).unwrap();
        for part in ["Subject: [Footfall example.com] The budget", "spent: 100.00 EUR"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains(&format!("<{}@footfall>", alert.id)));
        assert!(message("nobody", "ann@example.com", &alert).is_err());
        assert!(message("f@example.com", "a@b.test\r\nBcc: c@d.test", &alert).is_err());
    }

    #[test]
    fn without_a_server_nothing_is_sent() {
        let alert = Alert::new(AlertKind::Test, "", "", "", 0);
        assert!(send(None, "f@example.com", "ann@example.com", &alert).is_err());
        let settings = AlertSettings { smtp: "nonsense".into(), ..AlertSettings::default() };
        assert!(transport(&settings).is_err());
    }
}
