//! A fault every few seconds for a long time: everything recovers, nothing that was acknowledged is lost, nothing grows.
//!
//! Three shards of two nodes and a witness, which acknowledge what their replicas have. Nobody waits until a fault is overcome before
//! the next one comes. Now and then faults pause: everything must be whole then, what was acknowledged must be there, and what every
//! node holds of memory and descriptors is looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use almandine_cluster::topology::AckMode;
use almandine_node::probe::{Watch, Writer};
use almandine_storage::Rng;

use super::cast::Cast;
use super::held::Held;
use super::stage::Stage;
use super::{mixed, readers};
use crate::process::{Break, wait_until};
use crate::resp::{Client, Value};

const SHARDS: usize = 3;
/// How long a node is dead, stands still or is cut off, at most.
const TROUBLE_MAX_MS: usize = 3000;
/// Nodes that die at once, at most.
const VICTIMS_MAX: usize = 3;

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    pub time: Duration,
    /// From one fault to the next, unless that one lasts longer.
    pub pause: Duration,
    /// Faults until everything must be whole.
    pub faults: usize,
    pub seed: u64,
    /// Of each shard.
    pub writers: usize,
}

/// What was seen; all of it right, except a fault if there is one.
#[derive(Debug, Default)]
pub struct Report {
    /// By kind.
    pub faults: BTreeMap<&'static str, usize>,
    /// Times at which everything was whole again.
    pub checks: usize,
    /// Failovers that a replica was told to do and could not.
    pub refused: usize,
    pub acknowledged: u64,
    /// Of commands of other kinds.
    pub answered: u64,
    /// What nobody knows of: what was there, and what was not.
    pub unheard: (u64, u64),
    /// The longest time until everything was whole.
    pub whole: Duration,
    /// The longest time for which a shard took no writes.
    pub gap: Duration,
    pub held: Held,
    pub fault: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} faults {:?}, {} commands refused; {} times everything was whole, after {:?} at most; no writes for {:?} at most",
            self.faults.values().sum::<usize>(),
            self.faults,
            self.refused,
            self.checks,
            self.whole,
            self.gap,
        )?;
        writeln!(
            f,
            "{} writes acknowledged, none lost; uncertain: {} kept, {} lost; {} other commands answered",
            self.acknowledged, self.unheard.0, self.unheard.1, self.answered,
        )?;
        self.held.fmt(f)
    }
}

/// Plays `plan` until its end, or until something is seen that must not be.
pub fn play(plan: &Plan, mut tell: impl FnMut(&str)) -> Report {
    let mut report = Report::default();
    let cast = Cast {
        shards: SHARDS,
        replicas: 1,
        witnesses: 1,
        breaks_links: true,
        ack_mode: AckMode::Durable,
        ..Cast::default()
    };
    let stage = match Stage::start(&cast) {
        Ok(stage) => stage,
        Err(error) => {
            report.fault = Some(error);
            return report;
        }
    };
    let mut soak = Soak {
        plan,
        rng: Rng::new(plan.seed),
        stage,
        report,
    };
    let mut writers = soak.writers();
    let begun = Instant::now();
    while begun.elapsed() < plan.time {
        if let Err(error) = soak.chapter(&mut writers) {
            let logs = soak.stage.cluster.logs();
            soak.report.fault = Some(format!("after {:?}: {error}\n{logs}", begun.elapsed()));
            return soak.report;
        }
        tell(&format!("{:?}: {}", begun.elapsed(), soak.report));
    }
    soak.report.fault = soak.report.held.growth();
    soak.report
}

struct Soak<'a> {
    plan: &'a Plan,
    rng: Rng,
    stage: Stage,
    report: Report,
}

