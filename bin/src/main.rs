//! `almandine`: reads the command line, opens the log, starts a node.

mod allocator;
mod cli;
mod garnet;
mod logging;
mod pid_file;
mod signals;

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use almandine_node::memory::Counting;
use almandine_node::node::{Node, Origin};
use mimalloc::MiMalloc;
use tracing::{error, warn};

use crate::cli::{Instead, Start};
use crate::logging::Log;
use crate::pid_file::PidFile;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting(MiMalloc);

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match cli::start(std::env::args_os().skip(1), environment) {
        Ok(start) => run(start),
        Err(Instead::Usage(error)) => error.exit(),
        Err(Instead::Configuration(error)) => refuse(&error),
    }
}

fn run(start: Start) -> ExitCode {
    let Start {
        params,
        notes,
        config_file,
    } = start;
    if let Err(error) = std::env::set_current_dir(&params.dir) {
        return refuse(&format!("Can't chdir to '{}': {error}", params.dir));
    }
    let log = match Log::start(&params) {
        Ok(log) => log,
        Err(error) => {
            return refuse(&format!(
                "Can't open the log file '{}': {error}",
                params.logfile
            ));
        }
    };
    for note in notes {
        warn!("{note}");
    }
    let pid_file = Rc::new(PidFile::new(&params.pidfile));
    let (levels, signals) = (log.clone(), log);
    let origin = Origin {
        config_file,
        set_log_level: Box::new(move |level| levels.set_level(level)),
        allocator: allocator::mimalloc(),
    };
    let seed = RandomState::new().hash_one(std::process::id());
    let node = Arc::new(Node::new(params, seed).with_origin(origin));
    let written = pid_file.clone();
    almandine_node::run(node, move || {
        written.write();
        let caught = signals::caught(signals);
        async move {
            match caught {
                Ok(caught) => caught.await,
                Err(error) => {
                    error!(%error, "signals cannot be caught: the system's defaults end the node");
                    std::future::pending().await
                }
            }
        }
    })
}

/// One reason on standard error, exit code 1.
#[expect(
    clippy::print_stderr,
    reason = "there is no log yet, and a person reads this"
)]
fn refuse(reason: &str) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::FAILURE
}
