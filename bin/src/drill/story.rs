//! The stories: primaries are killed while clients write, and what was confirmed is looked for.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use almandine_node::probe::{Rng, Watch, Writer, wait_for, wait_until};

use super::flags::Options;
use super::nodes::{Duty, Processes};
use super::report::{Failover, Report};
use super::stage::Stage;

/// Writes before a primary is killed, at least and at most.
const WRITES_MIN: usize = 200;
const WRITES_MAX: usize = 1000;
/// Writes by which the cluster has gone on.
const WRITES_AFTER: u64 = 20;
/// How long so many writes may take.
const WRITES_TIME: Duration = Duration::from_secs(60);
/// How long the cluster may take no writes after a kill.
const GAP_MAX: Duration = Duration::from_secs(15);
/// How long a killed node may take until it follows.
const RETURN_MAX: Duration = Duration::from_secs(30);

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Two nodes: kill, CLUSTER FAILOVER FORCE, return; and the other way round.
    Reverse,
    /// Three nodes: kill, return.
    Automatic,
}

impl Story {
    fn name(self) -> &'static str {
        match self {
            Story::Reverse => "reverse",
            Story::Automatic => "automatic",
        }
    }

    fn duties(self, has_witness: bool) -> &'static [Duty] {
        match (self, has_witness) {
            (Story::Reverse, _) => &[Duty::Data, Duty::Data],
            (Story::Automatic, false) => &[Duty::Data, Duty::Data, Duty::Data],
            (Story::Automatic, true) => &[Duty::Data, Duty::Data, Duty::Witness],
        }
    }

    fn is_about(self, has_witness: bool) -> &'static str {
        match (self, has_witness) {
            (Story::Reverse, _) => "two nodes, and an operator who says FORCE",
            (Story::Automatic, false) => "three nodes, and nobody who does anything",
            (Story::Automatic, true) => "two nodes with a witness, and nobody who does anything",
        }
    }

    /// In a round.
    fn failovers(self) -> usize {
        match self {
            Story::Reverse => 2,
            Story::Automatic => 1,
        }
    }
}

/// Plays the stories one after another.
///
/// # Errors
/// What has not come in its time.
pub(super) fn play(
    options: &Options,
    dir: &Path,
    processes: &Processes,
    report: &mut Report,
) -> Result<(), String> {
    let mut rng = Rng::new(options.seed);
    for story in &options.stories {
        let about = story.is_about(options.has_witness);
        report.heading(&format!("{}: {about}", story.name()));
        let dir = dir.join(story.name());
        let stage = Stage::start(&dir, processes, story.duties(options.has_witness))?;
        let mut play = Play {
            story: *story,
            stage,
            report,
        };
        play.set_up()?;
        let mut writers = play.writers(options.writers);
        for _ in 0..options.rounds * story.failovers() {
            let writes = WRITES_MIN + rng.below(WRITES_MAX - WRITES_MIN);
            play.failover(&mut writers, writes as u64)?;
        }
        drop(processes.end());
    }
    Ok(())
}

struct Play<'a> {
    story: Story,
    stage: Stage,
    report: &'a mut Report,
}

