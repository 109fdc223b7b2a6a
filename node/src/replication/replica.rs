//! A replica that hangs on this node.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use almandine_cluster::id::NodeId;

use crate::journal::Id;

/// How far it has come; the words of INFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// The copy has not begun.
    Waiting,
    /// The copy is on its way.
    Copying,
    /// The stream flows.
    Online,
}

/// See the module. Written by its link, read by INFO, ROLE, WAIT.
#[derive(Debug)]
pub struct Replica {
    /// The number of its connection.
    pub id: u64,
    /// Its address.
    pub ip: String,
    /// The port on which it listens; 0 = it has not said.
    pub port: u16,
    /// Its name in the cluster, if it has said one.
    pub node: Option<NodeId>,
    state: AtomicU8,
    acknowledged: AtomicU64,
    synced: AtomicU64,
    confirmed: AtomicU64,
    heard_ms: AtomicI64,
}

/// What a replica has said of itself before PSYNC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// `listening-port`
    pub port: u16,
    /// `ip-address`; none = the one it came from.
    pub ip: Option<String>,
    /// `capa eof`: it finds the end of a copy of unknown length.
    pub finds_end: bool,
    /// `capa psync2`: it takes another id with +CONTINUE.
    pub takes_id: bool,
    /// `node-id`: its name in the cluster.
    pub node: Option<NodeId>,
    /// `rdb-only`: it wants a copy and nothing after it.
    pub only_copy: bool,
}

/// Where a replica wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With a copy: SYNC, an old command that is answered by the copy alone.
    Plain,
    /// With a copy: PSYNC.
    Copy,
    /// Where it has stopped: it has the stream of this id up to the offset.
    At(Id, u64),
}

/// The connection of a client is that of a replica from now on. Left in the session by PSYNC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it has said of itself.
    pub announced: Announced,
    /// Where it wants to begin.
    pub start: Start,
}

impl ReplicaState {
    /// As INFO prints it.
    pub fn name(self) -> &'static str {
        match self {
            ReplicaState::Waiting => "wait_bgsave",
            ReplicaState::Copying => "send_bulk",
            ReplicaState::Online => "online",
        }
    }
}

impl Replica {
    /// A replica that has nothing yet.
    pub fn new(id: u64, ip: String, port: u16, node: Option<NodeId>) -> Self {
        Replica {
            id,
            ip,
            port,
            node,
            state: AtomicU8::new(ReplicaState::Waiting as u8),
            acknowledged: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
            heard_ms: AtomicI64::new(0),
        }
    }

    /// How far it has come.
    pub fn state(&self) -> ReplicaState {
        match self.state.load(Ordering::Acquire) {
            0 => ReplicaState::Waiting,
            1 => ReplicaState::Copying,
            _ => ReplicaState::Online,
        }
    }

    /// It has come this far.
    pub fn enter(&self, state: ReplicaState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// It has everything up to `offset`, and on its disk up to `synced`.
    pub fn acknowledge(&self, offset: u64, synced: Option<u64>, now_ms: i64) {
        self.acknowledged.fetch_max(offset, Ordering::AcqRel);
        if let Some(synced) = synced {
            self.synced.fetch_max(synced, Ordering::AcqRel);
        }
        self.hear(now_ms);
    }

    /// As [`Replica::acknowledge`], by its own word: what it had when it came it may have in memory only.
    pub fn confirm(&self, offset: u64, synced: Option<u64>, now_ms: i64) {
        self.acknowledge(offset, synced, now_ms);
        self.confirmed.fetch_max(offset, Ordering::AcqRel);
    }

    /// The offset up to which it has said that it has everything; none before its stream flows.
    pub fn confirmed(&self) -> Option<u64> {
        let is_online = self.state() == ReplicaState::Online;
        is_online.then(|| self.confirmed.load(Ordering::Acquire))
    }

    /// It has said something.
    pub fn hear(&self, now_ms: i64) {
        self.heard_ms.store(now_ms, Ordering::Release);
    }

    /// The offset up to which it has everything.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Whether it has everything up to `offset`; `on_disk` = in its append-only file.
    pub fn has(&self, offset: u64, on_disk: bool) -> bool {
        let mark = match on_disk {
            true => &self.synced,
            false => &self.acknowledged,
        };
        self.state() == ReplicaState::Online && mark.load(Ordering::Acquire) >= offset
    }

    /// Whether it says that it listens there.
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        self.ip.eq_ignore_ascii_case(host) && self.port == port
    }

    /// Seconds since it was heard last.
    pub fn lag_s(&self, now_ms: i64) -> i64 {
        match self.heard_ms.load(Ordering::Acquire) {
            0 => 0,
            heard => (now_ms / 1000 - heard / 1000).max(0),
        }
    }

    /// When it was heard last, Unix time in milliseconds.
    pub fn heard_ms(&self) -> i64 {
        self.heard_ms.load(Ordering::Acquire)
    }

    /// Whether it counts for `min-replicas-to-write`.
    pub fn is_good(&self, max_lag_s: u32, now_ms: i64) -> bool {
        self.state() == ReplicaState::Online && self.lag_s(now_ms) <= i64::from(max_lag_s)
    }
}
