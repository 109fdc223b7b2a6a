//! What a machine tells of itself and of its peers.

use std::collections::BTreeSet;

use super::ask::Asker;
use super::{Machine, Order};
use crate::failover::Electorate;
use crate::frame::Standing;
use crate::id::{NodeId, ShardId};
use crate::record::Generation;
use crate::topology::{Address, Change, RaftId, Role};

/// CLUSTER VOTERS: who votes, who leads, what is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voters {
    pub generation: Generation,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub voters: Vec<NodeId>,
    pub learners: Vec<NodeId>,
    /// Indexes of the log.
    pub committed: u64,
    pub applied: u64,
}

impl Machine {
    /// See [`Voters`]. Nodes are in the order in which they were taken in.
    pub fn voters(&self) -> Voters {
        let log = self.engine.log();
        let nodes = |ids: &[RaftId]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids.iter().filter_map(|&id| self.node_of(id)).collect()
        };
        Voters {
            generation: self.identity.generation,
            term: self.engine.term(),
            leader: self.leader(),
            voters: nodes(&log.conf().voters),
            learners: nodes(&log.conf().learners),
            committed: log.commit(),
            applied: log.applied(),
        }
    }

    /// The term of the log, as in [`Voters`].
    pub fn term(&self) -> u64 {
        self.engine.term()
    }

    /// Up to which index the topology is that of the log, as in [`Voters`].
    pub fn applied(&self) -> u64 {
        self.engine.log().applied()
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.node_of(self.engine.leader())
    }

    /// Whose yes and no count for leases and failovers. A voter who is no member any more counts, under a name that nobody has:
    /// without it the others would be a majority too soon. Nobody's counts in a line that is over.
    pub fn electorate(&self) -> Electorate {
        if self.is_superseded() {
            return Electorate::default();
        }
        let node_of = |&id: &RaftId| self.node_of(id).unwrap_or_else(|| nobody(id));
        let nodes = |ids: &[RaftId]| ids.iter().map(node_of).collect();
        Electorate {
            voters: nodes(&self.engine.log().conf().voters),
            coming: nodes(&self.engine.coming_voters()),
        }
    }

    /// The primaries whose shards the log gives to another by a failover which is not applied here yet, and may be decided.
    pub fn may_be_deposed(&self) -> BTreeSet<NodeId> {
        let deposed = |(shard, candidate): (ShardId, NodeId)| {
            let primary = self.topology().shards().get(&shard)?.primary;
            (primary != candidate).then_some(primary)
        };
        let coming = self.engine.coming_primaries();
        coming.into_iter().filter_map(deposed).collect()
    }

    /// Whether this node leads.
    pub fn is_leader(&self) -> bool {
        self.engine.is_leader()
    }

    /// Whom a name of the log stands for. What the node shows before its log has begun has the names of another log.
    pub(super) fn node_of(&self, id: RaftId) -> Option<NodeId> {
        let member = self.topology().member_by_raft_id(id);
        let node = member.map(|(node, _)| node);
        let node = node.filter(|_| self.knows_the_log());
        node.or_else(|| self.routes.get(&id).copied())
    }

    /// Where it is reached, if the topology says something else.
    pub(super) fn tell_address(&mut self) {
        let Some(member) = self.topology().member(self.identity.node) else {
            return;
        };
        // An IP that others have seen stays true until another one is known.
        let ip = self.address.ip.or(member.address.ip);
        let address = Address {
            ip,
            ..self.address.clone()
        };
        if self.knows_the_log() && member.address != address && self.asks.is_idle() {
            let change = Change::Move {
                node: self.identity.node,
                address,
            };
            self.ask(Asker::Nobody, Order::Change(change));
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let topology = self.topology();
        let shard = match topology.role(self.identity.node) {
            Some(Role::Primary(shard)) => topology.shards().get(&shard),
            _ => None,
        };
        let has_slots = shard.is_some_and(|shard| !shard.slots.is_empty());
        let has_keys = self.holds_keys && topology.owns_keys(self.identity.node);
        Standing {
            members: u32::try_from(topology.members().len()).unwrap_or(u32::MAX),
            holds_data: has_slots || has_keys,
            epoch: shard.map_or(0, |shard| shard.epoch),
        }
    }
}

/// Names are random: this is none.
fn nobody(id: RaftId) -> NodeId {
    let mut name = [0; 20];
    name[12..].copy_from_slice(&id.to_be_bytes());
    NodeId::new(name)
}
