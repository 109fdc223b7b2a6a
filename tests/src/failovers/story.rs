//! The rounds of each story.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use almandine_cluster::topology::AckMode;
use almandine_node::probe::{Watch, Writer};
use almandine_storage::Rng;

use super::stage::{PATIENCE, Stage};
use super::{Plan, Report, Story};
use crate::process::{wait_for, wait_until};
use crate::resp::{Client, Value};

/// Writes of each shard before something happens, at most.
const WRITES_MAX: usize = 1500;
/// How long a replica stands still before its primary dies, and afterwards; a primary lets it go after 1 s.
const FROZEN_MAX_MS: usize = 2000;
/// Writes of each shard by which it has gone on.
const WRITES_AFTER: u64 = 100;

/// Plays `plan`.
///
/// # Errors
/// What was lost or came twice, or what it has not come to.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Report, String> {
    let stage = Stage::start(plan)?;
    let mut writers: Vec<Writer> = (0..plan.shards * plan.writers)
        .map(|number| writer(&stage, plan, number))
        .collect();
    let mut play = Play {
        plan,
        stage,
        rng: Rng::new(plan.seed),
        report: Report::default(),
    };
    for round in 0..plan.times {
        play.round(&mut writers)
            .map_err(|error| format!("round {round}: {error}\n{}", play.stage.cluster.logs()))?;
        tell(&play.told(round));
    }
    Ok(play.report)
}

fn writer(stage: &Stage, plan: &Plan, number: usize) -> Writer {
    let shard = number % plan.shards;
    let members = stage.members(shard).iter();
    Writer::new(
        shard,
        &stage.tag(shard, number),
        members.map(|member| stage.address(*member)).collect(),
        (number / plan.shards).is_multiple_of(2),
        plan.story != Story::Planned && plan.ack_mode == AckMode::Async,
    )
}

