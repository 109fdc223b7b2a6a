//! The node's place in a cluster, as all threads see it.
//!
//! ```text
//!   ConfigActor ── publishes ──▶ Picture ──▶ shards route by it, CLUSTER commands show it
//!        ▲                                        │
//!        └────────────── Wish ────────────────────┘   what a command wants changed; Decided answers it
//! ```
//!
//! A picture is never changed, only replaced: a batch that has begun with one ends with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use actix::Recipient;
use almandine_cluster::failover::Succession;
use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::machine::Voters;
use almandine_cluster::topology::{Shard, Topology};
use almandine_cluster::view::{Link, Peer, Preferred, Routing, Traffic, View};
use arc_swap::ArcSwap;

use crate::actors::bus::counters::BusCounters;
use crate::actors::config::messages::{Broadcast, Wish};

/// How the node's data stands.
const UNKNOWN: u8 = 0;
const NOT_WHOLE: u8 = 1;
const WHOLE: u8 = 2;

/// See the module.
#[derive(Debug)]
pub struct Cluster {
    picture: ArcSwap<Picture>,
    heard: Mutex<Heard>,
    holds_keys: AtomicBool,
    /// Milliseconds of [`Node::uptime_ms`](crate::node::Node::uptime_ms) until which this node may act as a primary; 0 = it may
    /// not.
    lease_ms: AtomicU64,
    /// See [`Cluster::is_whole`].
    wholeness: AtomicU8,
    /// The node was never started before: it has acknowledged nothing.
    pub is_new: bool,
    /// What the bus has carried and dropped.
    pub bus: Arc<BusCounters>,
    /// Who carries wishes out; set once the tree stands.
    pub config: OnceLock<Recipient<Wish>>,
    /// Who tells other nodes what was published; set with `config`.
    pub crier: OnceLock<Recipient<Broadcast>>,
}

/// The cluster at one moment.
#[derive(Debug, Clone)]
pub struct Picture {
    /// This node.
    pub myself: NodeId,
    /// What all agree on.
    pub topology: Arc<Topology>,
    /// Where commands go.
    pub routing: Routing,
    /// How clients are told where a node is.
    pub preferred: Preferred,
    /// Who decides.
    pub voters: Voters,
    /// How many nodes of this node's shard have all that it has acknowledged, if it waits for them.
    pub in_sync_count: Option<usize>,
}

/// What this node alone knows of the others.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Who is missing was never heard of.
    pub peers: BTreeMap<NodeId, Peer>,
    /// The connections of the bus.
    pub links: Vec<Link>,
    /// What went over them.
    pub traffic: Traffic,
    /// Whether this node hears most of the voters.
    pub hears_majority: bool,
    /// How a planned change stands that this node has a part in, in the words of Redis; empty = not known yet.
    pub hand_over_state: &'static str,
    /// The last failover of each shard that was heard of.
    pub successions: BTreeMap<ShardId, Succession>,
}

impl Picture {
    /// The shard of this node, unless it holds no data.
    pub fn own_shard(&self) -> Option<&Shard> {
        let shard = self.topology.member(self.myself)?.shard;
        self.topology.shards().get(&shard)
    }

    /// What CLUSTER commands answer from.
    pub fn view<'a>(&'a self, heard: &'a Heard) -> View<'a> {
        View {
            topology: &self.topology,
            myself: self.myself,
            peers: &heard.peers,
            preferred: self.preferred,
        }
    }
}

impl Cluster {
    /// A node that knows this much, and was started before or not.
    pub fn new(picture: Picture, is_new: bool) -> Self {
        Cluster {
            picture: ArcSwap::from_pointee(picture),
            heard: Mutex::default(),
            holds_keys: AtomicBool::new(false),
            lease_ms: AtomicU64::new(0),
            wholeness: AtomicU8::new(UNKNOWN),
            is_new,
            bus: Arc::default(),
            config: OnceLock::new(),
            crier: OnceLock::new(),
        }
    }

    /// The picture in force.
    pub fn picture(&self) -> Arc<Picture> {
        self.picture.load_full()
    }

    /// Whether another one was published since `known` was.
    #[inline]
    pub fn has_changed(&self, known: &Arc<Picture>) -> bool {
        !Arc::ptr_eq(&self.picture.load(), known)
    }

    /// Puts a new picture in force for every batch that begins from now on.
    pub fn publish(&self, picture: Picture) {
        self.picture.store(Arc::new(picture));
    }

