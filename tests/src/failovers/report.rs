//! What was seen.

use std::fmt;
use std::time::Duration;

use almandine_node::probe::Found;

/// What was seen; all of it right, except a fault if there is one.
#[derive(Debug, Default)]
pub struct Report {
    pub rounds: usize,
    /// Nodes that were killed, stopped, cut off or given a bad disk.
    pub faults: usize,
    /// Kills that came while what the story is about went on.
    pub amid: usize,
    /// Rounds whose victim led the log as well.
    pub of_leaders: usize,
    pub acknowledged: u64,
    /// Of these, those that a replica had for certain.
    pub replicated: u64,
    /// Acknowledged, but on no replica when the node was killed.
    pub lost: u64,
    /// How long before the last acknowledgement of its node the first of them was acknowledged, at most.
    pub lost_span: Duration,
    /// Nobody knows their fate; they were there.
    pub unheard: u64,
    /// Nobody knows their fate; they were not there.
    pub unheard_gone: u64,
    /// What writers of shards saw that were not concerned.
    pub errors_elsewhere: u64,
    /// How long CLUSTER FAILOVER took to answer.
    pub command: Durations,
    /// From the kill to the answer of the first write that was sent after it; in planned ones the longest time without one.
    pub gap: Durations,
    /// From the start of the killed node until it follows.
    pub following: Durations,
    /// From the start of the killed node until everything is as it was.
    pub whole: Durations,
    /// What must not be, and has ended the story.
    pub fault: Option<String>,
}

impl Report {
    /// One more has told what it found.
    pub(super) fn add(&mut self, found: &Found) {
        self.acknowledged += found.acknowledged;
        self.replicated += found.replicated;
        self.lost += found.gone + found.lost;
        self.lost_span = self.lost_span.max(found.gone_span);
        self.unheard += found.unheard;
        self.unheard_gone += found.unheard_gone;
    }

    /// Itself, if all of it is right.
    ///
    /// # Errors
    /// What must not be.
    pub fn verdict(self) -> Result<Report, String> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            rounds, of_leaders, ..
        } = self;
        write!(f, "{rounds} rounds")?;
        if *of_leaders > 0 {
            write!(f, " ({of_leaders} of the leader of the log)")?;
        }
        write!(
            f,
            "; {} faults, {} in the midst of what they should disturb; {} acknowledged, {} replicated of which none is lost; {} \
             lost that were not replicated, the last {:?} of their node; uncertain: {} kept, {} lost; {} errors in other shards",
            self.faults,
            self.amid,
            self.acknowledged,
            self.replicated,
            self.lost,
            self.lost_span,
            self.unheard,
            self.unheard_gone,
            self.errors_elsewhere
        )?;
        let figures = [
            ("command", &self.command),
            ("write gap", &self.gap),
            ("follows again", &self.following),
            ("whole again", &self.whole),
        ];
        for (name, durations) in figures {
            if let Some(figures) = durations.figures() {
                write!(f, "\n  {name:13} {figures}")?;
            }
        }
        Ok(())
    }
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    pub(super) fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Of the last time.
    pub(super) fn last_ms(&self) -> u128 {
        self.0.last().map_or(0, Duration::as_millis)
    }

    /// For people; nothing if there was none.
    fn figures(&self) -> Option<String> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len() - 1));
        let last = sorted.last()?;
        Some(format!(
            "median {:?}, p99 {:?}, max {last:?}",
            at(50)?,
            at(99)?
        ))
    }
}