struct Play<'a> {
    plan: &'a Plan,
    stage: Stage,
    rng: Rng,
    report: Report,
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
        let killed = thread::scope(|scope| {
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
        self.compare(writers, killed)?;
        self.report.rounds += 1;
        Ok(())
    }

    /// Returns who was killed.
    fn act(&mut self, shard: usize, watch: &Watch) -> Result<Option<SocketAddr>, String> {
        let writes = 1 + self.rng.below(WRITES_MAX) as u64;
        self.wait_for_writes(watch, writes)?;
        let others: Vec<usize> = (0..self.plan.shards)
            .filter(|other| *other != shard)
            .collect();
        let errors = || others.iter().map(|other| watch.errors(*other)).sum::<u64>();
        let before = errors();
        let killed = match self.plan.story {
            Story::Planned => self.hand_over(shard, watch).map(|()| None),
            Story::Frozen => self.freeze(shard, watch).map(Some),
            Story::FrozenReplica => self.freeze_and_kill(shard, watch).map(Some),
            Story::Reverse | Story::Automatic | Story::Witness => self.kill(shard, watch).map(Some),
        }?;
        self.report.errors_elsewhere += errors() - before;
        Ok(killed)
    }

    /// So many more in every shard.
    fn wait_for_writes(&self, watch: &Watch, count: u64) -> Result<(), String> {
        for shard in 0..self.plan.shards {
            let wanted = watch.count(shard) + count;
            let is_over = || watch.is_over() || watch.count(shard) >= wanted;
            if !wait_until(PATIENCE, is_over) || watch.is_over() {
                let now = watch.count(shard);
                return Err(format!(
                    "shard {shard} has taken {now} writes of this round, of {wanted}"
                ));
            }
        }
        Ok(())
    }

    fn kill(&mut self, shard: usize, watch: &Watch) -> Result<SocketAddr, String> {
        let victim = self.stage.primary(shard)?;
        self.report.of_leaders += usize::from(self.stage.leads_log(victim));
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        if self.plan.story == Story::Reverse {
            let mut others = self.stage.members(shard).iter().copied();
            let other = others.find(|member| *member != victim);
            self.command(other, "CLUSTER FAILOVER FORCE")?;
        }
        self.come_back(shard, victim, watch)?;
        Ok(self.stage.address(victim))
    }

    /// Others go on without the killed one, then it follows them.
    fn come_back(&mut self, shard: usize, victim: usize, watch: &Watch) -> Result<(), String> {
        let gap = wait_for(PATIENCE, || watch.first_after_mark(shard));
        self.report.gap.add(gap.ok_or("nobody takes writes")?);
        self.wait_for_writes(watch, WRITES_AFTER)?;
        let begun = Instant::now();
        self.stage.cluster.restart(victim)?;
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)
    }

    fn become_whole(&mut self, victim: usize, begun: Instant) -> Result<(), String> {
        self.stage
            .wait("the old primary follows", |stage| stage.follows(victim))?;
        self.report.following.add(begun.elapsed());
        self.stage.wait_until_whole()?;
        self.report.whole.add(begun.elapsed());
        Ok(())
    }

    /// The primary stands still until another one leads.
    fn freeze(&mut self, shard: usize, watch: &Watch) -> Result<SocketAddr, String> {
        let victim = self.stage.primary(shard)?;
        self.report.of_leaders += usize::from(self.stage.leads_log(victim));
        watch.mark(shard);
        self.stage.cluster.freeze(victim);
        let is_led = |stage: &Stage| stage.is_led_without(shard, victim);
        self.stage.wait("another one leads", is_led)?;
        let begun = Instant::now();
        self.stage.cluster.thaw(victim);
        let gap = wait_for(PATIENCE, || watch.first_after_mark(shard));
        self.report.gap.add(gap.ok_or("nobody takes writes")?);
        self.become_whole(victim, begun)?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        Ok(self.stage.address(victim))
    }

    /// A replica stands still, and sooner or later the primary dies; then the replica is there again.
    fn freeze_and_kill(&mut self, shard: usize, watch: &Watch) -> Result<SocketAddr, String> {
        let victim = self.stage.primary(shard)?;
        let members = self.stage.members(shard).iter().copied();
        let replicas: Vec<usize> = members.filter(|member| *member != victim).collect();
        let frozen = replicas[self.rng.below(replicas.len())];
        self.report.of_leaders += usize::from(self.stage.leads_log(victim));
        self.stage.cluster.freeze(frozen);
        self.pass(FROZEN_MAX_MS, watch);
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        self.pass(FROZEN_MAX_MS, watch);
        self.stage.cluster.thaw(frozen);
        self.come_back(shard, victim, watch)?;
        Ok(self.stage.address(victim))
    }

    /// Some time, at most so much.
    fn pass(&mut self, most_ms: usize, watch: &Watch) {
        let time = Duration::from_millis(self.rng.below(most_ms) as u64);
        wait_until(time, || watch.is_over());
    }

    fn hand_over(&mut self, shard: usize, watch: &Watch) -> Result<(), String> {
        let primary = self.stage.primary(shard)?;
        let members = self.stage.members(shard).iter().copied();
        let replicas: Vec<usize> = members.filter(|member| *member != primary).collect();
        let chosen = replicas[self.rng.below(replicas.len())];
        watch.mark(shard);
        self.command(Some(chosen), "CLUSTER FAILOVER")?;
        self.stage.wait_until_whole()?;
        self.wait_for_writes(watch, WRITES_AFTER)?;
        self.report.gap.add(watch.gap(shard));
        match self.stage.primary(shard)? {
            now if now == chosen => Ok(()),
            now => Err(format!("{chosen} was to lead, but {now} does")),
        }
    }

    /// A replica is told to lead, and agrees.
    fn command(&mut self, replica: Option<usize>, line: &str) -> Result<(), String> {
        let replica = replica.ok_or("there is no replica")?;
        let begun = Instant::now();
        match self.stage.cluster.try_call(replica, line)? {
            answer if answer == Value::ok() => {
                self.report.command.add(begun.elapsed());
                Ok(())
            }
            answer => Err(format!("{line}: {answer:?}")),
        }
    }

    fn compare(
        &mut self,
        writers: &mut [Writer],
        killed: Option<SocketAddr>,
    ) -> Result<(), String> {
        for writer in writers {
            let address = self.stage.address(self.stage.primary(writer.shard())?);
            let mut client = Client::connect(address).map_err(|error| error.to_string())?;
            let found = writer.compare(&mut client, killed)?;
            if let Some(fault) = found.fault {
                return Err(fault);
            }
            self.report.acknowledged += found.acknowledged;
            self.report.replicated += found.replicated;
            self.report.lost += found.gone;
            self.report.unheard += found.unheard;
        }
        self.stage
            .wait("replicas hold the same", Stage::is_same_everywhere)
    }
}
