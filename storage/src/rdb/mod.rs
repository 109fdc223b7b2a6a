//! Redis's format of snapshots: files, replication payloads, and single values in DUMP.
//!
//! ```text
//! file    | REDIS0010 | aux ... | functions ... | (select db, sizes, key ...) ... | 255 | checksum u64 |
//! key     | expiry, usage: if it has any | type | name | value |
//!
//!   writer ── encoder ──┐                    ┌── decoder ── reader
//!        │              ├── list set hash zset ──┤      │
//!     checksum          │   (one file a type)    │   input: slice, stream
//!                   length, lzf              ziplist, zipmap (read only)
//! ```
//!
//! We write version 10, which every Redis from 7.0 on and every Valkey reads, and read everything that is in use. What we
//! do not have (streams, expiring fields, modules) is refused by name, never dropped. Collections in their packed form are
//! checked to the last byte before they are kept as they are.
//!
//! Architecture invariant: nothing here knows a clock, an actor or a file; damaged bytes make an error, never a panic.

mod assembly;
mod crc64;
mod decoder;
mod dump;
mod encoder;
mod error;
mod hash;
mod input;
mod length;
mod list;
mod lzf;
mod parts;
mod reader;
mod set;
mod tag;
mod writer;
mod ziplist;
mod zipmap;
mod zset;

pub use crate::access::Usage;
pub use assembly::Assembly;
pub use dump::{DumpError, dump, payload_version, restore};
pub use encoder::{Compression, Encoder};
pub use error::{Error, Flaw, Foreign};
pub use parts::{Entries, UsageKept};
pub use reader::{Entry, Item, Reader};
pub use writer::{Sum, Writer};

/// The version that is written.
pub const VERSION: u32 = 10;
/// The highest version of Redis's that is read.
const READ_MAX: u32 = 12;
/// The one version of Valkey's own that is read.
const VALKEY_VERSION: u32 = 80;

/// Whether a checksum is compared (`rdbchecksum`, DEBUG SET-SKIP-CHECKSUM-VALIDATION).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// It must be right.
    Yes,
    /// Whatever it is.
    No,
}

/// Files of which versions are read (`rdb-version-check`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Those that we know.
    Known,
    /// Later ones too, as far as they hold nothing that we do not know.
    Any,
}

/// What a file must prove before it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// Its checksum.
    pub verify: Verify,
    /// Its version.
    pub versions: Versions,
}

impl From<Verify> for Trust {
    /// Only known versions are believed.
    fn from(verify: Verify) -> Self {
        let versions = Versions::Known;
        Trust { verify, versions }
    }
}

#[cfg(test)]
mod tests;
