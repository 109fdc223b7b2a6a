//! Look-ups that are yet to come: what they will need is asked of memory meanwhile.

use super::Db;
use crate::entry::Entry;

impl Db {
    /// Keys whose look-ups can wait for memory together. Two or three lines of the cache each: they must not drive one
    /// another out of the first of the caches.
    pub const TOGETHER: usize = 16;

    /// These keys are looked up next, the first [`Db::TOGETHER`] of them: to wait for all of them takes hardly longer than to
    /// wait for one. Returns their hashes.
    pub fn ask_for<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> [u64; Db::TOGETHER] {
        let mut hashes = [0; Db::TOGETHER];
        let mut count = 0;
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = self.hash_of(key);
            self.prefetch_table(*hash);
            count += 1;
        }
        for hash in &hashes[..count] {
            self.prefetch_bucket(*hash);
        }
        let mut is_chained = [false; Db::TOGETHER];
        for (hash, is_chained) in hashes[..count].iter().zip(&mut is_chained) {
            *is_chained = self.prefetch_entry(*hash);
        }
        for (hash, is_chained) in hashes.iter().zip(is_chained) {
            if is_chained {
                self.prefetch_chained(*hash);
            }
        }
        hashes
    }

    /// The hash of `key` for [`Db::prefetch_table`] and those that follow it.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> u64 {
        self.tables.hash(key)
    }

    /// See [`Databases::foresee`].
    #[inline]
    pub(super) fn foresee(&mut self, key: &[u8], hash: u64) {
        self.tables.foresee(key, hash);
    }

    #[inline]
    pub(super) fn forget_foreseen(&mut self) {
        self.tables.forget_foreseen();
    }

    /// A key of this hash will be looked up in some 200 ns.
    #[inline]
    pub fn prefetch_table(&self, hash: u64) {
        self.tables.prefetch_table(hash);
    }

    /// A key of this hash will be looked up in some 100 ns, and its table was asked for before.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.tables.prefetch_bucket(hash);
    }

    /// A key of this hash will be looked up in some 100 ns, and its bucket was asked for before. True = call
    /// [`Db::prefetch_chained`] in the middle of that time.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) -> bool {
        self.tables.prefetch_record(hash)
    }

    /// See [`Db::prefetch_entry`].
    #[inline]
    pub fn prefetch_chained(&self, hash: u64) {
        self.tables.prefetch_chained(hash);
    }

    /// Later than [`Db::prefetch_entry`], and only worth it where values are large.
    #[inline]
    pub fn prefetch_value(&self, hash: u64) {
        self.tables.prefetch_rest(hash, Entry::size);
    }
}
