//! What this node had of the stream and its new primary had not: requests in RESP, in a file for each time that happened, so that a
//! person can read them or hand them to `redis-cli --pipe`. It is never part of the data again by itself.
//!
//! ```text
//!   mod.rs        the files: names, LIST, DROP, the bound on all of them
//!   keep.rs       writes one, and has it on the disk before anything is replaced
//!   requests.rs   cuts bytes into requests; SHOW
//! ```
//! Names are `NODE-TERM-FROM-TO-TIME.resp`: hex digits and numbers, so no name that a client says leads out of the directory.

mod keep;
mod requests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use almandine_storage::disk::sync_parent;

pub use self::keep::Outcome;
use crate::journal::Id;

/// A part of the stream that only this node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix {
    /// What the node calls itself: 40 hex digits.
    pub node: String,
    /// The last id that its stream had.
    pub term: Id,
    /// The offset before its first byte.
    pub from: u64,
    /// The offset after its last byte.
    pub to: u64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it holds.
    pub suffix: Suffix,
    /// When it was written, Unix time in milliseconds.
    pub time_ms: u64,
    /// Its length.
    pub bytes: u64,
}

/// The directory of the files.
#[derive(Debug)]
pub struct Quarantine {
    dir: PathBuf,
}

const ENDING: &str = ".resp";
/// Digits of a name and of an id.
const HEX: usize = 40;

impl Kept {
    /// The name of the file.
    pub fn name(&self) -> String {
        let Suffix {
            node,
            term,
            from,
            to,
        } = &self.suffix;
        format!("{node}-{term}-{from}-{to}-{}{ENDING}", self.time_ms)
    }

    /// The file of this name, if it is one of ours.
    fn parse(name: &str, bytes: u64) -> Option<Kept> {
        let mut parts = name.strip_suffix(ENDING)?.split('-');
        let node = parts.next()?;
        let is_hex = node.len() == HEX && node.bytes().all(|byte| byte.is_ascii_hexdigit());
        let term = parts.next()?.parse().ok()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        let kept = Kept {
            suffix: Suffix {
                node: node.to_owned(),
                term,
                from: number()?,
                to: number()?,
            },
            time_ms: number()?,
            bytes,
        };
        // Numbers have other spellings, and more may follow.
        (is_hex && kept.name() == name).then_some(kept)
    }
}

impl Default for Quarantine {
    /// That of this node, in the directory that it runs in.
    fn default() -> Self {
        Quarantine::new("quarantine")
    }
}

impl Quarantine {
    /// In this directory.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Quarantine {
            dir: dir.as_ref().to_owned(),
        }
    }

    /// All files, oldest first.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<Kept>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            found.extend(name.to_str().and_then(|name| Kept::parse(name, 0)));
        }
        for kept in &mut found {
            kept.bytes = fs::metadata(self.path(kept))?.len();
        }
        found.sort_by_key(|kept| (kept.time_ms, kept.name()));
        Ok(found)
    }

    /// The file that a client calls so.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn find(&self, name: &[u8]) -> io::Result<Option<Kept>> {
        let mut files = self.list()?.into_iter();
        Ok(files.find(|kept| kept.name().as_bytes() == name))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self, kept: &Kept) -> io::Result<()> {
        let path = self.path(kept);
        fs::remove_file(&path)?;
        sync_parent(&path)
    }

    /// Removes the oldest files until all others together have no more than `most` bytes; the newest one stays. Returns those
    /// that are gone.
    ///
    /// # Errors
    /// The disk.
    pub fn shrink(&self, most: u64) -> io::Result<Vec<Kept>> {
        let files = self.list()?;
        let mut bytes: u64 = files.iter().map(|kept| kept.bytes).sum();
        let older = files.len().saturating_sub(1);
        let mut gone = Vec::new();
        for kept in files.into_iter().take(older) {
            if bytes <= most {
                break;
            }
            bytes -= kept.bytes;
            self.remove(&kept)?;
            gone.push(kept);
        }
        Ok(gone)
    }

    fn path(&self, kept: &Kept) -> PathBuf {
        self.dir.join(kept.name())
    }
}

#[cfg(test)]
mod tests;
