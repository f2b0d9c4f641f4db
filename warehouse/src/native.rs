//! Columns in ClickHouse's Native format, built one row at a time.
//!
//! Native is columnar: the engine takes it over nearly as it comes, and a column in which a block
//! has nothing but defaults is left out altogether (most events use a third of the columns).
//! Each column carries its name and type, so that the engine refuses a block that does not fit
//! its table.
//!
//! Setting a value is by row number; rows that were skipped are filled with the default when the
//! next value comes, or at the end.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A column that can be written.
pub(crate) trait Column {
    /// Whether any row has a value other than the default.
    fn is_used(&self) -> bool;
    /// Appends the column's data for `rows` rows.
    fn write(&mut self, rows: usize, out: &mut Vec<u8>);
    /// Forgets all rows, keeps the memory.
    fn clear(&mut self);
}

/// Appends a length as ClickHouse's variable-length integer.
pub(crate) fn put_length(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a text with its length.
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// A number of fixed width, little-endian.
pub(crate) trait Number: Copy + Default + PartialEq {
    /// Appends its bytes.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Number for $type {
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
number!(u8, i8, u16, u32, i32, u64, i64);

impl Number for bool {
    fn put(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}

/// A UUID as ClickHouse stores it: its two halves, each little-endian.
impl Number for uuid::Uuid {
    fn put(self, out: &mut Vec<u8>) {
        let (high, low) = self.as_u64_pair();
        high.put(out);
        low.put(out);
    }
}

/// A column of numbers (and of booleans, enums, times and UUIDs).
#[derive(Default)]
pub(crate) struct Numbers<T>(Vec<T>);

impl<T: Number> Numbers<T> {
    pub(crate) fn set(&mut self, row: usize, value: T) {
        if value != T::default() {
            self.0.resize(row, T::default());
            self.0.push(value);
        }
    }
}

impl<T: Number> Column for Numbers<T> {
    fn is_used(&self) -> bool {
        !self.0.is_empty()
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.0.resize(rows, T::default());
        out.reserve(rows * size_of::<T>());
        for value in &self.0 {
            value.put(out);
        }
    }
    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A column of numbers that may be absent.
#[derive(Default)]
pub(crate) struct Nullables<T> {
    nulls: Vec<u8>,
    values: Vec<T>,
}

impl<T: Number> Nullables<T> {
    pub(crate) fn set(&mut self, row: usize, value: Option<T>) {
        if let Some(value) = value {
            self.nulls.resize(row, 1);
            self.values.resize(row, T::default());
            self.nulls.push(0);
            self.values.push(value);
        }
    }
}

impl<T: Number> Column for Nullables<T> {
    fn is_used(&self) -> bool {
        !self.nulls.is_empty()
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        self.nulls.resize(rows, 1);
        self.values.resize(rows, T::default());
        out.extend_from_slice(&self.nulls);
        for value in &self.values {
            value.put(out);
        }
    }
    fn clear(&mut self) {
        self.nulls.clear();
        self.values.clear();
    }
}

/// A column of texts.
#[derive(Default)]
pub(crate) struct Texts {
    rows: usize,
    bytes: Vec<u8>,
}

impl Texts {
    pub(crate) fn set(&mut self, row: usize, text: &str) {
        if !text.is_empty() {
            // An empty text is one zero byte.
            self.bytes.resize(self.bytes.len() + row - self.rows, 0);
            put_text(text, &mut self.bytes);
            self.rows = row + 1;
        }
    }
}

impl Column for Texts {
    fn is_used(&self) -> bool {
        self.rows > 0
    }
    fn write(&mut self, rows: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        out.resize(out.len() + rows - self.rows, 0);
    }
    fn clear(&mut self) {
        self.rows = 0;
        self.bytes.clear();
    }
}

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
    fn is_used(&self) -> bool {
        !self.ends.is_empty()
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

/// The column's name of a field's: `type` is a keyword of Rust.
pub(crate) fn column_name(field: &'static str) -> &'static str {
    field.trim_start_matches("r#")
}

/// Declares a block: a struct with one field per column, and its name and type in ClickHouse.
macro_rules! columns {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $column:ty = $type:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Default)]
        pub(crate) struct $name { $(pub(crate) $field: $column,)+ }

        impl $name {
            /// Names of the columns that have a value, for the INSERT statement.
            pub(crate) fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_used() { names.push($crate::native::column_name(stringify!($field))); })+
                names
            }

            /// The block of `rows` rows in the Native format.
            pub(crate) fn encode(&mut self, rows: usize) -> Vec<u8> {
                let mut out = Vec::with_capacity(rows * 300 + 4_096);
                $crate::native::put_length(self.names().len(), &mut out);
                $crate::native::put_length(rows, &mut out);
                $(if self.$field.is_used() {
                    $crate::native::put_text(
                        $crate::native::column_name(stringify!($field)),
                        &mut out,
                    );
                    $crate::native::put_text($type, &mut out);
                    self.$field.write(rows, &mut out);
                })+
                out
            }

            /// Forgets all rows.
            pub(crate) fn clear(&mut self) {
                $(self.$field.clear();)+
            }
        }
    };
}
pub(crate) use columns;
