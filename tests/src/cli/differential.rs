//! `differential`: random commands for our node and a peer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::differential::{Plan, run as play};
use almandine_tests::process::Server;

use super::Failure;
use almandine_tests::flags::Flags;

pub(super) const HELP: &str = "\
differential [--seed N] [--commands 200000] [--findings 10] [--peer PATH]...
    Plays random commands with our node and a peer (redis-server if none is named) and compares all they say, up to so
    many differences. The seed is the time if none is given.
";

pub(super) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        seed: flags.value("seed", time.map_or(0, |time| time.as_secs()))?,
        commands: flags.value("commands", 200_000)?,
        findings_max: flags.value("findings", 10)?,
    };
    let named = flags.all("peer").into_iter().map(PathBuf::from);
    let mut peers: Vec<Server> = named.map(Server::Peer).collect();
    flags.finish()?;
    if peers.is_empty() {
        peers.push(Server::redis().ok_or("redis-server is not installed; name a --peer")?);
    }
    eprintln!("seed {}", plan.seed);
    let mut differences = 0;
    for peer in peers {
        let report = play(&plan, peer).map_err(|error| error.to_string())?;
        eprintln!("{report}");
        differences += report.findings.len();
    }
    Ok(match differences {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
