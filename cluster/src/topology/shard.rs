//! One primary with its replicas and slots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::slot::{Slot, SlotSet};

/// See the module. Its replicas are the other members that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub primary: NodeId,
    /// Rises with every change of the primary or of the slots.
    pub epoch: u64,
    pub slots: SlotSet,
    /// Slots on their way to another node, and whose.
    pub migrating: BTreeMap<Slot, NodeId>,
    /// Slots on their way from another node, and whose.
    pub importing: BTreeMap<Slot, NodeId>,
}

impl Shard {
    pub(super) fn new(primary: NodeId) -> Shard {
        Shard {
            primary,
            epoch: 0,
            slots: SlotSet::default(),
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
        }
    }
}
