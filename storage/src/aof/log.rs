//! The directory: what is read at the start, where writes are appended, how a rewrite replaces what has grown.
//!
//! ```text
//!   begin_rewrite   new increment -> manifest names it             (both durable before anything is appended to it)
//!   ... a snapshot of that moment is written to a temporary file ...
//!   finish_rewrite  base renamed -> manifest names it, old files are history -> removed -> manifest forgets them
//! ```
//! A crash between any two steps leaves a manifest that names files which exist and hold everything.

mod replace;
mod rewrite;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{BadManifest, FileKind, Manifest, Segment};
use super::requests::MakingRequests;
use crate::disk::{Disk, DiskFile};

/// The append-only file, open for writing.
#[derive(Debug)]
pub struct Log<D: Disk> {
    place: Place<D>,
    manifest: Manifest,
    file: D::File,
    /// Bytes of the increment that is being written.
    length: u64,
    /// Bytes of all files before it.
    earlier: u64,
    /// Whether the increment holds bytes that were not synced.
    is_dirty: bool,
}

/// Syncs an increment; see [`Log::syncer`].
#[derive(Debug)]
pub struct Syncer<F> {
    file: F,
    path: PathBuf,
}

/// A rewrite that has begun and whose snapshot is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Where the snapshot belongs until it is complete; its writer syncs it.
    pub temporary: PathBuf,
    /// Sequence number of the increment that begins where the snapshot ends.
    first_increment: u64,
    form: BaseForm,
}

/// Where an increment begins in the replication stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The offset of its first byte.
    pub offset: u64,
    /// The database that the stream has selected by then. Every server begins a file in database 0.
    pub db: usize,
}

/// What a base consists of (`aof-use-rdb-preamble`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseForm {
    /// An RDB file.
    Rdb,
    /// Requests that make the keys.
    Requests,
}

impl BaseForm {
    fn extension(self) -> &'static str {
        match self {
            BaseForm::Rdb => "rdb",
            BaseForm::Requests => "aof",
        }
    }
}

/// Where the files are.
#[derive(Debug, Clone)]
struct Place<D> {
    disk: D,
    dir: PathBuf,
    name: String,
}

/// Why the append-only file cannot be used.
#[derive(Debug)]
pub enum LogError {
    /// The manifest is damaged.
    Manifest(PathBuf, BadManifest),
    /// A file that the manifest names is not there.
    Missing(PathBuf),
    /// The system failed.
    Io(&'static str, PathBuf, io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Manifest(path, bad) => write!(f, "{}: {bad}", path.display()),
            LogError::Missing(path) => {
                write!(f, "{} is missing, the manifest names it", path.display())
            }
            LogError::Io(what, path, _) => write!(f, "cannot {what} {}", path.display()),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LogError::Manifest(..) | LogError::Missing(_) => None,
            LogError::Io(_, _, error) => Some(error),
        }
    }
}

impl LogError {
    /// Whether a sync has failed: what the disk holds is not known any more, and the node must stop. After any other error
    /// of the directory everything is as it was before.
    pub fn is_final(&self) -> bool {
        matches!(self, LogError::Io("sync", ..))
    }
}

impl<F: DiskFile> Syncer<F> {
    /// As [`Log::sync`].
    pub fn sync(mut self) -> Result<(), LogError> {
        self.file
            .sync()
            .map_err(|error| LogError::Io("sync", self.path, error))
    }
}

impl<D: Disk> Place<D> {
    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    fn manifest_path(&self) -> PathBuf {
        self.path(&format!("{}.manifest", self.name))
    }

    fn read_manifest(&self) -> Result<Manifest, LogError> {
        let (path, mut text) = (self.manifest_path(), Vec::new());
        self.disk
            .read(&path)
            .and_then(|mut file| io::Read::read_to_end(&mut file, &mut text))
            .map_err(|error| LogError::Io("read", path.clone(), error))?;
        Manifest::parse(&text).map_err(|bad| LogError::Manifest(path, bad))
    }

    /// Replaces the manifest: the old one or the new one is there, whatever happens meanwhile.
    fn write_manifest(&self, manifest: &Manifest) -> Result<(), LogError> {
        let temporary = self.path(&format!("temp-{}.manifest", self.name));
        let failed = |error| LogError::Io("write", temporary.clone(), error);
        let mut file = self.disk.create(&temporary).map_err(failed)?;
        file.write_all(manifest.print().as_bytes())
            .map_err(failed)?;
        file.sync()
            .map_err(|error| LogError::Io("sync", temporary.clone(), error))?;
        self.disk
            .rename(&temporary, &self.manifest_path())
            .map_err(failed)?;
        self.sync_dir()
    }

