//! What the entries of the log say.

use serde::{Deserialize, Serialize};

use super::{Address, Topology};
use crate::id::NodeId;
use crate::slot::SlotSet;

/// One entry. It is checked when it is applied, against the topology at its place in the log: what its proposer knew may be
/// out of date. The same change twice is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// CLUSTER ADDSLOTS: slots that nobody owns.
    AddSlots { node: NodeId, slots: SlotSet },
    /// The node is reached elsewhere.
    Move { node: NodeId, address: Address },
}

/// Why a change was not made, in the words of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal(pub String);

impl Topology {
    /// Makes the change, or none at all.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::AddSlots { node, slots } => self.add_slots(*node, slots),
            Change::Move { node, address } => {
                let unknown = || Refusal(format!("ERR Unknown node {node}"));
                let member = self.members.get_mut(node).ok_or_else(unknown)?;
                member.address = address.clone();
                Ok(())
            }
        }
    }

    fn add_slots(&mut self, node: NodeId, slots: &SlotSet) -> Result<(), Refusal> {
        let taken = |slot: &_| {
            self.shards
                .values()
                .any(|shard| shard.slots.contains(*slot))
        };
        if let Some(slot) = slots.iter().find(taken) {
            return Err(Refusal(format!("ERR Slot {slot} is already busy")));
        }
        let unknown = || Refusal(format!("ERR Unknown node {node}"));
        let shard = self
            .members
            .get(&node)
            .map(|member| member.shard)
            .ok_or_else(unknown)?;
        let shard = self.shards.get_mut(&shard).ok_or_else(unknown)?;
        for slot in slots.iter() {
            shard.slots.insert(slot);
        }
        Ok(())
    }
}
