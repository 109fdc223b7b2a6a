//! A model of a disk for tests: what was not synced is lost when the power fails, or kept, as dice decide.

use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};
use crate::Rng;

/// Bytes that reach the platter together or not at all.
const SECTOR: usize = 512;

/// See the module. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct CrashDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Content>,
    /// Names as programs see them.
    names: BTreeMap<PathBuf, usize>,
    /// Names that a crash cannot take back.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Bytes that may still be written until the disk is full.
    room: Option<u64>,
    /// Whether syncing fails.
    sync_fails: bool,
}

#[derive(Debug, Default, Clone)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
}

/// A file of a [`CrashDisk`].
#[derive(Debug)]
pub struct CrashFile {
    disk: CrashDisk,
    file: usize,
}

impl CrashDisk {
    /// What a machine finds that starts after the power failed: of every un-synced sector and name, the dice say whether
    /// it is there.
    pub fn after_power_loss(&self, rng: &mut Rng) -> CrashDisk {
        let state = self.lock();
        let mut names = state.durable_names.clone();
        for (path, file) in &state.names {
            if rng.below(2) == 0 {
                names.insert(path.clone(), *file);
            }
        }
        for path in state.durable_names.keys() {
            if !state.names.contains_key(path) && rng.below(2) == 0 {
                names.remove(path);
            }
        }
        let files = state.files.iter().map(|content| content.survivor(rng));
        let files: Vec<Content> = files.collect();
        CrashDisk(Arc::new(Mutex::new(State {
            files,
            durable_names: names.clone(),
            names,
            ..State::default()
        })))
    }

    /// From now on the disk takes so many bytes; none = as many as one likes.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.lock().room = bytes;
    }

    /// From now on syncing fails, or works again.
    pub fn set_sync_fails(&self, fails: bool) {
        self.lock().sync_fails = fails;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn survivor(&self, rng: &mut Rng) -> Content {
        let mut bytes = self.durable.clone();
        if self.live.len() < bytes.len() && rng.below(2) == 0 {
            bytes.truncate(self.live.len());
        }
        for start in (0..self.live.len()).step_by(SECTOR) {
            let end = (start + SECTOR).min(self.live.len());
            if self.durable.get(start..end) == Some(&self.live[start..end]) || rng.below(2) == 0 {
                continue;
            }
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(&self.live[start..end]);
        }
        Content {
            live: bytes.clone(),
            durable: bytes,
        }
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn check_sync(&self) -> io::Result<()> {
        match self.sync_fails {
            true => Err(io::Error::other("the disk does not sync")),
            false => Ok(()),
        }
    }
}

impl Disk for CrashDisk {
    type File = CrashFile;
    type Reader = Cursor<Vec<u8>>;

    fn create(&self, path: &Path) -> io::Result<CrashFile> {
        let mut state = self.lock();
        let file = state.files.len();
        state.files.push(Content::default());
        state.names.insert(path.to_owned(), file);
        Ok(CrashFile {
            disk: self.clone(),
            file,
        })
    }

    fn append(&self, path: &Path) -> io::Result<CrashFile> {
        let file = self.lock().find(path)?;
        Ok(CrashFile {
            disk: self.clone(),
            file,
        })
    }

    fn read(&self, path: &Path) -> io::Result<Cursor<Vec<u8>>> {
        let state = self.lock();
        Ok(Cursor::new(state.files[state.find(path)?].live.clone()))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let state = self.lock();
        Ok(state.files[state.find(path)?].live.len() as u64)
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let mut file = self.append(path)?;
        file.cut(length)?;
        file.sync()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.find(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.find(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.lock().names.contains_key(path)
    }

    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.check_sync()?;
        let state = &mut *state;
        state
            .durable_names
            .retain(|name, _| name.parent() != Some(path));
        for (name, file) in &state.names {
            if name.parent() == Some(path) {
                state.durable_names.insert(name.clone(), *file);
            }
        }
        Ok(())
    }
}

impl DiskFile for CrashFile {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(CrashFile {
            disk: self.disk.clone(),
            file: self.file,
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.lock();
        let taken = match &mut state.room {
            Some(room) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*room).unwrap_or(usize::MAX));
                *room -= taken as u64;
                taken
            }
            None => bytes.len(),
        };
        state.files[self.file]
            .live
            .extend_from_slice(&bytes[..taken]);
        match taken == bytes.len() {
            true => Ok(()),
            false => Err(ErrorKind::StorageFull.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.check_sync()?;
        let content = &mut state.files[self.file];
        content.durable.clone_from(&content.live);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let length = usize::try_from(length).map_err(io::Error::other)?;
        state.files[self.file].live.resize(length, 0);
        Ok(())
    }
}
