//! What the `ConfigActor` is told.

use std::net::IpAddr;

use actix::{Addr, Message};
use almandine_cluster::failover;
use almandine_cluster::frame::Publish;
use almandine_cluster::id::NodeId;
use almandine_cluster::machine::Order;
use almandine_cluster::topology::{Change, Refusal};

use crate::actors::shard::ShardActor;

/// CONFIG SET has published new values of these parameters. Sent by the shard that ran it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ParametersChanged(pub Vec<String>);

/// A command wants the cluster changed. Sent by the shard that runs it; answered by
/// [`Decided`](crate::actors::shard::messages::Decided) when the outcome is known.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Wish {
    /// Comes back with the answer; the shard sees to it that no two are equal.
    pub ticket: u64,
    /// What.
    pub wanted: Wanted,
}

/// See [`Wish`].
#[derive(Debug, Clone)]
pub enum Wanted {
    /// One after the other; the first that is refused ends them, those before it stay.
    Orders(Vec<Order>),
    /// CLUSTER MEET.
    Meet {
        /// Where the other node is.
        ip: IpAddr,
        /// Of the other node.
        bus_port: u16,
    },
    /// CLUSTER RESET.
    Reset {
        /// Whether the node gets a new name.
        is_hard: bool,
        /// The node forgets its keys when it is done: those of a replica that leaves its shard are not its own.
        gives_keys_up: bool,
    },
    /// CLUSTER FAILOVER.
    FailOver(Force),
    /// CLUSTER FAILOVER ABORT.
    AbortFailover,
    /// CLUSTER SAVECONFIG: what is decided is on the disk already; the copy for people is written anew.
    Save,
}

/// The shard has read its files, and is to be told what it is. Sent by `NodeActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ShardRecovered(pub Addr<ShardActor>);

/// Where others may be. Sent by the actor's own look-up of `cluster-seeds`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub(super) struct SeedsFound(pub(super) Vec<(IpAddr, u16)>);

/// How much of CLUSTER FAILOVER is done without the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// The primary hands over: nothing is lost.
    None,
    /// FORCE: by the voters, or by this node alone if they cannot decide without those that are gone and nothing is lost.
    Force,
    /// TAKEOVER: at once, and whatever is lost.
    Takeover,
}

/// A word of the failure detector for another node. Sent by `FailureDetectorActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Say {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: failover::Message,
}

/// The failure detector wants this decided. Sent by `FailureDetectorActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Propose(pub Change);

/// What is thought of other nodes, or whether this one may act as a primary, is different now. Sent by
/// `FailureDetectorActor`, which has written it down in [`Cluster`](crate::cluster::Cluster).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Judged;

/// A [`HandOver`](crate::actors::failure_detector::messages::HandOver) is done, or not. Sent by `FailureDetectorActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct HandedOver {
    /// Whose.
    pub client: u64,
    /// What came of it.
    pub outcome: Result<(), Refusal>,
}

/// A client has published something: listeners at other nodes are to hear it. Sent by the shard that ran the command. Lost where
/// there is no link, as in Redis.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Broadcast(pub Publish);
