//! One primary with its replicas and slots.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::in_sync::AckMode;
use crate::id::{NodeId, ShardId};
use crate::slot::{Slot, SlotSet};

/// See the module. Its replicas are the other members that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub primary: NodeId,
    /// Rises with every change of the primary, and when slots of another shard come to this one. CLUSTER ADDSLOTS leaves it
    /// alone, as in Redis: SET-CONFIG-EPOCH must work after it. Unless it is 0, no other shard has the same.
    pub epoch: u64,
    pub slots: SlotSet,
    /// Slots of this shard on their way to another, and which. A shard, not its primary: a failover leaves the mark true.
    pub migrating: BTreeMap<Slot, ShardId>,
    /// Slots of others on their way here, and which shard was said to hold them.
    pub importing: BTreeMap<Slot, ShardId>,
    pub ack_mode: AckMode,
    /// The replicas that have everything that was ever acknowledged; the primary has it anyway. Nobody if the mode does not
    /// ask for them.
    pub in_sync: BTreeSet<NodeId>,
    /// How often these two were changed.
    pub revision: u64,
    /// Of a cluster of one that a replica has founded when it was let go: the keys that the node holds are the copy it made
    /// then, and another shard has them. Ends with the first slot.
    #[serde(default)]
    pub holds_copy: bool,
}

impl Shard {
    pub(super) fn new(primary: NodeId) -> Shard {
        Shard {
            primary,
            epoch: 0,
            slots: SlotSet::default(),
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            ack_mode: AckMode::Async,
            in_sync: BTreeSet::new(),
            revision: 0,
            holds_copy: false,
        }
    }

    /// Takes slots in; what was on its way here has come.
    pub(super) fn gain(&mut self, slots: &SlotSet) {
        self.slots.unite(slots);
        self.holds_copy &= slots.is_empty();
        self.importing.retain(|&slot, _| !slots.contains(slot));
    }

    /// Lets slots go; what was on its way to others is not this shard's business any more.
    pub(super) fn lose(&mut self, slots: &SlotSet) {
        self.slots.subtract(slots);
        self.migrating.retain(|&slot, _| !slots.contains(slot));
    }

    /// Another shard is no more.
    pub(super) fn forget(&mut self, other: ShardId) {
        self.migrating.retain(|_, shard| *shard != other);
        self.importing.retain(|_, shard| *shard != other);
    }
}
