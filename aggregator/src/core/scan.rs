//! The short way to read the part of a record that the core looks at: see [`footfall_event::scan`].
//!
//! Most members are of no interest here. Within those it is more lenient than the general parser; the
//! loader reads the whole record anyway.

use footfall_event::scan::object;

use super::ads::{Fields, set_fields};
use super::seen::{ACTIVITY, REQUIRED, Seen, set_seen};

/// Reads a record as our ingest writes it, of which nothing was read yet, and the fields that only ads
/// have where it is one; `None` leaves it to the general parser.
pub(super) fn scan<'a>(
    bytes: &'a [u8],
    seen: &mut Seen<'a>,
    fields: &mut Option<Box<Fields<'a>>>,
) -> Option<()> {
    let text = simdutf8::basic::from_utf8(bytes).ok()?;
    let (mut present, mut present_of_ad) = (0, 0);
    let end = object(text, 0, |first, name, value| {
        let bit = set_seen(seen, first, name, value)?;
        if bit != 0 {
            let new = present & bit == 0;
            present |= bit;
            if bit == ACTIVITY && seen.activity.is_ad() {
                *fields = Some(Box::default());
            }
            return new.then_some(());
        }
        // Our ingest writes the activity before anything that only ads have.
        let known = present & ACTIVITY != 0;
        if let Some(fields) = fields {
            let bit = set_fields(fields, first, name, value)?;
            let new = present_of_ad & bit == 0;
            present_of_ad |= bit;
            return new.then_some(());
        }
        known.then_some(())
    })?;
    (present & REQUIRED == REQUIRED && end == bytes.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use footfall_event::ads::{Billing, CostModel, Proof};
    use footfall_event::money::{Currency, Money};
    use footfall_event::record::{Device, PropValue, Via};
    use footfall_event::{Activity, Event, Hex64, Id, VerdictReason};

    use super::*;

    type Both<'a> = (Seen<'a>, Option<Box<Fields<'a>>>);

    fn quickly(bytes: &[u8]) -> Option<Both<'_>> {
        let (mut seen, mut fields) = (Seen::empty(), None);
        scan(bytes, &mut seen, &mut fields).map(|()| (seen, fields))
    }

    fn slowly(bytes: &[u8]) -> Option<Both<'_>> {
        let seen = Seen::parse(bytes).ok()?;
        let is_ad = seen.activity.is_ad();
        let fields = if is_ad { Some(Box::new(Fields::parse(bytes).ok()?)) } else { None };
        Some((seen, fields))
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

    /// A conversion with everything that only ads have.
    fn ad() -> Event<'static> {
        let mut event = Event { activity: Activity::Conversion, ..sample() };
        let money = Money { micros: 2_500_000, currency: Currency::parse("EUR").unwrap() };
        event.previous_network = Some(Hex64(8));
        event.user_agent = "Browser \"1\"".into();
        (event.ad, event.campaign, event.placement) = ("a".into(), "c".into(), "p".into());
        (event.position, event.query, event.view_days) = (3, "shoes".into(), 4);
        event.impression = Some(Id::from_u128(78));
        event.billing = Some(Billing { model: CostModel::Cpc, price: money });
        event.budget = Some(money);
        event.target = "shop.example".into();
        (event.measurable, event.proof, event.impression_at) = (true, Proof::Signed, 900);
        (event.asn, event.timezone) = (8447, "Europe/Vienna".into());
        (event.goal, event.transaction) = ("order".into(), "4711".into());
        event
    }

    #[test]
    fn the_scan_reads_what_the_parser_reads() {
        for event in [sample(), ad()] {
            let whole = event.to_json();
            let read = quickly(&whole);
            assert_eq!(read, slowly(&whole));
            assert!(read.is_some(), "the usual record takes the short way");
            let mut escaped = event;
            escaped.path = "/a\"b".into();
            assert_eq!(quickly(&escaped.to_json()).unwrap().0.path, "/a\"b");
        }
    }

    #[test]
    fn the_scan_never_takes_what_the_parser_refuses() {
        let whole = [sample(), ad()].map(|event| event.to_json());
        for whole in whole {
            for at in 0..whole.len() {
                assert_eq!(quickly(&whole[..at]), None, "cut at {at}");
                for byte in *b"\"\\{}[],:0 x\xff" {
                    let mut changed = whole.clone();
                    changed[at] = byte;
                    if let Some(read) = quickly(&changed) {
                        let text = std::str::from_utf8(&changed).unwrap();
                        // Inside what is skipped, the scan is more lenient; never in what it reads.
                        if let Some(parsed) = slowly(&changed) {
                            assert_eq!(read, parsed, "{text}");
                        }
                    }
                }
            }
            let text = String::from_utf8(whole).unwrap();
            for member in ["\"v\":1", "\"path\":\"/grüße\"", "\"asn\":8447"] {
                let twice = text.replace(member, &format!("{member},{member}"));
                assert!(twice == text || quickly(twice.as_bytes()).is_none(), "{twice}");
            }
        }
    }
}
