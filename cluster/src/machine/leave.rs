//! A node goes: others have forgotten it, or it was reset. It is a cluster of one again.

use super::ask::Asker;
use super::{Machine, PATIENCE, admission};
use crate::frame::Body;
use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::Engine;
use crate::raft::state::{Order, State};
use crate::record::{Generation, Identity};
use crate::topology::{Address, RaftId, Refusal, Role, Topology};

/// A client that waits for the end of its CLUSTER RESET.
#[derive(Debug)]
pub(super) struct Resetting {
    pub(super) client: u64,
    is_hard: bool,
    age: u32,
}

/// Ticks without a word of the log after which a node asks whether it is still a member, and between two such questions (1 s).
const LOST: u32 = 40;
/// Ticks for which a leader that is out goes on to lead (1 s).
const FAREWELL: u32 = 40;
/// Ticks after which a node that was taken in, and has heard nothing of the log since, is on its own again (10 s).
const GIVEN_UP: u32 = 400;

impl Machine {
    /// A node speaks of itself under a name of the log; whether it was removed, and is told.
    pub(super) fn look_for(&mut self, from: NodeId, raft_id: RaftId) -> bool {
        let topology = self.topology();
        let is_member = topology.member_by_raft_id(raft_id).is_some();
        let is_gone = self.knows_the_log() && !is_member && raft_id < topology.next_raft_id();
        if is_gone {
            // Names never come back, so even one who lags behind may say so.
            self.send(from, Body::Removed { raft_id });
        }
        is_gone
    }

    /// A learner says nothing by itself, so nobody would tell it that it was removed while it was away.
    pub(super) fn tick_lost(&mut self) {
        // A learner takes the last leader for the leader for ever.
        self.lost = match self.engine.is_leader() {
            true => 0,
            false => self.lost.wrapping_add(1),
        };
        if self.lost == 0 || !self.lost.is_multiple_of(LOST) {
            return;
        }
        if self.is_a_stranger() && self.lost > GIVEN_UP {
            // It has no part in anything yet. Should it be a member after all, it will be told again, and say that it has gone.
            return self.leave();
        }
        let raft_id = self.engine.id();
        if let Some((node, address)) = self.somebody(self.lost / LOST) {
            self.send_to(node, address, Body::Lost { raft_id });
        }
    }

    /// Whether the node knows nobody of its cluster but the one who took it in.
    pub(super) fn is_a_stranger(&self) -> bool {
        !self.knows_the_log() && self.topology().cluster != self.identity.cluster
    }

    /// One of those who may know more than this node; with each turn another one.
    pub(super) fn somebody(&self, turn: u32) -> Option<(NodeId, Option<Address>)> {
        let mut known = Vec::new();
        if !self.knows_the_log() {
            let sponsor = self.identity.sponsor.iter();
            known.extend(sponsor.map(|sponsor| (sponsor.by, Some(sponsor.address.clone()))));
        }
        if !self.is_a_stranger() {
            let members = self.topology().members().iter();
            let others = members.filter(|&(&node, _)| node != self.identity.node);
            known.extend(others.map(|(&node, member)| (node, Some(member.address.clone()))));
        }
        let count = known.len().max(1);
        known.into_iter().nth(turn as usize % count)
    }

    /// Whether the log has a place for this node; which, is remembered.
    pub(super) fn note_place(&mut self) -> bool {
        let member = self.topology().member(self.identity.node);
        let is_member = member.is_some_and(|member| member.raft_id == self.engine.id());
        if is_member {
            let role = self.topology().role(self.identity.node);
            self.follows = matches!(role, Some(Role::Replica(_)));
        }
        is_member
    }

    /// Whether the log says that this node is out of it.
    pub(super) fn look_at_myself(&mut self) {
        if self.note_place() || !self.knows_the_log() {
            return;
        }
        // One that leads goes on for a while: of two voters the other cannot learn from anybody else that this is decided.
        if self.engine.is_leader() {
            self.farewell.get_or_insert(FAREWELL);
        } else {
            self.leave();
        }
    }

    pub(super) fn tick_farewell(&mut self) {
        let Some(rest) = self.farewell else { return };
        match rest {
            0 => self.leave(),
            rest => self.farewell = Some(rest - 1),
        }
    }

    /// The node is out: it is a cluster of one again.
    pub(super) fn leave(&mut self) {
        let resetting = self.resetting.take();
        let is_hard = resetting
            .as_ref()
            .is_some_and(|resetting| resetting.is_hard);
        self.refound(is_hard, resetting.map(|resetting| resetting.client));
    }

    /// Begins a cluster of one; who waits for that is told.
    fn refound(&mut self, is_hard: bool, client: Option<u64>) {
        self.asks.forget_leaving();
        let shard = self.identity.shard;
        let mut identity = Identity {
            cluster: ClusterId::new(self.dice.id()),
            raft_id: 1,
            joining: None,
            sponsor: None,
            superior: None,
            ..self.identity.clone()
        };
        if is_hard {
            identity.node = NodeId::new(self.dice.id());
            identity.shard = ShardId::new(self.dice.id());
            identity.join = 0;
        }
        identity.generation = Generation {
            counter: 1,
            maker: identity.node,
        };
        let admission = admission(&identity, &self.address);
        let topology = match is_hard {
            true => Topology::alone(identity.cluster, identity.shard, admission),
            false => {
                let topology = self.topology();
                topology.refounded(identity.cluster, shard, admission, self.follows)
            }
        };
        let log = Engine::first_log(1, State::new(topology));
        self.begin_log(identity, log, Vec::new(), client);
    }

    pub(super) fn reset(&mut self, client: u64, is_hard: bool) {
        if self.resetting.is_some() {
            let text = "ERR The node is being reset already";
            return self.answer(client, Err(Refusal(text.to_owned())));
        }
        if self.topology().members().len() <= 1 {
            return self.refound(is_hard, Some(client));
        }
        self.resetting = Some(Resetting {
            client,
            is_hard,
            age: 0,
        });
        self.ask(Asker::Nobody, Order::Leave);
    }

    pub(super) fn tick_reset(&mut self) {
        let Some(resetting) = &mut self.resetting else {
            return;
        };
        resetting.age += 1;
        if resetting.age > PATIENCE {
            // It leaves without the others' word.
            self.asks.forget();
            self.leave();
        }
    }
}
