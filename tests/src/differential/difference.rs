//! What was different, and how it is shown.

use std::fmt;

use super::generate::Step;
use crate::conversation::Shape;
use crate::conversation::words::join;
use crate::resp::{Protocol, Value};

/// What was different, and after how many steps.
pub(super) struct Found {
    pub(super) steps: usize,
    pub(super) difference: Box<Difference>,
}

/// How the servers differ.
#[derive(Debug)]
pub(super) enum Difference {
    /// The replies to a step, which may have been queued in a transaction.
    Reply {
        step: Step,
        ours: Value,
        theirs: Value,
    },
    /// What a listening connection was told during a batch.
    Heard {
        who: &'static str,
        ours: Vec<Value>,
        theirs: Vec<Value>,
    },
    /// A key, afterwards.
    State {
        key: String,
        ours: String,
        theirs: String,
    },
    /// One that is none, but the servers may hold different things from now on.
    Tolerated,
    /// A connection broke.
    Broken {
        who: &'static str,
        reason: String,
        log: String,
    },
}

impl Difference {
    /// Up to which step of `batch` it took: the end, unless it is about the reply to one of them.
    pub(super) fn place_in(&self, batch: &[Step]) -> usize {
        match self {
            Difference::Reply { step, .. } => {
                let found = batch.iter().position(|candidate| candidate == step);
                // The step of a transaction may stand in an earlier batch.
                found.map_or(batch.len(), |place| match batch[place].check {
                    _ if self.was_queued(batch, place) => batch.len(),
                    _ => place + 1,
                })
            }
            _ => batch.len(),
        }
    }

    /// Whether EXEC follows: then the step's reply came with it.
    fn was_queued(&self, batch: &[Step], place: usize) -> bool {
        batch[place..].iter().any(|step| step.name() == "EXEC")
    }

    /// What two differences have in common that have the same cause, most likely.
    pub(super) fn signature(&self) -> String {
        match self {
            Difference::Reply { step, ours, theirs } => {
                format!("{}: {} against {}", step.name(), kind(ours), kind(theirs))
            }
            Difference::Heard { who, .. } => (*who).to_owned(),
            Difference::Tolerated => "tolerated".to_owned(),
            Difference::State { ours, theirs, .. } => {
                let first = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
                format!("state {} {}", first(ours), first(theirs))
            }
            Difference::Broken { who, reason, .. } => {
                let first = reason.split(',').next().unwrap_or_default();
                format!("{who}: {first}")
            }
        }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Error(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Integer(_) => "a number".to_owned(),
        Value::Bulk(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        other => format!("{other:?}")
            .chars()
            .take_while(|c| *c != '(')
            .collect(),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replies = |values: &[Value]| values.iter().flat_map(lines).collect::<Vec<_>>();
        match self {
            Difference::Reply { step, ours, theirs } => write!(
                f,
                "the replies to {}\n{}",
                short(&join(&step.request)),
                side_by_side(&lines(ours), &lines(theirs))
            ),
            Difference::Heard { who, ours, theirs } => write!(
                f,
                "what {who} was told\n{}",
                side_by_side(&replies(ours), &replies(theirs))
            ),
            Difference::State { key, ours, theirs } => {
                let (ours, theirs) = (short(ours), short(theirs));
                write!(
                    f,
                    "key {key} afterwards\n  ours:   {ours}\n  theirs: {theirs}\n"
                )
            }
            Difference::Tolerated => write!(f, "tolerated"),
            Difference::Broken { who, reason, log } => {
                write!(f, "{who}: {reason}\n{log}\n")
            }
        }
    }
}

fn lines(value: &Value) -> Vec<String> {
    let lines = Shape::of(value, Protocol::Resp2).lines();
    lines.iter().map(|line| short(line)).collect()
}

/// Both texts around the first line that differs.
fn side_by_side(ours: &[String], theirs: &[String]) -> String {
    const BEFORE: usize = 6;
    const SHOWN: usize = 24;
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let start = match ours.len().max(theirs.len()) > SHOWN {
        true => same.saturating_sub(BEFORE),
        false => 0,
    };
    let part = |lines: &[String]| {
        let shown = lines.iter().skip(start).take(SHOWN);
        let text: String = shown.map(|line| format!("    {line}\n")).collect();
        match lines.len() > start + SHOWN {
            true => text + "    ...\n",
            false => text,
        }
    };
    let from = match start {
        0 => String::new(),
        _ => format!(", from line {}", start + 1),
    };
    format!("  ours{from}:\n{}  theirs:\n{}", part(ours), part(theirs))
}

/// Enough of a long text to know it by.
pub(super) fn short(text: &str) -> String {
    const MAX: usize = 400;
    match text.char_indices().nth(MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}
