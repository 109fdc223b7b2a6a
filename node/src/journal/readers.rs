//! Who reads the stream on: links of replicas. The backlog keeps what they need, up to a limit, for memory must not grow with
//! the slowness of others.

use std::collections::BTreeMap;
use std::sync::atomic::{Ordering, fence};
use std::task::Waker;

use super::backlog::NO_FLOOR;
use super::{Id, Journal};

/// Why a reader cannot go on where it wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfReach {
    /// Its stream is not this one, or has bytes that this one does not have.
    Stranger,
    /// The backlog begins after the offset.
    Gone,
}

/// What the readers need.
#[derive(Debug)]
pub(super) struct Readers {
    /// The offsets that they need next, by their numbers; none = too much was needed, and it is kept no more.
    needed: BTreeMap<u64, Option<u64>>,
    /// Bytes that are kept for one of them.
    pub(super) limit: u64,
}

impl Readers {
    /// Nobody.
    pub(super) fn new(limit: u64) -> Self {
        Readers {
            needed: BTreeMap::new(),
            limit,
        }
    }

    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.needed.is_empty()
    }

    /// Theirs was another stream.
    pub(super) fn clear(&mut self) {
        self.needed.clear();
    }

    /// The first offset that one of them needs when the stream ends at `end`; whoever needs too much is let go.
    pub(super) fn floor(&mut self, end: u64) -> u64 {
        let mut floor = NO_FLOOR;
        for needed in self.needed.values_mut() {
            if needed.is_some_and(|offset| end.saturating_sub(offset) > self.limit) {
                *needed = None;
            }
            floor = floor.min(needed.unwrap_or(NO_FLOOR));
        }
        floor
    }

    /// A reader needs everything from `offset` on.
    pub(super) fn attach(&mut self, reader: u64, offset: u64) {
        self.needed.insert(reader, Some(offset));
    }

    fn needed_by(&mut self, reader: u64) -> Result<&mut u64, OutOfReach> {
        let needed = self.needed.get_mut(&reader).ok_or(OutOfReach::Stranger)?;
        needed.as_mut().ok_or(OutOfReach::Gone)
    }

    fn go_on(&mut self, reader: u64, offset: u64) -> Result<(), OutOfReach> {
        *self.needed_by(reader)? = offset;
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

    /// The reader needs nothing any more.
    pub fn detach(&self, reader: u64) {
        self.lock().readers.needed.remove(&reader);
    }

    /// As [`Journal::read`], for a reader that is attached and needs nothing before `offset`.
    ///
    /// # Errors
    /// The reader is not attached any more: it was let go, or another stream has begun.
    pub fn read_on(
        &self,
        reader: u64,
        offset: u64,
        max: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), OutOfReach> {
        let mut inner = self.lock();
        inner.readers.go_on(reader, offset)?;
        match inner.backlog.read(offset, max, into) {
            true => Ok(()),
            false => Err(OutOfReach::Stranger),
        }
    }

    /// Whether the reader is still attached.
    ///
    /// # Errors
    /// As of [`Journal::read_on`].
    pub fn keeps_for(&self, reader: u64) -> Result<(), OutOfReach> {
        self.lock().readers.needed_by(reader).map(drop)
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

    use super::super::Bounds;
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
        assert_eq!(journal.read_on(1, 36, 1000, &mut bytes), Ok(()));
        assert_eq!(bytes.len(), 164);
        journal.detach(1);
        journal.append(b"c");
        assert_eq!(journal.backlog(), (137, 64));
        let detached = journal.read_on(1, 200, 1000, &mut bytes);
        assert_eq!(detached, Err(OutOfReach::Stranger));
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
        assert_eq!(journal.read_on(1, first, 0, nothing), Ok(()));
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
