//! A node goes: others have forgotten it, or it was reset. It is a cluster of one again.

use super::{Machine, admission};
use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::Engine;
use crate::raft::state::{Order, State};
use crate::record::{Generation, Identity};
use crate::topology::{Applied, Refusal, Topology};

/// A client that waits for the end of its CLUSTER RESET.
#[derive(Debug)]
pub(super) struct Resetting {
    pub(super) client: u64,
    is_hard: bool,
    age: u32,
}

/// Ticks after which a node that wants to leave leaves without the others' word: 5 s.
const RESET_PATIENCE: u32 = 200;

impl Machine {
    /// Whether the log says that this node is out of it.
    pub(super) fn look_at_myself(&mut self) {
        let member = self.topology().member(self.identity.node);
        let is_member = member.is_some_and(|member| member.raft_id == self.engine.id());
        if self.knows_the_log() && !is_member {
            self.leave();
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
        let Identity { node, shard, .. } = self.identity;
        let mut identity = Identity {
            cluster: ClusterId::new(self.dice.id()),
            raft_id: 1,
            ..self.identity
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
        debug_assert!(is_hard || identity.node == node);
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
        if resetting.age > RESET_PATIENCE {
            self.asks.forget();
            self.leave();
        }
    }
}
