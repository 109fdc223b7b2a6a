//! Who reads the stream on: links of replicas. The backlog keeps what they need, up to a limit, for memory must not grow with
//! the slowness of others.
//!
//! A reader that asks for the next bytes has handed those before to the system, which delivers them though the process is
//! killed. So replies that wait for the append-only file wait for the readers too that keep up.

use std::collections::BTreeMap;
use std::sync::atomic::{Ordering, fence};
use std::task::Waker;

use super::backlog::NO_FLOOR;
use super::{Id, Inner, Journal};

/// Why a reader cannot go on where it wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfReach {
    /// Its stream is not this one, or has bytes that this one does not have.
    Stranger,
    /// The backlog begins after the offset.
    Gone,
}

/// Who lacks no more keeps up.
const NEAR: u64 = 64 << 10;

/// One of them.
#[derive(Debug)]
struct Reader {
    /// The offset that it needs next; none = too much was needed, and it is kept no more.
    needed: Option<u64>,
    keeps_up: bool,
}

/// What the readers need.
#[derive(Debug)]
pub(super) struct Readers {
    /// By their numbers.
    all: BTreeMap<u64, Reader>,
    /// Bytes that are kept for one of them.
    pub(super) limit: u64,
}

impl Readers {
    /// Nobody.
    pub(super) fn new(limit: u64) -> Self {
        Readers {
            all: BTreeMap::new(),
            limit,
        }
    }

    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Theirs was another stream.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// The first offset that one of them needs when the stream ends at `end`; whoever needs too much is let go. Whether somebody
    /// was.
    pub(super) fn floor(&mut self, end: u64) -> (u64, bool) {
        let (mut floor, mut lets_go) = (NO_FLOOR, false);
        for reader in self.all.values_mut() {
            let needed = reader.needed;
            if needed.is_some_and(|offset| end.saturating_sub(offset) > self.limit) {
                reader.needed = None;
                lets_go = true;
            }
            floor = floor.min(reader.needed.unwrap_or(NO_FLOOR));
        }
        (floor, lets_go)
    }

    /// Up to where those have the stream that keep up; the highest number if none does.
    pub(super) fn handed(&self) -> u64 {
        let that_keep_up = self.all.values().filter(|reader| reader.keeps_up);
        that_keep_up
            .filter_map(|reader| reader.needed)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// A reader needs everything from `offset` on.
    pub(super) fn attach(&mut self, reader: u64, offset: u64) {
        let needed = Some(offset);
        let keeps_up = false;
        self.all.insert(reader, Reader { needed, keeps_up });
    }

    /// The reader, if it was not let go.
    fn kept(&mut self, reader: u64) -> Result<&mut Reader, OutOfReach> {
        let reader = self.all.get_mut(&reader).ok_or(OutOfReach::Stranger)?;
        match reader.needed {
            Some(_) => Ok(reader),
            None => Err(OutOfReach::Gone),
        }
    }

    /// The reader has handed on everything before `offset` of a stream that ends at `end`.
    fn go_on(&mut self, reader: u64, offset: u64, end: u64) -> Result<(), OutOfReach> {
        let reader = self.kept(reader)?;
        reader.needed = Some(offset);
        reader.keeps_up |= end.saturating_sub(offset) <= NEAR;
        Ok(())
    }
}

impl Journal {
    /// A reader that has the stream of `id` up to `offset` wants to go on there: from now on the backlog keeps what it needs.
    /// Returns the present id.
    pub fn attach(&self, reader: u64, id: Id, offset: u64) -> Result<Id, OutOfReach> {
        let mut inner = self.lock();
        if !self.is_on() || !inner.history.allows(id, offset) || offset > inner.backlog.end() {
            return Err(OutOfReach::Stranger);
        }
        if offset < inner.backlog.start() {
            return Err(OutOfReach::Gone);
        }
        inner.readers.attach(reader, offset);
        Ok(inner.history.id())
    }

    /// A reader begins at the present offset, where the next effects name their database. Effects are collected from now on.
    /// Returns the present id and the offset.
    pub fn attach_here(&self, reader: u64) -> (Id, u64) {
        let mut inner = self.lock();
        self.turn_on();
        self.reselections.fetch_add(1, Ordering::AcqRel);
        let offset = inner.backlog.end();
        inner.readers.attach(reader, offset);
        (inner.history.id(), offset)
    }

