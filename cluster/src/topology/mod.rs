//! What all nodes agree on: the members, the shards, who owns which slot. It changes only by applying entries of the log, in
//! their order, so it is the same on every node at the same index.

mod change;
mod member;
mod shard;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{Change, Refusal};
pub use member::{Address, Admission, Kind, Member, RaftId};
pub use shard::Shard;

use crate::id::{ClusterId, NodeId, ShardId};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub cluster: ClusterId,
    /// The highest epoch that was ever given to a shard.
    pub current_epoch: u64,
    /// Not reused within a generation: a node that lost its log gets a new one.
    next_raft_id: RaftId,
    members: BTreeMap<NodeId, Member>,
    shards: BTreeMap<ShardId, Shard>,
}

impl Topology {
    /// A cluster of one: every node's first topology.
    pub fn alone(cluster: ClusterId, shard: ShardId, founder: Admission) -> Topology {
        let mut topology = Topology {
            cluster,
            current_epoch: 0,
            next_raft_id: 1,
            members: BTreeMap::new(),
            shards: BTreeMap::new(),
        };
        topology.admit(shard, founder);
        topology
    }

    pub fn members(&self) -> &BTreeMap<NodeId, Member> {
        &self.members
    }

    pub fn shards(&self) -> &BTreeMap<ShardId, Shard> {
        &self.shards
    }

    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.get(&node)
    }

    pub fn member_by_raft_id(&self, raft_id: RaftId) -> Option<(NodeId, &Member)> {
        let mut members = self.members.iter();
        members.find_map(|(&node, member)| (member.raft_id == raft_id).then_some((node, member)))
    }

    /// The id that the next admission gets; the leader proposes it, one admission at a time.
    pub fn next_raft_id(&self) -> RaftId {
        self.next_raft_id
    }

    /// Takes a node in (or its newer incarnation, under a new id) as the primary of a shard of its own without slots, unless
    /// it is a witness. Returns its id in the log.
    pub fn admit(&mut self, shard: ShardId, admission: Admission) -> RaftId {
        let raft_id = self.next_raft_id;
        self.next_raft_id += 1;
        let is_witness = admission.kind == Kind::Witness;
        let node = admission.node;
        self.members
            .insert(node, Member::new(raft_id, shard, admission));
        if !is_witness {
            self.shards.insert(shard, Shard::new(node));
        }
        raft_id
    }
}