    /// What is known of the others at this moment.
    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node may act as a primary, at this time of [`Node::uptime_ms`](crate::node::Node::uptime_ms): it has a
    /// lease, and is not about to throw away what it has for a copy.
    #[inline]
    pub fn may_lead(&self, now_ms: u64) -> bool {
        now_ms < self.lease_ms.load(Ordering::Acquire) && self.is_whole() != Some(false)
    }

    /// It may until then; 0 = it may not.
    pub fn set_lease(&self, until_ms: u64) {
        self.lease_ms.store(until_ms, Ordering::Release);
    }

    /// Whether the node has everything that it has ever acknowledged or copied; none before it has read its files.
    pub fn is_whole(&self) -> Option<bool> {
        match self.wholeness.load(Ordering::Acquire) {
            UNKNOWN => None,
            wholeness => Some(wholeness == WHOLE),
        }
    }

    /// See [`Cluster::is_whole`].
    pub fn set_whole(&self, is_whole: bool) {
        let wholeness = match is_whole {
            true => WHOLE,
            false => NOT_WHOLE,
        };
        self.wholeness.store(wholeness, Ordering::Release);
    }

    /// Whether the node has keys, as the shard has said last.
    pub fn holds_keys(&self) -> bool {
        self.holds_keys.load(Ordering::Relaxed)
    }

    /// See [`Cluster::holds_keys`].
    pub fn set_holds_keys(&self, holds_keys: bool) {
        self.holds_keys.store(holds_keys, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A cluster made by hand: nodes 1, 2 and 3 lead shards with a third of the slots each, but for the last slot, which is
    //! nobody's; node 4 follows node 1.

    use std::net::{IpAddr, Ipv4Addr};

    use almandine_cluster::id::ClusterId;
    use almandine_cluster::record::Generation;
    use almandine_cluster::slot::Slot;
    use almandine_cluster::topology::{Address, Admission, Change, Kind};
    use almandine_cluster::view::{State, WhenDown};

    use super::*;

    pub(crate) fn node(number: u8) -> NodeId {
        NodeId::new([number; 20])
    }

    /// As commands write it.
    pub(crate) fn name(number: u8) -> String {
        node(number).to_hex()
    }

    fn shard(number: u8) -> ShardId {
        ShardId::new([number; 20])
    }

    pub(crate) fn topology() -> Topology {
        let admission = |number: u8| Admission {
            node: node(number),
            join: 0,
            kind: Kind::Data,
            address: Address {
                ip: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))),
                port: 7000,
                bus_port: 17000,
                hostname: String::new(),
            },
        };
        let mut topology = Topology::alone(ClusterId::new([9; 20]), shard(1), admission(1));
        for number in 2..=4 {
            topology.admit(shard(number), admission(number));
        }
        let mut apply = |change| topology.apply(&change).expect("a change that may be made");
        for (number, slots) in [(1, 0..=5460), (2, 5461..=10922), (3, 10923..=16382)] {
            let node = node(number);
            let slots = Slot::all().filter(|slot| slots.contains(&u16::from(*slot)));
            let slots = slots.collect();
            apply(Change::AddSlots { node, slots });
            apply(Change::BumpEpoch { node });
        }
        apply(Change::Replicate {
            node: node(4),
            primary: node(1),
        });
        topology
    }

    /// As node `myself` sees it.
    pub(crate) fn picture(myself: u8) -> Picture {
        picture_of(myself, topology(), State::Ok)
    }

    pub(crate) fn picture_of(myself: u8, topology: Topology, state: State) -> Picture {
        let topology = Arc::new(topology);
        let view = View {
            topology: &topology,
            myself: node(myself),
            peers: &BTreeMap::new(),
            preferred: Preferred::Ip,
        };
        let when_down = WhenDown {
            allow_reads: false,
            allow_shard_pubsub: true,
        };
        let routing = view.routing(state, when_down);
        Picture {
            myself: node(myself),
            topology,
            routing,
            preferred: Preferred::Ip,
            in_sync_count: None,
            voters: Voters {
                generation: Generation {
                    counter: 1,
                    maker: node(1),
                },
                term: 1,
                leader: Some(node(1)),
                voters: vec![node(1), node(2), node(3)],
                learners: vec![node(4)],
                committed: 7,
                applied: 7,
            },
        }
    }
}
