//! Every story in both modes, and a table of what was lost.

use std::fmt::{self, Write};

use almandine_cluster::topology::AckMode;

use super::{Plan, Report, Story, run};
use crate::process::Tool;

/// Of one story in one mode.
#[derive(Debug)]
pub struct Row {
    pub plan: Plan,
    pub report: Report,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Losses {
    pub rows: Vec<Row>,
    /// Stories that cannot be played here.
    pub left_out: Vec<Story>,
}

/// Plays `stories` in both modes, so many rounds of each; whatever must not be is in the table.
pub fn play(
    stories: &[Story],
    times: usize,
    seed: u64,
    writers: usize,
    mut tell: impl FnMut(&str),
) -> Losses {
    let mut losses = Losses::default();
    let traces = Tool::strace_if_usable().is_some();
    for story in stories {
        if story.needs_strace() && !traces {
            losses.left_out.push(*story);
            continue;
        }
        for ack_mode in [AckMode::Async, AckMode::Durable] {
            let plan = Plan {
                story: *story,
                shards: 1,
                times,
                // So that no two of them do the same.
                seed: seed + losses.rows.len() as u64,
                writers,
                ack_mode,
            };
            tell(&format!("{story}, {}, seed {}", ack_mode.name(), plan.seed));
            let report = run(&plan, &mut tell);
            tell(&report.to_string());
            if let Some(fault) = &report.fault {
                tell(fault);
            }
            losses.rows.push(Row { plan, report });
        }
    }
    losses
}

const HEAD: [&str; 10] = [
    "case",
    "mode",
    "rounds",
    "faults",
    "amid",
    "acknowledged",
    "lost",
    "lost span",
    "uncertain kept/lost",
    "violations",
];

impl Row {
    fn cells(&self) -> [String; HEAD.len()] {
        let Report {
            rounds,
            faults,
            amid,
            acknowledged,
            lost,
            unheard,
            unheard_gone,
            ..
        } = &self.report;
        [
            self.plan.story.to_string(),
            self.plan.ack_mode.name().to_owned(),
            rounds.to_string(),
            faults.to_string(),
            amid.to_string(),
            acknowledged.to_string(),
            lost.to_string(),
            format!("{} ms", self.report.lost_span.as_millis()),
            format!("{unheard}/{unheard_gone}"),
            u8::from(self.report.fault.is_some()).to_string(),
        ]
    }
}

impl Losses {
    /// Of all rows.
    pub fn faults(&self) -> usize {
        self.rows.iter().map(|row| row.report.faults).sum()
    }

    /// The first thing that must not be.
    pub fn fault(&self) -> Option<&str> {
        let mut faults = self
            .rows
            .iter()
            .filter_map(|row| row.report.fault.as_deref());
        faults.next()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEAD.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let widths = std::array::from_fn::<usize, { HEAD.len() }, _>(|column| {
            let widths = lines.iter().map(|line| line[column].len());
            widths.max().unwrap_or_default()
        });
        for line in &lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(widths) {
                write!(text, "{cell:width$}  ")?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        write!(f, "{} faults", self.faults())?;
        for story in &self.left_out {
            write!(f, "; {story} is left out: no strace may trace here")?;
        }
        Ok(())
    }
}
