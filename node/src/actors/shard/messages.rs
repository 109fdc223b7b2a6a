//! What a `ShardActor` is told.

use actix::{Message, Recipient};
use almandine_protocol::Batch;

use crate::actors::connection::messages::Answered;
use crate::session::Session;
use crate::shard::Progress;

/// The requests of several connections of one worker, gathered over a turn of its event loop.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ExecuteBatches(pub Vec<RemoteBatch>);

/// One read of one connection of another thread.
#[derive(Debug)]
pub struct RemoteBatch {
    /// The bytes.
    pub buffer: Vec<u8>,
    /// Where the requests stand in them.
    pub batch: Batch,
    /// The connection's state, lent until the answer.
    pub session: Box<Session>,
    /// Room for the replies.
    pub out: Vec<u8>,
    /// Where the answer goes.
    pub answer_to: Recipient<Answered>,
}

/// The answer to a [`RemoteBatch`]: everything lent comes back.
#[derive(Debug)]
pub struct BatchDone {
    /// The bytes of the requests.
    pub buffer: Vec<u8>,
    /// The requests.
    pub batch: Batch,
    /// The connection's state.
    pub session: Box<Session>,
    /// The replies.
    pub out: Vec<u8>,
    /// How far the batch came.
    pub progress: Progress,
    /// The offset of the journal that the replies wait for.
    pub awaits: Option<u64>,
}

/// A connection is over: it watches, waits for and listens to nothing any more. Sent by its `ConnectionActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Forget(pub u64);

/// Load what is on the disk. Sent by `NodeActor` once, and by the shard to itself until it is done.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Load;

/// The files are open for what comes: run requests from now on. Sent by `NodeActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Serve;
