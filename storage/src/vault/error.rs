//! Why a vault cannot be used.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// See the module. Whatever it is, the node must not go on as if it remembered.
#[derive(Debug)]
pub enum VaultError {
    /// Another process uses it.
    Locked {
        /// The file that it holds.
        path: PathBuf,
    },
    /// The disk has no room, and the ballast is gone already.
    Full {
        /// The vault.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The disk fails, or the files are not ours to use.
    Disk {
        /// The attempt, a verb.
        doing: &'static str,
        /// Of what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The store does not understand its own files.
    Unreadable {
        /// The vault.
        path: PathBuf,
        /// What the store says.
        reason: String,
    },
    /// A value is not what was written.
    Damaged {
        /// The vault.
        path: PathBuf,
        /// Where.
        key: Vec<u8>,
        /// How it shows.
        why: Damage,
    },
    /// An earlier error has ended its use.
    Done {
        /// The vault.
        path: PathBuf,
    },
}

/// How damage shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It must be there and is not.
    Missing,
    /// Bytes are missing, or there are too many.
    Length,
    /// Written by a version that this one does not know.
    Version,
    /// The checksum is another one.
    Checksum,
    /// The key is none that this version writes.
    Key,
}

impl VaultError {
    pub(super) fn of_disk(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull => VaultError::Full { path, source },
            _ => VaultError::Disk {
                doing,
                path,
                source,
            },
        }
    }

    pub(super) fn damaged(path: &Path, key: &[u8], why: Damage) -> Self {
        VaultError::Damaged {
            path: path.to_owned(),
            key: key.to_vec(),
            why,
        }
    }

    pub(super) fn of_sled(doing: &'static str, path: &Path, error: &sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => {
                let source = io::Error::new(source.kind(), source.to_string());
                VaultError::of_disk(doing, path, source)
            }
            other => VaultError::Unreadable {
                path: path.to_owned(),
                reason: other.to_string(),
            },
        }
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VaultError::Locked { path } => {
                write!(f, "open {}: another process uses it", path.display())
            }
            VaultError::Full { path, .. } => {
                write!(f, "write to {}: the disk is full", path.display())
            }
            VaultError::Disk { doing, path, .. } => write!(f, "{doing} {}", path.display()),
            VaultError::Unreadable { path, reason } => {
                write!(f, "read {}: {reason}", path.display())
            }
            VaultError::Damaged { path, key, why } => {
                let key = key.escape_ascii();
                write!(f, "read \"{key}\" in {}: {why}", path.display())
            }
            VaultError::Done { path } => {
                write!(f, "use {}: an earlier error has ended it", path.display())
            }
        }
    }
}

impl Error for VaultError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            VaultError::Full { source, .. } | VaultError::Disk { source, .. } => Some(source),
            VaultError::Locked { .. }
            | VaultError::Unreadable { .. }
            | VaultError::Damaged { .. }
            | VaultError::Done { .. } => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Damage::Missing => "it is missing",
            Damage::Length => "it is too short or too long",
            Damage::Version => "it is of an unknown version",
            Damage::Checksum => "its checksum is wrong",
            Damage::Key => "it is no key of a vault",
        })
    }
}
