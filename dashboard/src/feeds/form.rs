//! How records are written: server-sent events (WHATWG HTML, section 9.2) or lines of JSON.

use super::place::Place;

/// A feed's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `text/event-stream`.
    Events,
    /// `application/x-ndjson`: `{"id":…,"record":…}`.
    Lines,
}

impl Form {
    /// What the client accepts; server-sent events unless it asks for lines.
    pub(super) fn of(accept: Option<&str>) -> Form {
        let lines = accept.is_some_and(|accept| {
            accept.contains("ndjson") || accept.contains("application/jsonl")
        });
        if lines { Form::Lines } else { Form::Events }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Form::Events => "text/event-stream",
            Form::Lines => "application/x-ndjson",
        }
    }

    /// A record. Without a place it can't be gone on from: it is part of the current state.
    pub(super) fn record(self, out: &mut Vec<u8>, place: Option<&Place>, record: &[u8]) {
        match self {
            Form::Events => {
                id(out, place);
                // Ours are one line; what others wrote into the topic may not be.
                for line in record.split(|byte| matches!(byte, b'\n' | b'\r')) {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                out.push(b'\n');
            }
            Form::Lines => {
                match place {
                    Some(place) => {
                        line_of(out, place);
                        out.push(b',');
                    }
                    None => out.push(b'{'),
                }
                out.extend_from_slice(b"\"record\":");
                let line = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
                out.extend(record.iter().map(line));
                out.extend_from_slice(b"}\n");
            }
        }
    }

    /// The current state is complete; what follows are changes.
    pub(super) fn current(self, out: &mut Vec<u8>, place: &Place) {
        match self {
            Form::Events => {
                id(out, Some(place));
                out.extend_from_slice(b"event: current\ndata: {}\n\n");
            }
            Form::Lines => {
                line_of(out, place);
                out.extend_from_slice(b",\"current\":true}\n");
            }
        }
    }

    /// Nothing happened; the connection lives. Tells the place all the same, since records that the
    /// reader may not see move it too.
    pub(super) fn heartbeat(self, out: &mut Vec<u8>, place: &Place) {
        match self {
            Form::Events => {
                out.extend_from_slice(b": heartbeat\n");
                id(out, Some(place));
                out.push(b'\n');
            }
            Form::Lines => {
                line_of(out, place);
                out.extend_from_slice(b"}\n");
            }
        }
    }

    /// The last word of a feed that the server ends.
    pub(super) fn end(self, reason: &str) -> Vec<u8> {
        match self {
            Form::Events => format!("event: end\ndata: {{\"reason\":\"{reason}\"}}\n\n"),
            Form::Lines => format!("{{\"end\":\"{reason}\"}}\n"),
        }
        .into_bytes()
    }
}

/// Begins a line of JSON with its place.
fn line_of(out: &mut Vec<u8>, place: &Place) {
    out.extend_from_slice(b"{\"id\":\"");
    place.write(out);
    out.push(b'"');
}

fn id(out: &mut Vec<u8>, place: Option<&Place>) {
    if let Some(place) = place {
        out.extend_from_slice(b"id: ");
        place.write(out);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_to_their_frame() {
        let place = Place(vec![3]);
        let mut out = Vec::new();
        Form::Events.record(&mut out, Some(&place), b"{\"a\":1}");
        Form::Events.record(&mut out, None, b"{\n\r\"evil\":1}");
        Form::Events.heartbeat(&mut out, &place);
        Form::Events.current(&mut out, &place);
        out.extend(Form::Events.end("too_slow"));
        let expected = "id: 0-3\ndata: {\"a\":1}\n\ndata: {\ndata: \ndata: \"evil\":1}\n\n\
                        : heartbeat\nid: 0-3\n\nid: 0-3\nevent: current\ndata: {}\n\n\
                        event: end\ndata: {\"reason\":\"too_slow\"}\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Form::Lines.record(&mut out, Some(&place), b"{\"a\":\n1}");
        Form::Lines.record(&mut out, None, b"{}");
        Form::Lines.heartbeat(&mut out, &place);
        Form::Lines.current(&mut out, &place);
        out.extend(Form::Lines.end("stopping"));
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], serde_json::json!({"id": "0-3", "record": {"a": 1}}));
        assert_eq!(lines[4]["end"], "stopping");
    }

    #[test]
    fn clients_choose_the_form() {
        assert_eq!(Form::of(None), Form::Events);
        assert_eq!(Form::of(Some("*/*")), Form::Events);
        assert_eq!(Form::of(Some("application/x-ndjson")), Form::Lines);
    }
}
