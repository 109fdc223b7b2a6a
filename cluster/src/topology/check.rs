//! What is true of every topology, whatever was proposed.

use std::collections::BTreeSet;

use super::epoch::EPOCH_MAX;
use super::{AckMode, Address, DEPARTED_MAX, Kind, Member, RaftId, Shard, Topology};
use crate::id::{NodeId, ShardId};
use crate::slot::{Slot, SlotSet};

/// Admissions count up from 1; nobody gets near this.
const RAFT_ID_MAX: RaftId = RaftId::MAX / 2;

impl Topology {
    /// Says what is wrong, if anything is. Nothing that is read from a disk or a peer gets past this.
    pub fn check(&self) -> Result<(), String> {
        self.check_members()?;
        self.check_epochs()?;
        let mut owned = SlotSet::default();
        for (&id, shard) in &self.shards {
            if !owned.is_disjoint(&shard.slots) {
                return Err(format!("slots of shard {id} have another owner too"));
            }
            owned.unite(&shard.slots);
            self.check_shard(id, shard)?;
        }
        Ok(())
    }

    fn check_members(&self) -> Result<(), String> {
        if self.members.is_empty() || self.next_raft_id > RAFT_ID_MAX {
            return Err("nobody is left, or too many came".to_owned());
        }
        let mut raft_ids = BTreeSet::new();
        for (node, member) in &self.members {
            let raft_id = member.raft_id;
            if raft_id == 0 || raft_id >= self.next_raft_id || !raft_ids.insert(raft_id) {
                return Err(format!("node {node} has the log's id {raft_id}"));
            }
            if member.kind == Kind::Data && !self.shards.contains_key(&member.shard) {
                return Err(format!("node {node} is in no shard"));
            }
            if !Address::is_hostname(&member.address.hostname) {
                return Err(format!("node {node} has a strange name"));
            }
        }
        let is_back = |node: &_| self.members.contains_key(node);
        if self.departed.len() > DEPARTED_MAX || self.departed.iter().any(is_back) {
            return Err("those who left are too many, or here".to_owned());
        }
        Ok(())
    }

    fn check_epochs(&self) -> Result<(), String> {
        if self.current_epoch > EPOCH_MAX {
            return Err(format!("epoch {} is too high", self.current_epoch));
        }
        let mut given = BTreeSet::new();
        for (id, shard) in &self.shards {
            if shard.epoch > self.current_epoch {
                return Err(format!("shard {id} is ahead of the current epoch"));
            }
            let must_be_distinct = shard.epoch > 0 || !shard.slots.is_empty();
            if must_be_distinct && !given.insert(shard.epoch) {
                return Err(format!("shard {id} has the epoch of another"));
            }
        }
        Ok(())
    }

    fn check_shard(&self, id: ShardId, shard: &Shard) -> Result<(), String> {
        let is_in = |member: &Member| member.kind == Kind::Data && member.shard == id;
        if !self.members.get(&shard.primary).is_some_and(is_in) {
            return Err(format!("the primary of shard {id} is not in it"));
        }
        let follows = |replica: &NodeId| {
            *replica != shard.primary && self.members.get(replica).is_some_and(is_in)
        };
        let is_asked_for = shard.ack_mode == AckMode::Durable || shard.in_sync.is_empty();
        if !shard.in_sync.iter().all(follows) || !is_asked_for {
            return Err(format!("shard {id} is in sync with strange nodes"));
        }
        let is_other = |other: &ShardId| *other != id && self.shards.contains_key(other);
        let migrates = |(slot, to): (&Slot, &ShardId)| shard.slots.contains(*slot) && is_other(to);
        let imports =
            |(slot, from): (&Slot, &ShardId)| !shard.slots.contains(*slot) && is_other(from);
        if !shard.migrating.iter().all(migrates) || !shard.importing.iter().all(imports) {
            return Err(format!("an open slot of shard {id} makes no sense"));
        }
        Ok(())
    }
}
