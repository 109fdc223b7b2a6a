//! What all nodes agree on: the members, the shards, who owns which slot. It changes only by applying entries of the log, in
//! their order, so it is the same on every node at the same index.

mod change;
mod check;
mod epoch;
mod image;
mod in_sync;
mod member;
mod shard;
mod slots;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{Applied, Change, Refusal};
pub use in_sync::{AckMode, InSync};
pub use member::{Address, Admission, Kind, Member, RaftId};
pub use shard::Shard;
pub use slots::{Emptied, Naming};

use crate::id::{ClusterId, NodeId, ShardId};
use crate::slot::Slot;
use crate::switches::{Rule, is_off};
use image::Image;

/// See the module. Only one that passes [`Topology::check`] is read from bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Image", into = "Image")]
pub struct Topology {
    pub cluster: ClusterId,
    /// The highest epoch that was ever given to a shard.
    pub current_epoch: u64,
    /// Not reused within a generation: a node that lost its log gets a new one.
    next_raft_id: RaftId,
    members: BTreeMap<NodeId, Member>,
    shards: BTreeMap<ShardId, Shard>,
    /// Who left last, the latest at the end: tools ask every node to forget the same one, and each must be able to say that
    /// it is done.
    departed: Vec<NodeId>,
}

/// More than any tool forgets in one go.
const DEPARTED_MAX: usize = 256;

/// A node's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Primary(ShardId),
    Replica(ShardId),
    Witness,
}

impl Role {
    /// Where the node is with its data.
    pub fn shard(self) -> Option<ShardId> {
        match self {
            Role::Primary(shard) | Role::Replica(shard) => Some(shard),
            Role::Witness => None,
        }
    }
}

