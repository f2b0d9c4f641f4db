//! Hash tables whose keys are hashes already.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

/// A map by keys that are, or contain, keyed hashes: nobody can aim at one bucket, so mixing them
/// once more is enough.
pub(crate) type FoldedMap<K, V> = HashMap<K, V, BuildHasherDefault<Folded>>;

/// Folds the product of what came and an odd constant (of the golden ratio) to 64 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write_u64(&mut self, value: u64) {
        let mixed = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (mixed >> 64) as u64 ^ mixed as u64;
    }
    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(xxhash_rust::xxh3::xxh3_64(bytes));
    }
}
