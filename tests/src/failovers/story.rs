//! The rounds of each story.

use std::thread;
use std::time::Duration;

use almandine_node::probe::{Found, Watch, Writer};
use almandine_storage::Rng;

use super::readers;
use super::stage::{PATIENCE, Stage};
use super::{LOST_SPAN_MAX, Plan, Report, Story};
use crate::process::wait_until;
use crate::resp::Client;

/// Writes of each shard before something happens, at most.
const WRITES_MAX: usize = 1500;

/// Plays `plan` until its end, or until something is seen that must not be.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Report {
    let mut report = Report::default();
    let stage = match plan.story.cast(plan).and_then(|cast| Stage::start(&cast)) {
        Ok(stage) => stage,
        Err(error) => {
            report.fault = Some(error);
            return report;
        }
    };
    let mut writers: Vec<Writer> = (0..plan.shards * plan.writers)
        .map(|number| writer(&stage, plan, number))
        .collect();
    let mut play = Play {
        plan,
        stage,
        rng: Rng::new(plan.seed),
        report,
    };
    for round in 0..plan.times {
        if let Err(error) = play.round(&mut writers) {
            let logs = play.stage.cluster.logs();
            play.report.fault = Some(format!("round {round}: {error}\n{logs}"));
            break;
        }
        tell(&play.told(round));
    }
    play.report
}

fn writer(stage: &Stage, plan: &Plan, number: usize) -> Writer {
    let shard = number % plan.shards;
    let members = stage.members(shard).iter();
    Writer::new(
        shard,
        &stage.tag(shard, number),
        members.map(|member| stage.address(*member)).collect(),
        (number / plan.shards).is_multiple_of(2),
        plan.story.may_lose(plan.ack_mode),
    )
}

/// See the module.
pub(super) struct Play<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: Stage,
    pub(super) rng: Rng,
    pub(super) report: Report,
}

impl Play<'_> {
    fn told(&self, round: usize) -> String {
        let report = &self.report;
        format!(
            "round {round}: command {} ms, write gap {} ms, follows again after {} ms, whole after {} ms; {} lost so far, {} \
             errors elsewhere",
            report.command.last_ms(),
            report.gap.last_ms(),
            report.following.last_ms(),
            report.whole.last_ms(),
            report.lost,
            report.errors_elsewhere,
        )
    }

    fn round(&mut self, writers: &mut [Writer]) -> Result<(), String> {
        let shard = self.rng.below(self.plan.shards);
        let watch = Watch::new(self.plan.shards);
        let epoch = self.stage.epoch()?;
        let keys: Vec<String> = (0..self.plan.shards)
            .map(|shard| format!("read:{{{}}}", self.stage.tag(shard, 0)))
            .collect();
        let asked = self.stage.all_members();
        let killed = thread::scope(|scope| {
            for (shard, address) in asked {
                let (key, watch) = (&keys[shard], &watch);
                scope.spawn(move || readers::read(address, shard, key, watch));
            }
            let threads: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(|| writer.write(&watch).inspect_err(|_| watch.end())))
                .collect();
            let killed = self.act(shard, &watch);
            watch.end();
            for thread in threads {
                thread.join().map_err(|_| "panicked".to_owned())??;
            }
            killed
        })?;
        self.compare(writers, &watch, &killed)?;
        self.stage.compare_turns(&watch, epoch)?;
        self.report.rounds += 1;
        Ok(())
    }

    /// Returns whose acknowledgements may be lost.
    fn act(&mut self, shard: usize, watch: &Watch) -> Result<Vec<usize>, String> {
        let writes = 1 + self.rng.below(WRITES_MAX) as u64;
        self.wait_for_writes(watch, writes)?;
        let others: Vec<usize> = (0..self.plan.shards)
            .filter(|other| *other != shard)
            .collect();
        let errors = || others.iter().map(|other| watch.errors(*other)).sum::<u64>();
        let before = errors();
        let killed = match self.plan.story {
            Story::Planned => self.hand_over(shard, watch),
            Story::Frozen => self.freeze(shard, watch),
            Story::FrozenReplica => self.freeze_and_kill(shard, watch),
            Story::Partition => self.isolate(shard, watch),
            Story::Reverse | Story::Automatic | Story::Witness => self.kill(shard, watch),
            Story::RestartEmpty => self.restart_empty(shard, watch),
            Story::Double => self.kill_two(shard, watch),
            Story::FullSync => self.kill_amid_copy(shard, watch),
            Story::Snapshot => {
                self.kill_amid_save(shard, watch, "BGSAVE", "rdb_bgsave_in_progress:1")
            }
            Story::Rewrite => {
                self.kill_amid_save(shard, watch, "BGREWRITEAOF", "aof_rewrite_in_progress:1")
            }
            Story::FullPrimary | Story::FullReplica => self.fill_disk(shard, watch),
            Story::SlowPrimary | Story::SlowReplica => self.slow_disk(shard, watch),
        }?;
        self.report.errors_elsewhere += errors() - before;
        Ok(killed)
    }

    /// So many more in every shard.
    pub(super) fn wait_for_writes(&self, watch: &Watch, count: u64) -> Result<(), String> {
        for shard in 0..self.plan.shards {
            self.stage.wait_for_writes(watch, shard, count)?;
        }
        Ok(())
    }

    /// Something of the nodes that also changes what is known of them.
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), String> {
        match wait_until(PATIENCE, || is_so(self)) {
            true => Ok(()),
            false => Err(format!("it does not come to that: {what}")),
        }
    }

    /// Some time, at most so much.
    pub(super) fn pass(&mut self, most_ms: usize, watch: &Watch) {
        let time = Duration::from_millis(self.rng.below(most_ms) as u64);
        wait_until(time, || watch.is_over());
    }

    fn compare(
        &mut self,
        writers: &mut [Writer],
        watch: &Watch,
        killed: &[usize],
    ) -> Result<(), String> {
        let addresses = killed.iter().map(|number| self.stage.address(*number));
        let killed: Vec<_> = addresses.collect();
        for writer in writers {
            let address = self.stage.address(self.stage.primary(writer.shard())?);
            let mut client = Client::connect(address).map_err(|error| error.to_string())?;
            let found = writer.compare(&mut client, watch, &killed)?;
            self.report.add(&found);
            Self::judge(found)?;
        }
        self.stage
            .wait("replicas hold the same", Stage::is_same_everywhere)
    }

    fn judge(found: Found) -> Result<(), String> {
        if let Some(fault) = found.fault {
            return Err(fault);
        }
        if found.gone_span > LOST_SPAN_MAX {
            let (gone, span) = (found.gone, found.gone_span);
            return Err(format!(
                "{gone} acknowledged writes are lost, the first of them {span:?} before the last acknowledgement"
            ));
        }
        Ok(())
    }
}
