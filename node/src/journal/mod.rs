//! The journal: one order of effects for replicas, disk and acknowledgements.
//!
//! ```text
//!   shards ──append──▶ offset ──▶ backlog     the newest bytes, for replicas
//!                          └────▶ unwritten   what the append-only file has not taken yet; cut where an increment ends
//!
//!   watermarks, each at most the one before:   offset ≥ written ≥ synced
//!   and, where replies wait for replicas too:  offset ≥ handed ≥ confirmed
//! ```
//! Offsets count the bytes of Redis's replication stream since its beginning; offset `n` is the one after `n` bytes. A shard
//! appends once per batch, under a lock that is held for a copy; everything slow happens elsewhere.
//!
//! Readers (the links of replicas) pull: each names the offset that it needs next, so that the backlog keeps it, and leaves
//! a waker to hear of more. Who is far behind reads the append-only file instead (files.rs).

mod backlog;
mod confirming;
mod files;
mod history;
mod readers;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use almandine_storage::aof::Beginning;

pub use backlog::Backlog;
pub use confirming::{Awaited, Verdict};
pub use files::{Place, Recollection};
pub use history::{History, Id};
pub use readers::OutOfReach;
use readers::Readers;

/// See the module.
#[derive(Debug)]
pub struct Journal {
    inner: Mutex<Inner>,
    files: files::Files,
    /// Whether effects are collected at all: there is an append-only file, or there was a replica.
    is_on: AtomicBool,
    /// Whether there is an append-only file.
    is_written: AtomicBool,
    offset: AtomicU64,
    written: AtomicU64,
    synced: AtomicU64,
    /// What the connections of the replicas that keep up have taken; the highest number = none keeps up.
    handed: AtomicU64,
    /// What all replicas have that replies wait for; the highest number = they wait for none.
    confirmed: AtomicU64,
    /// See [`Journal::reign`].
    reign: AtomicU64,
    /// Whether the writer has been called and has not come yet.
    is_called: AtomicBool,
    /// Rises whenever a reader begins in the middle of the stream: the next effects name their database.
    reselections: AtomicU64,
    /// How often the ids have changed.
    term_changes: AtomicU64,
    /// Whether a reader has left its waker since the last call of [`Journal::wake_readers`].
    is_awaited: AtomicBool,
    /// Whether somebody waits for the append-only file.
    is_file_awaited: AtomicBool,
}

#[derive(Debug)]
struct Inner {
    backlog: Backlog,
    unwritten: Vec<u8>,
    /// Bytes of `unwritten` after which a new increment begins, and the database that the stream has selected there.
    cut: Option<(usize, usize)>,
    history: History,
    readers: Readers,
    wakers: Vec<Waker>,
    /// Those that wait for the append-only file.
    file_wakers: Vec<Waker>,
}

/// How much memory the stream may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the backlog (`repl-backlog-size`).
    pub backlog: usize,
    /// Bytes that are kept for a reader, beyond which it is let go.
    pub reader: u64,
}

