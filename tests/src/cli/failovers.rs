//! `failovers`: primaries are killed or replaced under load, again and again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_cluster::topology::AckMode;
use almandine_tests::failovers::{Plan, Story, losses, run as play};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
failovers [--story NAME] [--ack-mode async|durable] [--times 20] [--seed N] [--shards 1|3] [--writers 8]
    A cluster of our nodes under load. reverse: of two nodes the primary is killed, CLUSTER FAILOVER FORCE, it comes back and
    follows, and the other way round. automatic: primaries are killed, three nodes (or three shards of two) heal themselves;
    witness: the same with two nodes and a witness. planned: CLUSTER FAILOVER. frozen: a primary stands still until another
    one leads. frozen-replica: a replica stands still while its primary is killed. partition: only clients reach the primary.
    restart-empty: a killed primary starts at once without its data. full-sync, snapshot, rewrite: a primary is killed while a
    replica copies it, or while it saves. double: two primaries are killed one after the other and return together.
    full-primary, full-replica, slow-primary, slow-replica: a disk is full or slow, the primary is killed meanwhile or not.
    Whatever was acknowledged and replicated must be there once, with --ack-mode durable whatever was acknowledged; no two
    nodes may answer for a shard at once. --writers is for each shard. The seed is the time if none is given.
losses [--story NAME,NAME...] [--times 10] [--seed N] [--writers 8]
    Every story (or those named) in both modes, and a table of what was lost. --times 16 are more than 500 faults.
";

pub(super) fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let plan = Plan {
        story: flags
            .value("story", "automatic".to_owned())?
            .parse::<Story>()?,
        shards: flags.value("shards", 1)?,
        times: flags.value("times", 20)?,
        seed: flags.value("seed", now())?,
        writers: flags.value("writers", 8)?,
        ack_mode: match flags.value("ack-mode", "async".to_owned())?.as_str() {
            "async" => AckMode::Async,
            "durable" => AckMode::Durable,
            other => return Err(format!("no ack-mode is called {other}")),
        },
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}")).verdict()?;
    eprintln!("{report}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run_losses(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let named: Vec<Story> = flags.list("story", "")?;
    let stories = match named.is_empty() {
        true => &Story::ALL[..],
        false => &named,
    };
    let times = flags.value("times", 10)?;
    let seed = flags.value("seed", now())?;
    let writers = flags.value("writers", 8)?;
    flags.finish()?;
    let losses = losses::play(stories, times, seed, writers, |line| eprintln!("{line}"));
    eprintln!("{losses}");
    match losses.fault() {
        None => Ok(ExitCode::SUCCESS),
        Some(_) => Err("something was seen that must not be: see above".to_owned()),
    }
}
