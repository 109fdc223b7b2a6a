//! Replicas move to primaries that have lost theirs (`cluster-migration-barrier`, `cluster-allow-replica-migration`): the leader
//! of the log takes one from the shard with the most, if enough of them stay.
//!
//! A shard counts as orphaned while it has replicas, all of which have failed: one that never had any is left alone. When they
//! come back nothing moves back, so nothing moves to and fro.

use std::collections::BTreeMap;

use super::{Effect, Failover, Stage};
use crate::id::{NodeId, ShardId};
use crate::topology::{Change, Shard};
use crate::view::Verdict;

/// How long a shard is without before one moves: a restart takes less. As in Redis.
const DELAY_MS: u64 = 5000;
const REST_MS: u64 = 5000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Migrations {
    /// Since when a shard has no working replica.
    orphaned: BTreeMap<ShardId, u64>,
    /// When one was moved last. One at a time: the next is judged by what has become of it.
    proposed_at: Option<u64>,
}

impl Failover {
    pub(super) fn look_at_orphans(&mut self, now: u64) {
        let orphans = self.orphans();
        let since = std::mem::take(&mut self.migrations.orphaned);
        let since = |shard: ShardId| since.get(&shard).copied().unwrap_or(now);
        let orphans = orphans.into_iter().map(|shard| (shard, since(shard)));
        self.migrations.orphaned = orphans.collect();
        let is_busy = |at: u64| now < at + REST_MS;
        if self.migrations.proposed_at.is_some_and(is_busy) {
            return;
        }
        let mut orphaned = self.migrations.orphaned.iter();
        let due = orphaned.find(|(_, since)| now >= *since + DELAY_MS);
        let Some((&orphan, _)) = due else { return };
        if let Some((node, primary)) = self.migrant(orphan) {
            self.migrations.proposed_at = Some(now);
            let reason = "the shard has no working replica";
            self.tell(Stage::Moves, orphan, node, reason);
            let change = Change::Replicate { node, primary };
            self.effects.push(Effect::Propose(change));
        }
    }

    /// Shards with slots, a primary that is there, and no replica that is.
    fn orphans(&self) -> Vec<ShardId> {
        let Some(standpoint) = &self.standpoint else {
            return Vec::new();
        };
        if standpoint.leader != Some(self.myself) || self.settings.migration_barrier.is_none() {
            return Vec::new();
        }
        let is_orphaned = |&(&id, shard): &(&ShardId, &Shard)| {
            let mut replicas = standpoint.topology.replicas(id).map(|(node, _)| node);
            let has_failed = |node| self.detector.verdict(node) == Verdict::Failed;
            let had_some = standpoint.topology.replicas(id).next().is_some();
            !shard.slots.is_empty()
                && had_some
                && self.is_settled(id, shard)
                && replicas.all(has_failed)
        };
        let shards = standpoint.topology.shards().iter();
        shards.filter(is_orphaned).map(|(&id, _)| id).collect()
    }

    /// Whether nobody is about to take the place of its primary.
    fn is_settled(&self, id: ShardId, shard: &Shard) -> bool {
        self.detector.verdict(shard.primary) == Verdict::Reachable && !self.is_replacing(id)
    }

    /// Who is to move to the shard, and its primary.
    fn migrant(&self, orphan: ShardId) -> Option<(NodeId, NodeId)> {
        let barrier = self.settings.migration_barrier?;
        let topology = &self.standpoint.as_ref()?.topology;
        let primary = self.shard(orphan)?.primary;
        let working = |id: ShardId| -> Vec<NodeId> {
            let replicas = topology.replicas(id).map(|(node, _)| node);
            replicas.filter(|&node| self.works(node)).collect()
        };
        let donors = topology.shards().iter();
        let donors = donors.filter(|(id, shard)| self.is_settled(**id, shard));
        let donors = donors.map(|(&id, _)| working(id));
        let most = donors.max_by_key(Vec::len)?;
        let is_enough = u32::try_from(most.len()).is_ok_and(|count| count > barrier);
        // They are in the order of their names.
        let node = most.first().copied().filter(|_| is_enough)?;
        Some((node, primary))
    }

    /// Whether a replica is there and has the stream of its primary.
    fn works(&self, node: NodeId) -> bool {
        self.detector.verdict(node) == Verdict::Reachable
            && self
                .reported(node)
                .is_some_and(|own| own.is_linked && own.is_whole)
    }
}
