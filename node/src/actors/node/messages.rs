//! What the `NodeActor` is told.

use actix::Message;

use crate::shard::loading;

/// Stop the node in order. Sent by signals and by SHUTDOWN.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Shutdown;

/// The keyspace holds what was on the disk. Sent by `ShardActor`. Answered by `Serve` once the files are open.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Recovered(pub loading::Recovered);
