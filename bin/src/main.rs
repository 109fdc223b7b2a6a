//! `almandine`: reads the command line, opens the log, starts a node. `almandine drill` starts several, and kills them.
//!
//! ```text
//!   arguments, environment, file ── cli.rs, garnet.rs ──▶ parameters ──▶ logging.rs, pid_file.rs ──▶ almandine_node::run
//!                                                                          signals.rs ── stop, reopen the log ──▲
//!   drill ... ── drill/ ──▶ nodes as processes, and writers          allocator ── mimalloc, and small pages
//! ```

mod allocator;
mod cli;
mod drill;
mod garnet;
mod logging;
mod pid_file;
mod signals;

use std::hash::{BuildHasher, RandomState};
use std::panic;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use almandine_node::actors::config::membership::Membership;
use almandine_node::memory::Counting;
use almandine_node::node::{Node, Origin};
use almandine_node::open_files;
use tracing::{error, warn};

use crate::cli::{Instead, Start};
use crate::logging::Log;
use crate::pid_file::PidFile;

/// Exit code when nobody can be served: no socket could be bound, or the kernel refuses what is demanded.
const CANNOT_SERVE: u8 = 3;

#[global_allocator]
static ALLOCATOR: Counting<allocator::Mimalloc> = Counting(allocator::Mimalloc);

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|word| word == drill::NAME).is_some() {
        if args.next_if(|word| word == drill::NODE).is_none() {
            return drill::run(args);
        }
        drill::end_with_drill();
    }
    match cli::start(args, environment) {
        Ok(start) => run(start),
        Err(Instead::Usage(error)) => error.exit(),
        Err(Instead::Configuration(error)) => refuse(&error),
    }
}

fn run(start: Start) -> ExitCode {
    let Start {
        mut params,
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
    log_panics();
    let is_seen = log.is_on_terminal();
    for note in notes {
        warn!("{note}");
    }
    match open_files::fit(&mut params.maxclients) {
        Ok(note) => note.iter().for_each(|note| warn!("{note}")),
        Err(reason) => {
            error!("{reason}");
            return if is_seen {
                ExitCode::FAILURE
            } else {
                refuse(&reason)
            };
        }
    }
    allocator::keep_what_was_freed();
    if params.disable_thp {
        allocator::use_small_pages();
    }
    let pid_file = Rc::new(PidFile::new(&params.pidfile));
    let (levels, signals) = (log.clone(), log);
    let origin = Origin {
        config_file,
        set_log_level: Box::new(move |level| levels.set_level(level)),
        allocator: allocator::mimalloc(),
    };
    let seed = RandomState::new().hash_one(std::process::id());
    let ended = Membership::open(&params, seed).and_then(|membership| {
        let place = membership
            .as_ref()
            .map(|known| (known.picture(&params), known.is_new()));
        let node = Node::new(params, seed).with_origin(origin);
        let node = Arc::new(match place {
            Some((picture, is_new)) => node.in_cluster(picture, is_new),
            None => node,
        });
        serve(node, membership, signals, &pid_file)
    });
    match ended {
        Ok(code) => code,
        Err(reason) => {
            error!("{reason}");
            if !is_seen {
                tell(&reason);
            }
            ExitCode::from(CANNOT_SERVE)
        }
    }
}

fn serve(
    node: Arc<Node>,
    membership: Option<Membership>,
    signals: Log,
    pid_file: &Rc<PidFile>,
) -> Result<ExitCode, String> {
    let (written, known) = (pid_file.clone(), node.clone());
    almandine_node::run(node, membership, move || {
        written.write();
        let caught = signals::caught(signals, known);
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

/// Panics are told on standard error, as always, and in the log too.
fn log_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let reason = match (
            payload.downcast_ref::<&str>(),
            payload.downcast_ref::<String>(),
        ) {
            (Some(reason), _) => reason,
            (_, Some(reason)) => reason.as_str(),
            _ => "no reason given",
        };
        error!("panicked at {}: {reason}", place.unwrap_or_default());
        tell(panic);
    }));
}

/// One reason on standard error, exit code 1.
fn refuse(reason: &str) -> ExitCode {
    tell(reason);
    ExitCode::FAILURE
}

#[expect(
    clippy::print_stderr,
    reason = "a person reads this who may not see the log"
)]
fn tell(reason: &str) {
    eprintln!("{reason}");
}
