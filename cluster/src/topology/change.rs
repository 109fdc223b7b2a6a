//! What the entries of the log say.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Address, Emptied, InSync, Role, Shard, Topology};
use crate::id::{NodeId, ShardId};
use crate::slot::{Slot, SlotSet};
use crate::switches::{Rule, is_off};

/// One entry. It is checked when it is applied, against the topology at its place in the log: what its proposer knew may be
/// out of date. The same change twice is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// CLUSTER ADDSLOTS: slots that nobody owns.
    AddSlots { node: NodeId, slots: SlotSet },
    /// CLUSTER DELSLOTS: nobody owns them any more. Any node may say so: tools take the slots of a dead primary this way.
    DelSlots { slots: SlotSet },
    /// CLUSTER FLUSHSLOTS: all that the node owns.
    FlushSlots { node: NodeId },
    /// CLUSTER SETSLOT MIGRATING.
    MarkMigrating {
        node: NodeId,
        slot: Slot,
        to: NodeId,
    },
    /// CLUSTER SETSLOT IMPORTING.
    MarkImporting {
        node: NodeId,
        slot: Slot,
        from: NodeId,
    },
    /// CLUSTER SETSLOT STABLE.
    CloseSlot { node: NodeId, slot: Slot },
    /// CLUSTER SETSLOT NODE, said to the node `by`.
    GiveSlots {
        by: NodeId,
        slots: SlotSet,
        to: NodeId,
        emptied: Emptied,
    },
    /// CLUSTER REPLICATE.
    Replicate { node: NodeId, primary: NodeId },
    /// CLUSTER SET-CONFIG-EPOCH.
    SetConfigEpoch { node: NodeId, epoch: u64 },
    /// CLUSTER BUMPEPOCH.
    BumpEpoch { node: NodeId },
    /// What a node had when it was a cluster of one: it keeps those slots that are free here, and its epoch if that is.
    Bring {
        node: NodeId,
        slots: SlotSet,
        epoch: u64,
    },
    /// A failover: `candidate` leads the shard from here on. Decided for the shard as it was at `expected_epoch`.
    Promote {
        shard: ShardId,
        expected_epoch: u64,
        candidate: NodeId,
    },
    /// CLUSTER FAILOVER TAKEOVER: the same, whatever the candidate lacks.
    TakeOver {
        shard: ShardId,
        expected_epoch: u64,
        candidate: NodeId,
    },
    /// The primary says when it acknowledges, and who has all that it has acknowledged.
    SetInSync(InSync),
    /// The node is reached elsewhere.
    Move { node: NodeId, address: Address },
}

impl Change {
    /// CLUSTER FAILOVER FORCE or TAKEOVER.
    pub fn forced(
        shard: ShardId,
        expected_epoch: u64,
        candidate: NodeId,
        is_takeover: bool,
    ) -> Change {
        match is_takeover {
            true => Change::TakeOver {
                shard,
                expected_epoch,
                candidate,
            },
            false => Change::Promote {
                shard,
                expected_epoch,
                candidate,
            },
        }
    }
}

/// What a change that was made answers to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    Done,
    /// The shard's epoch is new.
    Bumped(u64),
    /// It was the highest already.
    Still(u64),
}

impl fmt::Display for Applied {
    /// As the status reply says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Applied::Done => f.write_str("OK"),
            Applied::Bumped(epoch) => write!(f, "BUMPED {epoch}"),
            Applied::Still(epoch) => write!(f, "STILL {epoch}"),
        }
    }
}

/// Why a change was not made, in the words of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal(pub String);

