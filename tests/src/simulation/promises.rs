//! What clients were promised: a write that was acknowledged is there for whoever is served later; who may forget one, and why.

use std::collections::{BTreeMap, BTreeSet};

use almandine_cluster::id::ShardId;

use super::rules::Line;

/// What goes wrong so soon after a write may keep it from a replica, and what goes wrong so shortly before.
const SOON_MS: u64 = 150;
const BEFORE_MS: u64 = 500;

/// A write whose client has heard that it is done.
#[derive(Debug)]
pub(super) struct Acked {
    pub(super) at: u64,
    pub(super) by: usize,
    pub(super) line: Line,
    /// Nothing but an operator's word may lose it.
    pub(super) is_durable: bool,
    /// Who copied from the primary then.
    pub(super) copiers: BTreeSet<usize>,
}

/// Who serves clients of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: usize,
    pub(super) line: Line,
    pub(super) epoch: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Promises {
    shards: BTreeMap<ShardId, BTreeMap<u64, Acked>>,
    /// Whose clients were told that something may be lost.
    forced: BTreeSet<ShardId>,
    /// When something was wrong with a host, its links included.
    troubles: BTreeMap<usize, Vec<(u64, u64)>>,
    /// Who served last, and how often.
    servers: BTreeMap<ShardId, (Server, u64)>,
    pub(super) acknowledged: u64,
    pub(super) lost: u64,
}

impl Promises {
    pub(super) fn acknowledge(&mut self, shard: ShardId, write: u64, acked: Acked) {
        self.acknowledged += 1;
        self.shards.entry(shard).or_default().insert(write, acked);
    }

    /// Whether somebody was told to take over, somewhere.
    pub(super) fn has_takeovers(&self) -> bool {
        !self.forced.is_empty()
    }

    /// Somebody was told to take over.
    pub(super) fn force(&mut self, shard: ShardId) {
        self.forced.insert(shard);
    }

    /// The shard promises less from now on.
    pub(super) fn weaken(&mut self, shard: ShardId) {
        for acked in self.shards.entry(shard).or_default().values_mut() {
            acked.is_durable = false;
        }
    }

    pub(super) fn note_trouble(&mut self, host: usize, from: u64, to: u64) {
        self.troubles.entry(host).or_default().push((from, to));
    }

    fn is_troubled(&self, host: usize, at: u64) -> bool {
        let mut troubles = self.troubles.get(&host).into_iter().flatten();
        troubles.any(|&(from, to)| from <= at + SOON_MS && at <= to + BEFORE_MS)
    }

    /// Whether the server need not have it.
    fn is_excused(&self, acked: &Acked, server: Server) -> bool {
        acked.line != server.line
            || !acked.copiers.contains(&server.host)
            || [acked.by, server.host]
                .iter()
                .any(|&host| self.is_troubled(host, acked.at))
    }

    /// Clients read from a server with this log. `follows` = its line has all of another.
    pub(super) fn check(
        &mut self,
        shard: ShardId,
        server: Server,
        log: &[u64],
        follows: impl Fn(Line) -> bool,
    ) -> Result<(), String> {
        let (last, count) = self.servers.entry(shard).or_insert((server, 0));
        *count += 1;
        // Whoever goes on to serve has what it had.
        if *last == server && *count % 16 != 1 {
            return Ok(());
        }
        *last = server;
        let mut has = log.iter().copied().peekable();
        let mut is_missing = |write: u64| {
            while has.next_if(|&next| next < write).is_some() {}
            has.peek() != Some(&write)
        };
        let acked = self.shards.entry(shard).or_default().keys().copied();
        let missing: Vec<u64> = acked.filter(|&write| is_missing(write)).collect();
        for write in missing {
            let acked = self.shards.get(&shard).and_then(|acked| acked.get(&write));
            let Some(acked) = acked else { continue };
            if acked.line > server.line {
                // It does not know that the others have gone on without it.
                continue;
            }
            // Lines that were begun at both ends of a cut by operators know nothing of each other.
            let is_told = self.forced.contains(&shard) || !follows(acked.line);
            let is_excused = !acked.is_durable && self.is_excused(acked, server);
            if !is_told && !is_excused {
                return Err(format!(
                    "it serves shard {shard} without write {write}: {acked:?}, {server:?}"
                ));
            }
            self.lost += 1;
            self.shards.entry(shard).or_default().remove(&write);
        }
        Ok(())
    }

    /// Whether a log has all that nothing may be lost of.
    pub(super) fn has_all(&self, shard: ShardId, log: &[u64]) -> bool {
        let mut acked = self.shards.get(&shard).into_iter().flatten();
        acked.all(|(write, _)| log.binary_search(write).is_ok())
    }
}
