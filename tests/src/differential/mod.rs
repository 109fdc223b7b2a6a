//! Random commands for our node and for a peer at once: whatever they say differently is a defect, unless
//! [`tolerated`] says why not.
//!
//! ```text
//!   rules/*.rules   what commands look like, a line each
//!   grammar.rs      the language of the rules
//!   atoms.rs        the kinds of arguments, and the small key space
//!   values.rs       arguments that are no keys
//!   generate.rs     rules and dice -> commands
//!   side.rs         one server and the connections to it
//!   duel.rs         plays commands with both, batch by batch; transactions, SPOP, iterations
//!   difference.rs   how they differ, and how that is shown
//!   compare.rs      whether two replies say the same
//!   state.rs        everything that a server holds
//!   tolerated.rs    the differences that are none
//!   shrink.rs       the few commands that show a difference
//! ```
//!
//! Beside the replies, the keyspace events of every command and what a subscriber is told are compared. A run consists of
//! chapters: each begins with empty servers and new connections, and its seed decides it alone. Nothing expires during a
//! run: times are far away or past.

mod atoms;
mod compare;
mod difference;
mod duel;
mod generate;
mod grammar;
mod shrink;
mod side;
mod state;
pub mod tolerated;
mod values;

use std::fmt;

use self::difference::{Difference, Found, short};
use self::duel::{BATCH_STEPS, Duel};
use self::generate::{Generator, LISTENER, Step};
use crate::conversation::words::join;
use crate::process::{Identity, Server, StartError};
use crate::resp::Protocol;

/// Commands of a chapter.
pub const CHAPTER: usize = 20_000;
/// The state is compared after so many commands.
const STATE_EVERY: usize = 1_000;

/// What to play.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Of the first chapter; each further one counts on.
    pub seed: u64,
    /// How many commands.
    pub commands: usize,
    /// The run ends after so many differences that are not alike.
    pub findings_max: usize,
}

/// What a run showed.
#[derive(Debug)]
pub struct Report {
    /// Whom our node was compared with.
    pub peer: Identity,
    /// Commands played.
    pub commands: usize,
    /// The differences.
    pub findings: Vec<Finding>,
}

/// One difference.
#[derive(Debug)]
pub struct Finding {
    /// The chapter's seed.
    pub seed: u64,
    /// Commands of that chapter up to the difference.
    pub commands: usize,
    steps: Vec<Step>,
    difference: Difference,
    /// Whether playing the commands again showed it again.
    repeats: bool,
}

/// Plays `plan` with our node and `peer`.
pub fn run(plan: &Plan, peer: Server) -> Result<Report, StartError> {
    let listener = Protocol::BOTH[(plan.seed % 2) as usize];
    let mut duel = Duel::start(peer, listener)?;
    let mut report = Report {
        peer: duel.peer.clone(),
        commands: 0,
        findings: Vec::new(),
    };
    let mut seed = plan.seed;
    while report.commands < plan.commands && report.findings.len() < plan.findings_max {
        let length = CHAPTER.min(plan.commands - report.commands);
        chapter(&mut duel, seed, length, &mut report)?;
        seed = seed.wrapping_add(1);
    }
    Ok(report)
}

/// Plays a chapter up to its end or its first difference.
fn chapter(
    duel: &mut Duel,
    seed: u64,
    length: usize,
    report: &mut Report,
) -> Result<(), StartError> {
    duel.renew()?;
    let mut generator = Generator::new(seed, &duel.peer);
    let mut history: Vec<Step> = Vec::new();
    while history.len() < length {
        let done = history.len();
        while history.len() < length.min(done + STATE_EVERY) {
            history.extend(generator.next());
        }
        let played = duel.play(&history[done..], BATCH_STEPS);
        let played = played.and_then(|()| {
            let steps = history.len() - done;
            let compared = duel.compare_state();
            compared.map_err(|difference| Found {
                steps,
                difference: Box::new(difference),
            })
        });
        if let Err(found) = played {
            history.truncate(done + found.steps);
            report.commands += history.len();
            if matches!(*found.difference, Difference::Tolerated) {
                return Ok(());
            }
            return note(duel, seed, &history, *found.difference, report);
        }
    }
    report.commands += history.len();
    Ok(())
}

fn note(
    duel: &mut Duel,
    seed: u64,
    history: &[Step],
    difference: Difference,
    report: &mut Report,
) -> Result<(), StartError> {
    let shrunk = shrink::shrink(duel, history, &difference)?;
    let repeats = shrunk.is_some();
    let (steps, difference) = shrunk.unwrap_or_else(|| {
        let last = history.len().saturating_sub(64);
        (history[last..].to_vec(), difference)
    });
    let finding = Finding {
        seed,
        commands: history.len(),
        steps,
        difference,
        repeats,
    };
    if !report
        .findings
        .iter()
        .any(|known| known.kind() == finding.kind())
    {
        report.findings.push(finding);
    }
    Ok(())
}

/// Random requests on data of all types, transactions among them, for tests that want a server to be busy.
pub struct Requests {
    generator: Generator,
    pending: std::collections::VecDeque<Vec<Vec<u8>>>,
}

impl Requests {
    /// The seed decides all of them; `peer` knows the commands.
    pub fn new(seed: u64, peer: &Identity) -> Requests {
        Requests {
            generator: Generator::of_data(seed, peer),
            pending: std::collections::VecDeque::new(),
        }
    }
}

impl Iterator for Requests {
    type Item = Vec<Vec<u8>>;

    fn next(&mut self) -> Option<Vec<Vec<u8>>> {
        while self.pending.is_empty() {
            let steps = self.generator.next().into_iter();
            // None may wait for ever. And of MSETEX with two times of expiry Valkey tells its replicas what they refuse.
            let quick = steps.filter(|step| {
                let name = step.name();
                !name.starts_with('B') && name != "MSETEX"
            });
            self.pending.extend(quick.map(|step| step.request));
        }
        self.pending.pop_front()
    }
}

impl Finding {
    /// What findings of the same cause have in common, most likely.
    fn kind(&self) -> (String, String) {
        let last = self.steps.last().map(Step::name).unwrap_or_default();
        (self.difference.signature(), last)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repeats = match self.repeats {
            true => "these commands show it",
            false => "playing the commands again did not show it; the last ones were",
        };
        writeln!(
            f,
            "seed {}, command {}: {repeats}",
            self.seed, self.commands
        )?;
        for step in &self.steps {
            let who = match step.client {
                LISTENER => "listener".to_owned(),
                number => format!("RESP{}", Protocol::BOTH[number % 2].number()),
            };
            writeln!(f, "  {who}> {}", short(&join(&step.request)))?;
        }
        write!(f, "{}", self.difference)?;
        writeln!(
            f,
            "to repeat: cargo run -p almandine-tests -- differential --seed {} --commands {}",
            self.seed, self.commands
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write!(
            f,
            "{} commands compared with {}, {} differences",
            self.commands,
            self.peer,
            self.findings.len()
        )
    }
}
