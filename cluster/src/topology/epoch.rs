//! Which epoch a shard has, and gets.

use super::{Applied, Refusal, Role, Topology};
use crate::id::{NodeId, ShardId};

/// Clients read epochs as signed numbers.
pub(super) const EPOCH_MAX: u64 = i64::MAX as u64;

impl Topology {
    /// CLUSTER SET-CONFIG-EPOCH: a node that is alone and has none yet chooses its own.
    pub(super) fn set_config_epoch(&mut self, node: NodeId, epoch: u64) -> Result<(), Refusal> {
        let shard = self.led(node, "SET-CONFIG-EPOCH")?;
        let refuse = |text: &str| Err(Refusal(text.to_owned()));
        if epoch > EPOCH_MAX {
            return Err(Refusal(format!(
                "ERR Invalid config epoch specified: {epoch}"
            )));
        }
        if self.members.len() > 1 {
            return refuse(
                "ERR The user can assign a config epoch only when the node does not know any other node.",
            );
        }
        if self.shards[&shard].epoch != 0 {
            return refuse("ERR Node config epoch is already non-zero");
        }
        self.set_epoch(shard, epoch);
        Ok(())
    }

    /// CLUSTER BUMPEPOCH: the node's shard gets the highest of all, unless it has it. For a replica that is its primary's.
    pub(super) fn bump_epoch(&mut self, node: NodeId) -> Result<Applied, Refusal> {
        let shard = match self.role(node) {
            Some(Role::Primary(shard) | Role::Replica(shard)) => shard,
            Some(Role::Witness) | None => return Err(Refusal::unknown(node)),
        };
        let before = self.shards[&shard].epoch;
        let epoch = self.highest(shard)?;
        self.set_epoch(shard, epoch);
        Ok(match epoch == before {
            true => Applied::Still(epoch),
            false => Applied::Bumped(epoch),
        })
    }

    pub(super) fn set_epoch(&mut self, shard: ShardId, epoch: u64) {
        if let Some(shard) = self.shards.get_mut(&shard) {
            shard.epoch = epoch;
        }
        self.current_epoch = self.current_epoch.max(epoch);
    }

    /// An epoch that no shard ever had.
    pub(super) fn next_epoch(&self) -> Result<u64, Refusal> {
        match self.current_epoch < EPOCH_MAX {
            true => Ok(self.current_epoch + 1),
            false => Err(Refusal("ERR No epoch is left".to_owned())),
        }
    }

    /// The shard's own epoch if it is the highest, or the next.
    pub(super) fn highest(&self, shard: ShardId) -> Result<u64, Refusal> {
        match self.shards[&shard].epoch {
            0 => self.next_epoch(),
            epoch if epoch == self.current_epoch => Ok(epoch),
            _ => self.next_epoch(),
        }
    }

    /// `epoch` for a shard that will have slots if nobody else with slots has it, or the next. Redis lets two primaries find
    /// out that they have the same; here it never comes to that.
    pub(super) fn distinct(&self, shard: ShardId, epoch: u64) -> Result<u64, Refusal> {
        let is_taken = self.shards.iter().any(|(&id, other)| {
            id != shard && other.epoch == epoch && (epoch > 0 || !other.slots.is_empty())
        });
        match is_taken {
            true => self.next_epoch(),
            false => Ok(epoch),
        }
    }
}
