//! `crash-images` and `vault-kills`: the vault on a disk that forgets, and in a process that is killed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::crash_images::{
    DiskKind, Kills, Plan, kill_again_and_again, run as play, write,
};

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
crash-images [--count 10000] [--seed N] [--keep DIR]
    Records the system calls of a process that commits to a vault, makes as many images of what the disk may hold if the
    machine dies, and looks whether each opens and holds what was acknowledged. Needs strace. What fails is put into DIR.
vault-kills [--times 1000] [--seed N]
    Kills a process that commits to a vault at random moments, and looks whether it finds again what it acknowledged.
vault-writer DIR --seed N --commits N
    The process that both of them start.
";

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| error.to_string())
}

fn time() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let plan = Plan {
        count: flags.value("count", 10_000)?,
        seed: flags.value("seed", time())?,
        disk: DiskKind::Honest,
        keep: flags.optional("keep")?,
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    let report = play(&plan, &program()?, |line| eprintln!("{line}"))?;
    eprintln!("{report}");
    Ok(match report.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

pub(super) fn run_kills(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let plan = Kills {
        times: flags.value("times", 1_000)?,
        seed: flags.value("seed", time())?,
    };
    flags.finish()?;
    eprintln!("seed {}", plan.seed);
    eprintln!("{}", kill_again_and_again(&plan, &program()?)?);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run_writer(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let (seed, commits) = (flags.value("seed", 0)?, flags.value("commits", 0)?);
    let dir = PathBuf::from(flags.rest_word("cluster.db"));
    flags.finish()?;
    write(&dir, seed, commits)?;
    Ok(ExitCode::SUCCESS)
}
