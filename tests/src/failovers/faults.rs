//! What happens in rounds: kills, pauses, partitions, commands. Each returns whose acknowledgements may be lost.

use std::time::Instant;

use almandine_node::probe::Watch;

use super::Story;
use super::stage::{PATIENCE, Stage};
use super::story::Play;
use crate::process::{Break, wait_for};
use crate::resp::Value;

/// How long a replica stands still before its primary dies, and afterwards; a primary lets it go after 1 s.
const FROZEN_MAX_MS: usize = 2000;
/// How long a primary is isolated after another one leads, at most.
const ISOLATED_MAX_MS: usize = 1000;
/// Writes of each shard by which it has gone on.
pub(super) const WRITES_AFTER: u64 = 100;

impl Play<'_> {
    /// The primary of the shard, which something is about to happen to.
    pub(super) fn victim(&mut self, shard: usize) -> Result<usize, String> {
        let victim = self.stage.primary(shard)?;
        self.report.of_leaders += usize::from(self.stage.leads_log(victim));
        self.report.faults += 1;
        Ok(victim)
    }

    /// A replica of the shard.
    pub(super) fn replica(&mut self, shard: usize, primary: usize) -> usize {
        let members = self.stage.members(shard).iter().copied();
        let replicas: Vec<usize> = members.filter(|member| *member != primary).collect();
        replicas[self.rng.below(replicas.len())]
    }

    pub(super) fn kill(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        if self.plan.story == Story::Reverse {
            let other = self.replica(shard, victim);
            self.command(other, "CLUSTER FAILOVER FORCE")?;
        }
        self.come_back(shard, victim, watch)?;
        Ok(vec![victim])
    }

    /// Others go on without the killed one, then it follows them.
    pub(super) fn come_back(
        &mut self,
        shard: usize,
        victim: usize,
        watch: &Watch,
    ) -> Result<(), String> {
        self.go_on(shard, watch)?;
        let begun = Instant::now();
        self.stage.cluster.restart(victim)?;
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)
    }

    /// Somebody takes writes.
    pub(super) fn go_on(&mut self, shard: usize, watch: &Watch) -> Result<(), String> {
        let gap = wait_for(PATIENCE, || watch.first_after_mark(shard));
        self.report.gap.add(gap.ok_or("nobody takes writes")?);
        self.wait_for_writes(watch, WRITES_AFTER)
    }

    pub(super) fn become_whole(&mut self, victim: usize, begun: Instant) -> Result<(), String> {
        self.stage
            .wait("the old primary follows", |stage| stage.follows(victim))?;
        self.report.following.add(begun.elapsed());
        self.stage.wait_until_whole()?;
        self.report.whole.add(begun.elapsed());
        Ok(())
    }

    /// The primary stands still until another one leads.
    pub(super) fn freeze(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        watch.mark(shard);
        self.stage.cluster.freeze(victim);
        self.stage.wait_until_led_without(shard, victim)?;
        let begun = Instant::now();
        self.stage.cluster.thaw(victim);
        self.go_on(shard, watch)?;
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        Ok(vec![victim])
    }

    /// A replica stands still, and sooner or later the primary dies; then the replica is there again.
    pub(super) fn freeze_and_kill(
        &mut self,
        shard: usize,
        watch: &Watch,
    ) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        let frozen = self.replica(shard, victim);
        self.report.faults += 1;
        self.stage.cluster.freeze(frozen);
        self.pass(FROZEN_MAX_MS, watch);
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        self.pass(FROZEN_MAX_MS, watch);
        self.stage.cluster.thaw(frozen);
        self.come_back(shard, victim, watch)?;
        Ok(vec![victim])
    }

    /// Nobody but the clients reaches the primary, until another one leads and for a while after.
    pub(super) fn isolate(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        let how = [Break::Closed, Break::Silent][self.rng.below(2)];
        watch.mark(shard);
        self.stage.cluster.isolate(victim, how);
        self.stage.wait_until_led_without(shard, victim)?;
        self.go_on(shard, watch)?;
        self.pass(ISOLATED_MAX_MS, watch);
        let begun = Instant::now();
        self.stage.cluster.mend();
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        Ok(vec![victim])
    }

    pub(super) fn restart_empty(
        &mut self,
        shard: usize,
        watch: &Watch,
    ) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        self.stage.cluster.wipe(victim)?;
        let begun = Instant::now();
        self.stage.cluster.restart(victim)?;
        self.go_on(shard, watch)?;
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        Ok(vec![victim])
    }

    /// Two primaries die one after the other, and return together.
    pub(super) fn kill_two(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let mut victims = Vec::new();
        for _ in 0..2 {
            let victim = self.victim(shard)?;
            watch.mark(shard);
            self.stage.cluster.kill(victim);
            victims.push(victim);
            self.go_on(shard, watch)?;
            // Nobody else may follow it before somebody has all that it acknowledges.
            let is_safe = |stage: &Stage| stage.is_safe_without_primary(shard, &victims);
            self.stage.wait("a replica has everything", is_safe)?;
        }
        let begun = Instant::now();
        for victim in &victims {
            self.stage.cluster.restart(*victim)?;
        }
        for victim in &victims {
            self.become_whole(*victim, begun)?;
        }
        self.wait_for_writes(watch, WRITES_AFTER)?;
        Ok(victims)
    }

    pub(super) fn hand_over(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let primary = self.stage.primary(shard)?;
        let chosen = self.replica(shard, primary);
        self.report.faults += 1;
        watch.mark(shard);
        self.command(chosen, "CLUSTER FAILOVER")?;
        self.stage.wait_until_whole()?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        self.report.gap.add(watch.gap(shard));
        match self.stage.primary(shard)? {
            now if now == chosen => Ok(Vec::new()),
            now => Err(format!("{chosen} was to lead, but {now} does")),
        }
    }

    /// A replica is told to lead, and agrees.
    fn command(&mut self, replica: usize, line: &str) -> Result<(), String> {
        let begun = Instant::now();
        match self.stage.cluster.try_call(replica, line)? {
            answer if answer == Value::ok() => {
                self.report.command.add(begun.elapsed());
                Ok(())
            }
            answer => Err(format!("{line}: {answer:?}")),
        }
    }
}
