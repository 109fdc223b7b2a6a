//! How this node stands to others: a primary, or the replica of one; and the replicas that hang on it. What all threads see
//! of that; the links themselves are actors.
//!
//! ```text
//!   REPLICAOF ──▶ Replication ──role_changed──▶ ReplicationActor ── links
//!                     ▲  │                                             │
//!                     │  └─ is_replica, good replicas ──▶ shards       │
//!                     └───────────── progress ─────────────────────────┘
//! ```
//! Architecture invariant: no socket here. The role changes only on the shard's thread, so a batch never sees half a change;
//! its number tells a link that was started for an earlier one that it is too late.

mod awaited;
mod copy_end;
mod failover;
mod replica;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use almandine_cluster::id::NodeId;
use almandine_protocol::Limits;

pub use copy_end::CopyEnd;
pub use failover::{Failover, Plan, Step};
pub use replica::{Announced, Attachment, Replica, ReplicaState, Start};
pub use upstream::{LinkState, Upstream};

/// What a stream may hold: whatever the primary sends is ours to take.
pub const STREAM_LIMITS: Limits = Limits {
    bulk: u32::MAX as u64,
    arguments: i32::MAX as usize,
    line: 64 << 10,
    batch: 8192,
    is_unauthenticated: false,
};

/// See the module.
#[derive(Debug, Default)]
pub struct Replication {
    is_replica: AtomicBool,
    is_connected: AtomicBool,
    /// How often the role has changed.
    changes: AtomicU64,
    upstream: Mutex<Option<Upstream>>,
    replicas: Mutex<BTreeMap<u64, Arc<Replica>>>,
    count: AtomicUsize,
    /// Whether a replica hangs on this node, or did not long ago.
    is_heard: AtomicBool,
    good: AtomicUsize,
    /// Whom replies wait for.
    awaited: Mutex<BTreeSet<NodeId>>,
    /// Clients that wait for acknowledgements.
    waiting: AtomicUsize,
    failover: Mutex<Failover>,
    /// Whether there is one.
    is_failing_over: AtomicBool,
    /// INFO stats.
    pub counters: Counters,
}

/// How often replicas were brought up to date, and how.
#[derive(Debug, Default)]
pub struct Counters {
    /// `sync_full`
    pub full: AtomicU64,
    /// `sync_partial_ok`
    pub partial: AtomicU64,
    /// `sync_partial_err`
    pub refused: AtomicU64,
    /// Requests of the stream that were refused.
    pub unexpected: AtomicU64,
    /// Bytes that came from the primary.
    pub received: AtomicU64,
    /// Bytes that went to replicas.
    pub sent: AtomicU64,
}

/// What a batch must know of the role; it stands still while the batch runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there is a primary above.
    pub is_replica: bool,
    /// Whether the primary cannot be reached.
    pub is_cut_off: bool,
}