    fn sync_dir(&self) -> Result<(), LogError> {
        self.disk
            .sync_dir(&self.dir)
            .map_err(|error| LogError::Io("sync", self.dir.clone(), error))
    }

    /// A new increment with nothing of the stream, which no manifest names yet.
    fn create_increment(
        &self,
        manifest: &Manifest,
        beginning: Beginning,
    ) -> Result<(Segment, D::File), LogError> {
        let seq = manifest.next_seq(FileKind::Increment);
        let mut preamble = Vec::new();
        if beginning.db > 0 {
            MakingRequests::select(beginning.db, &mut preamble);
        }
        let segment = Segment {
            file: format!("{}.{seq}.incr.aof", self.name),
            seq,
            kind: FileKind::Increment,
            start_offset: Some(beginning.offset),
            preamble: preamble.len() as u64,
        };
        let path = self.path(&segment.file);
        let file = self.disk.create(&path);
        let mut file = file.map_err(|error| LogError::Io("create", path.clone(), error))?;
        let written = file.write_all(&preamble);
        written.map_err(|error| LogError::Io("write", path.clone(), error))?;
        // It is there after a crash, with nothing but its preamble.
        file.sync()
            .map_err(|error| LogError::Io("sync", path, error))?;
        Ok((segment, file))
    }

    fn length(&self, segment: &Segment) -> Result<u64, LogError> {
        let path = self.path(&segment.file);
        match self.disk.length(&path) {
            Ok(length) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LogError::Missing(path)),
            Err(error) => Err(LogError::Io("look at", path, error)),
        }
    }
}

impl<D: Disk> Log<D> {
    /// The manifest in `dir`, if there is one; every file that it names exists. `name` is `appendfilename`.
    pub fn find(disk: &D, dir: &Path, name: &str) -> Result<Option<Manifest>, LogError> {
        let place = Place {
            disk: disk.clone(),
            dir: dir.to_owned(),
            name: name.to_owned(),
        };
        if !disk.exists(&place.manifest_path()) {
            return Ok(None);
        }
        let manifest = place.read_manifest()?;
        for segment in manifest.base.iter().chain(&manifest.increments) {
            place.length(segment)?;
        }
        Ok(Some(manifest))
    }

    /// A file `name` in the working directory, as servers before Redis 7 have written it, becomes the base of `dir`; false if
    /// there is none, or `dir` has its own files.
    pub fn upgrade(disk: &D, dir: &Path, name: &str) -> Result<bool, LogError> {
        let place = Place {
            disk: disk.clone(),
            dir: dir.to_owned(),
            name: name.to_owned(),
        };
        let old = Path::new(name);
        if !disk.exists(old) || disk.exists(&place.path(name)) {
            return Ok(false);
        }
        let base = Segment {
            file: name.to_owned(),
            seq: 1,
            kind: FileKind::Base,
            start_offset: None,
            preamble: 0,
        };
        let manifest = Manifest {
            base: Some(base),
            ..Manifest::default()
        };
        // The manifest comes first: where nothing but the renaming is left to do, it is done the next time.
        match disk.exists(&place.manifest_path()) {
            true if place.read_manifest()? != manifest => return Ok(false),
            true => {}
            false => {
                let made = disk.make_dir(dir);
                made.map_err(|error| LogError::Io("make", dir.to_owned(), error))?;
                place.write_manifest(&manifest)?;
            }
        }
        let renamed = disk.rename(old, &place.path(name));
        renamed.map_err(|error| LogError::Io("rename", old.to_owned(), error))?;
        place.sync_dir()?;
        Ok(true)
    }

