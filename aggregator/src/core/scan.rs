//! The short way to read the part of a record that the core looks at: see [`footfall_event::scan`].
//!
//! Most members are of no interest here. Within those it is more lenient than the general parser; the
//! loader reads the whole record anyway.

use footfall_event::scan::object;

use super::seen::Seen;

/// Reads a record as our ingest writes it into `seen`, of which nothing was read yet; `None` leaves it
/// to the general parser.
pub(super) fn scan<'a>(bytes: &'a [u8], seen: &mut Seen<'a>) -> Option<()> {
    let text = simdutf8::basic::from_utf8(bytes).ok()?;
    let mut present = 0;
    let end = object(text, 0, |first, name, value| {
        let bit = seen.set(first, name, value)?;
        let new = present & bit == 0;
        present |= bit;
        new.then_some(())
    })?;
    (present == 63 && end == bytes.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use footfall_event::record::{Device, PropValue, Via};
    use footfall_event::{Activity, Event, Hex64, Id, VerdictReason};

    use super::*;

    fn quickly(bytes: &[u8]) -> Option<Seen<'_>> {
        let mut seen = Seen::empty();
        scan(bytes, &mut seen).map(|()| seen)
    }

    fn slowly(bytes: &[u8]) -> Option<Seen<'_>> {
        serde_json::from_slice(bytes).ok()
    }

    fn sample() -> Event<'static> {
        let mut event = Event::new(Activity::Engagement, Id::from_u128(77), "example.com", 1_000);
        event.visitor = Some(Hex64(5));
        event.previous_visitor = Some(Hex64(6));
        event.network = Some(Hex64(7));
        event.found = vec![VerdictReason::Blocklisted];
        event.via = Via::Import;
        event.device = Device::Tablet;
        event.path = "/grüße".into();
        event.title = "A \"title\" with } and \\".into();
        event.automated = true;
        event.engaged_ms = 700;
        event.scroll_pct = Some(0);
        event.props.insert("a}\"b".into(), PropValue::Text("]\\".into()));
        event.utm_term = "t".into();
        event
    }

    #[test]
    fn the_scan_reads_what_the_parser_reads() {
        let whole = sample().to_json();
        assert_eq!(quickly(&whole), slowly(&whole));
        assert!(quickly(&whole).is_some(), "the usual record takes the short way");
        let mut escaped = sample();
        escaped.path = "/a\"b".into();
        let escaped = escaped.to_json();
        assert_eq!(quickly(&escaped), None);
        let mut seen = Seen::empty();
        seen.read(&escaped).unwrap();
        assert_eq!(seen.path, "/a\"b");
    }

    #[test]
    fn the_scan_never_takes_what_the_parser_refuses() {
        let whole = sample().to_json();
        for at in 0..whole.len() {
            assert_eq!(quickly(&whole[..at]), None, "cut at {at}");
            for byte in *b"\"\\{}[],:0 x\xff" {
                let mut changed = whole.clone();
                changed[at] = byte;
                if let Some(seen) = quickly(&changed) {
                    let text = std::str::from_utf8(&changed).unwrap();
                    // Inside what is skipped, the scan is more lenient; never in what it reads.
                    if let Some(parsed) = slowly(&changed) {
                        assert_eq!(seen, parsed, "{text}");
                    }
                }
            }
        }
        let twice = String::from_utf8(whole).unwrap().replace("\"v\":1", "\"v\":1,\"v\":1");
        assert_eq!(quickly(twice.as_bytes()), None);
    }
}
