//! What the `FailureDetectorActor` is told.

use actix::Message;
use almandine_cluster::failover::{self, Beat, Position, Standpoint};
use almandine_cluster::id::NodeId;

/// The topology, the voters, the leader or this node's name is another one. Sent by `ConfigActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Reconfigured {
    /// This node.
    pub myself: NodeId,
    /// How often it was started.
    pub start: u64,
    /// What it knows of the log.
    pub standpoint: Standpoint,
}

/// A node has said something to the detector, within this cluster and its generation. Sent by `ConfigActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Heard {
    /// Who.
    pub from: NodeId,
    /// What.
    pub message: Box<failover::Message>,
}

/// The first link to a node stands, or the last one is gone. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Linked {
    /// To whom.
    pub node: NodeId,
    /// Whether there is one.
    pub is_up: bool,
}

/// A client wants this replica to take over from its primary, without loss. Sent by `ConfigActor`; answered by
/// [`HandedOver`](crate::actors::config::messages::HandedOver).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct HandOver {
    /// Comes back with the answer.
    pub client: u64,
}

/// No write is under way any more: the stream ends here for now. Sent by `ShardActor`, which was told to pause.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WritesPaused {
    /// As in [`PauseWrites`](crate::actors::shard::messages::PauseWrites).
    pub round: Beat,
    /// See above.
    pub offset: u64,
}

/// The parameters are others. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Configure;

/// Where the stream of a node ends.
pub(super) fn position(term: u64, offset: u64) -> Position {
    Position { term, offset }
}