impl Refusal {
    pub(super) fn unknown(node: NodeId) -> Refusal {
        Refusal(format!("ERR Unknown node {node}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Topology {
    /// Makes the change, or none at all.
    pub fn apply(&mut self, change: &Change) -> Result<Applied, Refusal> {
        match change {
            Change::AddSlots { node, slots } => self.add_slots(*node, slots),
            Change::DelSlots { slots } => self.del_slots(slots),
            Change::FlushSlots { node } => self.flush_slots(*node),
            Change::MarkMigrating { node, slot, to } => self.mark_migrating(*node, *slot, *to),
            Change::MarkImporting { node, slot, from } => self.mark_importing(*node, *slot, *from),
            Change::CloseSlot { node, slot } => self.close_slot(*node, *slot),
            Change::GiveSlots {
                by,
                slots,
                to,
                emptied,
            } => self.give_slots(*by, slots, *to, *emptied),
            Change::Replicate { node, primary } => self.replicate(*node, *primary),
            Change::SetConfigEpoch { node, epoch } => self.set_config_epoch(*node, *epoch),
            Change::BumpEpoch { node } => return self.bump_epoch(*node),
            Change::Bring { node, slots, epoch } => self.bring(*node, slots, *epoch),
            Change::Promote {
                shard,
                expected_epoch,
                candidate,
            } => self.promote(*shard, *expected_epoch, *candidate, Shard::may_succeed),
            Change::TakeOver {
                shard,
                expected_epoch,
                candidate,
            } => self.promote(*shard, *expected_epoch, *candidate, |_, _| true),
            Change::SetInSync(said) => self.set_in_sync(said),
            Change::Move { node, address } => self.relocate(*node, address),
        }?;
        Ok(Applied::Done)
    }

    /// The shard that `node` leads, for what `command` may only do with one.
    pub(super) fn led(&self, node: NodeId, command: &str) -> Result<ShardId, Refusal> {
        match self.role(node) {
            Some(Role::Primary(shard)) => Ok(shard),
            Some(Role::Replica(_) | Role::Witness) => Err(Refusal(format!(
                "ERR Please use {command} only with masters."
            ))),
            None => Err(Refusal::unknown(node)),
        }
    }

    fn replicate(&mut self, node: NodeId, primary: NodeId) -> Result<(), Refusal> {
        let target = match self.role(primary) {
            Some(_) if node == primary => {
                return Err(Refusal("ERR Can't replicate myself".to_owned()));
            }
            Some(Role::Primary(target)) => target,
            Some(Role::Replica(_)) => {
                let text = "ERR I can only replicate a master, not a replica.";
                return Err(Refusal(text.to_owned()));
            }
            // Clients do not see a witness.
            Some(Role::Witness) | None => return Err(Refusal::unknown(primary)),
        };
        match self.role(node) {
            Some(Role::Primary(own)) if self.shards[&own].slots.is_empty() => {
                self.dissolve(own, target);
            }
            Some(Role::Primary(_)) => {
                let text = "ERR To set a master the node must be empty and without assigned slots.";
                return Err(Refusal(text.to_owned()));
            }
            Some(Role::Replica(_)) => {
                if let Some(member) = self.members.get_mut(&node)
                    && member.shard != target
                {
                    let left = std::mem::replace(&mut member.shard, target);
                    if let Some(left) = self.shards.get_mut(&left) {
                        left.distrust(node);
                    }
                }
            }
            Some(Role::Witness) => {
                return Err(Refusal("ERR A witness holds no data".to_owned()));
            }
            None => return Err(Refusal::unknown(node)),
        }
        Ok(())
    }

    /// All members of a shard without slots become replicas in another: nobody follows a replica.
    pub(super) fn dissolve(&mut self, shard: ShardId, into: ShardId) {
        for member in self.members.values_mut() {
            if member.shard == shard {
                member.shard = into;
            }
        }
        self.end(shard);
    }

    fn promote(
        &mut self,
        shard: ShardId,
        expected: u64,
        candidate: NodeId,
        may_succeed: impl Fn(&Shard, NodeId) -> bool,
    ) -> Result<(), Refusal> {
        let is_member = match self.role(candidate) {
            Some(Role::Primary(own) | Role::Replica(own)) => own == shard,
            Some(Role::Witness) | None => false,
        };
        if !is_member {
            let text = format!("ERR Node {candidate} is not in shard {shard}");
            return Err(Refusal(text));
        }
        let led = &self.shards[&shard];
        let &Shard { epoch, primary, .. } = led;
        if epoch != expected && !is_off(Rule::PromotionsNameEpochs) {
            let text = format!("ERR Shard {shard} is at epoch {epoch}, not {expected}");
            return Err(Refusal(text));
        }
        if primary == candidate {
            return Ok(());
        }
        if !may_succeed(led, candidate) && !is_off(Rule::SuccessorsAreInSync) {
            let text = format!(
                "NOGOODREPLICA Node {candidate} may lack writes that shard {shard} has acknowledged"
            );
            return Err(Refusal(text));
        }
        let next = self.next_epoch()?;
        if let Some(shard) = self.shards.get_mut(&shard) {
            shard.succeed(candidate);
        }
        if !is_off(Rule::PromotionsRaiseEpochs) {
            self.set_epoch(shard, next);
        }
        Ok(())
    }

    fn relocate(&mut self, node: NodeId, address: &Address) -> Result<(), Refusal> {
        if !Address::is_hostname(&address.hostname) {
            let text = "ERR Hostnames may only contain alphanumeric characters, hyphens or dots";
            return Err(Refusal(text.to_owned()));
        }
        let unknown = || Refusal::unknown(node);
        let member = self.members.get_mut(&node).ok_or_else(unknown)?;
        member.address = address.clone();
        Ok(())
    }
}
