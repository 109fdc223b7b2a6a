//! `kill -9` at random moments under load, again and again: what was acknowledged is there after the restart, and what is
//! there beyond was under way.
//!
//! Each writer has a list, a set and a counter of its own and writes 0, 1, 2, ... to them, so a history can be checked in
//! one pass: a gap is a loss, a repetition a duplicate, and the length must lie between what was acknowledged and what was
//! sent. SET and GET would hide all of this.
//!
//! ```text
//!   mod.rs       start, load, kill, start again, compare        writer.rs    one connection that writes as fast as it can
//! ```

mod writer;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use almandine_storage::Rng;

use self::writer::{Found, Writer};
use crate::process::{Directory, Running, Server, Start, wait_until};

/// How long a load may take to come to the moment of its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Kills between which the history goes on; then it begins anew, so that it does not grow for ever.
const KILLS_PER_HISTORY: usize = 5;

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often the node is killed.
    pub times: usize,
    /// Decides the moments and the requests.
    pub seed: u64,
    /// Connections that write.
    pub writers: usize,
    /// A node is killed after at most so many acknowledged requests.
    pub writes_max: u64,
}

/// What was seen; all of it right.
#[derive(Debug, Default)]
pub struct Report {
    /// How often the node was killed.
    pub kills: usize,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Writes that were under way when the node was killed and were there afterwards.
    pub under_way: u64,
    /// Times that a torn end was cut.
    pub torn: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} acknowledged writes, none lost; {} more that were under way, none twice; {} torn ends",
            self.kills, self.acknowledged, self.under_way, self.torn
        )
    }
}

/// Plays `plan`.
///
/// # Errors
/// What was lost or came twice, or why the node did not start.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Report, String> {
    let mut rng = Rng::new(plan.seed);
    let (mut report, dir) = (Report::default(), Directory::new());
    let mut writers = Vec::new();
    for kill in 0..plan.times {
        let is_new = kill % KILLS_PER_HISTORY == 0;
        let policy = ["always", "everysec"][kill / KILLS_PER_HISTORY % 2];
        let what = format!("kill {kill}, appendfsync {policy}");
        let mut node = start(&dir, policy).map_err(|error| format!("{what}: {error}"))?;
        if is_new {
            begin_history(&node)?;
            writers = (0..plan.writers).map(Writer::new).collect();
        } else {
            let found = compare(&node, &mut writers).map_err(|error| format!("{what}: {error}"))?;
            report.under_way += found.under_way;
        }
        let writes = 1 + rng.below(plan.writes_max as usize) as u64;
        report.acknowledged += load(&mut node, &mut writers, writes, &mut rng)?;
        report.kills += 1;
        report.torn += usize::from(node.log().contains("torn"));
        tell(&format!("{what}: {report}"));
    }
    let node = start(&dir, "always")?;
    report.under_way += compare(&node, &mut writers)?.under_way;
    Ok(report)
}

fn start(dir: &Directory, policy: &str) -> Result<Running, String> {
    Start::new(Server::Almandine)
        .args(["--appendonly", "yes", "--appendfsync", policy])
        .dir(dir)
        .run()
        .map_err(|error| error.to_string())
}

fn begin_history(node: &Running) -> Result<(), String> {
    let flushed = node.client().call(&["FLUSHALL"]);
    flushed.map(drop).map_err(|error| error.to_string())
}

/// All writers write until `writes` requests are acknowledged; then the node is killed. Returns the acknowledged writes.
fn load(
    node: &mut Running,
    writers: &mut [Writer],
    writes: u64,
    rng: &mut Rng,
) -> Result<u64, String> {
    let (address, acknowledged) = (node.address(), AtomicU64::new(0));
    let is_reached = thread::scope(|scope| {
        let threads: Vec<_> = writers
            .iter_mut()
            .map(|writer| {
                let (dice, acknowledged) = (Rng::new(rng.bits()), &acknowledged);
                scope.spawn(move || writer.write(address, dice, acknowledged))
            })
            .collect();
        let is_reached = wait_until(PATIENCE, || {
            acknowledged.load(Ordering::Relaxed) >= writes
                || threads.iter().any(|t| t.is_finished())
        });
        node.kill();
        let outcomes = threads.into_iter().map(|thread| thread.join());
        let outcomes: Vec<_> = outcomes
            .map(|outcome| outcome.unwrap_or(Err("panicked".to_owned())))
            .collect();
        outcomes
            .into_iter()
            .collect::<Result<(), String>>()
            .map(|()| is_reached)
    })?;
    match is_reached {
        true => Ok(acknowledged.into_inner()),
        false => Err("the load takes too long".to_owned()),
    }
}

fn compare(node: &Running, writers: &mut [Writer]) -> Result<Found, String> {
    let mut client = node.client();
    client.timeout(PATIENCE);
    let mut all = Found::default();
    for writer in writers.iter_mut() {
        all.under_way += writer.compare(&mut client)?.under_way;
    }
    Ok(all)
}
