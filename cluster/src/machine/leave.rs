//! A node goes: others have forgotten it, or it was reset. It is a cluster of one again.

use super::{Machine, PATIENCE, admission};
use crate::frame::Body;
use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::Engine;
use crate::raft::state::{Order, State};
use crate::record::{Generation, Identity};
use crate::topology::{Applied, RaftId, Refusal, Topology};

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
        let raft_id = self.engine.id();
        let body = Body::Lost { raft_id };
        if self.knows_the_log() {
            let (me, members) = (self.identity.node, self.topology().members());
            let others: Vec<NodeId> = members.keys().copied().filter(|&node| node != me).collect();
            if !others.is_empty() {
                let turn = (self.lost / LOST) as usize % others.len();
                self.send(others[turn], body);
            }
        } else if self.lost > GIVEN_UP {
            // It has no part in anything yet. Should it be a member after all, it will be told again, and say that it has gone.
            self.leave();
        } else if let Some(sponsor) = self.identity.sponsor.clone() {
            self.send_to(sponsor.by, Some(sponsor.address), body);
        }
    }

    /// Whether the log says that this node is out of it.
    pub(super) fn look_at_myself(&mut self) {
        let member = self.topology().member(self.identity.node);
        let is_member = member.is_some_and(|member| member.raft_id == self.engine.id());
        if !self.knows_the_log() || is_member {
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
        self.refound(
            resetting
                .as_ref()
                .is_some_and(|resetting| resetting.is_hard),
        );
        if let Some(Resetting { client, .. }) = resetting {
            self.answer(client, Ok(Applied::Done));
        }
    }

    fn refound(&mut self, is_hard: bool) {
        let shard = self.identity.shard;
        let mut identity = Identity {
            cluster: ClusterId::new(self.dice.id()),
            raft_id: 1,
            joining: None,
            sponsor: None,
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
            false => self
                .topology()
                .refounded(identity.cluster, shard, admission),
        };
        self.begin_log(identity, Engine::first_log(1, State::new(topology)));
    }

    pub(super) fn reset(&mut self, client: u64, is_hard: bool) {
        if self.resetting.is_some() {
            let text = "ERR The node is being reset already";
            return self.answer(client, Err(Refusal(text.to_owned())));
        }
        if self.topology().members().len() <= 1 {
            self.refound(is_hard);
            return self.answer(client, Ok(Applied::Done));
        }
        self.resetting = Some(Resetting {
            client,
            is_hard,
            age: 0,
        });
        self.ask(None, Order::Leave);
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