    /// Opens the directory for writing at the end of the last increment, whose torn tail was cut; makes it where there is
    /// none. `manifest` is what [`Log::find`] has found, `end` is where the replication stream stands after everything that
    /// was read.
    pub fn open(
        disk: &D,
        dir: &Path,
        name: &str,
        manifest: Option<Manifest>,
        end: Beginning,
    ) -> Result<Self, LogError> {
        let place = Place {
            disk: disk.clone(),
            dir: dir.to_owned(),
            name: name.to_owned(),
        };
        let made = disk.make_dir(dir);
        made.map_err(|error| LogError::Io("make", dir.to_owned(), error))?;
        let mut manifest = manifest.unwrap_or_default();
        if manifest.increments.is_empty() {
            let (segment, _) = place.create_increment(&manifest, end)?;
            manifest.increments.push(segment);
            place.write_manifest(&manifest)?;
        }
        let Some((last, before)) = manifest.increments.split_last() else {
            unreachable!("one was just made");
        };
        let path = place.path(&last.file);
        let file = disk.append(&path);
        let file = file.map_err(|error| LogError::Io("open", path, error))?;
        let length = place.length(last)?;
        let earlier = manifest.base.iter().chain(before);
        let earlier = earlier.map(|segment| place.length(segment));
        let earlier = earlier.sum::<Result<u64, _>>()?;
        let mut log = Log {
            place,
            manifest,
            file,
            length,
            earlier,
            is_dirty: false,
        };
        log.remove_history()?;
        Ok(log)
    }

    /// Appends `bytes`, all of them or none.
    ///
    /// # Errors
    /// `Ok(Err(..))`: nothing was appended, and it may be tried again (the disk is full). `Err(..)`: the file is in an
    /// unknown state and the node must stop.
    pub fn append(&mut self, bytes: &[u8]) -> Result<io::Result<()>, LogError> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                self.is_dirty = true;
                Ok(Ok(()))
            }
            Err(error) => match self.file.cut(self.length) {
                Ok(()) => Ok(Err(error)),
                Err(worse) => Err(LogError::Io("cut", self.path(), worse)),
            },
        }
    }

    /// Makes everything appended so far durable. After an error the node must stop: the system may have dropped what it
    /// could not write, and would report success the next time.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if !self.is_dirty {
            return Ok(());
        }
        let done = self.file.sync();
        done.map_err(|error| LogError::Io("sync", self.path(), error))?;
        self.is_dirty = false;
        Ok(())
    }

    /// What another thread needs to sync everything appended so far, while appending goes on.
    pub fn syncer(&self) -> Result<Syncer<D::File>, LogError> {
        let file = self.file.try_clone();
        Ok(Syncer {
            file: file.map_err(|error| LogError::Io("sync", self.path(), error))?,
            path: self.path(),
        })
    }

    /// Bytes of all files that count.
    pub fn size(&self) -> u64 {
        self.earlier + self.length
    }

    /// The files that count.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where a file of the manifest is.
    pub fn path_of(&self, segment: &Segment) -> PathBuf {
        self.place.path(&segment.file)
    }

    /// A directory that begins there, where the caller takes a snapshot: nothing of what it held before counts any more, but
    /// it stays until [`Log::finish_rewrite`].
    pub fn begin_anew(
        disk: &D,
        dir: &Path,
        name: &str,
        beginning: Beginning,
        form: BaseForm,
    ) -> Result<(Self, Rewrite), LogError> {
        let made = disk.make_dir(dir);
        made.map_err(|error| LogError::Io("make", dir.to_owned(), error))?;
        let old = Log::find(disk, dir, name)?.unwrap_or_default();
        let place = Place {
            disk: disk.clone(),
            dir: dir.to_owned(),
            name: name.to_owned(),
        };
        let (segment, file) = place.create_increment(&old, beginning)?;
        let (first_increment, length) = (segment.seq, segment.preamble);
        let mut manifest = Manifest {
            increments: vec![segment],
            ..Manifest::default()
        };
        let all = old
            .base
            .into_iter()
            .chain(old.increments)
            .chain(old.history);
        manifest.history = all
            .map(|segment| Segment {
                kind: FileKind::History,
                ..segment
            })
            .collect();
        let log = Log {
            place,
            manifest,
            file,
            length,
            earlier: 0,
            is_dirty: false,
        };
        let rewrite = log.rewrite(first_increment, form);
        Ok((log, rewrite))
    }

    fn rewrite(&self, first_increment: u64, form: BaseForm) -> Rewrite {
        Rewrite {
            temporary: temporary_base(&self.place.dir),
            first_increment,
            form,
        }
    }

    fn path(&self) -> PathBuf {
        let last = self.manifest.increments.last();
        last.map_or_else(|| self.place.dir.clone(), |last| self.path_of(last))
    }
}

/// Where a base of the directory `dir` is written before it is one; one at a time.
pub fn temporary_base(dir: &Path) -> PathBuf {
    dir.join(format!("temp-rewriteaof-bg-{}.aof", std::process::id()))
}

#[cfg(test)]
mod tests;
