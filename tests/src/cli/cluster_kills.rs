//! `cluster-kills`: `kill -9` of nodes while the topology changes, again and again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::cluster::kills::{Plan, run as play};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
cluster-kills [--times 200] [--seed N] [--changes 300]
    Kills nodes of a cluster, one or all, at random moments of a load of CLUSTER commands, after at most so many
    acknowledged changes; looks into the vaults of the dead, starts them again, and looks whether every acknowledged change
    is there and nothing has gone back. The seed is the time if none is given.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        times: flags.value("times", 200)?,
        seed: flags.value("seed", time.map_or(0, |time| time.as_secs()))?,
        changes_max: flags.value("changes", 300)?,
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}"))?;
    eprintln!("{report}");
    Ok(ExitCode::SUCCESS)
}
