//! What nodes tell each other about themselves and about the silent ones.

use serde::{Deserialize, Serialize};

use super::{Fence, Fenced, HandOver, Succession};
use crate::id::{NodeId, ShardId};

/// A node's rounds of pings count up, over its starts. Links may repeat and turn round what they carry; the later beat is the
/// later word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Beat {
    /// How often the node was started.
    pub start: u64,
    pub number: u64,
}

/// How far a node's data goes in the stream of its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// Grows with every primary of the shard: its epoch when the primary whose stream this is took over.
    pub term: u64,
    pub offset: u64,
}

/// How a node's data stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    pub position: Position,
    /// A replica: whether its stream flows.
    pub is_linked: bool,
    /// Whether it has everything up to its position. Not while a full copy is coming in, and not after a start without what it
    /// had confirmed before.
    pub is_whole: bool,
    /// `replica-priority`: the lowest first, 0 = never; 0 too with `cluster-replica-no-failover`.
    pub priority: u32,
}

/// What a node says of itself in each ping and each answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its last round of pings.
    pub beat: Beat,
    /// None as long as it does not know: it is still reading its files.
    pub own: Option<Own>,
    /// Whom it does not hear. Counts if it votes.
    pub suspects: Vec<NodeId>,
}

/// A primary wants its lease extended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub shard: ShardId,
    /// The voters of whom it needs a majority, by the end of its log.
    pub voters: Vec<NodeId>,
    /// How the sender has come to lead.
    pub succession: Option<Succession>,
}

/// Without a claim the sender gives up what it had claimed before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    pub report: Report,
    pub claim: Option<Claim>,
}

/// The answer, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The ping's beat.
    pub answers: Beat,
    /// The claim was granted.
    pub is_extended: bool,
    pub report: Report,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Ping(Ping),
    Pong(Pong),
    /// The leader asks a voter not to extend the lease of a primary.
    Fence(Fence),
    /// The voter has not for the length of a lease, and will not for a while.
    Fenced(Fenced),
    /// It may again.
    Spare(Fence),
    HandOver(HandOver),
}
