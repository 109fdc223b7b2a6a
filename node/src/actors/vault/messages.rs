//! What the `VaultActor` is told, and what it tells.

use std::path::PathBuf;

use actix::Message;
use almandine_storage::vault::Change;

/// Make these changes durable, all or none. Sent by `ConfigActor`; answered by [`Persisted`]. Losing it = the process exits.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Commit {
    /// Rises from commit to commit.
    pub number: u64,
    /// What the keys hold from now on.
    pub changes: Vec<Change>,
}

/// The commit of this number, and every one before it, is on the disk. Sent by `VaultActor`, once for each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Persisted {
    /// Which.
    pub number: u64,
}

/// Replace the readable copy of the state. Sent by `ConfigActor`; nobody waits for it, and losing it loses nothing.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Export {
    /// The file.
    pub path: PathBuf,
    /// What it says from now on.
    pub text: String,
}
