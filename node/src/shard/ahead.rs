//! Brings the keys of the requests to come into the cache while the ones before them run: random keys cost two cache
//! misses each, and misses that overlap cost little.

use super::Shard;
use super::requests::Requests;

/// How many requests ahead the bucket of a key is asked of memory, and its entry.
const BUCKET_AHEAD: usize = 16;
const ENTRY_AHEAD: usize = 8;

/// See the module.
pub(super) struct Ahead {
    /// Hashes of the keys of requests `..buckets`, where they have one, by their number modulo the window.
    hashes: [Option<u64>; BUCKET_AHEAD],
    /// The requests before this one have asked for their bucket, ...
    buckets: usize,
    /// ... and those before this one for their entry too.
    entries: usize,
    last: usize,
}

impl Ahead {
    /// A batch of one request has nothing to look ahead to.
    pub(super) fn new(first: usize, last: usize) -> Self {
        let last = if last - first > 1 { last } else { first };
        Ahead {
            hashes: [None; BUCKET_AHEAD],
            buckets: first,
            entries: first,
            last,
        }
    }

    /// Called before request `i` runs.
    #[inline]
    pub(super) fn look(&mut self, shard: &Shard, requests: Requests<'_>, db: usize, i: usize) {
        let db = &shard.dbs[db];
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
        while self.entries < self.buckets.min(i + ENTRY_AHEAD) {
            if let Some(hash) = self.hashes[self.entries % BUCKET_AHEAD] {
                db.prefetch_entry(hash);
            }
            self.entries += 1;
        }
    }
}
