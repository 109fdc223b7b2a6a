//! Where a command is served: what every request of a cluster node is held against.

use std::collections::BTreeMap;
use std::fmt;

use super::{State, View};
use crate::id::{NodeId, ShardId};
use crate::slot::{SLOTS, Slot, SlotSet};
use crate::topology::{Role, Shard};

/// Nobody's slot.
const NOBODY: u16 = u16::MAX;

/// The topology as one node routes by it: made anew when the topology, the state or a setting changes, shared by all
/// connections, read without a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// For each slot the index of its owner, or [`NOBODY`].
    owners: Box<[u16]>,
    /// Shards with slots; there cannot be more than slots.
    places: Vec<Place>,
    part: Part,
    /// Slots on their way from here, and to whom.
    migrating: BTreeMap<Slot, Target>,
    /// Slots on their way here.
    importing: SlotSet,
    /// See [`Routing::serves`].
    served: SlotSet,
    state: State,
    when_down: WhenDown,
}

/// What this node is for the slots of its own shard, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Primary(u16),
    Replica(u16),
    /// Its shard has no slots, or it is a witness.
    None,
}

/// A shard with slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub shard: ShardId,
    pub primary: Target,
}

/// Where a client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub node: NodeId,
    /// As redirections say it: `host:port`.
    pub endpoint: String,
}

/// What is served although the cluster is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WhenDown {
    /// `cluster-allow-reads-when-down`
    pub allow_reads: bool,
    /// `cluster-allow-pubsubshard-when-down`
    pub allow_shard_pubsub: bool,
}

/// What matters of a command and its connection; of EXEC: of all that is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Call {
    pub is_write: bool,
    /// The client said ASKING, or the command needs no such word.
    pub is_asking: bool,
    /// The client said READONLY.
    pub is_readonly: bool,
    pub is_shard_pubsub: bool,
    pub is_migrate: bool,
}

/// Which of a command's keys are here. Asked for only if their slot is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    pub some_here: bool,
    pub some_missing: bool,
    /// Not all are the same key.
    pub are_several: bool,
}

/// Why a command is not served here. Shown as the text of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirection<'a> {
    Moved { slot: Slot, to: &'a Target },
    Ask { slot: Slot, to: &'a Target },
    CrossSlot,
    TryAgain,
    Down(Down),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// The slot is nobody's.
    NotServed,
    Cluster,
    /// Reads would be served.
    ReadsOnly,
}

impl View<'_> {
    pub fn routing(&self, state: State, when_down: WhenDown) -> Routing {
        let mut routing = Routing {
            owners: vec![NOBODY; SLOTS].into_boxed_slice(),
            places: Vec::new(),
            part: Part::None,
            migrating: BTreeMap::new(),
            importing: SlotSet::default(),
            served: SlotSet::default(),
            state,
            when_down,
        };
        let role = self.topology.role(self.myself);
        let all = self.topology.shards().iter();
        let with_slots = all.filter(|(_, shard)| !shard.slots.is_empty());
        for (index, (&id, shard)) in (0..NOBODY).zip(with_slots) {
            for slot in shard.slots.iter() {
                routing.owners[slot.index()] = index;
            }
            let primary = self.target(shard);
            routing.places.push(Place { shard: id, primary });
            match role {
                Some(Role::Primary(own)) if own == id => routing.part = Part::Primary(index),
                Some(Role::Replica(own)) if own == id => routing.part = Part::Replica(index),
                _ => {}
            }
        }
        if let Some(Role::Primary(own)) = role {
            let shards = self.topology.shards();
            let own = &shards[&own];
            let leaving = own.migrating.iter();
            routing.migrating = leaving
                .filter_map(|(&slot, to)| Some((slot, self.target(shards.get(to)?))))
                .collect();
            routing.importing = own.importing.keys().copied().collect();
            if state == State::Ok {
                let stays = |slot: &Slot| !own.migrating.contains_key(slot);
                routing.served = own.slots.iter().filter(stays).collect();
            }
        }
        routing
    }

    fn target(&self, shard: &Shard) -> Target {
        let member = self.topology.member(shard.primary);
        Target {
            node: shard.primary,
            endpoint: member.map_or_else(String::new, |member| {
                let host = self.preferred.endpoint(&member.address);
                format!("{host}:{}", member.address.port)
            }),
        }
    }
}

impl Routing {
    pub fn owner(&self, slot: Slot) -> Option<&Place> {
        self.places.get(usize::from(self.owners[slot.index()]))
    }

    /// Whether this node leads the slot's shard.
    pub fn is_mine(&self, slot: Slot) -> bool {
        let owner = self.owners[slot.index()];
        owner != NOBODY && self.part == Part::Primary(owner)
    }

