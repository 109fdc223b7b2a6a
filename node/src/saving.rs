//! What is known of snapshots and of the append-only file: written by the actors that make them, read by INFO, LASTSAVE and
//! the commands that order them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::params::SavePoint;

/// How soon a snapshot that failed is tried again by a save point.
const RETRY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Saving {
    state: Mutex<State>,
    /// Changes of keys since the start, as the shard has told last.
    changes: AtomicU64,
    is_loading: AtomicBool,
}

/// See [`Saving::lock`].
#[derive(Debug, Clone)]
pub struct State {
    /// Snapshots for their own sake.
    pub snapshot: Job,
    /// Rewrites of the append-only file.
    pub rewrite: Job,
    /// When the last snapshot was complete, Unix time in milliseconds.
    pub saved_ms: i64,
    /// Changes before it began.
    pub saved_changes: u64,
    /// Keys that the start has loaded from a snapshot, and those whose time was up.
    pub loaded: (u64, u64),
    /// Libraries of functions that a snapshot held: they cannot be called, but are in the next snapshot again.
    pub functions: Vec<Vec<u8>>,
    /// The append-only file, if there is one.
    pub log: Option<LogState>,
}

/// Something that is done in the background from time to time.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// When the one under way began.
    pub began: Option<Instant>,
    /// Whether another one shall begin when nothing is under way.
    pub is_scheduled: bool,
    /// Whether the last one failed.
    pub has_failed: bool,
    /// How long the last one took.
    pub took: Option<Duration>,
    /// When the last one ended.
    pub ended: Option<Instant>,
    /// How many there were.
    pub count: u64,
    /// How many of them have failed.
    pub failed: u64,
    /// How many have failed since the last one that did not.
    pub failures: u64,
}

/// The append-only file.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogState {
    /// Bytes of all its files.
    pub size: u64,
    /// The same after the last rewrite, or at the start.
    pub base_size: u64,
    /// Whether the disk had no room for the last write.
    pub is_stuck: bool,
}

impl Job {
    /// One begins.
    pub fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.is_scheduled = false;
    }

    /// The one under way has ended.
    pub fn end(&mut self, is_done: bool) {
        let now = Instant::now();
        let took = self.began.take().map(|began| now - began);
        self.took = took.or(self.took);
        self.ended = Some(now);
        self.has_failed = !is_done;
        self.count += 1;
        self.failed += u64::from(!is_done);
        self.failures = if is_done { 0 } else { self.failures + 1 };
    }

    /// Whether one waits for something else to end.
    pub fn is_late(&self) -> bool {
        self.is_scheduled && self.began.is_none()
    }
}

impl Saving {
    /// Nothing has happened yet at `now_ms`.
    pub fn new(now_ms: i64) -> Self {
        Saving {
            state: Mutex::new(State {
                snapshot: Job::default(),
                rewrite: Job::default(),
                saved_ms: now_ms,
                saved_changes: 0,
                loaded: (0, 0),
                functions: Vec::new(),
                log: None,
            }),
            changes: AtomicU64::new(0),
            is_loading: AtomicBool::new(false),
        }
    }

    /// What is known. Held only for a moment.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked in here left numbers behind, which are right by themselves.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard has changed so many keys since the start.
    pub fn set_changes(&self, changes: u64) {
        self.changes.store(changes, Ordering::Relaxed);
    }

    /// Whether the node reads its files.
    pub fn is_loading(&self) -> bool {
        self.is_loading.load(Ordering::Relaxed)
    }

    /// See [`Saving::is_loading`].
    pub fn set_loading(&self, is_loading: bool) {
        self.is_loading.store(is_loading, Ordering::Relaxed);
    }

    /// Whether so much has changed for so long that a snapshot shall be taken.
    pub fn is_due(&self, points: &[SavePoint], now_ms: i64) -> bool {
        let state = self.lock();
        let changes = self.changes.load(Ordering::Relaxed);
        let changes = changes.saturating_sub(state.saved_changes);
        let seconds = (now_ms - state.saved_ms) / 1000;
        let may_try = !state.snapshot.has_failed
            || state
                .snapshot
                .ended
                .is_none_or(|ended| ended.elapsed() > RETRY);
        may_try
            && points.iter().any(|point| {
                i128::from(changes) >= i128::from(point.changes) && seconds > point.seconds
            })
    }
}

impl State {
    /// Whether anything is under way that would get in the way of another snapshot.
    pub fn is_busy(&self) -> bool {
        self.snapshot.began.is_some() || self.rewrite.began.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_point_is_due_when_time_and_changes_have_come() {
        let saving = Saving::new(0);
        let points = [
            SavePoint {
                seconds: 10,
                changes: 1,
            },
            SavePoint {
                seconds: 2,
                changes: 100,
            },
        ];
        assert!(!saving.is_due(&points, 60_000), "nothing has changed");
        saving.set_changes(1);
        assert!(saving.is_due(&points, 11_000));
        assert!(!saving.is_due(&points, 10_000));
        saving.set_changes(100);
        assert!(saving.is_due(&points, 3_000));
        assert!(!saving.is_due(&[], 60_000));
        saving.lock().saved_changes = 50;
        assert!(!saving.is_due(&points, 3_000));
        saving.lock().snapshot.begin();
        saving.lock().snapshot.end(false);
        assert!(!saving.is_due(&points, 60_000), "it has just failed");
    }
}