    /// The reader needs nothing any more. Replies may have waited for it.
    pub fn detach(&self, reader: u64) {
        let mut inner = self.lock();
        inner.readers.all.remove(&reader);
        self.look_at_handed(&inner);
    }

    /// Its connection takes nothing: nobody waits for the reader until it is near the end again. True if replies may have.
    pub fn falls_behind(&self, reader: u64) -> bool {
        let mut inner = self.lock();
        if let Some(reader) = inner.readers.all.get_mut(&reader) {
            reader.keeps_up = false;
        }
        self.look_at_handed(&inner)
    }

    /// Whether replies that the append-only file does not hold back may go on now.
    pub(super) fn look_at_handed(&self, inner: &Inner) -> bool {
        let handed = inner.readers.handed();
        let before = self.handed.load(Ordering::Relaxed);
        self.handed.store(handed, Ordering::Release);
        // Either whoever moves the other mark sees this one, or we see theirs.
        fence(Ordering::SeqCst);
        before < handed && before < self.written.load(Ordering::Acquire)
    }

    /// As [`Journal::read`], for a reader that is attached and has handed on everything before `offset`. True if replies may have
    /// waited for that.
    ///
    /// # Errors
    /// The reader is not attached any more: it was let go, or another stream has begun.
    pub fn read_on(
        &self,
        reader: u64,
        offset: u64,
        max: usize,
        into: &mut Vec<u8>,
    ) -> Result<bool, OutOfReach> {
        let mut inner = self.lock();
        let end = inner.backlog.end();
        inner.readers.go_on(reader, offset, end)?;
        let is_news = self.look_at_handed(&inner);
        match inner.backlog.read(offset, max, into) {
            true => Ok(is_news),
            false => Err(OutOfReach::Stranger),
        }
    }

    /// Whether the reader is still attached.
    ///
    /// # Errors
    /// As of [`Journal::read_on`].
    pub fn keeps_for(&self, reader: u64) -> Result<(), OutOfReach> {
        self.lock().readers.kept(reader).map(drop)
    }

    /// Whether there is something after `offset`; if not, `waker` is woken when there is.
    pub fn has_more(&self, offset: u64, waker: &Waker) -> bool {
        if self.offset() > offset {
            return true;
        }
        let mut inner = self.lock();
        if inner.backlog.end() > offset {
            return true;
        }
        inner.wakers.push(waker.clone());
        self.is_awaited.store(true, Ordering::Release);
        false
    }

    /// Whether `is_so` is true; if not, `waker` is woken when the append-only file has more.
    pub fn is_so_or_wakes(&self, waker: &Waker, is_so: impl Fn() -> bool) -> bool {
        if is_so() {
            return true;
        }
        let mut inner = self.lock();
        inner.file_wakers.push(waker.clone());
        self.is_file_awaited.store(true, Ordering::SeqCst);
        drop(inner);
        // It may have become true before anybody could know that we wait.
        fence(Ordering::SeqCst);
        is_so()
    }

