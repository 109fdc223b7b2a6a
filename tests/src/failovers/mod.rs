//! Primaries are killed or replaced under load, again and again: somebody else goes on, and what was replicated is there.
//!
//! Writers follow the slots of their keys as clients of a cluster do. Each sends 0, 1, 2, ... to a list and counts in a counter,
//! and never sends a number again whose fate it does not know: so a gap is a loss and a repetition a duplicate. Every second
//! one asks with WAIT whether a replica has what was acknowledged: of that nothing may ever be lost. What others lose is counted:
//! it must be the last that the killed node has acknowledged, with nothing behind it that is there. Where the nodes wait for
//! their replicas before they acknowledge, nothing may be lost at all; what was answered UNCERTAIN may be there or not.
//!
//! ```text
//!   mod.rs       what is played, and what was seen
//!   story.rs     the rounds of each story
//!   stage.rs     the cluster: its shards, who leads, whether everybody is back
//! ```

mod stage;
mod story;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use almandine_cluster::topology::AckMode;

pub use story::run;

/// What happens in every round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// One primary and one replica: the primary is killed, CLUSTER FAILOVER FORCE makes the replica go on, the dead one comes
    /// back and follows; the next round goes the other way round.
    Reverse,
    /// A primary is killed, and nobody does anything about it.
    Automatic,
    /// The same with two nodes and a witness.
    Witness,
    /// CLUSTER FAILOVER.
    Planned,
    /// A primary stands still until another one leads, and goes on then.
    Frozen,
    /// A replica stands still, then its primary is killed, then the replica goes on.
    FrozenReplica,
}

impl FromStr for Story {
    type Err = String;

    fn from_str(name: &str) -> Result<Story, String> {
        match name {
            "reverse" => Ok(Story::Reverse),
            "automatic" => Ok(Story::Automatic),
            "witness" => Ok(Story::Witness),
            "planned" => Ok(Story::Planned),
            "frozen" => Ok(Story::Frozen),
            "frozen-replica" => Ok(Story::FrozenReplica),
            other => Err(format!("no story is called {other}")),
        }
    }
}

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    pub story: Story,
    /// One shard has two replicas, three have one each; reverse and witness have one shard with one replica.
    pub shards: usize,
    /// Rounds.
    pub times: usize,
    /// Decides the moments and the victims.
    pub seed: u64,
    /// Clients of each shard.
    pub writers: usize,
    /// If it is durable nothing that was acknowledged may be lost.
    pub ack_mode: AckMode,
}

/// What was seen; all of it right.
#[derive(Debug, Default)]
pub struct Report {
    pub rounds: usize,
    /// Rounds whose victim led the log as well.
    pub of_leaders: usize,
    pub acknowledged: u64,
    /// Of these, those that a replica had for certain.
    pub replicated: u64,
    /// Acknowledged, but on no replica when the node was killed.
    pub lost: u64,
    /// Nobody knows their fate; they were there.
    pub unheard: u64,
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
            "; {} acknowledged, {} replicated of which none is lost; {} lost that were not replicated; {} unheard; {} errors in \
             other shards",
            self.acknowledged, self.replicated, self.lost, self.unheard, self.errors_elsewhere
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
    fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Of the last time.
    fn last_ms(&self) -> u128 {
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
