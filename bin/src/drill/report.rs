//! What a person sees: steps with their times, and a table at the end.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use almandine_node::probe::Found;

/// See the module.
#[derive(Debug)]
pub(super) struct Report {
    begun: Instant,
    rows: Vec<Failover>,
}

/// A failover that has come to its end.
#[derive(Debug)]
pub(super) struct Failover {
    pub(super) story: &'static str,
    /// Who led before and afterwards.
    pub(super) change: String,
    /// From the kill to the answer of the first write that was sent after it.
    pub(super) gap: Duration,
    /// From the start of the killed node until it follows.
    pub(super) in_sync: Duration,
    /// Of each writer.
    pub(super) found: Vec<Found>,
}

impl Failover {
    fn sum(&self, part: impl Fn(&Found) -> u64) -> u64 {
        self.found.iter().map(part).sum()
    }

    /// In words.
    pub(super) fn counts(&self) -> String {
        format!(
            "{} confirmed writes; {} are lost, {} are there twice; {} others are gone with the killed node",
            self.sum(|found| found.replicated),
            self.sum(|found| found.lost),
            self.sum(|found| found.duplicates),
            self.sum(|found| found.gone),
        )
    }

    fn cells(&self) -> [String; 8] {
        let number = |part: fn(&Found) -> u64| self.sum(part).to_string();
        [
            self.story.to_owned(),
            self.change.clone(),
            format!("{:.3} s", self.gap.as_secs_f64()),
            format!("{:.3} s", self.in_sync.as_secs_f64()),
            number(|found| found.replicated),
            number(|found| found.lost),
            number(|found| found.duplicates),
            number(|found| found.gone),
        ]
    }
}

const HEAD: [&str; 8] = [
    "story",
    "primary",
    "write gap",
    "in sync after",
    "confirmed",
    "lost",
    "duplicates",
    "unconfirmed, gone",
];

impl Report {
    /// Time begins.
    pub(super) fn begin() -> Self {
        Report {
            begun: Instant::now(),
            rows: Vec::new(),
        }
    }

    /// What was done or seen just now.
    pub(super) fn step(&self, text: &str) {
        let time = self.begun.elapsed().as_secs_f64();
        say(format_args!("{time:>9.3} s  {text}"));
    }

    /// What follows.
    pub(super) fn heading(&self, text: &str) {
        say(format_args!("\n{text}"));
    }

    /// Another failover has ended.
    pub(super) fn row(&mut self, row: Failover) {
        self.rows.push(row);
    }

    /// The failovers that have come to their end.
    pub(super) fn table(&self) {
        if self.rows.is_empty() {
            return;
        }
        let mut lines = vec![HEAD.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Failover::cells));
        let width = |column: usize| {
            let widths = lines.iter().map(|line| line[column].len());
            widths.max().unwrap_or(0)
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        say("");
        for line in &lines {
            say(Line(line, &widths));
        }
        say(
            "\nA write is confirmed when the primary has answered it and, asked by WAIT, a replica has it. What the killed node had \
             answered and no replica had yet is gone with it: such writes are counted in the last column.",
        );
    }

    /// Whether nothing was lost, and nothing came twice.
    ///
    /// # Errors
    /// The first thing that must not be.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let found = self.rows.iter().flat_map(|row| &row.found);
        match found.filter_map(|found| found.fault.as_ref()).next() {
            None => {
                let confirmed: u64 = self
                    .rows
                    .iter()
                    .map(|row| row.sum(|found| found.replicated))
                    .sum();
                say(format_args!(
                    "\nPASSED: {} failovers, {confirmed} confirmed writes, none lost, none twice",
                    self.rows.len()
                ));
                Ok(())
            }
            Some(fault) => Err(fault.clone()),
        }
    }

    /// Nobody removes the directory.
    pub(super) fn kept(&self, dir: &Path) {
        say(format_args!("logs and data are kept in {}", dir.display()));
    }

    /// The end of a drill that has failed.
    pub(super) fn failed(&self, reason: &str) {
        say(format_args!("\nFAILED: {reason}"));
    }
}

/// A line of the table.
struct Line<'a>(&'a [String; 8], &'a [usize; 8]);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (column, (cell, width)) in self.0.iter().zip(self.1).enumerate() {
            match column {
                0 | 1 => write!(f, "{cell:width$}  ")?,
                7 => write!(f, "{cell:>width$}")?,
                _ => write!(f, "{cell:>width$}  ")?,
            }
        }
        Ok(())
    }
}

fn say(line: impl Display) {
    // Whoever does not listen any more reads the exit code.
    let _ = writeln!(io::stdout(), "{line}");
}
