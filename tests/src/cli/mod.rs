//! The command line of the tools.

mod cluster_kills;
mod converse;
mod crash_images;
mod differential;
mod failovers;
mod kills;
mod simulate;
mod soak;

use std::process::ExitCode;

/// Why a tool gave up, for people.
type Failure = String;

const HELP: &str = "\
Tools of the test crate: cargo run -p almandine-tests -- TOOL ... (help: this text)
Benches: cargo bench -p almandine-tests -- help

converse FILE-OR-DIR... [--server PATH] [--resp 2|3] [--update]
    Plays conversations against the server at PATH (our node if absent), in RESP2 and RESP3 unless one is named.
    --update writes that server's answers into the files.
";

/// Runs the tool that `args` name.
pub(crate) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    match args.split_first() {
        Some((tool, args)) if tool == "converse" => converse::run(args),
        Some((tool, args)) if tool == "differential" => differential::run(args),
        Some((tool, args)) if tool == "kills" => kills::run(args),
        Some((tool, args)) if tool == "cluster-kills" => cluster_kills::run(args),
        Some((tool, args)) if tool == "failovers" => failovers::run(args),
        Some((tool, args)) if tool == "losses" => failovers::run_losses(args),
        Some((tool, args)) if tool == "soak" => soak::run(args),
        Some((tool, args)) if tool == "simulate" => simulate::run(args),
        Some((tool, args)) if tool == "crash-images" => crash_images::run(args),
        Some((tool, args)) if tool == "vault-kills" => crash_images::run_kills(args),
        Some((tool, args)) if tool == "vault-writer" => crash_images::run_writer(args),
        Some((tool, _)) if tool == "help" => {
            eprint!("{}", help());
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(help()),
    }
}

fn help() -> String {
    [
        HELP,
        differential::HELP,
        kills::HELP,
        cluster_kills::HELP,
        failovers::HELP,
        soak::HELP,
        crash_images::HELP,
        simulate::HELP,
    ]
    .concat()
}
