//! The stream as the append-only file has it, for readers who need what the backlog has given up: no memory is held for them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Id, Journal};

/// Where an increment is, and what it holds of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The offset of its first byte of the stream.
    pub start: u64,
    /// Bytes before that one.
    pub preamble: u64,
}

/// An increment, open: it can be read to its end even when a rewrite has removed it.
#[derive(Debug)]
struct Increment {
    place: Place,
    file: File,
}

/// The increments that follow each other without a gap up to the one that is written, oldest first.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: Mutex<Vec<Arc<Increment>>>,
    /// How often another stream has begun.
    restarts: AtomicU64,
}

/// What a reader that is far behind reads.
#[derive(Debug)]
pub struct Recollection {
    increments: Vec<Arc<Increment>>,
    restarts: u64,
}

impl Increment {
    fn start(&self) -> u64 {
        self.place.start
    }

    fn end(&self) -> io::Result<u64> {
        let length = self.file.metadata()?.len();
        Ok(self.start() + length.saturating_sub(self.place.preamble))
    }

    /// Where the byte at `offset` of the stream, which is none before the start, stands in the file.
    fn position(&self, offset: u64) -> u64 {
        offset - self.start() + self.place.preamble
    }
}

impl Files {
    fn list(&self) -> MutexGuard<'_, Vec<Arc<Increment>>> {
        // Every change is one assignment.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another stream begins: nobody goes on in what there was.
    pub(super) fn restart(&self) {
        self.restarts.fetch_add(1, Ordering::AcqRel);
        self.list().clear();
    }

    /// Everything from `offset` on, if there is all of it.
    fn recollection(&self, offset: u64) -> Option<Recollection> {
        let restarts = self.restarts.load(Ordering::Acquire);
        let increments = self.list().clone();
        let reaches_back = increments
            .first()
            .is_some_and(|first| first.start() <= offset);
        reaches_back.then_some(Recollection {
            increments,
            restarts,
        })
    }
}

impl Journal {
    /// The increments of the append-only file, oldest first; the last one is being written. Those before a gap do not count.
    ///
    /// # Errors
    /// One of them cannot be read: then none counts.
    pub fn set_files(&self, places: Vec<Place>) -> io::Result<()> {
        let mut list = self.files.list();
        let known = std::mem::take(&mut *list);
        let mut found: Vec<Arc<Increment>> = Vec::new();
        for place in places {
            let increment = known.iter().find(|known| known.place == place);
            let increment = match increment {
                Some(known) => known.clone(),
                None => Arc::new(Increment {
                    file: File::open(&place.path)?,
                    place,
                }),
            };
            if let Some(last) = found.last()
                && last.end()? != increment.start()
            {
                found.clear();
            }
            found.push(increment);
        }
        *list = found;
        Ok(())
    }

    /// A reader that has the stream of `id` up to `offset`, where the backlog does not reach back to, may go on in the files if
    /// they do. Returns the present id too.
    pub fn recollect(&self, id: Id, offset: u64) -> Option<(Id, Recollection)> {
        let history = self.history();
        let is_ours = self.is_on() && history.allows(id, offset) && offset <= self.offset();
        let recollection = is_ours.then(|| self.files.recollection(offset))??;
        Some((history.id(), recollection))
    }

    /// The backlog need not keep any more what this reader needs from `offset` on, if the files have it.
    pub fn let_go(&self, reader: u64, offset: u64) -> Option<Recollection> {
        let recollection = self.files.recollection(offset)?;
        self.detach(reader);
        Some(recollection)
    }

    /// The backlog keeps again what the reader needs, if it reaches back to `offset` by now.
    pub fn catch_up(&self, reader: u64, offset: u64, recollection: &Recollection) -> bool {
        let mut inner = self.lock();
        let is_here = (inner.backlog.start()..=inner.backlog.end()).contains(&offset);
        let is_same = self.files.restarts.load(Ordering::Acquire) == recollection.restarts;
        if is_here && is_same {
            inner.readers.attach(reader, offset);
        }
        is_here && is_same
    }
}

