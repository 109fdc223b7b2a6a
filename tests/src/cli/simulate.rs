//! `simulate`: schedules of the cluster machine, and how much a large cluster says.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use almandine_cluster::switches::RULES;
use almandine_tests::flags::Flags;
use almandine_tests::simulation::{Many, idle, play_many};

use super::Failure;

pub(super) const HELP: &str = "\
simulate [--schedules 1000] [--seed N] [--nodes N] [--without RULE]
    Plays so many schedules of the machines of a cluster, with the seeds from N on (the time if none is given); a broken rule
    names its seed, and that seed alone repeats it. With --without the machines lack one of the rules that keep them safe. With --nodes one cluster of so many nodes is made, and what they say
    while nothing happens is told.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed: u64 = flags.value("seed", time.map_or(0, |time| time.as_secs() << 20))?;
    let schedules: u64 = flags.value("schedules", 1000)?;
    let nodes: usize = flags.value("nodes", 0)?;
    let without: String = flags.value("without", String::new())?;
    flags.finish()?;
    let off = RULES
        .into_iter()
        .find(|rule| format!("{rule:?}") == without);
    if off.is_none() && !without.is_empty() {
        return Err(format!("a rule is one of {RULES:?}"));
    }
    eprintln!("seed {seed}");
    if nodes > 0 {
        let idle = idle(nodes, seed)?;
        eprintln!(
            "{} nodes, by node and second: {:.1} frames, {:.0} bytes; the busiest {:.1} frames",
            idle.members, idle.frames, idle.bytes, idle.most
        );
        return Ok(ExitCode::SUCCESS);
    }
    let began = Instant::now();
    let Many { seen, broken } = play_many(seed..seed.saturating_add(schedules), off);
    for (seed, reason) in &broken {
        eprintln!("seed {seed}: {reason}");
    }
    let seconds = began.elapsed().as_secs_f64();
    eprintln!(
        "{schedules} schedules in {seconds:.1} s, {} broken: {} events, {} frames, {} crashes, {} requests done, {} lines by force; {} failovers, {} writes acknowledged, {} lost",
        broken.len(),
        seen.events,
        seen.frames,
        seen.crashes,
        seen.done,
        seen.lines,
        seen.failovers,
        seen.acknowledged,
        seen.lost
    );
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
