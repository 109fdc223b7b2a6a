//! `failovers`: primaries are killed or replaced under load, again and again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::failovers::{Plan, Story, run as play};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
failovers [--story reverse|automatic|witness|planned] [--times 20] [--seed N] [--shards 1|3] [--writers 8]
    A cluster of our nodes under load. reverse: of two nodes the primary is killed, CLUSTER FAILOVER FORCE, it comes back and
    follows, and the other way round. automatic: primaries are killed, three nodes (or three shards of two) heal themselves;
    witness: the same with two nodes and a witness. planned: CLUSTER FAILOVER. Whatever was acknowledged and replicated must
    be there once. --writers is for each shard. The seed is the time if none is given.
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
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}"))?;
    eprintln!("{report}");
    Ok(ExitCode::SUCCESS)
}
