//! Waits until every node has had something decided, and tells what each has answered if one has not.

use std::fmt;
use std::time::{Duration, Instant};

use super::nodes::Cluster;
use crate::process::wait_until;
use crate::resp::Value;

/// How long nodes may take to agree after they were killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node has answered, one answer after the other. Equal ones that follow each other are counted.
struct Answers {
    number: usize,
    begun: Instant,
    runs: Vec<Run>,
}

struct Run {
    answer: String,
    count: u32,
    /// Since the beginning, when it was heard first and last.
    first: Duration,
    last: Duration,
}

impl Cluster {
    /// What nodes show right after they were started is what they know to be decided: the rest of their logs counts once they
    /// have agreed on it. Waits until each that runs has had an entry decided, which comes behind all of that.
    ///
    /// # Errors
    /// What each has answered meanwhile, and how far it says that the log is.
    pub fn settle(&self) -> Result<(), String> {
        let begun = Instant::now();
        let mut all: Vec<Answers> = self
            .running()
            .into_iter()
            .map(|number| Answers {
                number,
                begun,
                runs: Vec::new(),
            })
            .collect();
        let is_settled = wait_until(PATIENCE, || {
            // All are asked, even if one has no answer yet: what the others say explains it.
            for answers in all.iter_mut().filter(|answers| !answers.is_decided()) {
                answers.ask(self);
            }
            all.iter().all(Answers::is_decided)
        });
        match is_settled {
            true => Ok(()),
            false => Err(self.explain(&all)),
        }
    }

    fn explain(&self, all: &[Answers]) -> String {
        let mut said = format!("within {PATIENCE:?} not every node has had something decided:");
        for answers in all {
            said += &answers.to_string();
        }
        for answers in all {
            for line in ["CLUSTER MYID", "CLUSTER VOTERS"] {
                let shown = self.try_call(answers.number, line);
                let shown = shown.map_or_else(|error| error, |shown| readable(&shown));
                said += &format!("\nnode {}: {line}: {shown}", answers.number);
            }
        }
        said
    }
}

impl Answers {
    /// Whether the log has answered. It does so by STILL as well as by BUMPED: the entry has found the node's shard at the
    /// highest epoch, as that of a cluster of one shard always is.
    fn is_decided(&self) -> bool {
        let last = self.runs.last();
        last.is_some_and(|run| {
            let starts = ["BUMPED ", "STILL "];
            starts.iter().any(|start| run.answer.starts_with(start))
        })
    }

    fn ask(&mut self, cluster: &Cluster) {
        let answer = match cluster.try_call(self.number, "CLUSTER BUMPEPOCH") {
            Ok(answer) => readable(&answer),
            Err(error) => error,
        };
        let now = self.begun.elapsed();
        match self.runs.last_mut() {
            Some(run) if run.answer == answer => {
                run.count += 1;
                run.last = now;
            }
            _ => self.runs.push(Run {
                answer,
                count: 1,
                first: now,
                last: now,
            }),
        }
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        for Run {
            answer,
            count,
            first,
            last,
        } in &self.runs
        {
            write!(
                f,
                "\nnode {number}: {count} x {answer:?}, after {first:.1?} to {last:.1?}"
            )?;
        }
        Ok(())
    }
}

/// For people: words, not bytes.
fn readable(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(readable).collect();
            format!("[{}]", elements.join(" "))
        }
        other => other.text().unwrap_or_else(|| format!("{other:?}")),
    }
}
