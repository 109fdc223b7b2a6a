//! What writers and whoever plays a story tell each other while it goes on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    served: Mutex<Served>,
}

/// Who answers for a shard.
#[derive(Default)]
struct Served {
    /// Whose turn it is, and when its first answer came.
    turn: Option<(SocketAddr, u64)>,
    /// How often it became somebody else's turn.
    changes: u64,
    /// When the last that each node has acknowledged was sent.
    last_sent: BTreeMap<SocketAddr, u64>,
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
            served: Mutex::default(),
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

    /// A write that was sent at `sent` is answered by the node at `by`.
    pub fn acknowledged(&self, shard: usize, by: SocketAddr, sent: u64) {
        let (shard, now) = (&self.shards[shard], self.now());
        let mut served = shard.served();
        served.answered(by, sent, now);
        let last_sent = served.last_sent.entry(by).or_default();
        *last_sent = sent.max(*last_sent);
        drop(served);
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

    /// A read or a write that was sent at `sent` is answered by the node at `by`, as only who leads the shard may. If it was
    /// sent after another one had answered, that one leads no more: two that lead at once change places again and again.
    pub fn served(&self, shard: usize, by: SocketAddr, sent: u64) {
        let now = self.now();
        self.shards[shard].served().answered(by, sent, now);
    }

    /// How often another node began to answer for the shard.
    pub fn changes(&self, shard: usize) -> u64 {
        self.shards[shard].served().changes
    }

    /// When the last write was sent that the node at `by` has acknowledged.
    pub fn last_sent(&self, shard: usize, by: SocketAddr) -> u64 {
        let served = self.shards[shard].served();
        served.last_sent.get(&by).copied().unwrap_or_default()
    }

    /// An answer that was none, or a connection that broke.
    pub fn failed(&self, shard: usize) {
        self.shards[shard].errors.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on the shard's gap is looked at.
    pub fn mark(&self, shard: usize) {
        let shard = &self.shards[shard];
        shard.mark.store(self.now(), Ordering::SeqCst);
        shard.first.store(NEVER, Ordering::SeqCst);
        shard.gap.store(0, Ordering::SeqCst);
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

impl Served {
    /// See [`Watch::served`].
    fn answered(&mut self, by: SocketAddr, sent: u64, now: u64) {
        match self.turn {
            Some((other, since)) if other == by || sent <= since => return,
            Some(_) => self.changes += 1,
            None => {}
        }
        self.turn = Some((by, now));
    }
}

impl ShardWatch {
    /// Nothing is half done where a thread may panic.
    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_answer_at_once_are_seen_to_change_places() {
        let [one, other] = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let watch = Watch::new(1);
        let early = watch.now();
        let later = || {
            let now = watch.now();
            // Moments must differ.
            while watch.now() == now {}
            watch.now()
        };
        watch.served(0, one, later());
        watch.served(0, one, later());
        assert_eq!(watch.changes(0), 0);
        watch.served(0, other, later());
        assert_eq!(watch.changes(0), 1);
        // What was sent before the other one had answered may be answered late.
        watch.served(0, one, early);
        assert_eq!(watch.changes(0), 1);
        watch.served(0, one, later());
        watch.served(0, other, later());
        assert_eq!(watch.changes(0), 3);
    }
}
