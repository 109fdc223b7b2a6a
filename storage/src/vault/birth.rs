//! The files of a vault: how it is made, so that no half-made one is ever taken for one, opened, locked and set aside.
//!
//! sled 0.34.7 is trusted with a log of few segments that is only ever appended to. While it opens one that was in use, it
//! overwrites what only the snapshot before needs, without having synced the name of the new one; and it cuts segments off
//! that the header of the next counts on. Either way a machine that dies then may leave a store that does not open. So the
//! vault is read from a copy, and what is used is a new store, made of everything that the old one held; so is the store that
//! takes the place of one whose log has grown long.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::VaultError;
use super::frame::frame;
use super::pieces::{self, Piece};
use super::{FORMAT, FORMAT_KEY, Store};
use crate::disk::sync_parent;

/// sled lets go of its files on threads of its own, a moment after it was dropped.
const LINGERS: usize = 500;
const MOMENT: Duration = Duration::from_millis(10);

/// What the vault at `dir` holds, or a new one if there is none.
pub(super) fn held(dir: &Path) -> Result<Vec<Piece>, VaultError> {
    match is_there(dir)? {
        true => read(dir),
        false => Ok(vec![pieces::whole(FORMAT_KEY, &frame(FORMAT_KEY, FORMAT))]),
    }
}

/// Whether there is a vault. One that had been renamed to make room for another gets its name back.
fn is_there(dir: &Path) -> Result<bool, VaultError> {
    let last = beside(dir, "last");
    let look = || {
        if !dir.try_exists()? && last.try_exists()? {
            fs::rename(&last, dir)?;
            sync_parent(dir)?;
        }
        dir.try_exists()
    };
    look().map_err(|error| VaultError::of_disk("find", dir, error))
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
    if !is_there(dir)? {
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

/// What the store at `dir` holds, which no process uses.
fn read(dir: &Path) -> Result<Vec<Piece>, VaultError> {
    let copy = beside(dir, "copy");
    let fails = |error| VaultError::of_disk("copy", dir, error);
    let _held = hold(dir)?;
    remove_all(&copy).map_err(fails)?;
    copy_all(dir, &copy).map_err(fails)?;
    let held = open_sled(&copy, dir)?.held(dir)?;
    remove_all(&copy).map_err(fails)?;
    Ok(held)
}

/// Makes a store that holds `held`, and waits until all of it is on the disk, where [`replace`] finds it.
pub(super) fn prepare(dir: &Path, held: Vec<Piece>) -> Result<(), VaultError> {
    let new = beside(dir, "tmp");
    let fails = |error| VaultError::of_disk("make", dir, error);
    remove_all(&new).map_err(fails)?;
    let mut batch = sled::Batch::default();
    for (name, piece) in held {
        batch.insert(name, piece);
    }
    let make = || {
        open_sled(&new, dir)?.write(&batch, dir)?;
        // It writes snapshots by their paths until it is closed, as it is once another has opened it.
        let _closed = open_sled(&new, dir)?;
        sync_all(&new).map_err(fails)
    };
    let made = make();
    if made.is_err() {
        // On a full disk what is left of it would only be in the way.
        remove_all(&new).map_err(fails)?;
    }
    made
}

/// Gives the new store the place of the one at `dir`, if there is one, and opens it.
pub(super) fn replace(dir: &Path) -> Result<Store, VaultError> {
    let last = beside(dir, "last");
    let fails = |error| VaultError::of_disk("replace", dir, error);
    let is_there = is_there(dir)?;
    let _held = is_there.then(|| hold(dir)).transpose()?;
    let take_place = || {
        remove_all(&last)?;
        if is_there {
            fs::rename(dir, &last)?;
        }
        fs::rename(beside(dir, "tmp"), dir)?;
        sync_parent(dir)?;
        remove_all(&last)
    };
    take_place().map_err(fails)?;
    open_sled(dir, dir)
}

/// Waits until the last store of this process has let go of the log at `dir`, which nobody opens as long as the file is kept:
/// the lock beside the directory is ours, so no other process has it.
fn hold(dir: &Path) -> Result<File, VaultError> {
    let path = dir.join("db");
    let fails = |error| VaultError::of_disk("open", &path, error);
    let log = File::open(&path).map_err(fails)?;
    let mut lingers = LINGERS;
    loop {
        match log.try_lock() {
            Ok(()) => return Ok(log),
            Err(TryLockError::WouldBlock) if lingers > 0 => {
                lingers -= 1;
                thread::sleep(MOMENT);
            }
            Err(TryLockError::WouldBlock) => return Err(VaultError::Locked { path }),
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => fs::write(to, fs::read(entry.path())?)?,
        }
    }
    Ok(())
}

fn remove_all(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_all(&entry.path())?,
            false => sync(&entry.path())?,
        }
    }
    sync(dir)
}

/// `vault` is what errors tell of.
fn open_sled(dir: &Path, vault: &Path) -> Result<Store, VaultError> {
    remove_half_written(dir).map_err(|error| VaultError::of_disk("tidy", vault, error))?;
    let is_there = dir.join("db").try_exists();
    if is_there.map_err(|error| VaultError::of_disk("find", vault, error))? {
        drop(hold(dir)?);
    }
    let config = sled::Config::new().path(dir).flush_every_ms(None);
    // Some damage makes it panic; nothing of what it did is looked at afterwards.
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    let opened = opened.map_err(|_| VaultError::Unreadable {
        path: vault.to_owned(),
        reason: "the store gave up on its own files".to_owned(),
    })?;
    let db = opened.map_err(|error| VaultError::of_sled("open", vault, &error))?;
    let log = File::open(dir.join("db"));
    let log = log.map_err(|error| VaultError::of_disk("open", vault, error))?;
    Ok(Store {
        db,
        log,
        written: 0,
    })
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