    /// Wakes those who wait for the append-only file, which has more now.
    pub(super) fn wake_for_file(&self) {
        fence(Ordering::SeqCst);
        if self.is_file_awaited.load(Ordering::Relaxed) {
            let mut inner = self.lock();
            self.is_file_awaited.store(false, Ordering::Relaxed);
            inner.file_wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// Wakes the readers that wait for more. Called by whoever has appended, once for many appends.
    #[inline]
    pub fn wake_readers(&self) {
        if self.is_awaited.load(Ordering::Acquire) {
            let mut inner = self.lock();
            self.is_awaited.store(false, Ordering::Release);
            inner.wakers.drain(..).for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::super::{Bounds, Demand};
    use super::*;

    /// 64 bytes of backlog, and up to 300 for a reader.
    fn journal() -> Journal {
        let bounds = Bounds {
            backlog: 64,
            reader: 300,
        };
        Journal::new(Id::new(1), bounds)
    }

    #[test]
    fn a_reader_goes_on_where_it_was_and_what_it_needs_is_kept() {
        let journal = journal();
        assert_eq!(
            journal.attach(1, Id::new(1), 0),
            Err(OutOfReach::Stranger),
            "nothing was collected"
        );
        journal.turn_on();
        journal.append(&[b'a'; 100]);
        assert_eq!(journal.attach(1, Id::new(1), 35), Err(OutOfReach::Gone));
        assert_eq!(
            journal.attach(1, Id::new(1), 101),
            Err(OutOfReach::Stranger)
        );
        assert_eq!(
            journal.attach(1, Id::new(2), 100),
            Err(OutOfReach::Stranger)
        );
        assert_eq!(journal.attach(1, Id::new(1), 36), Ok(Id::new(1)));
        journal.append(&[b'b'; 100]);
        let mut bytes = Vec::new();
        assert!(journal.read_on(1, 36, 1000, &mut bytes).is_ok());
        assert_eq!(bytes.len(), 164);
        journal.detach(1);
        journal.append(b"c");
        assert_eq!(journal.backlog(), (137, 64));
        let detached = journal.read_on(1, 200, 1000, &mut bytes);
        assert_eq!(detached, Err(OutOfReach::Stranger));
    }

    #[test]
    fn replies_wait_for_readers_that_keep_up() {
        let (journal, nothing) = (journal(), &mut Vec::new());
        journal.set_written(true);
        let (_, first) = journal.attach_here(1);
        let end = journal.append(&[b'a'; 10]);
        journal.advance(end, false);
        let is_safe = |offset| journal.meets(Demand::Written, offset);
        assert!(is_safe(end), "it may be busy with a copy");
        assert_eq!(journal.read_on(1, first, 10, nothing), Ok(false));
        assert!(!is_safe(end), "it is near, and has not handed these on");
        assert_eq!(journal.read_on(1, end, 10, nothing), Ok(true));
        assert!(is_safe(end));
        let end = journal.append(b"b");
        assert!(journal.meets(Demand::Nothing, end));
        journal.advance(end, false);
        assert!(!is_safe(end));
        assert!(journal.falls_behind(1) && is_safe(end));
        assert_eq!(journal.read_on(1, end, 10, nothing), Ok(false));
        let end = journal.append(b"c");
        journal.advance(end, false);
        assert!(!is_safe(end));
        journal.detach(1);
        assert!(is_safe(end));
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_let_go() {
        let journal = journal();
        journal.set_written(true);
        let (_, first) = journal.attach_here(1);
        assert!(journal.read_on(1, first, 10, &mut Vec::new()).is_ok());
        let end = journal.append(&[b'a'; 301]);
        journal.advance(end, false);
        assert!(journal.meets(Demand::Written, end));
    }

    #[test]
    fn readers_hear_of_more_once() {
        struct Bell(AtomicU64);
        impl std::task::Wake for Bell {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let bell = std::sync::Arc::new(Bell(AtomicU64::new(0)));
        let waker = Waker::from(bell.clone());
        let journal = journal();
        let (_, offset) = journal.attach_here(1);
        assert!(!journal.has_more(offset, &waker));
        journal.append(b"a");
        journal.wake_readers();
        journal.wake_readers();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert!(journal.has_more(offset, &waker));
    }

    #[test]
    fn whoever_needs_too_much_is_let_go_and_hears_why() {
        let journal = journal();
        let (_, first) = journal.attach_here(1);
        journal.append(&[b'a'; 200]);
        let (_, second) = journal.attach_here(2);
        journal.append(&[b'b'; 100]);
        assert_eq!(journal.backlog(), (0, 300), "all of it is needed");
        let nothing = &mut Vec::new();
        assert!(journal.read_on(1, first, 0, nothing).is_ok());
        journal.append(b"c");
        assert_eq!(journal.keeps_for(1), Err(OutOfReach::Gone));
        assert_eq!(journal.backlog(), (200, 101), "the other one needs no more");
        assert_eq!(journal.keeps_for(2), Ok(()));
        journal.resize(Bounds {
            backlog: 64,
            reader: 100,
        });
        let gone = journal.read_on(2, second, 1000, nothing);
        assert_eq!(gone, Err(OutOfReach::Gone));
        assert_eq!(journal.backlog(), (237, 64));
        journal.detach(1);
        assert_eq!(journal.keeps_for(1), Err(OutOfReach::Stranger));
    }
}
