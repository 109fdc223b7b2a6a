//! `almandine drill`: a throw-away cluster of real processes whose primaries are killed under load, told step by step.
//!
//! ```text
//!   flags.rs     what is asked for
//!   story.rs     the failovers of each story, under load
//!   stage.rs     the cluster of a story: set up, who leads, who follows
//!   nodes.rs     its processes: started, killed, asked; they end with us
//!   report.rs    steps with their times, and the table at the end
//! ```
//! Writers and what they find afterwards are `almandine_node::probe`.

mod flags;
mod nodes;
mod report;
mod stage;
mod story;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{self, ExitCode};

pub(crate) use self::nodes::end_with_drill;

use self::flags::Options;
use self::nodes::Processes;
use self::report::Report;
use crate::signals;

/// The first word of the command line that asks for the drill.
pub(crate) const NAME: &str = "drill";
/// The second one in the command lines of the drill's own nodes.
pub(crate) const NODE: &str = "node";

/// As shells have it of whoever was interrupted.
const INTERRUPTED: i32 = 130;

/// Plays what `args` ask for.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let options = match flags::parse(args) {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    let mut report = Report::begin();
    match play(&options, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report.failed(&reason);
            ExitCode::FAILURE
        }
    }
}

fn play(options: &Options, report: &mut Report) -> Result<(), String> {
    let dir = fresh_dir()?;
    let processes = Processes::default();
    let (running, left, keeps) = (processes.clone(), dir.clone(), options.keeps_dir);
    let caught = signals::on_end(move || {
        let _nobody_starts_more = running.end();
        if !keeps {
            // It is in the directory for such files.
            let _ = fs::remove_dir_all(left);
        }
        process::exit(INTERRUPTED);
    });
    caught.map_err(|error| format!("signals cannot be caught: {error}"))?;
    report.step(&format!(
        "seed {}; logs and data are in {}",
        options.seed,
        dir.display()
    ));
    let played = story::play(options, &dir, &processes, report);
    drop(processes.end());
    report.table();
    let outcome = played.and_then(|()| report.verdict());
    match &outcome {
        Ok(()) if !options.keeps_dir => {
            fs::remove_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        Ok(()) | Err(_) => report.kept(&dir),
    }
    outcome
}

fn fresh_dir() -> Result<PathBuf, String> {
    let parent = std::env::temp_dir();
    let named = |number: u32| parent.join(format!("almandine-drill-{}-{number}", process::id()));
    // A process with our id may have left one.
    let dir = (0..).map(named).find(|dir| !dir.exists());
    let dir = dir.unwrap_or(parent);
    match fs::create_dir(&dir) {
        Ok(()) => Ok(dir),
        Err(error) => Err(format!("{}: {error}", dir.display())),
    }
}
