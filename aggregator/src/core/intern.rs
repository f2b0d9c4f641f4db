//! Texts that visits keep, each stored once: a visit holds 4-byte symbols instead of strings.
//!
//! Symbols are private to one core and never leave it, so which number a text gets can't change
//! any output. Unused texts are collected now and then by building a new table from what is still
//! referred to ([`Interner::is_due`], [`Interner::begin_collection`]), which costs nothing per event.

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A text in an [`Interner`]. The default is the empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Symbol(u32);

/// The texts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(super) struct Interner {
    texts: String,
    /// End of each text in `texts`; it begins where the one before ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
    /// Texts after the last collection.
    kept: usize,
}

/// What a snapshot holds of it.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    texts: Vec<String>,
}

/// Texts below this number are never worth a collection.
const COLLECT_FROM: usize = 10_000;

impl Default for Interner {
    fn default() -> Interner {
        let mut interner = Interner {
            texts: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            kept: COLLECT_FROM,
        };
        interner.intern("");
        interner
    }
}

impl Clone for Interner {
    fn clone(&self) -> Interner {
        Stored::from(self).into()
    }
}

impl Interner {
    /// The symbol of a text.
    pub(super) fn intern(&mut self, text: &str) -> Symbol {
        if text.is_empty() && !self.ends.is_empty() {
            return Symbol::default();
        }
        let hash = xxh3_64(text.as_bytes());
        let same = |&index: &u32| self.text(Symbol(index)) == text;
        if let Some(&index) = self.table.find(hash, same) {
            return Symbol(index);
        }
        let index = u32::try_from(self.ends.len()).expect("fewer than 2^32 texts fit in memory");
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        let (texts, ends) = (&self.texts, &self.ends);
        let hash_of = |&other: &u32| xxh3_64(text_at(texts, ends, other).as_bytes());
        self.table.insert_unique(hash, index, hash_of);
        Symbol(index)
    }

    /// The text of a symbol.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        text_at(&self.texts, &self.ends, symbol.0)
    }

    /// Whether it has doubled since the last collection.
    pub(super) fn is_due(&self) -> bool {
        self.ends.len() > 2 * self.kept
    }

    /// Takes the old texts out; everything still referred to must be brought over with
    /// [`Interner::keep`], then [`Interner::end_collection`] is called.
    pub(super) fn begin_collection(&mut self) -> Interner {
        std::mem::take(self)
    }

    /// Brings one text over from the table before the collection.
    pub(super) fn keep(&mut self, old: &Interner, symbol: &mut Symbol) {
        *symbol = self.intern(old.text(*symbol));
    }

    /// Ends a collection.
    pub(super) fn end_collection(&mut self) {
        self.kept = self.ends.len().max(COLLECT_FROM);
    }
}

fn text_at<'a>(texts: &'a str, ends: &[usize], index: u32) -> &'a str {
    let index = index as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] };
    &texts[start..ends[index]]
}

impl From<&Interner> for Stored {
    fn from(interner: &Interner) -> Stored {
        let count = u32::try_from(interner.ends.len()).expect("indices are u32");
        Stored { texts: (0..count).map(|i| interner.text(Symbol(i)).to_owned()).collect() }
    }
}

impl From<Interner> for Stored {
    fn from(interner: Interner) -> Stored {
        Stored::from(&interner)
    }
}

impl From<Stored> for Interner {
    fn from(stored: Stored) -> Interner {
        let mut interner = Interner::default();
        for text in &stored.texts {
            interner.intern(text);
        }
        interner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_collection_and_storing() {
        let mut interner = Interner::default();
        let mut kept = interner.intern("/kept");
        for i in 0..50_000 {
            interner.intern(&format!("/{i}"));
        }
        assert_eq!(interner.intern("/kept"), kept);
        assert!(interner.is_due());
        let old = interner.begin_collection();
        interner.keep(&old, &mut kept);
        interner.end_collection();
        assert_eq!(interner.text(kept), "/kept");
        assert_eq!(interner.ends.len(), 2);
        let again = interner.clone();
        assert_eq!(again.text(kept), "/kept");
        assert_eq!(again.text(Symbol::default()), "");
    }
}
