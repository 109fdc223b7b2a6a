//! The stories by name, and which nodes each needs.

use std::fmt;
use std::str::FromStr;

use almandine_cluster::topology::AckMode;

use super::Plan;

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
    /// No node reaches the primary any more, nor it any of them, but all clients do.
    Partition,
    /// A primary is killed and starts at once, knowing who it is and nothing else.
    RestartEmpty,
    /// A primary is killed while a replica copies it.
    FullSync,
    /// A primary is killed while it saves a snapshot.
    Snapshot,
    /// A primary is killed while it writes its append-only file anew.
    Rewrite,
    /// A primary is killed, then the next one, then both return.
    Double,
    /// The disk of the primary is full for a while; the primary is killed meanwhile or not.
    FullPrimary,
    /// The same with the disk of a replica.
    FullReplica,
    /// The disk of the primary syncs slowly for a while; the primary is killed meanwhile or not.
    SlowPrimary,
    /// The same with the disk of a replica.
    SlowReplica,
}

/// Which nodes there are.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) shards: usize,
    /// Of each shard.
    pub(super) replicas: usize,
    pub(super) witnesses: usize,
    pub(super) ack_mode: AckMode,
    pub(super) breaks_links: bool,
    pub(super) fills_disks: bool,
    /// There is so much data that a copy of it takes a while.
    pub(super) takes_copies: bool,
    pub(super) args: &'static [&'static str],
    /// What nodes say that they do not say otherwise.
    pub(super) announced: &'static [&'static str],
}

use Story::{
    Automatic, Double, Frozen, FrozenReplica, FullPrimary, FullReplica, FullSync, Partition,
    Planned, RestartEmpty, Reverse, Rewrite, SlowPrimary, SlowReplica, Snapshot, Witness,
};

impl Story {
    /// Every one.
    pub const ALL: [Story; 16] = [
        Reverse,
        Automatic,
        Witness,
        Planned,
        Frozen,
        FrozenReplica,
        Partition,
        RestartEmpty,
        FullSync,
        Snapshot,
        Rewrite,
        Double,
        FullPrimary,
        FullReplica,
        SlowPrimary,
        SlowReplica,
    ];

    /// As it is called on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Reverse => "reverse",
            Automatic => "automatic",
            Witness => "witness",
            Planned => "planned",
            Frozen => "frozen",
            FrozenReplica => "frozen-replica",
            Partition => "partition",
            RestartEmpty => "restart-empty",
            FullSync => "full-sync",
            Snapshot => "snapshot",
            Rewrite => "rewrite",
            Double => "double",
            FullPrimary => "full-primary",
            FullReplica => "full-replica",
            SlowPrimary => "slow-primary",
            SlowReplica => "slow-replica",
        }
    }

    /// Whether it is played only where strace may trace.
    pub fn needs_strace(self) -> bool {
        matches!(self, SlowPrimary | SlowReplica)
    }

    /// Replicas of each of so many shards.
    fn replicas(self, shards: usize) -> Result<usize, String> {
        match (self, shards) {
            (Reverse | Witness, 1) => Ok(1),
            (_, 1) => Ok(2),
            (Automatic | Planned | Frozen | Partition | RestartEmpty, _) => Ok(1),
            _ => Err(format!("{self} has one shard")),
        }
    }

    /// The nodes it is played with.
    ///
    /// # Errors
    /// It is not about so many shards.
    pub(super) fn cast(self, plan: &Plan) -> Result<Cast, String> {
        Ok(Cast {
            shards: plan.shards,
            replicas: self.replicas(plan.shards)?,
            witnesses: match self {
                Witness => 1,
                // Two of its three nodes with data are dead at once.
                Double => 2,
                _ => 0,
            },
            ack_mode: plan.ack_mode,
            breaks_links: self == Partition,
            fills_disks: matches!(self, FullPrimary | FullReplica),
            takes_copies: matches!(self, FullSync | Snapshot | Rewrite),
            args: self.args(),
            announced: self.announced(),
        })
    }

    /// Whether what was acknowledged and is on no replica may be lost.
    pub(super) fn may_lose(self, ack_mode: AckMode) -> bool {
        self != Planned && ack_mode == AckMode::Async
    }

    fn args(self) -> &'static [&'static str] {
        match self {
            // Whoever writes to an isolated primary need not wait for long.
            Partition => &["--ack-timeout", "1000"],
            SlowPrimary | SlowReplica => &["--appendfsync", "always"],
            _ => &[],
        }
    }

    fn announced(self) -> &'static [&'static str] {
        match self {
            FullPrimary | FullReplica => &[
                "the append-only file cannot be written",
                "what the disk had no room for is not in the append-only file",
            ],
            _ => &[],
        }
    }
}

impl FromStr for Story {
    type Err = String;

    fn from_str(name: &str) -> Result<Story, String> {
        let found = Story::ALL.into_iter().find(|story| story.name() == name);
        found.ok_or_else(|| format!("no story is called {name}"))
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
