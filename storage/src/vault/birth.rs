//! The files of a vault: how it is made, so that no half-made one is ever taken for one, opened, locked and set aside.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::VaultError;
use super::frame::frame;
use super::{FORMAT, FORMAT_KEY, Store, pieces};
use crate::disk::sync_parent;

/// sled lets go of its files on threads of its own, a moment after it was dropped.
const LINGERS: usize = 500;
const MOMENT: Duration = Duration::from_millis(10);

/// Opens the store at `dir`; makes it first if it is not there.
pub(super) fn open(dir: &Path) -> Result<Store, VaultError> {
    let is_there = dir.try_exists();
    if !is_there.map_err(|error| VaultError::of_disk("find", dir, error))? {
        make(dir)?;
    }
    let store = open_sled(dir)?;
    store.settle(dir)?;
    Ok(store)
}

/// Keeps everybody else out until it is dropped.
pub(super) fn lock(dir: &Path) -> Result<File, VaultError> {
    let path = beside(dir, "lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|error| VaultError::of_disk("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VaultError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(VaultError::of_disk("lock", &path, error)),
    }
}

/// Gives the vault at `dir` another name, which it returns: the next [`super::Vault::open`] makes a new one. `stamp` tells the
/// names apart, a time for instance. None if there is no vault.
///
/// # Errors
/// A process uses it, there is one of that name already, or the disk fails.
pub fn set_aside(dir: &Path, stamp: &str) -> Result<Option<PathBuf>, VaultError> {
    let _lock = lock(dir)?;
    let aside = beside(dir, &format!("old-{stamp}"));
    let fails = |error| VaultError::of_disk("set aside", dir, error);
    if !dir.try_exists().map_err(fails)? {
        return Ok(None);
    }
    if aside.try_exists().map_err(fails)? {
        return Err(fails(ErrorKind::AlreadyExists.into()));
    }
    fs::rename(dir, &aside)
        .and_then(|()| sync_parent(dir))
        .map_err(fails)?;
    Ok(Some(aside))
}

/// The new vault gets its name when everything in it is on the disk.
fn make(dir: &Path) -> Result<(), VaultError> {
    let temporary = beside(dir, "tmp");
    let fails = |error| VaultError::of_disk("make", dir, error);
    match fs::remove_dir_all(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fails(error)),
        _ => {}
    }
    let store = open_sled(&temporary)?;
    store.settle(&temporary)?;
    let mut batch = sled::Batch::default();
    pieces::put(FORMAT_KEY, Some(&frame(FORMAT_KEY, FORMAT)), 0, &mut batch);
    store.write(&batch, &temporary)?;
    // It writes snapshots by their paths until it is closed.
    drop(store);
    open_sled(&temporary)?.settle(&temporary)?;
    fs::rename(&temporary, dir)
        .and_then(|()| sync_parent(dir))
        .map_err(fails)
}

fn open_sled(dir: &Path) -> Result<Store, VaultError> {
    remove_half_written(dir).map_err(|error| VaultError::of_disk("tidy", dir, error))?;
    let config = sled::Config::new().path(dir).flush_every_ms(None);
    let mut lingers = LINGERS;
    let db = loop {
        // Some damage makes it panic; nothing of what it did is looked at afterwards.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => break db,
            Ok(Err(error)) if lingers > 0 && is_held(&error) => {
                lingers -= 1;
                thread::sleep(MOMENT);
            }
            Ok(Err(error)) => return Err(VaultError::of_sled("open", dir, &error)),
            Err(_) => {
                return Err(VaultError::Unreadable {
                    path: dir.to_owned(),
                    reason: "the store gave up on its own files".to_owned(),
                });
            }
        }
    };
    let log = File::open(dir.join("db"));
    let log = log.map_err(|error| VaultError::of_disk("open", dir, error))?;
    Ok(Store { db, log })
}

/// The lock beside the directory is ours, so it can only be our own last store that still has its files.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// A snapshot that sled had not finished; it would read it as if it had.
fn remove_half_written(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Store {
    /// What sled makes when it opens and does not sync.
    fn settle(&self, dir: &Path) -> Result<(), VaultError> {
        for name in ["conf", "db", "blobs"] {
            let path = dir.join(name);
            sync(&path).map_err(|error| VaultError::of_disk("sync", &path, error))?;
        }
        sync(dir).map_err(|error| VaultError::of_disk("sync", dir, error))
    }
}

/// Makes sure that the ballast is there, unless there is no room for it.
pub(super) fn keep_ballast(dir: &Path, bytes: u64) -> Result<(), VaultError> {
    if bytes == 0 || has_ballast(dir, bytes) {
        return Ok(());
    }
    let path = beside(dir, "ballast");
    match fill(&path, bytes) {
        // What is left of it would only be in the way.
        Err(error) if error.kind() == ErrorKind::StorageFull => drop_ballast(dir).map(drop),
        filled => filled.map_err(|error| VaultError::of_disk("fill", &path, error)),
    }
}

pub(super) fn has_ballast(dir: &Path, bytes: u64) -> bool {
    fs::metadata(beside(dir, "ballast")).is_ok_and(|found| found.len() >= bytes)
}

/// False if there is none.
pub(super) fn drop_ballast(dir: &Path) -> Result<bool, VaultError> {
    let path = beside(dir, "ballast");
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(VaultError::of_disk("remove", &path, error)),
    }
}

/// Written, not just stretched: a hole takes no room.
fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let zeros = [0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        file.write_all(&zeros[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// `cluster.db` and `tmp` make `cluster.db.tmp`.
fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
