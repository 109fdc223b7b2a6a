//! `kills`: `kill -9` under load, again and again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::kills::{Plan, run as play};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
kills [--times 200] [--seed N] [--writers 4] [--writes 30000]
    Kills our node at random moments, after at most so many acknowledged writes, starts it again from its append-only
    file, and looks whether every acknowledged write is there, and none twice. The seed is the time if none is given.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        times: flags.value("times", 200)?,
        seed: flags.value("seed", time.map_or(0, |time| time.as_secs()))?,
        writers: flags.value("writers", 4)?,
        writes_max: flags.value("writes", 30_000)?,
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, |line| eprintln!("{line}"))?;
    eprintln!("{report}");
    Ok(ExitCode::SUCCESS)
}
