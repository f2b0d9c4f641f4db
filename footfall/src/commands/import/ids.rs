//! Ids made from the source: the same line of the same site has the same id, whichever file it
//! stands in, so that importing it again changes nothing.
//!
//! Two requests can make equal lines (the same client asks twice within a second). They are told
//! apart by their ordinal among the equal lines of their file.

use std::collections::HashMap;

use footfall_event::Id;
use xxhash_rust::xxh3::xxh3_128;

/// Equal lines have equal times, so they stand close together: it is enough to remember this many
/// lines (and up to twice as many).
const REMEMBERED_LINES: usize = 1 << 18;

/// The name space of a site's ids.
pub(crate) fn site_namespace(site: &str) -> Id {
    Id::new_v5(&Id::NAMESPACE_DNS, site.as_bytes())
}

/// The id of a line.
pub(crate) fn line_id(namespace: &Id, line: &[u8], ordinal: u32) -> Id {
    if ordinal == 0 {
        return Id::new_v5(namespace, line);
    }
    // No line holds a line feed, so no other line can have this name.
    let mut name = line.to_vec();
    name.push(b'\n');
    name.extend_from_slice(ordinal.to_string().as_bytes());
    Id::new_v5(namespace, &name)
}

/// Counts equal lines of one file, in bounded memory.
#[derive(Default)]
pub(crate) struct Ordinals {
    young: HashMap<u128, u32>,
    old: HashMap<u128, u32>,
}

impl Ordinals {
    /// How many lines equal to this one came before it.
    pub(crate) fn next(&mut self, line: &[u8]) -> u32 {
        let hash = xxh3_128(line);
        if let Some(count) = self.young.get_mut(&hash) {
            *count += 1;
            return *count;
        }
        if self.young.len() >= REMEMBERED_LINES {
            self.old = std::mem::take(&mut self.young);
        }
        let ordinal = self.old.get(&hash).map_or(0, |count| count + 1);
        self.young.insert(hash, ordinal);
        ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_counted_and_forgotten_only_when_far_apart() {
        let mut ordinals = Ordinals::default();
        assert_eq!([ordinals.next(b"a"), ordinals.next(b"b"), ordinals.next(b"a")], [0, 0, 1]);
        for line in 0..REMEMBERED_LINES {
            ordinals.next(&line.to_le_bytes());
        }
        assert_eq!(ordinals.next(b"a"), 2);
        assert!(ordinals.young.len() + ordinals.old.len() <= 2 * REMEMBERED_LINES);
    }

    #[test]
    fn ids_depend_on_site_line_and_ordinal() {
        let (a, b) = (site_namespace("a.test"), site_namespace("b.test"));
        let ids = [
            line_id(&a, b"x", 0),
            line_id(&b, b"x", 0),
            line_id(&a, b"y", 0),
            line_id(&a, b"x", 1),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(line_id(&a, b"x", 1), line_id(&a, b"x", 1));
    }
}
