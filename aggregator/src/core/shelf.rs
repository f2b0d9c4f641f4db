//! A list that grows piece by piece: nothing in it is ever moved. A vector of a million visitors'
//! timelines, which has to be copied to grow, takes twice the memory and stops the shard meanwhile.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize, Serializer};

/// Elements of a piece.
const PIECE: usize = 1_024;

/// Elements by number, from 0.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<T>")]
pub(super) struct Shelf<T> {
    /// All full but the last.
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { pieces: Vec::new() }
    }
}

impl<T> Shelf<T> {
    /// Puts an element at the end.
    pub(super) fn push(&mut self, element: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(element),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(element);
                self.pieces.push(piece);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let number = number as usize;
        self.pieces.get(number / PIECE)?.get(number % PIECE)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pieces.iter_mut().flatten()
    }
}

impl<T> Index<u32> for Shelf<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.pieces[number as usize / PIECE][number as usize % PIECE]
    }
}

impl<T> IndexMut<u32> for Shelf<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.pieces[number as usize / PIECE][number as usize % PIECE]
    }
}

/// As a list of its elements.
impl<T: Serialize> Serialize for Shelf<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        self.pieces.iter().flatten().try_for_each(|element| list.serialize_element(element))?;
        list.end()
    }
}

impl<T> From<Vec<T>> for Shelf<T> {
    fn from(elements: Vec<T>) -> Shelf<T> {
        let mut shelf = Shelf::default();
        elements.into_iter().for_each(|element| shelf.push(element));
        shelf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_numbers() {
        for count in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let mut shelf = Shelf::default();
            (0..count as u32).for_each(|number| shelf.push(number));
            assert_eq!(shelf.len(), count);
            assert!((0..count as u32).all(|number| shelf[number] == number));
            assert_eq!(shelf.get(count as u32), None);
            shelf.iter_mut().for_each(|element| *element += 1);
            let bytes = postcard::to_allocvec(&shelf).unwrap();
            assert_eq!(postcard::from_bytes::<Vec<u32>>(&bytes).unwrap().len(), count);
            let again: Shelf<u32> = postcard::from_bytes(&bytes).unwrap();
            assert!((0..count as u32).all(|number| again[number] == number + 1));
        }
    }
}
