//! The commands that do one thing and end. Roles that run on are in [`crate::roles`].

pub(crate) mod ads;
pub(crate) mod alert;
pub(crate) mod block;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod replay;
pub(crate) mod rules;
pub(crate) mod simulate;
pub(crate) mod site;
pub(crate) mod user;

use serde::Serialize;

/// Prints `value` as JSON when asked for, else the text.
pub(crate) fn say(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) {
    if json {
        print(&serde_json::to_string(value).expect("answers are plain data"));
    } else {
        print(text().trim_end());
    }
}

/// Prints lines to standard output. A reader that has gone away (`| head`) is not an error.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// `bytes` random bytes as lower-case hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> String {
    hex::encode((0..bytes).map(|_| rand::random()).collect::<Vec<u8>>())
}

/// `footfall schema TOPIC`.
pub(crate) fn schema(topic: &str) -> anyhow::Result<()> {
    let Some(schema) =
        footfall_event::Topic::parse(topic).and_then(footfall_event::schema::of_topic)
    else {
        anyhow::bail!(
            "no records are published for {topic:?}: expected a topic such as judged-events"
        );
    };
    print(&serde_json::to_string_pretty(&schema)?);
    Ok(())
}
