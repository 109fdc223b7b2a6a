//! Whose commands wait for what: the end of CLIENT PAUSE, of a failover at either end, of the node. Each has its own end; none ends another.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::node::Node;

/// Until somebody ends it.
pub const FOR_EVER_MS: i64 = i64::MAX;

/// Why commands wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// CLIENT PAUSE.
    Client,
    /// FAILOVER: what is written now would be lost.
    Failover,
    /// The node is about to end.
    Ending,
    /// The node is named as the primary, and may not act yet.
    Accession,
}

/// Whose commands wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whom {
    /// Those that may write.
    #[default]
    Writers,
    /// All.
    All,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Pause {
    /// By [`Purpose`].
    running: Mutex<[Running; 4]>,
    /// Until when those that may write wait, and until when all do: Unix time in milliseconds. Made of `running`.
    writers_until_ms: AtomicI64,
    all_until_ms: AtomicI64,
    /// How often a pause was ended before its time.
    ended: AtomicU64,
    waiting: AtomicUsize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Running {
    until_ms: i64,
    whom: Whom,
}

/// A client that waits for the end of a pause; counted while this lives.
pub struct Paused {
    node: Arc<Node>,
    ended: u64,
}

impl Pause {
    /// Pauses until `until_ms` (Unix time). A running pause of the same purpose is never shortened, and one of all commands
    /// stays one.
    pub fn begin(&self, purpose: Purpose, until_ms: i64, whom: Whom, now_ms: i64) {
        self.change(|running| {
            let running = &mut running[purpose as usize];
            let keeps_all = running.until_ms > now_ms && running.whom == Whom::All;
            running.whom = if keeps_all { Whom::All } else { whom };
            running.until_ms = running.until_ms.max(until_ms);
        });
    }

    /// The pause of this purpose is over.
    pub fn end(&self, purpose: Purpose) {
        self.change(|running| running[purpose as usize] = Running::default());
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    fn change(&self, change: impl FnOnce(&mut [Running; 4])) {
        let running = self.running.lock();
        let mut running = running.unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        let until_ms = |counts: fn(&Running) -> bool| {
            let counted = running.iter().filter(|running| counts(running));
            counted.map(|running| running.until_ms).max().unwrap_or(0)
        };
        let all_until_ms = until_ms(|running| running.whom == Whom::All);
        self.all_until_ms.store(all_until_ms, Ordering::Release);
        let writers_until_ms = until_ms(|_| true);
        self.writers_until_ms
            .store(writers_until_ms, Ordering::Release);
    }

    /// Whether there is a pause of this purpose.
    pub fn is_on(&self, purpose: Purpose, now_ms: i64) -> bool {
        let running = self.running.lock();
        let running = running.unwrap_or_else(PoisonError::into_inner);
        running[purpose as usize].until_ms > now_ms
    }

    /// Whether a command must wait; `may_write` is asked only while writes alone are paused.
    #[inline]
    pub fn stops(&self, now_ms: i64, may_write: impl FnOnce() -> bool) -> bool {
        self.holds_expiry(now_ms)
            && (self.all_until_ms.load(Ordering::Acquire) > now_ms || may_write())
    }

    /// How many clients wait for the end.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether keys must not expire or be evicted just now.
    #[inline]
    pub fn holds_expiry(&self, now_ms: i64) -> bool {
        self.writers_until_ms.load(Ordering::Acquire) > now_ms
    }
}

impl Paused {
    /// A client begins to wait.
    pub fn new(node: Arc<Node>) -> Self {
        node.pause.waiting.fetch_add(1, Ordering::Relaxed);
        let ended = node.pause.ended.load(Ordering::Acquire);
        Paused { node, ended }
    }

    /// Whether the pause is over, also if another one has begun since.
    pub fn is_over(&self, now_ms: i64) -> bool {
        let pause = &self.node.pause;
        !pause.holds_expiry(now_ms) || pause.ended.load(Ordering::Acquire) != self.ended
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.node.pause.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether (a write, a read) must wait.
    fn stopped(pause: &Pause, now_ms: i64) -> (bool, bool) {
        (pause.stops(now_ms, || true), pause.stops(now_ms, || false))
    }

    #[test]
    fn every_purpose_has_its_own_end() {
        let pause = Pause::default();
        assert_eq!(stopped(&pause, 0), (false, false));
        pause.begin(Purpose::Failover, FOR_EVER_MS, Whom::Writers, 0);
        pause.begin(Purpose::Client, 100, Whom::All, 0);
        assert_eq!(stopped(&pause, 99), (true, true));
        assert_eq!(stopped(&pause, 100), (true, false));
        assert!(pause.is_on(Purpose::Client, 99) && !pause.is_on(Purpose::Client, 100));
        pause.end(Purpose::Client);
        assert!(!pause.is_on(Purpose::Client, 50) && pause.is_on(Purpose::Failover, 50));
        assert_eq!(stopped(&pause, 50), (true, false), "the failover goes on");
        pause.end(Purpose::Failover);
        assert_eq!(stopped(&pause, 50), (false, false));
    }

    #[test]
    fn a_running_pause_becomes_neither_shorter_nor_weaker() {
        let pause = Pause::default();
        pause.begin(Purpose::Client, 100, Whom::All, 0);
        pause.begin(Purpose::Client, 50, Whom::Writers, 10);
        assert_eq!(stopped(&pause, 99), (true, true));
        pause.begin(Purpose::Client, 300, Whom::Writers, 200);
        assert_eq!(stopped(&pause, 299), (true, false), "that one was over");
    }
}
