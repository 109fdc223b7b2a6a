//! What the log builds: the topology, and who has been answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{NodeId, ShardId};
use crate::slot::SlotSet;
use crate::switches::{Rule, is_off};
use crate::topology::{Admission, Applied, Change, Forgetting, RaftId, Refusal, Role, Topology};

/// The place of a request among all of its node: the start of the node, and a number that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    pub start: u64,
    pub number: u64,
}

/// What a node asks of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    Change(Change),
    /// CLUSTER FORGET.
    Forget(NodeId),
    /// CLUSTER RESET: the one who asks goes, and gives its slots up.
    Leave,
}

/// An order with its origin. Nodes ask for one thing at a time, so an order that is not newer than the last one of its node
/// is a copy of one that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub origin: NodeId,
    pub stamp: Stamp,
    pub order: Order,
}

/// A node that wants to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    pub admission: Admission,
    /// Of its own, unless it becomes a replica.
    pub shard: ShardId,
    /// What it had as a cluster of one.
    pub slots: SlotSet,
    pub epoch: u64,
}

/// What changes who takes part in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Membership {
    /// As a learner.
    Admit(Seat),
    /// A learner has caught up, and votes.
    Promote(RaftId),
    /// A voter listens only: an even number of them is of no use.
    Demote(RaftId),
    /// The node has come back without its log: its old name goes first.
    Supersede(RaftId),
    /// See [`Order::Forget`] and [`Order::Leave`].
    Dismiss(Request),
}

/// A request was carried out, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) origin: NodeId,
    pub(crate) stamp: Stamp,
    pub(crate) outcome: Result<Applied, Refusal>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) topology: Topology,
    /// The last request of each node.
    last: BTreeMap<NodeId, Stamp>,
    /// The last join of each node, of those who have left too: a copy of their request must not bring them back.
    joins: BTreeMap<NodeId, u64>,
}

/// Nodes whose joins are remembered; more than any cluster loses while a copy is on its way.
const JOINS_MAX: usize = 4096;

/// Bytes that are none of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

impl State {
    pub(crate) fn new(topology: Topology) -> State {
        State {
            topology,
            last: BTreeMap::new(),
            joins: BTreeMap::new(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<State, Unreadable> {
        decode(bytes)
    }

    /// Carries out a request whose entry is committed; none = it was before.
    pub(super) fn carry_out(&mut self, request: &Request) -> Option<Answered> {
        if !self.is_new(request) {
            return None;
        }
        let outcome = match &request.order {
            Order::Change(change) => self.topology.apply(change),
            Order::Forget(node) => match self.topology.may_dismiss(request.origin, *node) {
                Ok(Forgetting::Due) => self.dismiss(*node),
                Ok(Forgetting::Done) => Ok(Applied::Done),
                Err(refusal) => Err(refusal),
            },
            Order::Leave => {
                let node = request.origin;
                let flush = Change::FlushSlots { node };
                // A replica owns none.
                let _ = self.topology.apply(&flush);
                self.dismiss(node)
            }
        };
        Some(Answered {
            origin: request.origin,
            stamp: request.stamp,
            outcome,
        })
    }

    fn dismiss(&mut self, node: NodeId) -> Result<Applied, Refusal> {
        let join = self.topology.member(node).map(|member| member.join);
        self.topology.dismiss(node)?;
        self.last.remove(&node);
        // A copy of the request by which it came must not bring it back.
        self.joins.extend(join.map(|join| (node, join)));
        Ok(Applied::Done)
    }

    /// Whether a request of this node was carried out or refused, or a later one.
    pub(crate) fn has_dealt_with(&self, origin: NodeId, stamp: Stamp) -> bool {
        let last = self.last.get(&origin);
        last.is_some_and(|&last| stamp <= last) && !is_off(Rule::RequestsCountOnce)
    }

    fn is_new(&mut self, request: &Request) -> bool {
        if self.has_dealt_with(request.origin, request.stamp) {
            return false;
        }
        // Whoever is no member has nothing to say any more, and must not be remembered for ever.
        if self.topology.member(request.origin).is_none() {
            return false;
        }
        self.last.insert(request.origin, request.stamp);
        true
    }

    /// Whether the node was taken in by this request or a later one.
    pub(crate) fn has_joined(&self, node: NodeId, join: u64) -> bool {
        self.joins.get(&node).is_some_and(|&last| join <= last)
    }

    /// What becomes of a change of the members, and whether it holds: all nodes come to the same judgement. `id` = the name
    /// that it is about.
    pub(super) fn change_members(
        &mut self,
        id: RaftId,
        membership: &Membership,
    ) -> (bool, Option<Answered>) {
        match membership {
            Membership::Admit(Seat { admission, .. })
                if (self.topology.next_raft_id() != id && !is_off(Rule::NamesAreNew))
                    || self.has_joined(admission.node, admission.join) =>
            {
                (false, None)
            }
            Membership::Admit(seat) => {
                self.admit(seat);
                (true, None)
            }
            Membership::Promote(id) | Membership::Demote(id) => {
                (self.topology.member_by_raft_id(*id).is_some(), None)
            }
            Membership::Supersede(_) => (true, None),
            Membership::Dismiss(request) => {
                let answer = self.carry_out(request);
                (self.topology.member_by_raft_id(id).is_none(), answer)
            }
        }
    }

    /// Only `node` takes part in a new line of history, and it leads its shard; where it has asked to be taken in until now, by
    /// its requests up to `join`, it does not want to be any more. The others are members still, and may be taken in by the
    /// request that they have made last.
    pub(super) fn begin_line(
        &mut self,
        node: NodeId,
        join: u64,
        is_takeover: bool,
    ) -> Result<(), Refusal> {
        self.topology.note_join(node, join);
        if let Some(Role::Replica(shard)) = self.topology.role(node) {
            let expected_epoch = self.topology.shards()[&shard].epoch;
            let change = Change::forced(shard, expected_epoch, node, is_takeover);
            self.topology.apply(&change)?;
        }
        let topology = &self.topology;
        self.joins
            .retain(|&other, _| other == node || topology.member(other).is_none());
        Ok(())
    }

    /// Takes a node in; the id that it gets.
    fn admit(&mut self, seat: &Seat) -> RaftId {
        let node = seat.admission.node;
        if self.joins.len() >= JOINS_MAX {
            let topology = &self.topology;
            self.joins
                .retain(|&node, _| topology.member(node).is_some());
        }
        self.joins.insert(node, seat.admission.join);
        let is_known = self.topology.member(node).is_some();
        let raft_id = self.topology.admit(seat.shard, seat.admission.clone());
        if !is_known {
            let bring = Change::Bring {
                node,
                slots: seat.slots.clone(),
                epoch: seat.epoch,
            };
            // A witness brings nothing.
            let _ = self.topology.apply(&bring);
        }
        raft_id
    }
}

/// MessagePack.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value)
        .expect("our types have a MessagePack form, and memory does not refuse bytes")
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    rmp_serde::from_slice(bytes).map_err(|error| Unreadable(error.to_string()))
}
