//! What the `ReplicationActor` is told.

use std::os::fd::OwnedFd;

use actix::Message;

use crate::actors::listener::Seat;
use crate::clients::{Identity, Profile};
use crate::replication::Attachment;

/// The node follows another primary, or none. Sent by the shard that ran REPLICAOF; the role itself is changed already.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct RoleChanged;

/// The primary goes on under another id: the replicas come back and learn it. Sent by the link to the primary.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct TermBegan;

/// Somebody waits for the acknowledgements of replicas: ask for them. Sent by WAIT.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct AskForAcknowledgements;

/// Move keys to another server. Sent by the shard that ran MIGRATE; it is told
/// [`Migrated`](crate::actors::shard::messages::Migrated).
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Migrate {
    /// Which migration of the shard.
    pub ticket: u64,
    /// The other server.
    pub host: String,
    /// Its port, as the client has written it.
    pub port: String,
    /// How long each step may take.
    pub timeout_ms: u64,
    /// Everything that is to be sent: AUTH, SELECT, a RESTORE for each key.
    pub requests: Vec<u8>,
    /// Requests before the first RESTORE.
    pub prelude: usize,
    /// How many keys.
    pub keys: usize,
}

/// The connection of a client is that of a replica from now on. Sent by its `ConnectionActor`, which ends.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Attach {
    /// The connection.
    pub socket: OwnedFd,
    /// Whether it is a unix socket.
    pub is_unix: bool,
    /// Replies that have not left yet.
    pub unsent: Vec<u8>,
    /// What has come after PSYNC.
    pub unread: Vec<u8>,
    /// Who it was.
    pub identity: Identity,
    /// What others saw of it.
    pub profile: Profile,
    /// Its place among the connections.
    pub seat: Seat,
    /// What it wants.
    pub attachment: Attachment,
}

/// A failover waits for its time. Sent by the shard that ran FAILOVER.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct FailOver;
