//! What a `ConnectionActor` is told.

use actix::{Message, Recipient};

use crate::actors::lifeline::ChildExited;
use crate::actors::listener::Worker;
use crate::actors::shard::messages::BatchDone;
use crate::journal::Awaited;
use crate::shard::Next;

/// Bytes for the peer: a message of a channel, or the answer to its blocked command. Sent by shards.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// Encoded in the connection's version.
    pub bytes: Vec<u8>,
    /// What follows.
    pub next: Next,
    /// What of the journal must be safe before the bytes leave.
    pub awaits: Option<Awaited>,
}

/// Close. Sent by CLIENT KILL and by the listener at shutdown.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Kill;

/// Go on on another thread, as soon as nothing is under way. Sent by `ListenerActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Move {
    /// Where to.
    pub worker: Worker,
    /// Who hears there of its end.
    pub parent: Recipient<ChildExited>,
}

/// A batch that ran on another thread is back. Sent by `ShardActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Answered(pub BatchDone);
