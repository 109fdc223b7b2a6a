//! Brings the keys of the requests to come into the cache while the ones before them run: random keys cost two cache
//! misses each, and misses that overlap cost little.

use almandine_storage::Db;

use super::requests::Requests;

/// How many requests ahead the table of a key is asked of memory (a cluster has one for each slot), its bucket, its entry, and
/// its entry if that is in another bucket.
const TABLE_AHEAD: usize = 24;
const BUCKET_AHEAD: usize = 16;
const ENTRY_AHEAD: usize = 8;
const CHAINED_AHEAD: usize = 4;
/// The same for the rest of a large value, and from how many bytes of request and reply on values are taken for large.
const VALUE_AHEAD: usize = 2;
const LARGE: usize = 512;
/// Requests that are remembered.
const WINDOW: usize = TABLE_AHEAD.next_power_of_two();

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Hashes of the keys of requests `..tables`, by their number modulo the window.
    hashes: [Option<u64>; WINDOW],
    /// Those whose entry is to be asked for in the middle.
    is_chained: [bool; WINDOW],
    /// The requests before this one have asked for their table, ...
    tables: usize,
    /// ... those before this one for their bucket, ...
    buckets: usize,
    /// ... those before this one for their entry, ...
    entries: usize,
    /// ... those before this one wherever it is, ...
    chained: usize,
    /// ... and those before this one for all of their value, ...
    values: usize,
    /// ... which is done where the last requests were large, or their replies.
    are_large: bool,
    last: usize,
}

impl Ahead {
    /// The requests from number `first` on are to run; asks for the first tables. A single one has nothing to look ahead to.
    #[inline]
    pub(super) fn begin(&mut self, db: &Db, requests: Requests<'_>, first: usize) {
        let last = requests.len();
        (self.tables, self.buckets) = (first, first);
        (self.entries, self.chained, self.values) = (first, first, first);
        self.last = if last - first > 1 { last } else { first };
        self.look_at_tables(db, requests, first);
    }

    /// Asks for the first buckets. Between the two passes as much work as possible makes sense.
    #[inline]
    pub(super) fn go_on(&mut self, db: &Db) {
        self.look_at_buckets(db, self.buckets);
    }

    /// Called before request `i` runs.
    #[inline]
    pub(super) fn look(&mut self, db: &Db, requests: Requests<'_>, i: usize) {
        self.look_at_tables(db, requests, i);
        self.look_at_buckets(db, i);
        while self.entries < self.buckets.min(i + ENTRY_AHEAD) {
            let at = self.entries % WINDOW;
            self.is_chained[at] = self.hashes[at].is_some_and(|hash| db.prefetch_entry(hash));
            self.entries += 1;
        }
        while self.chained < self.entries.min(i + CHAINED_AHEAD) {
            let at = self.chained % WINDOW;
            if let Some(hash) = self.hashes[at].filter(|_| self.is_chained[at]) {
                db.prefetch_chained(hash);
            }
            self.chained += 1;
        }
        while self.are_large && self.values < self.chained.min(i + VALUE_AHEAD) {
            if let Some(hash) = self.hashes[self.values % WINDOW] {
                db.prefetch_value(hash);
            }
            self.values += 1;
        }
    }

    /// So many requests have run, with so many bytes of requests and replies together.
    #[inline]
    pub(super) fn learn(&mut self, requests: usize, bytes: usize) {
        self.are_large = bytes > requests * LARGE;
    }

    /// The hash of the key of request `i`, if it was looked at.
    #[inline]
    pub(super) fn hash(&self, i: usize) -> Option<u64> {
        self.hashes[i % WINDOW].filter(|_| i < self.tables)
    }

    #[inline]
    fn look_at_tables(&mut self, db: &Db, requests: Requests<'_>, i: usize) {
        while self.tables < self.last.min(i + TABLE_AHEAD) {
            // Nearly every command has its key behind its name; a wrong guess costs nothing but a prefetch.
            let key = requests.args(self.tables).get(1);
            let hash = key.map(|key| db.hash_of(key));
            if let Some(hash) = hash {
                db.prefetch_table(hash);
            }
            self.hashes[self.tables % WINDOW] = hash;
            self.tables += 1;
        }
    }

    #[inline]
    fn look_at_buckets(&mut self, db: &Db, i: usize) {
        while self.buckets < self.tables.min(i + BUCKET_AHEAD) {
            if let Some(hash) = self.hashes[self.buckets % WINDOW] {
                db.prefetch_bucket(hash);
            }
            self.buckets += 1;
        }
    }
}
