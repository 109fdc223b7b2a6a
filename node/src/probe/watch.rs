//! What writers and whoever plays a story tell each other while it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No moment.
const NEVER: u64 = u64::MAX;

/// See the module.
pub struct Watch {
    begun: Instant,
    is_over: AtomicBool,
    shards: Vec<ShardWatch>,
}

/// Moments are nanoseconds since the beginning.
struct ShardWatch {
    acknowledged: AtomicU64,
    /// Answers that were none, and connections that broke.
    errors: AtomicU64,
    /// When it was marked.
    mark: AtomicU64,
    /// The first answer to what was sent after the mark.
    first: AtomicU64,
    /// The last answer.
    last: AtomicU64,
    /// The longest time without one since the mark.
    gap: AtomicU64,
}

impl Watch {
    /// Begins now, with so many shards.
    pub fn new(shards: usize) -> Watch {
        let shard = || ShardWatch {
            acknowledged: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            mark: AtomicU64::new(NEVER),
            first: AtomicU64::new(NEVER),
            last: AtomicU64::new(NEVER),
            gap: AtomicU64::new(0),
        };
        Watch {
            begun: Instant::now(),
            is_over: AtomicBool::new(false),
            shards: std::iter::repeat_with(shard).take(shards).collect(),
        }
    }

    /// Nanoseconds since the beginning.
    pub fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(NEVER)
    }

    /// Writers stop.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// A write that was sent at `sent` is answered.
    pub fn acknowledged(&self, shard: usize, sent: u64) {
        let (shard, now) = (&self.shards[shard], self.now());
        shard.acknowledged.fetch_add(1, Ordering::SeqCst);
        let last = shard.last.swap(now, Ordering::SeqCst);
        let mark = shard.mark.load(Ordering::SeqCst);
        if mark == NEVER {
            return;
        }
        if sent > mark {
            shard.first.fetch_min(now, Ordering::SeqCst);
        }
        if last != NEVER {
            shard
                .gap
                .fetch_max(now.saturating_sub(last), Ordering::SeqCst);
        }
    }

    /// An answer that was none, or a connection that broke.
    pub fn failed(&self, shard: usize) {
        self.shards[shard].errors.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on the shard's gap is looked at.
    pub fn mark(&self, shard: usize) {
        self.shards[shard].mark.store(self.now(), Ordering::SeqCst);
    }

    /// Writes of a shard that are answered.
    pub fn count(&self, shard: usize) -> u64 {
        self.shards[shard].acknowledged.load(Ordering::SeqCst)
    }

    /// How often [`Watch::failed`] was said of a shard.
    pub fn errors(&self, shard: usize) -> u64 {
        self.shards[shard].errors.load(Ordering::SeqCst)
    }

    /// How long after the mark the first write was answered that was sent after it.
    pub fn first_after_mark(&self, shard: usize) -> Option<Duration> {
        let shard = &self.shards[shard];
        let first = shard.first.load(Ordering::SeqCst);
        let mark = shard.mark.load(Ordering::SeqCst);
        (first != NEVER).then(|| Duration::from_nanos(first.saturating_sub(mark)))
    }

    /// The longest time without an answer since the mark.
    pub fn gap(&self, shard: usize) -> Duration {
        Duration::from_nanos(self.shards[shard].gap.load(Ordering::SeqCst))
    }
}
