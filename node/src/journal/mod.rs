//! The journal: one order of effects for replicas, disk and acknowledgements.
//!
//! ```text
//!   shards ──append──▶ offset ──▶ backlog     the newest bytes, for replicas
//!                          └────▶ unwritten   what the append-only file has not taken yet; cut where an increment ends
//!
//!   watermarks, each at most the one before:   offset ≥ written ≥ synced
//! ```
//! Offsets count the bytes of Redis's replication stream since its beginning; offset `n` is the one after `n` bytes. A shard
//! appends once per batch, under a lock that is held for a copy; everything slow happens elsewhere.

mod backlog;
mod history;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use backlog::Backlog;
pub use history::{History, Id};

/// See the module.
#[derive(Debug)]
pub struct Journal {
    inner: Mutex<Inner>,
    /// Whether effects are collected at all: there is an append-only file, or there was a replica.
    is_on: AtomicBool,
    /// Whether there is an append-only file.
    is_written: AtomicBool,
    offset: AtomicU64,
    written: AtomicU64,
    synced: AtomicU64,
    /// Whether the writer has been called and has not come yet.
    is_called: AtomicBool,
    /// Rises whenever a reader begins in the middle of the stream: the next effects name their database.
    reselections: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    backlog: Backlog,
    unwritten: Vec<u8>,
    /// Bytes of `unwritten` after which a new increment begins.
    cut: Option<usize>,
    history: History,
}

/// What the append-only file takes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Bytes, perhaps none, up to this offset.
    Bytes(u64),
    /// A new increment begins at this offset.
    Cut(u64),
}

/// What an appended batch must wait for before its replies leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// The system has the bytes: they survive the death of the process.
    Written,
    /// The disk has them: they survive a power loss.
    Synced,
}

impl Journal {
    /// An empty stream with this id. `backlog` is `repl-backlog-size`, bytes.
    pub fn new(id: Id, backlog: usize) -> Self {
        Journal {
            inner: Mutex::new(Inner {
                backlog: Backlog::new(backlog, 0),
                unwritten: Vec::new(),
                cut: None,
                history: History::new(id),
            }),
            is_on: AtomicBool::new(false),
            is_written: AtomicBool::new(false),
            offset: AtomicU64::new(0),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            is_called: AtomicBool::new(false),
            reselections: AtomicU64::new(0),
        }
    }

    /// Whether shards collect effects.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// From now on effects are collected.
    pub fn turn_on(&self) {
        self.is_on.store(true, Ordering::Release);
    }

    /// From now on effects are kept for the append-only file, or not any more (then what waits is given up).
    pub fn set_written(&self, is_written: bool) {
        let mut inner = self.lock();
        self.is_written.store(is_written, Ordering::Release);
        if is_written {
            self.turn_on();
            let offset = self.offset();
            self.written.store(offset, Ordering::Release);
            self.synced.store(offset, Ordering::Release);
        } else {
            inner.unwritten = Vec::new();
            inner.cut = None;
        }
    }

    /// A new increment begins at the present offset, and whoever keeps no append-only file yet begins to: the caller takes a
    /// snapshot of this very moment. The next effects name their database. Returns the offset.
    pub fn cut(&self) -> u64 {
        let mut inner = self.lock();
        self.reselections.fetch_add(1, Ordering::AcqRel);
        let offset = self.offset();
        inner.cut = Some(inner.unwritten.len());
        if !self.is_written.swap(true, Ordering::AcqRel) {
            self.turn_on();
            self.written.store(offset, Ordering::Release);
            self.synced.store(offset, Ordering::Release);
        }
        offset
    }

    /// Appends the effects of a batch; returns the offset after them.
    pub fn append(&self, effects: &[u8]) -> u64 {
        let mut inner = self.lock();
        inner.backlog.append(effects);
        if self.is_written.load(Ordering::Acquire) {
            inner.unwritten.extend_from_slice(effects);
        }
        let offset = inner.backlog.end();
        self.offset.store(offset, Ordering::Release);
        offset
    }

    /// Whether the writer must be called now: there is something to write, and nobody has called it since it came last.
    #[inline]
    pub fn calls_writer(&self) -> bool {
        self.is_written.load(Ordering::Acquire) && !self.is_called.swap(true, Ordering::AcqRel)
    }

    /// The writer has come, and will take everything that was appended before.
    pub fn answer_call(&self) {
        self.is_called.store(false, Ordering::Release);
    }

    /// Takes what the append-only file has not taken yet, up to a cut: `into` is filled, its old bytes are given up.
    pub fn take_unwritten(&self, into: &mut Vec<u8>) -> Taken {
        into.clear();
        let mut inner = self.lock();
        match inner.cut {
            None => {
                std::mem::swap(into, &mut inner.unwritten);
                Taken::Bytes(inner.backlog.end())
            }
            Some(0) => {
                inner.cut = None;
                Taken::Cut(inner.backlog.end() - inner.unwritten.len() as u64)
            }
            Some(cut) => {
                let rest = inner.unwritten.split_off(cut);
                std::mem::swap(into, &mut inner.unwritten);
                inner.unwritten = rest;
                inner.cut = Some(0);
                Taken::Bytes(inner.backlog.end() - inner.unwritten.len() as u64)
            }
        }
    }

    /// Bytes that the append-only file has not taken yet.
    pub fn unwritten_len(&self) -> usize {
        self.lock().unwritten.len()
    }

