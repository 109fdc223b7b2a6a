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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use actix::Recipient;
use almandine_cluster::id::NodeId;
use almandine_cluster::machine::Voters;
use almandine_cluster::topology::Topology;
use almandine_cluster::view::{Link, Peer, Preferred, Routing, Standing, Traffic, View};
use arc_swap::ArcSwap;

use crate::actors::config::messages::Wish;

/// See the module.
#[derive(Debug)]
pub struct Cluster {
    picture: ArcSwap<Picture>,
    heard: Mutex<Heard>,
    holds_keys: AtomicBool,
    /// Who carries wishes out; set once the tree stands.
    pub config: OnceLock<Recipient<Wish>>,
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
    /// Whether this node hears enough others.
    pub standing: Standing,
    /// Who decides.
    pub voters: Voters,
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
}

impl Picture {
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
    /// A node that knows this much.
    pub fn new(picture: Picture) -> Self {
        Cluster {
            picture: ArcSwap::from_pointee(picture),
            heard: Mutex::default(),
            holds_keys: AtomicBool::new(false),
            config: OnceLock::new(),
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

    /// Whether the node has keys, as the shard has said last.
    pub fn holds_keys(&self) -> bool {
        self.holds_keys.load(Ordering::Relaxed)
    }

    /// See [`Cluster::holds_keys`].
    pub fn set_holds_keys(&self, holds_keys: bool) {
        self.holds_keys.store(holds_keys, Ordering::Relaxed);
    }
}
