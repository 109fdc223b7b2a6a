//! Disks that are full or slow for a while, and primaries that are killed meanwhile or not.

use std::time::Instant;

use almandine_node::probe::Watch;

use super::Story;
use super::amid::says;
use super::faults::WRITES_AFTER;
use super::story::Play;
use crate::process::Trouble;

/// What a file may still grow by on a full disk.
const ROOM: u64 = 4 << 10;
/// How long a disk is full or slow before something else happens, at most.
const TROUBLE_MAX_MS: usize = 1000;
/// How long a slow disk takes to sync, at most.
const SYNC_MAX_MS: usize = 1000;

impl Play<'_> {
    pub(super) fn fill_disk(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let primary = self.victim(shard)?;
        let full = match self.plan.story {
            Story::FullReplica => self.replica(shard, primary),
            _ => primary,
        };
        let size = self.stage.cluster.log_size(full);
        let size = size.map_err(|error| format!("node {full} has no log: {error}"))?;
        watch.mark(shard);
        self.stage.cluster.limit_files(full, size + ROOM);
        let mut client = self.stage.cluster.client(full);
        let is_full = |play: &mut Self| {
            play.stage.cluster.has_ended(full)
                || says(&mut client, "persistence", &["aof_last_write_status:err"])
        };
        self.wait_for("the disk is full", is_full)?;
        self.pass(TROUBLE_MAX_MS, watch);
        let killed = self.kill_or_not(primary, watch, shard);
        match killed == Some(full) || self.stage.cluster.has_ended(full) {
            true => {}
            false => self.stage.cluster.limit_files(full, u64::MAX),
        }
        self.recover(shard, watch, primary, full, killed)
    }

    pub(super) fn slow_disk(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let primary = self.victim(shard)?;
        let slow = match self.plan.story {
            Story::SlowReplica => self.replica(shard, primary),
            _ => primary,
        };
        let delay_us = 1000 * (1 + self.rng.below(SYNC_MAX_MS));
        let inject = format!("inject=fdatasync,fsync:delay_enter={delay_us}");
        let args = ["-e", "trace=fdatasync,fsync", "-e", &inject];
        let trouble = Trouble::begin(self.stage.cluster.node(slow), &args);
        let trouble = trouble.ok_or("a slow disk needs a strace that may trace")?;
        self.pass(TROUBLE_MAX_MS, watch);
        watch.mark(shard);
        let killed = self.kill_or_not(primary, watch, shard);
        if killed.is_none() {
            self.pass(TROUBLE_MAX_MS, watch);
        }
        drop(trouble);
        self.recover(shard, watch, primary, slow, killed)
    }

    fn kill_or_not(&mut self, primary: usize, watch: &Watch, shard: usize) -> Option<usize> {
        let is_killed = self.rng.below(2) == 0;
        is_killed.then(|| {
            watch.mark(shard);
            self.report.faults += 1;
            self.stage.cluster.kill(primary);
            primary
        })
    }

    /// Everybody runs again, and nobody's disk is in trouble any more.
    fn recover(
        &mut self,
        shard: usize,
        watch: &Watch,
        primary: usize,
        troubled: usize,
        killed: Option<usize>,
    ) -> Result<Vec<usize>, String> {
        if killed != Some(troubled) && self.stage.cluster.has_ended(troubled) {
            self.stage.cluster.restart(troubled)?;
        }
        if killed == Some(primary) {
            self.come_back(shard, primary, watch)?;
            return Ok(vec![primary]);
        }
        let begun = Instant::now();
        self.wait_for_writes(watch, WRITES_AFTER)?;
        self.stage.wait_until_whole()?;
        self.report.whole.add(begun.elapsed());
        // It may have been replaced for its disk.
        let has_moved = self.stage.primary(shard)? != primary;
        Ok(has_moved.then_some(primary).into_iter().collect())
    }
}