    /// Whether every command on keys of this slot alone is served here, which [`Routing::route`] then says too.
    #[inline]
    pub fn serves(&self, slot: Slot) -> bool {
        self.served.contains(slot)
    }

    /// Whether this node leads a shard with slots.
    pub fn leads(&self) -> bool {
        matches!(self.part, Part::Primary(_))
    }

    /// Whether what is to be done depends on which keys are here: then only who holds them can say.
    pub fn is_open(&self, slot: Slot) -> bool {
        self.migrating.contains_key(&slot) || self.importing.contains(slot)
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a command is served here, by the slots of its keys in their order. `keys` is asked if their slot is open; who
    /// does not know may say that all are here: then the command goes to who does, and is asked about again there.
    pub fn route(
        &self,
        slots: impl IntoIterator<Item = Slot>,
        call: Call,
        keys: impl FnOnce() -> Presence,
    ) -> Result<(), Redirection<'_>> {
        let mut slots = slots.into_iter();
        let Some(slot) = slots.next() else {
            return Ok(());
        };
        let owner = self.owners[slot.index()];
        let Some(place) = self.places.get(usize::from(owner)) else {
            return Err(Redirection::Down(Down::NotServed));
        };
        if slots.any(|other| other != slot) {
            return Err(Redirection::CrossSlot);
        }
        if self.state == State::Fail {
            self.when_down.admit(call).map_err(Redirection::Down)?;
        }
        if self.part == Part::Primary(owner) {
            return self.route_mine(slot, call, keys);
        }
        if self.importing.contains(slot) {
            if call.is_migrate {
                return Ok(());
            }
            if call.is_asking {
                return serve_imported(call, keys);
            }
        }
        let reads_here = call.is_readonly || call.is_shard_pubsub;
        match reads_here && !call.is_write && self.part == Part::Replica(owner) {
            true => Ok(()),
            false => Err(Redirection::Moved {
                slot,
                to: &place.primary,
            }),
        }
    }

    fn route_mine(
        &self,
        slot: Slot,
        call: Call,
        keys: impl FnOnce() -> Presence,
    ) -> Result<(), Redirection<'_>> {
        let Some(to) = self.migrating.get(&slot) else {
            return Ok(());
        };
        // Channels are here or nowhere; MIGRATE moves what is here.
        if call.is_migrate || call.is_shard_pubsub {
            return Ok(());
        }
        let keys = keys();
        match (keys.some_missing, keys.some_here) {
            (false, _) => Ok(()),
            (true, true) => Err(Redirection::TryAgain),
            (true, false) => Err(Redirection::Ask { slot, to }),
        }
    }
}

/// Keys that are missing may still be at the other end, unless it is one: then that end has sent the client here.
fn serve_imported<'a>(call: Call, keys: impl FnOnce() -> Presence) -> Result<(), Redirection<'a>> {
    let keys = match call.is_shard_pubsub {
        true => Presence::default(),
        false => keys(),
    };
    match keys.are_several && keys.some_missing {
        true => Err(Redirection::TryAgain),
        false => Ok(()),
    }
}

impl WhenDown {
    fn admit(self, call: Call) -> Result<(), Down> {
        match (call.is_shard_pubsub, call.is_write) {
            (true, _) if self.allow_shard_pubsub => Ok(()),
            (false, false) if self.allow_reads => Ok(()),
            (false, true) if self.allow_reads => Err(Down::ReadsOnly),
            _ => Err(Down::Cluster),
        }
    }
}

impl Presence {
    /// Of keys, each with whether it is here.
    pub fn of<'k>(keys: impl IntoIterator<Item = (&'k [u8], bool)>) -> Presence {
        let mut presence = Presence::default();
        let mut first = None;
        for (key, is_here) in keys {
            presence.some_here |= is_here;
            presence.some_missing |= !is_here;
            presence.are_several |= *first.get_or_insert(key) != key;
        }
        presence
    }
}

impl fmt::Display for Redirection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Redirection::Moved { slot, to } => write!(f, "MOVED {slot} {}", to.endpoint),
            Redirection::Ask { slot, to } => write!(f, "ASK {slot} {}", to.endpoint),
            Redirection::CrossSlot => {
                f.write_str("CROSSSLOT Keys in request don't hash to the same slot")
            }
            Redirection::TryAgain => {
                f.write_str("TRYAGAIN Multiple keys request during rehashing of slot")
            }
            Redirection::Down(down) => f.write_str(match down {
                Down::NotServed => "CLUSTERDOWN Hash slot not served",
                Down::Cluster => "CLUSTERDOWN The cluster is down",
                Down::ReadsOnly => "CLUSTERDOWN The cluster is down and only accepts read commands",
            }),
        }
    }
}