impl Recollection {
    /// Appends to `into` what is written from `offset` on, at most `max` bytes and at most to the end of an increment.
    ///
    /// # Errors
    /// It is gone, or another stream has taken its place.
    pub fn read(
        &mut self,
        journal: &Journal,
        offset: u64,
        max: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<()> {
        let (written, _) = journal.watermarks();
        self.keep_up(journal)?;
        let next = self
            .increments
            .partition_point(|increment| increment.start() <= offset);
        let end = self
            .increments
            .get(next)
            .map_or(written, |next| next.start());
        // Those before are read.
        self.increments.drain(..next.saturating_sub(1));
        let increment = self.increments.first();
        let increment = increment.filter(|increment| increment.start() <= offset);
        let increment = increment.ok_or(io::ErrorKind::NotFound)?;
        let count = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let from = into.len();
        into.resize(from + count.min(max), 0);
        let read = increment
            .file
            .read_exact_at(&mut into[from..], increment.position(offset));
        if read.is_err() {
            into.truncate(from);
        }
        read
    }

    /// Takes note of the increments that were begun since, before a rewrite removes them: from time to time while nothing is
    /// read.
    ///
    /// # Errors
    /// Another stream has taken its place.
    pub fn keep_up(&mut self, journal: &Journal) -> io::Result<()> {
        if journal.files.restarts.load(Ordering::Acquire) != self.restarts {
            return Err(io::ErrorKind::StaleNetworkFileHandle.into());
        }
        let last = self.increments.last().map_or(0, |last| last.start());
        let list = journal.files.list();
        let more = list.iter().filter(|increment| increment.start() > last);
        self.increments.extend(more.cloned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::{Bounds, History};

    const PREAMBLE: &[u8] = b"not of the stream";

    /// A directory of its own, removed at the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let name = format!("almandine-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).expect("a directory");
            Directory(path)
        }

        fn file(&self, start: u64, bytes: &[u8]) -> Place {
            let path = self.0.join(start.to_string());
            std::fs::write(&path, [PREAMBLE, bytes].concat()).expect("a file");
            Place {
                path,
                start,
                preamble: PREAMBLE.len() as u64,
            }
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            // It is in the directory for such files.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A stream of which the backlog holds the last 4 bytes, and the files everything from 3 on.
    fn journal(dir: &Directory) -> Journal {
        let bounds = Bounds {
            backlog: 4,
            reader: u64::MAX,
        };
        let journal = Journal::new(Id::new(1), bounds);
        journal.set_written(true);
        journal.append(b"0123456789ab");
        journal.advance(12, false);
        let places = vec![
            dir.file(0, b"0"),
            dir.file(3, b"3456"),
            dir.file(7, b"789ab"),
        ];
        journal.set_files(places).expect("sound");
        journal
    }

    fn read(journal: &Journal, mut recollection: Recollection, mut offset: u64) -> String {
        let mut all = Vec::new();
        while !journal.catch_up(9, offset, &recollection) {
            let before = all.len();
            let read = recollection.read(journal, offset, 3, &mut all);
            read.expect("sound");
            assert!(all.len() > before, "it comes to an end");
            offset += (all.len() - before) as u64;
        }
        assert!(journal.read_on(9, offset, 100, &mut all).is_ok());
        String::from_utf8(all).expect("text")
    }

    #[test]
    fn whoever_is_far_behind_reads_the_files_and_then_the_backlog() {
        let dir = Directory::new("files");
        let journal = journal(&dir);
        for offset in 3..=12 {
            let (id, recollection) = journal
                .recollect(Id::new(1), offset)
                .expect("it reaches back");
            assert_eq!(id, Id::new(1));
            let expected = &"0123456789ab"[offset as usize..];
            assert_eq!(read(&journal, recollection, offset), expected);
        }
        for offset in [0, 2, 13] {
            assert!(journal.recollect(Id::new(1), offset).is_none(), "{offset}");
        }
        assert!(journal.recollect(Id::new(2), 5).is_none(), "a stranger");
    }

    #[test]
    fn a_file_that_was_removed_is_read_by_who_has_begun() {
        let dir = Directory::new("removed");
        let journal = journal(&dir);
        let recollection = journal.let_go(9, 4).expect("it reaches back");
        let rest = dir.file(12, b"cd");
        journal.append(b"cd");
        journal.advance(14, false);
        std::fs::remove_file(Path::new(&dir.0).join("3")).expect("removed");
        let places = vec![dir.file(7, b"789ab"), rest];
        journal.set_files(places).expect("sound");
        assert!(journal.recollect(Id::new(1), 4).is_none());
        assert_eq!(read(&journal, recollection, 4), "456789abcd");
    }

    #[test]
    fn another_stream_is_not_mistaken_for_this_one() {
        let dir = Directory::new("another");
        let journal = journal(&dir);
        let mut recollection = journal.let_go(9, 4).expect("it reaches back");
        journal.restart(History::new(Id::new(5)), 12);
        assert!(!journal.catch_up(9, 12, &recollection));
        let read = recollection.read(&journal, 4, 3, &mut Vec::new());
        assert!(read.is_err());
        assert!(journal.recollect(Id::new(5), 4).is_none());
    }
}
