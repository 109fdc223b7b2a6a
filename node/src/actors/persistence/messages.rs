//! What the `PersistenceActor` is told.

use std::io;
use std::path::PathBuf;

use actix::{Message, Recipient};
use almandine_storage::aof::{Beginning, LogError};

/// The journal holds effects that the append-only file has not taken. Sent by whoever appended the first of them.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WriteDown;

/// What the files are to do. Sent by handlers of commands, who have looked whether it can be done, and by `ConfigActor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum FileOrder {
    /// Take a snapshot; this client waits for it.
    Save {
        /// Its number.
        client: u64,
    },
    /// Take a snapshot.
    SaveInBackground,
    /// Write the append-only file anew.
    Rewrite,
    /// Have the append-only file read again; this client waits for it.
    Reload {
        /// Its number.
        client: u64,
    },
    /// The parameters have changed.
    Reconfigure,
}

/// Take a last snapshot, whatever is under way, and tell how it went. Sent by `NodeActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SaveForEnd(pub Recipient<SavedForEnd>);

/// The last snapshot is on the disk, or not (the log says why). Sent by `PersistenceActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SavedForEnd(pub bool);

/// Nobody appends any more: write and sync what there is. Sent by `NodeActor`, who waits for the answer.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Finish;

/// A snapshot is on the disk, or is not. Sent by the actor that writes it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SnapshotWritten {
    /// Which.
    pub id: u64,
    /// Bytes of the file.
    pub outcome: io::Result<u64>,
    /// Changes of keys before it began.
    pub changes: u64,
}

/// Everything up to `offset` is on the disk, or is not. Sent by `SyncActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Synced {
    /// What was written when the sync began.
    pub offset: u64,
    /// How often the files had been replaced by then.
    pub replaced: u64,
    /// Whether it is safe.
    pub outcome: Result<(), LogError>,
}

/// Write nothing any more: all files are about to be replaced. Sent by the link to the primary, which sends [`Replace`] or
/// [`Resume`] next.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Suspend;

/// Write on. Sent by the link to the primary.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Resume;

/// The data set is another one: it begins with the snapshot at `base`, which is synced, and goes on in the journal. Sent by the link to the primary.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Replace {
    /// The snapshot; it gets another name.
    pub base: PathBuf,
    /// Where the journal goes on.
    pub beginning: Beginning,
}
