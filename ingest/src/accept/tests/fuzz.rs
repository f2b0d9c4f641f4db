//! Whatever is sent: nothing breaks, and what is accepted can be read.

use proptest::prelude::*;

use super::*;
use crate::web::take::take;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_bring_it_down(body: Vec<u8>) {
        let fixture = Fixture::new();
        for policy in [Policy::BEACON, Policy::API] {
            let _ = take(&body, &Context { policy, ..fixture.context() });
        }
    }

    /// A valid body with a few bytes replaced, removed or put in: whatever is accepted is a
    /// record that can be read.
    #[test]
    fn no_mutation_makes_an_unreadable_record(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6),
    ) {
        let fixture = Fixture::new();
        let list = format!(
            "[{},{}]",
            page(r#","title":"a\u00e9\ud83d\ude00","props":{"a":1.5e3,"b":"\n"}"#),
            r#"{"type":"search","site":"example.com","query":"x","filters":{"a":"b"}}"#
        );
        let mut body = list.into_bytes();
        for (index, byte, kind) in edits {
            let at = index.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => drop(body.remove(at)),
                _ => body.insert(at, byte),
            }
        }
        for policy in [Policy::BEACON, Policy::API] {
            if let Ok(taken) = take(&body, &Context { policy, ..fixture.context() }) {
                for (_, _, record) in taken.batch.iter() {
                    let event = Event::from_json(record);
                    prop_assert!(event.is_ok(), "{}", record.escape_ascii());
                }
            }
        }
    }
}
