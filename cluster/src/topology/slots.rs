//! Who owns which slot: the changes of CLUSTER ADDSLOTS, DELSLOTS, SETSLOT and their like.

use serde::{Deserialize, Serialize};

use super::epoch::EPOCH_MAX;
use super::{Refusal, Role, Topology};
use crate::id::{NodeId, ShardId};
use crate::slot::{Slot, SlotSet};

/// What becomes of a shard whose last slot another one gets (`cluster-allow-replica-migration` of the node that was asked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Emptied {
    /// It stays, without slots.
    Stays,
    /// Its members become replicas of who got the slot.
    Follows,
}

/// Why a command names slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    ToAdd,
    ToDelete,
}

impl Topology {
    /// The set of the slots that a command names. What it names twice is an error that no set can show, and Redis reports the
    /// first error in the order of the arguments; so this looks at the owners too, as this node knows them now. That they
    /// are still the same is checked when the change is applied.
    pub fn named_slots(
        &self,
        naming: Naming,
        named: impl IntoIterator<Item = Slot>,
    ) -> Result<SlotSet, Refusal> {
        let owned = self.owned();
        let mut slots = SlotSet::default();
        for slot in named {
            match (naming, owned.contains(slot)) {
                (Naming::ToAdd, true) => return Err(busy(slot)),
                (Naming::ToDelete, false) => return Err(unassigned(slot)),
                _ => {}
            }
            if !slots.insert(slot) {
                let text = format!("ERR Slot {slot} specified multiple times");
                return Err(Refusal(text));
            }
        }
        Ok(slots)
    }

    fn owned(&self) -> SlotSet {
        let mut owned = SlotSet::default();
        for shard in self.shards.values() {
            owned.unite(&shard.slots);
        }
        owned
    }

    pub(super) fn add_slots(&mut self, node: NodeId, slots: &SlotSet) -> Result<(), Refusal> {
        let owned = self.owned();
        if let Some(slot) = slots.iter().find(|&slot| owned.contains(slot)) {
            return Err(busy(slot));
        }
        let own = self.led(node, "ADDSLOTS")?;
        self.gain(own, slots)
    }

    /// Hands free slots to a shard.
    fn gain(&mut self, own: ShardId, slots: &SlotSet) -> Result<(), Refusal> {
        if slots.is_empty() {
            return Ok(());
        }
        let epoch = self.distinct(own, self.shards[&own].epoch)?;
        if let Some(shard) = self.shards.get_mut(&own) {
            shard.gain(slots);
        }
        self.set_epoch(own, epoch);
        Ok(())
    }

    pub(super) fn del_slots(&mut self, slots: &SlotSet) -> Result<(), Refusal> {
        let owned = self.owned();
        if let Some(slot) = slots.iter().find(|&slot| !owned.contains(slot)) {
            return Err(unassigned(slot));
        }
        for shard in self.shards.values_mut() {
            shard.lose(slots);
        }
        Ok(())
    }

    pub(super) fn flush_slots(&mut self, node: NodeId) -> Result<(), Refusal> {
        match self.role(node) {
            Some(Role::Primary(own)) => {
                if let Some(shard) = self.shards.get_mut(&own) {
                    let all = shard.slots.clone();
                    shard.lose(&all);
                }
                Ok(())
            }
            // They own none.
            Some(Role::Replica(_) | Role::Witness) => Ok(()),
            None => Err(Refusal::unknown(node)),
        }
    }

    pub(super) fn mark_migrating(
        &mut self,
        node: NodeId,
        slot: Slot,
        to: NodeId,
    ) -> Result<(), Refusal> {
        let own = self.led(node, "SETSLOT")?;
        if !self.shards[&own].slots.contains(slot) {
            let text = format!("ERR I'm not the owner of hash slot {slot}");
            return Err(Refusal(text));
        }
        let target = self.counterpart(own, to)?;
        if let Some(shard) = self.shards.get_mut(&own) {
            shard.migrating.insert(slot, target);
        }
        Ok(())
    }

