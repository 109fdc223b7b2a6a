//! What all threads of the node share: published parameters, connections, identity. Nothing here is written per command.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use actix::{Addr, Recipient};
use almandine_cluster::slot::Slot;
use almandine_storage::{Databases, Layout, Rng, SlotOf};
use arc_swap::ArcSwap;

use crate::actors::config::messages::ParametersChanged;
use crate::actors::gate::Gates;
use crate::actors::node::messages::Shutdown;
use crate::actors::persistence::messages::{FileOrder, WriteDown};
use crate::actors::replication::ReplicationActor;
use crate::actors::shard::messages::Flushed;
use crate::clients::Clients;
use crate::cluster::{Cluster, Picture};
use crate::journal::{Id, Journal};
use crate::lazyfree::Lazyfree;
use crate::moment::now_ms;
use crate::params::{LogLevel, Params};
use crate::pause::Pause;
use crate::replication::Replication;
use crate::saving::Saving;
use crate::spread::Spread;
use crate::stats::traffic::Traffic;

/// See the module.
pub struct Node {
    params: ArcSwap<Params>,
    /// The connections.
    pub clients: Clients,
    /// How the process was started.
    pub origin: Origin,
    /// Whose commands wait.
    pub pause: Pause,
    /// Drops what would take long to drop.
    pub lazyfree: Lazyfree,
    /// The order of effects.
    pub journal: Journal,
    /// Who lets replies go that wait for the journal.
    pub gates: Gates,
    /// Who writes the append-only file; set once the tree stands.
    pub writer: OnceLock<Recipient<WriteDown>>,
    /// Who takes snapshots and writes files anew; set once the tree stands.
    pub files: OnceLock<Recipient<FileOrder>>,
    /// Who answers those who wait until what they removed is free; set once the tree stands.
    pub flushed: OnceLock<Recipient<Flushed>>,
    /// What is known of snapshots and of the append-only file.
    pub saving: Saving,
    refusal: Refusal,
    /// Bytes and connections.
    pub traffic: Traffic,
    /// What DEBUG has switched off.
    pub switches: Switches,
    snapshots: AtomicU64,
    /// Decides every die of the node.
    pub seed: u64,
    /// 40 random hex digits, new at every start.
    pub run_id: String,
    /// Primary or replica.
    pub replication: Replication,
    /// Who holds the links to other nodes; set once the tree stands.
    pub replicator: OnceLock<Addr<ReplicationActor>>,
    /// When the process began.
    pub started: Instant,
    /// Unix time of the start in milliseconds.
    pub started_ms: i64,
    /// Where CONFIG SET tells what it has changed; set once the tree stands.
    pub config: OnceLock<Recipient<ParametersChanged>>,
    /// How the keys are kept.
    layout: Layout,
    /// Its place in a cluster; none = it stands alone.
    pub cluster: Option<Cluster>,
    /// How the slots are divided among its shards.
    pub spread: Spread,
    is_ending: AtomicBool,
    /// Where SHUTDOWN is sent; set once the tree stands.
    pub stop: OnceLock<Recipient<Shutdown>>,
}

/// Why writes are refused, if they are.
#[derive(Debug, Default)]
struct Refusal {
    is_on: AtomicBool,
    /// By [`Cause`]; the first counts.
    reasons: Mutex<[Option<String>; 2]>,
}

/// What may keep writes from being safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Snapshots fail.
    Snapshot,
    /// The append-only file cannot be written.
    Log,
}

/// What `main` knows and the node needs.
pub struct Origin {
    /// The configuration file, which CONFIG REWRITE rewrites; absolute.
    pub config_file: Option<PathBuf>,
    /// Changes what is logged.
    pub set_log_level: Box<dyn Fn(LogLevel) + Send + Sync>,
    /// Where the memory comes from.
    pub allocator: Allocator,
}

/// The allocator of the process, which `main` has chosen.
#[derive(Debug, Clone)]
pub struct Allocator {
    /// Name and version, as INFO prints them.
    pub name: String,
    /// What it tells of itself, for people; none = it tells nothing.
    pub report: Option<fn() -> String>,
    /// Gives free memory of the calling thread back to the system.
    pub purge: fn(),
}

/// What tests switch off with DEBUG.
#[derive(Debug, Default)]
pub struct Switches {
    /// SET-ACTIVE-EXPIRE 0: keys expire only when somebody asks for them.
    pub expiry_is_off: AtomicBool,
    /// PAUSE-CRON 1: no periodic work.
    pub cron_is_off: AtomicBool,
}

impl Node {
    /// A node with these parameters and nothing else yet. `seed` decides the run id.
    pub fn new(params: Params, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let bounds = params.journal_bounds();
        Node {
            run_id: new_id(&mut rng),
            replication: Replication::default(),
            replicator: OnceLock::new(),
            traffic: Traffic::new(params.worker_threads()),
            params: ArcSwap::from_pointee(params),
            clients: Clients::default(),
            origin: Origin::default(),
            pause: Pause::default(),
            lazyfree: Lazyfree::default(),
            journal: Journal::new(Id::new(rng.bits()), bounds),
            gates: Gates::default(),
            writer: OnceLock::new(),
            files: OnceLock::new(),
            flushed: OnceLock::new(),
            saving: Saving::new(now_ms()),
            refusal: Refusal::default(),
            switches: Switches::default(),
            snapshots: AtomicU64::new(0),
            seed,
            started: Instant::now(),
            started_ms: now_ms(),
            config: OnceLock::new(),
            layout: Layout::Whole,
            cluster: None,
            spread: Spread::new(1),
            is_ending: AtomicBool::new(false),
            stop: OnceLock::new(),
        }
    }

