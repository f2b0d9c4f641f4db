//! Ids of a feed: the next offset of each of the topic's partitions, `0-17,1-4`.

/// The next offset of each partition, by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) Vec<u64>);

impl Place {
    /// Reads an id for a topic of so many partitions. Partitions that it doesn't name start at their
    /// beginning. `None` for a text that is no id, or one of another topic.
    pub(super) fn parse(text: &str, partitions: u32) -> Option<Place> {
        let mut offsets = vec![0; partitions as usize];
        let mut named = vec![false; partitions as usize];
        for part in text.trim().split(',') {
            let (number, offset) = part.split_once('-')?;
            let number: usize = number.parse().ok()?;
            if std::mem::replace(named.get_mut(number)?, true) {
                return None;
            }
            offsets[number] = offset.parse().ok()?;
        }
        Some(Place(offsets))
    }

    /// Appends the id.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (number, offset) in self.0.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            out.extend_from_slice(format!("{number}-{offset}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_nonsense_is_refused() {
        let place = Place(vec![17, 0, 4]);
        let mut text = Vec::new();
        place.write(&mut text);
        assert_eq!(text, b"0-17,1-0,2-4");
        assert_eq!(Place::parse("0-17,1-0,2-4", 3), Some(place.clone()));
        assert_eq!(Place::parse(" 2-4,0-17 ", 3), Some(place));
        for bad in ["", "17", "0-x", "3-1", "0-1,0-2", "0--1", "0-1,", "0-99999999999999999999"] {
            assert_eq!(Place::parse(bad, 3), None, "{bad}");
        }
    }
}