/// What the append-only file takes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Bytes, perhaps none, up to this offset.
    Bytes(u64),
    /// A new increment begins here.
    Cut(Beginning),
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
    /// An empty stream with this id.
    pub fn new(id: Id, bounds: Bounds) -> Self {
        Journal {
            inner: Mutex::new(Inner {
                backlog: Backlog::new(bounds.backlog, 0),
                unwritten: Vec::new(),
                cut: None,
                history: History::new(id),
                readers: Readers::new(bounds.reader),
                wakers: Vec::new(),
                file_wakers: Vec::new(),
            }),
            files: files::Files::default(),
            is_on: AtomicBool::new(false),
            is_written: AtomicBool::new(false),
            offset: AtomicU64::new(0),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            handed: AtomicU64::new(u64::MAX),
            confirmed: AtomicU64::new(u64::MAX),
            reign: AtomicU64::new(0),
            is_called: AtomicBool::new(false),
            reselections: AtomicU64::new(0),
            term_changes: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
            is_file_awaited: AtomicBool::new(false),
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

    /// From now on no effects are collected, unless there is an append-only file. What changes meanwhile is in no stream, hence
    /// the next one has another id.
    pub fn turn_off(&self, id: Id) {
        let mut inner = self.lock();
        if self.is_written.load(Ordering::Acquire) || !inner.readers.is_empty() {
            return;
        }
        self.is_on.store(false, Ordering::Release);
        inner.history = History::new(id);
        self.note_term_change();
        let offset = inner.backlog.end();
        inner.backlog.restart(offset);
    }

    /// From now on effects are kept for the append-only file, or not any more (then what waits is given up).
    pub fn set_written(&self, is_written: bool) {
        let mut inner = self.lock();
        self.is_written.store(is_written, Ordering::Release);
        if is_written {
            self.begin_log(self.offset());
        } else {
            inner.unwritten = Vec::new();
            inner.cut = None;
        }
    }

    /// A new increment begins at the present offset, where the stream has selected `db`, and whoever keeps no append-only file
    /// yet begins to: the caller takes a snapshot of this very moment. Returns the offset.
    pub fn cut(&self, db: usize) -> u64 {
        let mut inner = self.lock();
        let offset = self.offset();
        inner.cut = Some((inner.unwritten.len(), db));
        if !self.is_written.swap(true, Ordering::AcqRel) {
            self.begin_log(offset);
        }
        offset
    }

    /// Nobody waits for what was before `offset`.
    fn begin_log(&self, offset: u64) {
        self.turn_on();
        self.written.store(offset, Ordering::Release);
        self.synced.store(offset, Ordering::Release);
    }

    /// Appends the effects of a batch; returns the offset after them.
    pub fn append(&self, effects: &[u8]) -> u64 {
        let mut inner = self.lock();
        let end = inner.backlog.end() + effects.len() as u64;
        let floor = self.floor(&mut inner, end);
        inner.backlog.append(effects, floor);
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
            Some((0, db)) => {
                inner.cut = None;
                let offset = inner.backlog.end() - inner.unwritten.len() as u64;
                Taken::Cut(Beginning { offset, db })
            }
            Some((cut, db)) => {
                let rest = inner.unwritten.split_off(cut);
                std::mem::swap(into, &mut inner.unwritten);
                inner.unwritten = rest;
                inner.cut = Some((0, db));
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

    /// The parameters have changed.
    pub fn resize(&self, bounds: Bounds) {
        let mut inner = self.lock();
        inner.readers.limit = bounds.reader;
        let end = inner.backlog.end();
        let floor = self.floor(&mut inner, end);
        inner.backlog.resize(bounds.backlog, floor);
    }

    /// Everything up to `offset` is with the system, or (`is_synced`) on the disk.
    pub fn advance(&self, offset: u64, is_synced: bool) {
        self.written.fetch_max(offset, Ordering::AcqRel);
        if is_synced {
            self.synced.fetch_max(offset, Ordering::AcqRel);
        }
        self.wake_for_file();
    }

    /// Whether what `demand` asks for has happened up to `offset`, and the replicas that are waited for have it; without an
    /// append-only file nothing is asked for any more.
    #[inline]
    pub fn meets(&self, demand: Demand, offset: u64) -> bool {
        if self.confirmed.load(Ordering::Acquire) < offset {
            return false;
        }
        let mark = match demand {
            Demand::Nothing => return true,
            Demand::Written => &self.written,
            Demand::Synced => &self.synced,
        };
        let is_in = |mark: &AtomicU64| mark.load(Ordering::Acquire) >= offset;
        (is_in(mark) && is_in(&self.handed)) || !self.has_log()
    }

    /// The first offset that a reader needs when the stream ends at `end`.
    fn floor(&self, inner: &mut Inner, end: u64) -> u64 {
        let (floor, lets_go) = inner.readers.floor(end);
        if lets_go {
            // Who waits for it is told when the file has what is appended now.
            self.look_at_handed(inner);
        }
        floor
    }

    /// Whether effects are kept for an append-only file.
    pub fn has_log(&self) -> bool {
        self.is_written.load(Ordering::Acquire)
    }

    /// Whether there is an append-only file and the disk has everything up to `offset` of it.
    pub fn is_synced(&self, offset: u64) -> bool {
        self.is_written.load(Ordering::Acquire) && self.synced.load(Ordering::Acquire) >= offset
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

    /// How often the ids have changed.
    pub fn term_changes(&self) -> u64 {
        self.term_changes.load(Ordering::Acquire)
    }

    fn note_term_change(&self) {
        self.term_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Whose stream this is, and whose it was.
    pub fn history(&self) -> History {
        self.lock().history.clone()
    }

    /// The stream goes on at `offset` under the ids of `history`; the bytes before are not known here. Readers are detached:
    /// theirs was another stream.
    pub fn restart(&self, history: History, offset: u64) {
        let mut inner = self.lock();
        inner.history = history;
        inner.backlog.restart(offset);
        inner.unwritten.clear();
        inner.cut = None;
        inner.readers.clear();
        self.look_at_handed(&inner);
        self.files.restart();
        self.note_term_change();
        for mark in [&self.offset, &self.written, &self.synced] {
            mark.store(offset, Ordering::Release);
        }
    }

    /// A new term begins at the present offset: this node decides from here on what comes next.
    pub fn begin_term(&self, id: Id) {
        let mut inner = self.lock();
        let offset = inner.backlog.end();
        if id != inner.history.id() {
            inner.history.begin(id, offset);
            self.note_term_change();
        }
    }

    /// The stream has another id from its beginning on: no reader of it may go on.
    pub fn rename(&self, id: Id) {
        self.lock().history = History::new(id);
        self.note_term_change();
    }

    /// The bytes before the present offset, found on the disk, for readers that come back.
    pub fn recall(&self, bytes: &[u8]) {
        let mut inner = self.lock();
        let offset = inner.backlog.end();
        let floor = self.floor(&mut inner, offset);
        inner
            .backlog
            .restart(offset.saturating_sub(bytes.len() as u64));
        inner.backlog.append(bytes, floor);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked in here left whole bytes behind: every change is one call.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn journal() -> Journal {
        let bounds = Bounds {
            backlog: 64,
            reader: 300,
        };
        Journal::new(Id::new(1), bounds)
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
        assert_eq!(journal.cut(3), 5);
        journal.append(b"678");
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(5));
        assert_eq!(bytes, b"12345");
        journal.append(b"9");
        let beginning = Beginning { offset: 5, db: 3 };
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Cut(beginning));
        assert_eq!(bytes, b"");
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(9));
        assert_eq!(bytes, b"6789");
    }

    #[test]
    fn a_file_that_begins_in_the_middle_holds_what_follows_its_cut() {
        let (journal, mut bytes) = (journal(), Vec::new());
        journal.append(b"12345");
        assert!(!journal.has_log());
        assert_eq!(journal.cut(0), 5);
        assert!(journal.has_log() && journal.is_on());
        journal.append(b"678");
        assert!(journal.meets(Demand::Written, 5) && !journal.meets(Demand::Written, 8));
        let beginning = Beginning { offset: 5, db: 0 };
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Cut(beginning));
        assert_eq!(journal.take_unwritten(&mut bytes), Taken::Bytes(8));
        assert_eq!(bytes, b"678");
    }

    #[test]
    fn what_was_not_collected_is_in_no_stream() {
        let journal = journal();
        journal.turn_on();
        journal.append(b"abc");
        journal.turn_off(Id::new(9));
        assert!(!journal.is_on());
        assert_eq!(journal.history(), History::new(Id::new(9)));
        assert_eq!(journal.backlog(), (3, 0));
    }

    #[test]
    fn bytes_found_on_the_disk_come_before_the_present_offset() {
        let journal = journal();
        journal.restart(History::new(Id::new(1)), 10);
        journal.turn_on();
        journal.recall(b"abc");
        let mut bytes = Vec::new();
        assert!(journal.read(7, 10, &mut bytes));
        assert_eq!((bytes.as_slice(), journal.offset()), (&b"abc"[..], 10));
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