    /// The same node, knowing how it was started.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Node { origin, ..self }
    }

    /// The same node, which keeps its keys by slot, in one database.
    #[must_use]
    pub fn by_slot(self, slot_of: SlotOf) -> Self {
        let layout = Layout::BySlot(slot_of);
        Node { layout, ..self }
    }

    /// The same node as a member of a cluster, in which it was started before or not.
    #[must_use]
    pub fn in_cluster(self, picture: Picture, is_new: bool) -> Self {
        Node {
            cluster: Some(Cluster::new(picture, is_new)),
            spread: Spread::new(self.params().shard_count()),
            ..self.by_slot(|key| Slot::of(key).into())
        }
    }

    /// What the keyspace is before there are keys.
    pub fn empty_databases(&self, seed: u64) -> Databases {
        let count = match self.layout {
            Layout::Whole => self.params.load().databases,
            Layout::BySlot(_) => 1,
        };
        Databases::new(count, self.layout, seed)
    }

    /// `standalone` or `cluster`.
    pub fn mode(&self) -> &'static str {
        match self.cluster {
            None => "standalone",
            Some(_) => "cluster",
        }
    }

    /// Milliseconds since the start, by a clock that only goes forward.
    pub fn uptime_ms(&self) -> u64 {
        self.uptime_ms_at(Instant::now())
    }

    /// The same at a time that was looked at just now.
    pub fn uptime_ms_at(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Has what was appended to the journal written, if there is an append-only file, and sent to replicas.
    pub fn call_writer(&self) {
        self.journal.wake_readers();
        if let Some(writer) = self.writer.get()
            && self.journal.calls_writer()
        {
            writer.do_send(WriteDown);
        }
    }

    /// Whether the primary of this node's shard may wait for what this node acknowledges.
    pub fn is_awaited(&self) -> bool {
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(|cluster| cluster.picture().in_sync_count.is_some())
    }

    /// Up to where the node would have everything again after what its replies are to survive.
    pub fn safe_offset(&self) -> u64 {
        self.journal.safe_offset(self.params().durability())
    }

    /// From now on writes are refused with this error, or not any more for this cause.
    pub fn refuse_writes(&self, cause: Cause, reason: Option<String>) {
        let reasons = self.refusal.reasons.lock();
        let mut reasons = reasons.unwrap_or_else(PoisonError::into_inner);
        reasons[cause as usize] = reason;
        let is_on = reasons.iter().any(Option::is_some);
        self.refusal.is_on.store(is_on, Ordering::Release);
    }

    /// The error with which writes are refused.
    #[inline]
    pub fn write_refusal(&self) -> Option<String> {
        if !self.refusal.is_on.load(Ordering::Acquire) {
            return None;
        }
        let reasons = self.refusal.reasons.lock();
        let reasons = reasons.unwrap_or_else(PoisonError::into_inner);
        reasons.iter().flatten().next().cloned()
    }

    /// A number for a snapshot that no other has.
    pub fn next_snapshot(&self) -> u64 {
        self.snapshots.fetch_add(1, Ordering::Relaxed)
    }

    /// The parameters in force.
    pub fn params(&self) -> Arc<Params> {
        self.params.load_full()
    }

    /// Whether parameters were published since `known` was.
    pub fn params_changed(&self, known: &Arc<Params>) -> bool {
        !Arc::ptr_eq(&self.params.load(), known)
    }

    /// Puts new parameters in force for every batch that begins from now on.
    pub fn publish(&self, params: Params) {
        self.params.store(Arc::new(params));
    }
}

impl Node {
    /// Has the node end, or not end after all; false if there is nobody yet who could.
    pub fn end(&self, order: Shutdown) -> bool {
        let stop = self.stop.get();
        stop.inspect(|stop| stop.do_send(order)).is_some()
    }

    /// Whether the node is about to end.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// See [`Node::is_ending`].
    pub fn set_ending(&self, is_ending: bool) {
        self.is_ending.store(is_ending, Ordering::Release);
    }
}

impl Default for Origin {
    /// No file, a log that nobody can change, and an allocator that tells nothing.
    fn default() -> Self {
        Origin {
            config_file: None,
            set_log_level: Box::new(|_| {}),
            allocator: Allocator {
                name: "libc".into(),
                report: None,
                purge: || {},
            },
        }
    }
}

impl Switches {
    /// Whether keys expire though nobody asks for them.
    pub fn allow_expiry(&self) -> bool {
        !self.expiry_is_off.load(Ordering::Relaxed) && !self.cron_is_off.load(Ordering::Relaxed)
    }
}

/// 40 random hex digits: the name of a run.
pub fn new_id(rng: &mut Rng) -> String {
    let digits: String = (0..3).map(|_| format!("{:016x}", rng.bits())).collect();
    digits[..40].to_owned()
}
