//! `kill -9` of a process that commits, again and again: it must open its vault again and find what it had acknowledged.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use almandine_storage::Rng;

use super::Place;
use super::writer::WRITER;

/// What is played.
#[derive(Debug, Clone)]
pub struct Kills {
    /// How often the process is killed.
    pub times: usize,
    /// Decides the commits and the moments.
    pub seed: u64,
}

/// What was seen; all of it right.
#[derive(Debug, Default)]
pub struct KillsReport {
    /// How often the process was killed.
    pub kills: usize,
    /// The last commit that was acknowledged.
    pub acknowledged: u64,
}

impl fmt::Display for KillsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KillsReport {
            kills,
            acknowledged,
        } = self;
        write!(
            f,
            "{kills} kills, {acknowledged} acknowledged commits, none lost"
        )
    }
}

/// Plays `plan`; `program` is the binary of this crate, which writes.
///
/// # Errors
/// The vault did not open, or what was acknowledged is gone.
pub fn kill_again_and_again(plan: &Kills, program: &Path) -> Result<KillsReport, String> {
    let place = Place::new().map_err(|error| format!("no directory: {error}"))?;
    let mut rng = Rng::new(plan.seed);
    let mut report = KillsReport::default();
    let mut begun = 0;
    for _ in 0..plan.times {
        let mut child = Command::new(program)
            .arg(WRITER)
            .arg(place.0.join("cluster.db"))
            .args(["--seed", &plan.seed.to_string()])
            .args(["--commits", &u64::MAX.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        // Some are killed while they open.
        let mut left = rng.below(120);
        while left > 0 {
            let Some(Ok(line)) = lines.next() else {
                return Err(format!("the process has ended after commit {begun}"));
            };
            check(&line, &mut begun, &mut report)?;
            left -= 1;
        }
        let killed = child.kill().and_then(|()| child.wait());
        killed.map_err(|error| format!("kill: {error}"))?;
        for line in lines.map_while(Result::ok) {
            check(&line, &mut begun, &mut report)?;
        }
        report.kills += 1;
    }
    Ok(report)
}

fn check(line: &str, begun: &mut u64, report: &mut KillsReport) -> Result<(), String> {
    let (word, number) = line.split_once(' ').ok_or(line)?;
    let number: u64 = number.parse().map_err(|_| line)?;
    match word {
        "opened" if number < report.acknowledged || number > *begun => Err(format!(
            "commit {number} was found, {} was acknowledged and {begun} begun",
            report.acknowledged
        )),
        "opened" => {
            *begun = number;
            report.acknowledged = number;
            Ok(())
        }
        "begin" => {
            *begun = number;
            Ok(())
        }
        "done" => {
            report.acknowledged = number;
            Ok(())
        }
        _ => Err(format!("a strange line: {line}")),
    }
}
