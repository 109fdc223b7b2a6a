//! What the `ConfigActor` is told.

use std::net::IpAddr;

use actix::Message;
use almandine_cluster::machine::Order;

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
    },
    /// CLUSTER SAVECONFIG: what is decided is on the disk already; the copy for people is written anew.
    Save,
}
