//! What the `FailureDetectorActor` is told.

use actix::{Message, Recipient};
use almandine_cluster::failover::{self, Beat, Position, Standpoint};
use almandine_cluster::id::NodeId;

use crate::actors::node::messages::HasDeparted;

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

/// A client has said CLUSTER FAILOVER FORCE or TAKEOVER to this node; the log decides, this is for who asks later what happened.
/// Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Forced {
    /// Which of the two.
    pub is_takeover: bool,
}

/// A client wants the hand-over given up that is under way. Sent by `ConfigActor`; answered by
/// [`HandedOver`](crate::actors::config::messages::HandedOver).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Abort {
    /// Comes back with the answer.
    pub client: u64,
}

/// The node is about to end: if it leads a shard, somebody else is to. Sent by `NodeActor` through `ConfigActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub enum Depart {
    /// Have the shard handed over.
    Begin {
        /// Comes back with the answer.
        number: u64,
        /// How long it may take.
        patience_ms: u64,
        /// Who waits for it.
        tell: Recipient<HasDeparted>,
    },
    /// The node does not end after all: no answer is waited for.
    GiveUp,
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
