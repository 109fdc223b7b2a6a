//! When a shard acknowledges a write, and who of its replicas has all of them: only such a one may follow the primary.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Refusal, Role, Shard, Topology};
use crate::id::{NodeId, ShardId};

/// When a primary acknowledges a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AckMode {
    /// When it has it.
    #[default]
    Async,
    /// When every replica in sync has it, too.
    Durable,
}

impl AckMode {
    /// As operators write it.
    pub fn name(self) -> &'static str {
        match self {
            AckMode::Async => "async",
            AckMode::Durable => "durable",
        }
    }
}

/// What the primary of a shard says of it, knowing the shard as it was at these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InSync {
    pub shard: ShardId,
    pub expected_epoch: u64,
    pub expected_revision: u64,
    pub ack_mode: AckMode,
    /// Must be none if the mode does not ask for them.
    pub replicas: BTreeSet<NodeId>,
}

impl Shard {
    /// Whether the replica may follow the primary without loss of what was acknowledged, as far as the mode promises that.
    pub fn may_succeed(&self, replica: NodeId) -> bool {
        self.ack_mode == AckMode::Async || self.in_sync.contains(&replica)
    }

    /// The replica leads from here on. Whoever was in sync still has all that was acknowledged, and the new primary
    /// acknowledges nothing without them; the old primary may have more than that, and must come back first. If the new one
    /// lacks something the others may have what it does not have.
    pub(super) fn succeed(&mut self, replica: NodeId) {
        if !self.in_sync.remove(&replica) {
            self.in_sync.clear();
        }
        self.primary = replica;
        self.revision += 1;
    }

    /// The replica is no more, or may have lost what it had.
    pub(super) fn distrust(&mut self, replica: NodeId) {
        if self.in_sync.remove(&replica) {
            self.revision += 1;
        }
    }
}

impl Topology {
    pub(super) fn set_in_sync(&mut self, said: &InSync) -> Result<(), Refusal> {
        let id = said.shard;
        let is_replica = |node: &NodeId| self.role(*node) == Some(Role::Replica(id));
        if let Some(stranger) = said.replicas.iter().find(|node| !is_replica(node)) {
            let text = format!("ERR Node {stranger} is no replica in shard {id}");
            return Err(Refusal(text));
        }
        if said.ack_mode == AckMode::Async && !said.replicas.is_empty() {
            let text = "ERR Without acknowledgements of replicas nobody knows who is in sync";
            return Err(Refusal(text.to_owned()));
        }
        let unknown = || Refusal(format!("ERR There is no shard {id}"));
        let shard = self.shards.get_mut(&id).ok_or_else(unknown)?;
        let (known, expected) = (
            (shard.epoch, shard.revision),
            (said.expected_epoch, said.expected_revision),
        );
        if known != expected {
            let text = format!("ERR Shard {id} is at {known:?}, not {expected:?}");
            return Err(Refusal(text));
        }
        shard.ack_mode = said.ack_mode;
        shard.in_sync.clone_from(&said.replicas);
        shard.revision += 1;
        Ok(())
    }
}
