//! `soak`: a fault every few seconds for a long time.

use std::process::ExitCode;
use std::time::Duration;

use almandine_tests::failovers::soak::{Plan, play};
use almandine_tests::flags::Flags;

use super::Failure;
use super::failovers::now;

pub(super) const HELP: &str = "\
soak [--minutes 30] [--pause-s 5] [--faults 12] [--seed N] [--writers 4]
    Three shards of two nodes and a witness with --ack-mode durable, under writes and commands of many kinds: every few seconds
    nodes are killed, stand still, are cut off, or change places by command. After so many --faults everything must be whole and
    nothing that was acknowledged lost. At the end: nobody's memory and descriptors may have grown.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let minutes: u64 = flags.value("minutes", 30)?;
    let plan = Plan {
        time: Duration::from_secs(60 * minutes),
        pause: Duration::from_secs(flags.value("pause-s", 5)?),
        faults: flags.value("faults", 12)?,
        seed: flags.value("seed", now())?,
        writers: flags.value("writers", 4)?,
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}"));
    eprintln!("{report}");
    match report.fault {
        None => Ok(ExitCode::SUCCESS),
        Some(fault) => Err(fault),
    }
}