/// What CLUSTER FORGET has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgetting {
    /// The node must be dismissed.
    Due,
    /// It left already.
    Done,
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
            departed: Vec::new(),
        };
        topology.admit(shard, founder);
        topology
    }

    /// What a node founds for itself after CLUSTER RESET SOFT: it forgets the others and all slots, and keeps the epochs. It
    /// must have left this cluster, if there are others in it. `holds_copy`: it was a replica there.
    pub fn refounded(
        &self,
        cluster: ClusterId,
        shard: ShardId,
        founder: Admission,
        holds_copy: bool,
    ) -> Topology {
        let node = founder.node;
        let epoch = match self.role(node) {
            // That of a replica is its primary's.
            Some(Role::Primary(led)) => self.shards.get(&led).map_or(0, |led| led.epoch),
            _ => 0,
        };
        let mut topology = Topology::alone(cluster, shard, founder);
        topology.current_epoch = self.current_epoch;
        if let Some(own) = topology.shards.get_mut(&shard) {
            own.epoch = epoch;
            own.holds_copy = holds_copy;
        }
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

    /// Nobody's, if the node is unknown.
    pub fn role(&self, node: NodeId) -> Option<Role> {
        let member = self.members.get(&node)?;
        Some(match (member.kind, self.shards.get(&member.shard)) {
            (Kind::Data, Some(shard)) if shard.primary == node => Role::Primary(member.shard),
            (Kind::Data, _) => Role::Replica(member.shard),
            (Kind::Witness, _) => Role::Witness,
        })
    }

    /// Whether the node is the primary of its shard.
    pub fn leads(&self, node: NodeId) -> bool {
        matches!(self.role(node), Some(Role::Primary(_)))
    }

    /// Whether the keys that the node has are its own: a replica's are its primary's.
    pub fn owns_keys(&self, node: NodeId) -> bool {
        let Some(Role::Primary(shard)) = self.role(node) else {
            return false;
        };
        self.shards.get(&shard).is_some_and(|own| !own.holds_copy)
    }

    /// The members of a shard that follow its primary, in the order of their names.
    pub fn replicas(&self, shard: ShardId) -> impl Iterator<Item = (NodeId, &Member)> {
        let primary = self.shards.get(&shard).map(|shard| shard.primary);
        let members = self.members.iter().map(|(&node, member)| (node, member));
        members.filter(move |&(node, member)| {
            member.kind == Kind::Data && member.shard == shard && primary != Some(node)
        })
    }

    /// Whose slot it is.
    pub fn owner(&self, slot: Slot) -> Option<(ShardId, &Shard)> {
        let mut shards = self.shards.iter().map(|(&id, shard)| (id, shard));
        shards.find(|(_, shard)| shard.slots.contains(slot))
    }

    /// The id that the next admission gets; the leader proposes it, one admission at a time.
    pub fn next_raft_id(&self) -> RaftId {
        self.next_raft_id
    }

    /// The last join of a member: what it has asked for before it says no more.
    pub(crate) fn note_join(&mut self, node: NodeId, join: u64) {
        if let Some(member) = self.members.get_mut(&node) {
            member.join = member.join.max(join);
        }
    }

    /// Takes a node in as the primary of a shard of its own without slots, unless it is a witness. A newer incarnation of a
    /// member gets a new id and keeps its place: what data it still has is another question. Returns its id in the log.
    pub fn admit(&mut self, shard: ShardId, admission: Admission) -> RaftId {
        let node = admission.node;
        let old = self.members.get(&node).map(|known| known.raft_id);
        let raft_id = match old.filter(|_| is_off(Rule::NamesAreNew)) {
            Some(old) => old,
            None => self.next_raft_id,
        };
        self.next_raft_id = self.next_raft_id.max(raft_id + 1);
        self.departed.retain(|&departed| departed != node);
        let known = self.members.get(&node);
        if let Some(seat) = known
            .filter(|known| known.kind == admission.kind)
            .map(|known| known.shard)
        {
            let member = Member::new(raft_id, seat, admission);
            self.members.insert(node, member);
            if let Some(shard) = self.shards.get_mut(&seat) {
                shard.distrust(node);
            }
            return raft_id;
        }
        self.remove(node);
        if admission.kind == Kind::Data {
            // One that is there already is joined: two nodes cannot both found it.
            self.shards.entry(shard).or_insert_with(|| Shard::new(node));
        }
        let member = Member::new(raft_id, shard, admission);
        self.members.insert(node, member);
        raft_id
    }

    /// Whether the node was a member, and is none any more.
    pub fn has_left(&self, node: NodeId) -> bool {
        self.departed.contains(&node)
    }

    /// Whether an operator may have `by` ask for the dismissal of `node`.
    pub fn may_forget(&self, by: NodeId, node: NodeId) -> Result<Forgetting, Refusal> {
        let shard = self.members.get(&node).map(|member| member.shard);
        let is_followed = shard.is_some_and(|shard| self.role(by) == Some(Role::Replica(shard)));
        if is_followed && self.leads(node) {
            return Err(Refusal("ERR Can't forget my master!".to_owned()));
        }
        self.may_dismiss(by, node)
    }

    /// Whether `by` may have `node` dismissed. Its own primary, too, when that has gone.
    pub fn may_dismiss(&self, by: NodeId, node: NodeId) -> Result<Forgetting, Refusal> {
        if !self.members.contains_key(&node) {
            return match self.has_left(node) {
                true => Ok(Forgetting::Done),
                false => Err(Refusal::unknown(node)),
            };
        }
        if node == by {
            let text = "ERR I tried hard but I can't forget myself...";
            return Err(Refusal(text.to_owned()));
        }
        self.may_leave(node).map(|()| Forgetting::Due)
    }

    /// Lets a node go, if it is there: by CLUSTER FORGET or its own CLUSTER RESET. Refused while it leads slots: here that
    /// would take them from everybody, not only from the view of the node that was asked. Its replicas, which have no data
    /// then, get one of their own as the primary.
    pub fn dismiss(&mut self, node: NodeId) -> Result<(), Refusal> {
        if !self.members.contains_key(&node) {
            return Ok(());
        }
        self.may_leave(node)?;
        self.remove(node);
        self.departed.push(node);
        let surplus = self.departed.len().saturating_sub(DEPARTED_MAX);
        self.departed.drain(..surplus);
        Ok(())
    }

    fn may_leave(&self, node: NodeId) -> Result<(), Refusal> {
        if self.members.len() == 1 {
            return Err(Refusal("ERR The last node can't be forgotten".to_owned()));
        }
        match self.role(node) {
            Some(Role::Primary(shard)) if !self.shards[&shard].slots.is_empty() => {
                Err(Refusal(format!("ERR Node {node} still owns slots")))
            }
            _ => Ok(()),
        }
    }

    /// Takes a node out of every place that it has. A shard goes to its first replica; without one it ends.
    fn remove(&mut self, node: NodeId) {
        if let Some(Role::Primary(shard)) = self.role(node) {
            let heir = self.replicas(shard).next().map(|(heir, _)| heir);
            match (heir, self.shards.get_mut(&shard)) {
                (Some(heir), Some(led)) => {
                    led.succeed(heir);
                    if let Ok(epoch) = self.next_epoch() {
                        self.set_epoch(shard, epoch);
                    }
                }
                _ => self.end(shard),
            }
        }
        if let Some(Role::Replica(shard)) = self.role(node)
            && let Some(shard) = self.shards.get_mut(&shard)
        {
            shard.distrust(node);
        }
        self.members.remove(&node);
    }

    /// Ends a shard, which has no members any more.
    fn end(&mut self, shard: ShardId) {
        self.shards.remove(&shard);
        for other in self.shards.values_mut() {
            other.forget(shard);
        }
    }
}
