//! Columns in ClickHouse's Native format, built one row at a time.
//!
//! Native is columnar: the engine takes it over nearly as it comes, and a column in which a block
//! has nothing but defaults is left out altogether (most events use a third of the columns), unless
//! the engine is slower to fill it in than to read it.
//! Each column carries its name and type, so that the engine refuses a block that does not fit
//! its table.
//!
//! Setting a value is by row number; rows that were skipped are filled with the default when the
//! next value comes, or at the end.

/// A column that can be written.
pub(crate) trait Column {
    /// Whether the column has to be written: any row has a value other than the default.
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

/// The column's name of a field's: `type` is a keyword of Rust.
pub(crate) fn column_name(field: &'static str) -> &'static str {
    field.trim_start_matches("r#")
}

/// Declares a block: a struct with one field per column, and its name and type in ClickHouse.
macro_rules! columns {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $column:ty = $type:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Default)]
        pub struct $name { $(pub(crate) $field: $column,)+ }

        impl $crate::block::Columns for $name {
            fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_used() { names.push($crate::native::column_name(stringify!($field))); })+
                names
            }

            fn encode(&mut self, rows: usize) -> Vec<u8> {
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

            fn clear(&mut self) {
                $(self.$field.clear();)+
            }
        }
    };
}
pub(crate) use columns;
