//! What the `NodeActor` is told.

use actix::Message;
use almandine_cluster::failover::Departed;

use crate::params::ShutdownOptions;
use crate::shard::loading;

/// Stop the node in order, or do not after all. Sent by signals and by SHUTDOWN.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub enum Shutdown {
    /// Save what is to be saved, then end.
    Begin(Ending),
    /// Go on, if the end has not come.
    Abort,
}

/// How the node shall end.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// What the operator wishes.
    pub how: ShutdownOptions,
    /// Who is answered if the node does not end.
    pub client: Option<u64>,
}

/// Whether somebody else leads the shard now. Sent by `FailureDetectorActor`, which was told to
/// [`Depart`](crate::actors::failure_detector::messages::Depart).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct HasDeparted {
    /// As it was asked.
    pub number: u64,
    /// What came of it.
    pub departed: Departed,
}

/// The keyspace holds what was on the disk. Sent by `ShardActor`. Answered by `Serve` once the files are open.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Recovered(pub loading::Recovered);