impl Play<'_> {
    fn set_up(&mut self) -> Result<(), String> {
        let nodes = &self.stage.nodes;
        let place = |number| {
            format!(
                "{} at port {}",
                nodes.name(number),
                nodes.address(number).port()
            )
        };
        let places: Vec<String> = (0..nodes.count()).map(place).collect();
        self.report.step(&format!("started {}", places.join(", ")));
        self.stage.join()?;
        let roles = self.stage.roles();
        self.report
            .step(&format!("ADDSLOTSRANGE, MEET, REPLICATE: {roles}"));
        Ok(())
    }

    fn writers(&self, count: usize) -> Vec<Writer> {
        let nodes = &self.stage.nodes;
        let addresses: Vec<_> = nodes
            .with_data()
            .map(|number| nodes.address(number))
            .collect();
        let writer =
            |number: usize| Writer::new(0, &number.to_string(), addresses.clone(), true, true);
        (0..count).map(writer).collect()
    }

    /// One failover under load, and what was found afterwards.
    fn failover(&mut self, writers: &mut [Writer], writes: u64) -> Result<(), String> {
        let watch = Watch::new(1);
        let killed = self.stage.primary()?;
        let mut row = thread::scope(|scope| {
            let threads: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(|| writer.write(&watch).inspect_err(|_| watch.end())))
                .collect();
            let row = self.act(killed, writes, &watch);
            watch.end();
            for thread in threads {
                thread
                    .join()
                    .map_err(|_| "a writer panicked".to_owned())??;
            }
            row
        })?;
        self.compare(writers, killed, &watch, &mut row)?;
        self.report.row(row);
        Ok(())
    }

    fn act(&mut self, killed: usize, writes: u64, watch: &Watch) -> Result<Failover, String> {
        let name = self.stage.nodes.name(killed).to_owned();
        wait_for_writes(watch, writes)?;
        self.report.step(&format!(
            "{} writes are answered; kill -9 of {name}",
            watch.count(0)
        ));
        watch.mark(0);
        self.stage.nodes.kill(killed);
        if self.story == Story::Reverse {
            self.force(killed)?;
        }
        let gap = wait_for(GAP_MAX, || watch.first_after_mark(0));
        let gap =
            gap.ok_or_else(|| format!("no write was answered for {} s", GAP_MAX.as_secs()))?;
        let roles = self.stage.roles();
        self.report.step(&format!(
            "writes go on {:.3} s after the kill; {roles}",
            gap.as_secs_f64()
        ));
        wait_for_writes(watch, WRITES_AFTER)?;
        let begun = Instant::now();
        self.report.step(&format!("{name} is started again"));
        self.stage.nodes.start(killed)?;
        if !wait_until(RETURN_MAX, || self.stage.follows(killed)) {
            return Err(format!(
                "{name} does not follow {} s after its start; {}",
                RETURN_MAX.as_secs(),
                self.stage.roles()
            ));
        }
        let in_sync = begun.elapsed();
        let roles = self.stage.roles();
        self.report.step(&format!(
            "{name} is in sync {:.3} s after its start; {roles}",
            in_sync.as_secs_f64()
        ));
        self.stage.wait_until_whole()?;
        wait_for_writes(watch, WRITES_AFTER)?;
        let leader = self.stage.nodes.name(self.stage.primary()?);
        Ok(Failover {
            story: self.story.name(),
            change: format!("{name} -> {leader}"),
            gap,
            in_sync,
            found: Vec::new(),
        })
    }

    /// The operator tells the replica that is left to lead.
    fn force(&mut self, killed: usize) -> Result<(), String> {
        let nodes = &self.stage.nodes;
        let mut others = nodes.with_data().filter(|number| *number != killed);
        let other = others.next().ok_or("there is no replica")?;
        let begun = Instant::now();
        nodes.ask(other, &["CLUSTER", "FAILOVER", "FORCE"])?;
        self.report.step(&format!(
            "CLUSTER FAILOVER FORCE on {}: OK after {:.3} s",
            nodes.name(other),
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// Holds what is there against what was answered.
    fn compare(
        &mut self,
        writers: &mut [Writer],
        killed: usize,
        watch: &Watch,
        row: &mut Failover,
    ) -> Result<(), String> {
        let primary = self.stage.primary()?;
        let killed = self.stage.nodes.address(killed);
        let mut client = self.stage.nodes.client(primary)?;
        for writer in writers {
            row.found
                .push(writer.compare(&mut client, watch, &[killed])?);
        }
        self.stage.wait_until_same()?;
        self.report.step(&format!(
            "{}; {} and its replicas hold the same",
            row.counts(),
            self.stage.nodes.name(primary)
        ));
        Ok(())
    }
}

/// Waits for so many more.
fn wait_for_writes(watch: &Watch, count: u64) -> Result<(), String> {
    let wanted = watch.count(0) + count;
    let is_over = || watch.is_over() || watch.count(0) >= wanted;
    match wait_until(WRITES_TIME, is_over) && watch.count(0) >= wanted {
        true => Ok(()),
        false => Err(format!(
            "{} writes of this failover are answered, of {wanted} that should be",
            watch.count(0)
        )),
    }
}