    /// The bytes from `offset` on, at most `max`, appended to `into`. False if the backlog does not reach back so far.
    pub fn read(&self, offset: u64, max: usize, into: &mut Vec<u8>) -> bool {
        self.lock().backlog.read(offset, max, into)
    }

    /// The offset after the last byte.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset.load(Ordering::Acquire)
    }

    /// The first offset that the backlog still holds, and how many bytes it holds.
    pub fn backlog(&self) -> (u64, usize) {
        let inner = self.lock();
        (inner.backlog.start(), inner.backlog.len())
    }

    /// `repl-backlog-size` has changed.
    pub fn resize_backlog(&self, bytes: usize) {
        self.lock().backlog.resize(bytes);
    }

    /// Everything up to `offset` is with the system, or (`is_synced`) on the disk.
    pub fn advance(&self, offset: u64, is_synced: bool) {
        self.written.fetch_max(offset, Ordering::AcqRel);
        if is_synced {
            self.synced.fetch_max(offset, Ordering::AcqRel);
        }
    }

    /// Whether what `demand` asks for has happened up to `offset`; without an append-only file nothing is asked for any more.
    #[inline]
    pub fn meets(&self, demand: Demand, offset: u64) -> bool {
        match demand {
            Demand::Nothing => true,
            Demand::Written => self.written.load(Ordering::Acquire) >= offset || !self.has_log(),
            Demand::Synced => self.synced.load(Ordering::Acquire) >= offset || !self.has_log(),
        }
    }

    /// Whether effects are kept for an append-only file.
    pub fn has_log(&self) -> bool {
        self.is_written.load(Ordering::Acquire)
    }

    /// How far the append-only file is written and synced.
    pub fn watermarks(&self) -> (u64, u64) {
        (
            self.written.load(Ordering::Acquire),
            self.synced.load(Ordering::Acquire),
        )
    }

    /// A reader begins at the present offset: the next effects say which database they are for. Returns that offset.
    pub fn reselect(&self) -> u64 {
        let _inner = self.lock();
        self.reselections.fetch_add(1, Ordering::AcqRel);
        self.offset()
    }

    /// How often [`Journal::reselect`] was called.
    #[inline]
    pub fn reselections(&self) -> u64 {
        self.reselections.load(Ordering::Acquire)
    }

    /// Whose stream this is, and whose it was.
    pub fn history(&self) -> History {
        self.lock().history.clone()
    }

    /// The stream goes on at `offset` under the ids of `history`; the bytes before are not known here.
    pub fn restart(&self, history: History, offset: u64) {
        let mut inner = self.lock();
        inner.history = history;
        inner.backlog.restart(offset);
        inner.unwritten.clear();
        inner.cut = None;
        for mark in [&self.offset, &self.written, &self.synced] {
            mark.store(offset, Ordering::Release);
        }
    }

    /// A new term begins at the present offset: this node decides from here on what comes next.
    pub fn begin_term(&self, id: Id) {
        let mut inner = self.lock();
        let offset = inner.backlog.end();
        inner.history.begin(id, offset);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked in here left whole bytes behind: every change is one call.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal::new(Id::new(1), 64)
    }

    #[test]
    fn watermarks_follow_the_offset() {
        let journal = journal();
        journal.set_written(true);
        assert_eq!(journal.append(b"12345"), 5);
        assert!(!journal.meets(Demand::Written, 5));
        let mut bytes = b"old".to_vec();
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(5));
        assert_eq!(bytes, b"12345");
        journal.advance(5, false);
        assert!(journal.meets(Demand::Written, 5));
        assert!(!journal.meets(Demand::Synced, 5));
        journal.advance(5, true);
        assert!(journal.meets(Demand::Synced, 5));
        assert!(!journal.meets(Demand::Written, 6));
    }

    #[test]
    fn nothing_is_kept_for_a_file_that_is_not_there() {
        let journal = journal();
        journal.append(b"12345");
        let mut bytes = Vec::new();
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(5));
        assert_eq!(bytes, b"");
        assert!(
            journal.meets(Demand::Synced, 99),
            "nobody would ever write it"
        );
        journal.set_written(true);
        assert!(
            journal.meets(Demand::Synced, 5),
            "what was before is not waited for"
        );
    }

    #[test]
    fn an_increment_ends_at_the_cut_and_the_next_one_begins_there() {
        let (journal, mut bytes) = (journal(), Vec::new());
        journal.set_written(true);
        journal.append(b"12345");
        assert_eq!((journal.cut(), journal.reselections()), (5, 1));
        journal.append(b"678");
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(5));
        assert_eq!(bytes, b"12345");
        journal.append(b"9");
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Cut(5));
        assert_eq!(bytes, b"");
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(9));
        assert_eq!(bytes, b"6789");
    }

    #[test]
    fn a_file_that_begins_in_the_middle_holds_what_follows_its_cut() {
        let (journal, mut bytes) = (journal(), Vec::new());
        journal.append(b"12345");
        assert!(!journal.has_log());
        assert_eq!(journal.cut(), 5);
        assert!(journal.has_log() && journal.is_on());
        journal.append(b"678");
        assert!(journal.meets(Demand::Written, 5) && !journal.meets(Demand::Written, 8));
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Cut(5));
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(8));
        assert_eq!(bytes, b"678");
    }

    #[test]
    fn a_term_begins_where_the_last_one_ends() {
        let journal = journal();
        journal.append(b"12345");
        journal.begin_term(Id::new(2));
        let history = journal.history();
        assert_eq!(history.id(), Id::new(2));
        assert!(history.allows(Id::new(1), 5));
        assert!(!history.allows(Id::new(1), 6));
    }
}
