//! The append-only file in Redis's multi-part layout: a base (a snapshot), increments after it, a manifest that names them.
//!
//! ```text
//!   appendonlydir/
//!     appendonly.aof.manifest        manifest.rs   which files count, in which order
//!     appendonly.aof.1.base.rdb                    all keys at the start of ...
//!     appendonly.aof.1.incr.aof      log.rs        ... the first increment: requests in RESP
//!     appendonly.aof.2.incr.aof      read.rs       requests back out of a file, torn tails found
//! ```
//!
//! A redis-server (7.0 or newer) starts from our directory and we start from its. `startoffset` is a word of ours (and of
//! Redis 8) in the manifest that Redis 7 passes over: the offset of the replication stream at which an increment begins. `preamble` is another one: where
//! the stream has selected a database already, the increment says so first, in so many bytes that are none of the stream.

mod log;
mod manifest;
mod read;
mod requests;

pub use log::{BaseForm, Beginning, Log, LogError, Rewrite, Syncer, temporary_base};
pub use manifest::{BadManifest, FileKind, Manifest, Segment, Term};
pub use read::{BadFile, Requests, Tail, Unit};
pub use requests::MakingRequests;
