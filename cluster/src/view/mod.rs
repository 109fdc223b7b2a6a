//! What one node shows of the cluster: where commands go, and what CLUSTER NODES, SLOTS, SHARDS, INFO and their like answer.
//! Functions of the topology, of who is asked, and of what that node knows of the others. Witnesses are not shown: clients
//! could do nothing with them.

mod info;
mod links;
mod nodes;
mod routing;
mod shards;
mod slot_stats;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

pub use info::{Coverage, Standing, State, Traffic};
pub use links::{Direction, Link};
pub use routing::{Call, Down, Place, Presence, Redirection, Routing, Target, WhenDown};
pub use slot_stats::{Metric, Order, SlotUsage};
pub use tree::Tree;

use crate::id::{NodeId, ShardId};
use crate::topology::{Address, Kind, Member, Topology};

/// What a node thinks of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    #[default]
    Reachable,
    /// This node does not hear it: `fail?`.
    Suspected,
    /// It is agreed that it is down: `fail`.
    Failed,
}

/// What a node knows of another, or of itself, that is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peer {
    /// When the ping was sent that is not answered yet, in milliseconds since 1970; 0 if there is none.
    pub ping_sent_ms: u64,
    pub pong_received_ms: u64,
    pub is_connected: bool,
    pub verdict: Verdict,
    /// Bytes of the replication stream that it has; the one thing that is used of the node itself.
    pub offset: u64,
}

/// How clients are told where a node is: `cluster-preferred-endpoint-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preferred {
    Ip,
    Hostname,
    /// At the address that the client knows, under another port.
    Unknown,
}

impl Preferred {
    /// Empty for "where you are".
    fn endpoint(self, address: &Address) -> String {
        match self {
            Preferred::Ip => ip(address),
            Preferred::Hostname if address.hostname.is_empty() => "?".to_owned(),
            Preferred::Hostname => address.hostname.clone(),
            Preferred::Unknown => String::new(),
        }
    }
}

/// Empty as long as it is unknown, as in Redis.
fn ip(address: &Address) -> String {
    address.ip.map_or_else(String::new, |ip| ip.to_string())
}

/// See the module. Put together when a client asks.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub topology: &'a Topology,
    pub myself: NodeId,
    /// Who is missing was never heard of.
    pub peers: &'a BTreeMap<NodeId, Peer>,
    pub preferred: Preferred,
}

impl<'a> View<'a> {
    /// CLUSTER MYSHARDID; a witness has none.
    pub fn my_shard(&self) -> Option<ShardId> {
        let me = self.topology.member(self.myself)?;
        (me.kind == Kind::Data).then_some(me.shard)
    }

    fn peer(&self, node: NodeId) -> Peer {
        self.peers.get(&node).copied().unwrap_or_default()
    }

    /// Nobody suspects itself.
    fn verdict(&self, node: NodeId) -> Verdict {
        match node == self.myself {
            true => Verdict::Reachable,
            false => self.peer(node).verdict,
        }
    }

    /// Those who hold data.
    fn shown(&self) -> impl Iterator<Item = (NodeId, &'a Member)> {
        let members = self.topology.members().iter();
        let data = members.filter(|(_, member)| member.kind == Kind::Data);
        data.map(|(&node, member)| (node, member))
    }

    /// A shard's members, its primary first.
    fn members(&self, shard: ShardId) -> impl Iterator<Item = (NodeId, &'a Member)> {
        let topology = self.topology;
        let primary = topology.shards().get(&shard).map(|shard| shard.primary);
        let primary = primary.and_then(|node| Some((node, topology.member(node)?)));
        primary.into_iter().chain(topology.replicas(shard))
    }
}
