//! What the `PersistenceActor` is told.

use actix::{Message, Recipient};
use almandine_storage::aof::LogError;

use crate::actors::gate::messages::Advanced;

/// The journal holds effects that the append-only file has not taken. Sent by whoever appended the first of them.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WriteDown;

/// A worker's thread stands: its gate is told of every advance from now on. Sent by `NodeActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Join(pub Recipient<Advanced>);

/// The parameters have changed. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Reconfigure;

/// Everything up to `offset` is on the disk, or is not. Sent by `SyncActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Synced {
    /// What was written when the sync began.
    pub offset: u64,
    /// Whether it is safe.
    pub outcome: Result<(), LogError>,
}