impl Soak<'_> {
    fn writers(&self) -> Vec<Writer> {
        let writer = |number: usize| {
            let shard = number % SHARDS;
            let members = self.stage.members(shard).iter();
            let addresses = members.map(|member| self.stage.address(*member)).collect();
            Writer::new(
                shard,
                &self.stage.tag(shard, number),
                addresses,
                false,
                false,
            )
        };
        (0..SHARDS * self.plan.writers).map(writer).collect()
    }

    /// Some faults under load, then a look at everything.
    fn chapter(&mut self, writers: &mut [Writer]) -> Result<(), String> {
        let watch = Watch::new(SHARDS);
        let epoch = self.stage.epoch()?;
        let tags: Vec<String> = (0..SHARDS).map(|shard| self.stage.tag(shard, 0)).collect();
        let members = self.stage.all_members();
        let answered = thread::scope(|scope| {
            for (shard, address) in &members {
                let (key, watch) = (format!("read:{{{}}}", tags[*shard]), &watch);
                scope.spawn(move || readers::read(*address, *shard, &key, watch));
            }
            let mixed: Vec<_> = (0..SHARDS)
                .map(|shard| {
                    let of_shard = members.iter().filter(|(of, _)| *of == shard);
                    let addresses: Vec<_> = of_shard.map(|(_, address)| *address).collect();
                    let (tag, seed, watch) = (&tags[shard], self.rng.bits(), &watch);
                    scope.spawn(move || mixed::play(&addresses, tag, seed, watch))
                })
                .collect();
            let threads: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(|| writer.write(&watch).inspect_err(|_| watch.end())))
                .collect();
            let outcome = self.suffer(&watch);
            watch.end();
            for thread in threads {
                thread.join().map_err(|_| "panicked".to_owned())??;
            }
            outcome?;
            mixed.into_iter().try_fold(0, |sum, thread| {
                let answered = thread.join().map_err(|_| "panicked".to_owned())?;
                Ok::<u64, String>(sum + answered)
            })
        })?;
        self.report.answered += answered;
        self.compare(writers, &watch)?;
        self.stage.compare_turns(&watch, epoch)?;
        self.stage
            .wait("replicas hold the same", Stage::is_same_everywhere)?;
        self.report.held.look(&self.stage.cluster);
        self.report.checks += 1;
        Ok(())
    }

    /// One fault after the other; everything is whole at the end.
    fn suffer(&mut self, watch: &Watch) -> Result<(), String> {
        for shard in 0..SHARDS {
            self.stage.wait_for_writes(watch, shard, 1)?;
            watch.mark(shard);
        }
        for _ in 0..self.plan.faults {
            let begun = Instant::now();
            let kind = self.fault(watch)?;
            *self.report.faults.entry(kind).or_default() += 1;
            let left = self.plan.pause.saturating_sub(begun.elapsed());
            wait_until(left, || watch.is_over());
        }
        let begun = Instant::now();
        self.stage.wait_until_whole()?;
        self.report.whole = self.report.whole.max(begun.elapsed());
        for shard in 0..SHARDS {
            self.stage.wait_for_writes(watch, shard, 1)?;
            self.report.gap = self.report.gap.max(watch.gap(shard));
        }
        Ok(())
    }

    /// It is over when this returns, but not what it has caused.
    fn fault(&mut self, watch: &Watch) -> Result<&'static str, String> {
        let victim = self.rng.below(self.stage.cluster.count());
        match self.rng.below(6) {
            0 => {
                self.kill(&[victim], watch)?;
                Ok("kill")
            }
            1 => {
                self.stage.cluster.freeze(victim);
                self.pass(watch);
                self.stage.cluster.thaw(victim);
                Ok("freeze")
            }
            2 => {
                let how = [Break::Closed, Break::Silent][self.rng.below(2)];
                self.stage.cluster.isolate(victim, how);
                self.pass(watch);
                self.stage.cluster.mend();
                Ok("partition")
            }
            3 => {
                let mut victims = vec![victim];
                for _ in 1..VICTIMS_MAX {
                    let other = self.rng.below(self.stage.cluster.count());
                    if !victims.contains(&other) {
                        victims.push(other);
                    }
                }
                self.kill(&victims, watch)?;
                Ok("kill several")
            }
            4 => self.command("CLUSTER FAILOVER").map(|()| "failover"),
            _ => self.command("CLUSTER FAILOVER FORCE").map(|()| "force"),
        }
    }

    fn pass(&mut self, watch: &Watch) {
        let time = Duration::from_millis(self.rng.below(TROUBLE_MAX_MS) as u64);
        wait_until(time, || watch.is_over());
    }

    fn kill(&mut self, victims: &[usize], watch: &Watch) -> Result<(), String> {
        for victim in victims {
            self.stage.cluster.kill(*victim);
        }
        self.pass(watch);
        for victim in victims {
            self.stage.cluster.restart(*victim)?;
        }
        Ok(())
    }

    /// Some replica is told to lead, if there is one. It may have reasons not to.
    fn command(&mut self, line: &str) -> Result<(), String> {
        let shard = self.rng.below(SHARDS);
        let mut members = self.stage.members(shard).iter().copied();
        let Some(replica) = members.find(|member| self.stage.follows(*member)) else {
            self.report.refused += 1;
            return Ok(());
        };
        match self.stage.cluster.try_call(replica, line)? {
            answer if answer == Value::ok() => {}
            Value::Error(_) => self.report.refused += 1,
            answer => return Err(format!("{line}: {answer:?}")),
        }
        Ok(())
    }

    fn compare(&mut self, writers: &mut [Writer], watch: &Watch) -> Result<(), String> {
        for writer in writers {
            let address = self.stage.address(self.stage.primary(writer.shard())?);
            let mut client = Client::connect(address).map_err(|error| error.to_string())?;
            let found = writer.compare(&mut client, watch, &[])?;
            if let Some(fault) = found.fault {
                return Err(fault);
            }
            self.report.acknowledged += found.acknowledged;
            self.report.unheard.0 += found.unheard;
            self.report.unheard.1 += found.unheard_gone;
        }
        Ok(())
    }
}
