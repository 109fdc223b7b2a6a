//! `failovers`: primaries are killed or replaced under load, again and again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_cluster::topology::AckMode;
use almandine_tests::failovers::{Plan, Story, run as play};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
failovers [--story reverse|automatic|witness|planned|frozen|frozen-replica] [--ack-mode async|durable] [--times 20]
        [--seed N] [--shards 1|3] [--writers 8]
    A cluster of our nodes under load. reverse: of two nodes the primary is killed, CLUSTER FAILOVER FORCE, it comes back and
    follows, and the other way round. automatic: primaries are killed, three nodes (or three shards of two) heal themselves;
    witness: the same with two nodes and a witness. planned: CLUSTER FAILOVER. frozen: a primary stands still until another
    one leads. frozen-replica: a replica stands still while its primary is killed. Whatever was acknowledged and replicated
    must be there once, with --ack-mode durable whatever was acknowledged. --writers is for each shard. The seed is the time if none is given.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        story: flags
            .value("story", "automatic".to_owned())?
            .parse::<Story>()?,
        shards: flags.value("shards", 1)?,
        times: flags.value("times", 20)?,
        seed: flags.value("seed", time.map_or(0, |time| time.as_secs()))?,
        writers: flags.value("writers", 8)?,
        ack_mode: match flags.value("ack-mode", "async".to_owned())?.as_str() {
            "async" => AckMode::Async,
            "durable" => AckMode::Durable,
            other => return Err(format!("no ack-mode is called {other}")),
        },
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}"))?;
    eprintln!("{report}");
    Ok(ExitCode::SUCCESS)
}
