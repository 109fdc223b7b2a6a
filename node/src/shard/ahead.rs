//! Brings the keys of the requests to come into the cache while the ones before them run: random keys cost two cache
//! misses each, and misses that overlap cost little.

use almandine_storage::Db;

use super::requests::Requests;

/// How many requests ahead the bucket of a key is asked of memory, its entry, and its entry if that is in another bucket.
const BUCKET_AHEAD: usize = 16;
const ENTRY_AHEAD: usize = 8;
const CHAINED_AHEAD: usize = 4;
/// The same for the rest of a large value, and from how many bytes of request and reply on values are taken for large.
const VALUE_AHEAD: usize = 2;
const LARGE: usize = 512;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Hashes of the keys of requests `..buckets`, by their number modulo the window.
    hashes: [Option<u64>; BUCKET_AHEAD],
    /// Those whose entry is to be asked for in the middle.
    is_chained: [bool; BUCKET_AHEAD],
    /// The requests before this one have asked for their bucket, ...
    buckets: usize,
    /// ... those before this one for their entry too, ...
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
    /// The requests from number `first` on are to run; asks for the first buckets. A single one has nothing to look ahead to.
    #[inline]
    pub(super) fn begin(&mut self, db: &Db, requests: Requests<'_>, first: usize) {
        let last = requests.len();
        (self.buckets, self.entries) = (first, first);
        (self.chained, self.values) = (first, first);
        self.last = if last - first > 1 { last } else { first };
        self.look_at_buckets(db, requests, first);
    }

    /// Called before request `i` runs.
    #[inline]
    pub(super) fn look(&mut self, db: &Db, requests: Requests<'_>, i: usize) {
        self.look_at_buckets(db, requests, i);
        while self.entries < self.buckets.min(i + ENTRY_AHEAD) {
            let at = self.entries % BUCKET_AHEAD;
            self.is_chained[at] = self.hashes[at].is_some_and(|hash| db.prefetch_entry(hash));
            self.entries += 1;
        }
        while self.chained < self.entries.min(i + CHAINED_AHEAD) {
            let at = self.chained % BUCKET_AHEAD;
            if let Some(hash) = self.hashes[at].filter(|_| self.is_chained[at]) {
                db.prefetch_chained(hash);
            }
            self.chained += 1;
        }
        while self.are_large && self.values < self.chained.min(i + VALUE_AHEAD) {
            if let Some(hash) = self.hashes[self.values % BUCKET_AHEAD] {
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
        self.hashes[i % BUCKET_AHEAD].filter(|_| i < self.buckets)
    }

    #[inline]
    fn look_at_buckets(&mut self, db: &Db, requests: Requests<'_>, i: usize) {
        while self.buckets < self.last.min(i + BUCKET_AHEAD) {
            // Nearly every command has its key behind its name; a wrong guess costs nothing but a prefetch.
            let key = requests.args(self.buckets).get(1);
            let hash = key.map(|key| db.hash_of(key));
            if let Some(hash) = hash {
                db.prefetch_bucket(hash);
            }
            self.hashes[self.buckets % BUCKET_AHEAD] = hash;
            self.buckets += 1;
        }
    }
}