impl Replication {
    /// Whether this node is a replica.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.is_replica.load(Ordering::Acquire)
    }

    /// See [`Standing`].
    #[inline]
    pub fn standing(&self) -> Standing {
        let is_replica = self.is_replica();
        Standing {
            is_replica,
            is_cut_off: is_replica && !self.is_connected.load(Ordering::Acquire),
        }
    }

    /// The node follows this primary from now on.
    pub fn follow(&self, host: &str, port: u16, now_ms: i64) {
        let mut upstream = self.upstream();
        *upstream = Some(Upstream::new(host, port, now_ms));
        self.changed(true);
    }

    /// The node is a primary from now on; false if it was one.
    pub fn lead(&self) -> bool {
        let mut upstream = self.upstream();
        let was_replica = upstream.take().is_some();
        if was_replica {
            self.changed(false);
        }
        was_replica
    }

    fn changed(&self, is_replica: bool) {
        self.is_connected.store(false, Ordering::Release);
        self.is_replica.store(is_replica, Ordering::Release);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// How often the role has changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The primary above, if there is one.
    pub fn upstream(&self) -> MutexGuard<'_, Option<Upstream>> {
        lock(&self.upstream)
    }

    /// The link that was started when the role had changed `changes` times has come this far.
    pub fn link(&self, changes: u64, state: LinkState, now_ms: i64) {
        let mut upstream = self.upstream();
        let Some(upstream) = upstream.as_mut().filter(|_| self.changes() == changes) else {
            return;
        };
        upstream.enter(state, now_ms);
        let is_connected = state == LinkState::Connected;
        self.is_connected.store(is_connected, Ordering::Release);
    }

    /// A replica hangs on this node.
    pub fn add(&self, replica: Arc<Replica>) {
        let mut replicas = lock(&self.replicas);
        replicas.insert(replica.id, replica);
        self.count.store(replicas.len(), Ordering::Release);
        self.is_heard.store(true, Ordering::Release);
    }

    /// It does not any more.
    pub fn remove(&self, id: u64) {
        let mut replicas = lock(&self.replicas);
        replicas.remove(&id);
        self.count.store(replicas.len(), Ordering::Release);
    }

    /// Whether any replica hangs on this node.
    #[inline]
    pub fn has_replicas(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Whether messages (PUBLISH) belong into the stream: a replica hangs on this node, or may come back for what it misses.
    #[inline]
    pub fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// No replica has come for so long that none is expected.
    pub fn expect_nobody(&self) {
        self.is_heard.store(self.has_replicas(), Ordering::Release);
    }

    /// All replicas, oldest first.
    pub fn replicas(&self) -> Vec<Arc<Replica>> {
        lock(&self.replicas).values().cloned().collect()
    }

    /// How many replicas have everything up to `offset`; `on_disk` = in their append-only files.
    pub fn count_acknowledged(&self, offset: u64, on_disk: bool) -> usize {
        let replicas = lock(&self.replicas);
        let has = |replica: &&Arc<Replica>| replica.has(offset, on_disk);
        replicas.values().filter(has).count()
    }

    /// Counts the replicas that have answered within `max_lag_s`.
    pub fn count_good(&self, max_lag_s: u32, now_ms: i64) -> usize {
        let replicas = lock(&self.replicas);
        let is_good = |replica: &&Arc<Replica>| replica.is_good(max_lag_s, now_ms);
        let good = replicas.values().filter(is_good).count();
        self.good.store(good, Ordering::Release);
        good
    }

    /// What [`Replication::count_good`] has found last.
    #[inline]
    pub fn good(&self) -> usize {
        self.good.load(Ordering::Acquire)
    }

    /// Whether clients wait for acknowledgements.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// So many clients wait for acknowledgements.
    pub fn set_waiting(&self, count: usize) {
        self.waiting.store(count, Ordering::Release);
    }

    /// How a replica that listens there stands, if there is one.
    pub fn find(&self, host: &str, port: u16) -> Option<ReplicaState> {
        failover::find(&self.replicas(), host, port)
    }

    /// How a failover stands.
    pub fn failover(&self) -> Failover {
        lock(&self.failover).clone()
    }

    /// A failover has come so far; returns how far it was. Only on the shard's thread, as the role.
    pub fn set_failover(&self, failover: Failover) -> Failover {
        let is_on = failover != Failover::None;
        self.is_failing_over.store(is_on, Ordering::Release);
        std::mem::replace(&mut lock(&self.failover), failover)
    }

    /// Whether a failover is on its way: nothing may be added to the stream, nobody may begin to follow.
    pub fn is_failing_over(&self) -> bool {
        self.is_failing_over.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_an_earlier_role_is_not_heard() {
        let replication = Replication::default();
        replication.follow("a", 1, 0);
        let first = replication.changes();
        replication.link(first, LinkState::Connected, 10);
        assert_eq!(
            replication.standing(),
            Standing {
                is_replica: true,
                is_cut_off: false
            }
        );
        replication.follow("b", 2, 20);
        replication.link(first, LinkState::Connected, 30);
        assert!(replication.standing().is_cut_off);
        assert!(replication.lead() && !replication.lead());
        assert_eq!(replication.standing(), Standing::default());
    }

    #[test]
    fn replicas_count_by_what_they_have_acknowledged() {
        let replication = Replication::default();
        for id in [1, 2] {
            replication.add(Arc::new(Replica::new(id, "127.0.0.1".into(), 0, None)));
        }
        assert_eq!(replication.count_acknowledged(0, false), 0, "not online");
        for replica in replication.replicas() {
            replica.enter(ReplicaState::Online);
            replica.acknowledge(100 * replica.id, Some(50), 1000);
        }
        assert_eq!(replication.count_acknowledged(100, false), 2);
        assert_eq!(replication.count_acknowledged(101, false), 1);
        assert_eq!(replication.count_acknowledged(51, true), 0);
        assert_eq!(replication.count_good(10, 11_000), 2);
        assert_eq!(replication.count_good(10, 12_000), 0);
        replication.remove(1);
        replication.remove(2);
        assert!(!replication.has_replicas());
    }
}