    pub(super) fn mark_importing(
        &mut self,
        node: NodeId,
        slot: Slot,
        from: NodeId,
    ) -> Result<(), Refusal> {
        let own = self.led(node, "SETSLOT")?;
        if self.shards[&own].slots.contains(slot) {
            let text = format!("ERR I'm already the owner of hash slot {slot}");
            return Err(Refusal(text));
        }
        let source = self.counterpart(own, from)?;
        if let Some(shard) = self.shards.get_mut(&own) {
            shard.importing.insert(slot, source);
        }
        Ok(())
    }

    /// The shard at the other end of a mark of `own`. Redis lets a node name itself and then sends its clients in a circle;
    /// Valkey's refusal is better.
    fn counterpart(&self, own: ShardId, node: NodeId) -> Result<ShardId, Refusal> {
        Err(Refusal(match self.role(node) {
            Some(Role::Primary(shard)) if shard != own => return Ok(shard),
            Some(Role::Primary(_)) => "ERR Target node is myself".to_owned(),
            Some(Role::Replica(_)) => "ERR Target node is not a master".to_owned(),
            Some(Role::Witness) | None => format!("ERR I don't know about node {node}"),
        }))
    }

    pub(super) fn close_slot(&mut self, node: NodeId, slot: Slot) -> Result<(), Refusal> {
        let own = self.led(node, "SETSLOT")?;
        if let Some(shard) = self.shards.get_mut(&own) {
            shard.migrating.remove(&slot);
            shard.importing.remove(&slot);
        }
        Ok(())
    }

    /// The new owner's mark and the old one's are closed. A change of the owner raises the new one's epoch, unless it is the
    /// highest already, so a long migration does not cost an epoch for each slot.
    pub(super) fn give_slots(
        &mut self,
        by: NodeId,
        slots: &SlotSet,
        to: NodeId,
        emptied: Emptied,
    ) -> Result<(), Refusal> {
        self.led(by, "SETSLOT")?;
        let target = match self.role(to) {
            Some(Role::Primary(target)) => target,
            Some(Role::Replica(_)) => {
                return Err(Refusal("ERR Target node is not a master".to_owned()));
            }
            Some(Role::Witness) | None => return Err(Refusal::unknown(to)),
        };
        let mut coming = slots.clone();
        coming.subtract(&self.shards[&target].slots);
        if coming.is_empty() {
            return Ok(());
        }
        let epoch = self.highest(target)?;
        let mut left_empty = Vec::new();
        for (&id, shard) in &mut self.shards {
            if id != target && !shard.slots.is_disjoint(&coming) {
                shard.lose(&coming);
                left_empty.extend(shard.slots.is_empty().then_some(id));
            }
        }
        if let Some(shard) = self.shards.get_mut(&target) {
            shard.gain(&coming);
        }
        self.set_epoch(target, epoch);
        if emptied == Emptied::Follows {
            for shard in left_empty {
                self.dissolve(shard, target);
            }
        }
        Ok(())
    }

    pub(super) fn bring(
        &mut self,
        node: NodeId,
        slots: &SlotSet,
        epoch: u64,
    ) -> Result<(), Refusal> {
        let own = self.led(node, "MEET")?;
        let mut free = slots.clone();
        free.subtract(&self.owned());
        // Brought before: what it has now is newer.
        let wanted = match self.shards[&own].epoch {
            0 => epoch.min(EPOCH_MAX),
            epoch => epoch,
        };
        let will_own = !free.is_empty() || !self.shards[&own].slots.is_empty();
        if wanted > 0 || will_own {
            let epoch = self.distinct(own, wanted)?;
            self.set_epoch(own, epoch);
        }
        if let Some(shard) = self.shards.get_mut(&own) {
            shard.gain(&free);
        }
        Ok(())
    }
}

fn busy(slot: Slot) -> Refusal {
    Refusal(format!("ERR Slot {slot} is already busy"))
}

fn unassigned(slot: Slot) -> Refusal {
    Refusal(format!("ERR Slot {slot} is already unassigned"))
}
