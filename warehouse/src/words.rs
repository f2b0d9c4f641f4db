//! Columns of words: texts with few different values, as ClickHouse's `LowCardinality(String)`,
//! and the lists and maps that are made of them.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::native::{Column, Number, put_length, put_text};

/// A column of texts with few different values: a dictionary and each row's place in it.
#[derive(Default)]
pub(crate) struct Words {
    /// Place in the dictionary; 0 is the empty text.
    places: Vec<u32>,
    /// Start and end of each word in `bytes`, from place 1.
    words: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The last word and its place: values come in runs.
    last: u32,
}

impl Words {
    pub(crate) fn set(&mut self, row: usize, word: &str) {
        if !word.is_empty() {
            let place = self.place_of(word);
            self.places.resize(row, 0);
            self.places.push(place);
        }
    }

    /// Appends a value whatever it is: for the elements of arrays.
    fn push(&mut self, word: &str) {
        let place = if word.is_empty() { 0 } else { self.place_of(word) };
        self.places.push(place);
    }

    fn word(&self, place: u32) -> &[u8] {
        let (start, end) = self.words[place as usize - 1];
        &self.bytes[start as usize..end as usize]
    }

    fn place_of(&mut self, word: &str) -> u32 {
        if self.last != 0 && self.word(self.last) == word.as_bytes() {
            return self.last;
        }
        let hash = self.hasher.hash_one(word.as_bytes());
        let found = self.index.find(hash, |&place| self.word(place) == word.as_bytes()).copied();
        self.last = found.unwrap_or_else(|| self.add(hash, word));
        self.last
    }

    fn add(&mut self, hash: u64, word: &str) -> u32 {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(word.as_bytes());
        self.words.push((start, self.bytes.len() as u32));
        let place = self.words.len() as u32;
        let (words, bytes, hasher) = (&self.words, &self.bytes, &self.hasher);
        self.index.insert_unique(hash, place, |&place| {
            let (start, end) = words[place as usize - 1];
            hasher.hash_one(&bytes[start as usize..end as usize])
        });
        place
    }

    /// The serialisation's version, which stands before everything else of the column.
    fn write_version(out: &mut Vec<u8>) {
        1u64.put(out);
    }

    fn write_data(&self, out: &mut Vec<u8>) {
        if self.places.is_empty() {
            return;
        }
        const ADDITIONAL_KEYS: u64 = 1 << 9;
        const NEW_DICTIONARY: u64 = 1 << 10;
        let width: u64 = match self.words.len() {
            0..=0xff => 0,
            0x100..=0xffff => 1,
            _ => 2,
        };
        (ADDITIONAL_KEYS | NEW_DICTIONARY | width).put(out);
        (self.words.len() as u64 + 1).put(out);
        out.push(0);
        for &(start, end) in &self.words {
            put_length((end - start) as usize, out);
            out.extend_from_slice(&self.bytes[start as usize..end as usize]);
        }
        (self.places.len() as u64).put(out);
        match width {
            0 => out.extend(self.places.iter().map(|&place| place as u8)),
            1 => self.places.iter().for_each(|&place| (place as u16).put(out)),
            _ => self.places.iter().for_each(|&place| place.put(out)),
        }
    }
}

impl Column for Words {
    fn is_used(&self) -> bool {
        !self.places.is_empty()
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.places.resize(rows, 0);
        Words::write_version(out);
        self.write_data(out);
    }
    fn clear(&mut self) {
        self.places.clear();
        self.words.clear();
        self.bytes.clear();
        self.index.clear();
        self.last = 0;
    }
}

/// A column of lists of words.
#[derive(Default)]
pub(crate) struct WordLists {
    ends: Vec<u64>,
    words: Words,
}

impl WordLists {
    pub(crate) fn set<'a>(&mut self, row: usize, list: impl ExactSizeIterator<Item = &'a str>) {
        if list.len() > 0 {
            self.ends.resize(row, self.words.places.len() as u64);
            list.for_each(|word| self.words.push(word));
            self.ends.push(self.words.places.len() as u64);
        }
    }
}

impl Column for WordLists {
    /// Always: the engine needs 0.25 µs a row to fill in empty lists by itself, and next to nothing
    /// to take them over.
    fn is_used(&self) -> bool {
        true
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.ends.resize(rows, self.words.places.len() as u64);
        Words::write_version(out);
        self.ends.iter().for_each(|end| end.put(out));
        self.words.write_data(out);
    }
    fn clear(&mut self) {
        self.ends.clear();
        self.words.clear();
    }
}

/// A column of maps from word to number.
#[derive(Default)]
pub(crate) struct Counts {
    ends: Vec<u64>,
    keys: Words,
    values: Vec<u8>,
}

impl Counts {
    /// Adds one entry to the row's map; a row's entries come one after the other.
    pub(crate) fn add(&mut self, row: usize, key: &str, value: i64) {
        if self.ends.len() <= row {
            self.ends.resize(row + 1, self.keys.places.len() as u64);
        }
        self.keys.push(key);
        value.put(&mut self.values);
        self.ends[row] = self.keys.places.len() as u64;
    }
}

impl Column for Counts {
    fn is_used(&self) -> bool {
        !self.ends.is_empty()
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.ends.resize(rows, self.keys.places.len() as u64);
        Words::write_version(out);
        self.ends.iter().for_each(|end| end.put(out));
        self.keys.write_data(out);
        out.extend_from_slice(&self.values);
    }
    fn clear(&mut self) {
        self.ends.clear();
        self.keys.clear();
        self.values.clear();
    }
}

/// A column of maps from word to text.
#[derive(Default)]
pub(crate) struct Maps {
    ends: Vec<u64>,
    keys: Words,
    values: Vec<u8>,
}

impl Maps {
    /// Adds one entry to the row's map; a row's entries come one after the other.
    pub(crate) fn add(&mut self, row: usize, key: &str, value: &str) {
        if self.ends.len() <= row {
            self.ends.resize(row + 1, self.keys.places.len() as u64);
        }
        self.keys.push(key);
        put_text(value, &mut self.values);
        self.ends[row] = self.keys.places.len() as u64;
    }
}

impl Column for Maps {
    /// Always, as for lists: 0.35 µs a row.
    fn is_used(&self) -> bool {
        true
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.ends.resize(rows, self.keys.places.len() as u64);
        Words::write_version(out);
        self.ends.iter().for_each(|end| end.put(out));
        self.keys.write_data(out);
        out.extend_from_slice(&self.values);
    }
    fn clear(&mut self) {
        self.ends.clear();
        self.keys.clear();
        self.values.clear();
    }
}
