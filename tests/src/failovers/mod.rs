//! Primaries are killed or replaced under load, again and again: somebody else goes on, and what was replicated is there.
//!
//! Writers follow the slots of their keys as clients of a cluster do. Each sends 0, 1, 2, ... to a list and to a set and counts in
//! a counter, and never sends a number again whose fate it does not know: so a gap is a loss and a repetition a duplicate. Every
//! second one asks with WAIT whether a replica has what was acknowledged: of that nothing may ever be lost. What others lose is
//! counted: it must be the last that the killed node has acknowledged, with nothing behind it that is there, within
//! [`LOST_SPAN_MAX`]. Where the nodes wait for their replicas before they acknowledge, nothing may be lost at all; what was answered
//! UNCERTAIN may be there or not. Readers ask every node, and no two nodes may answer for a shard at once.
//!
//! ```text
//!   mod.rs       what is played
//!   cast.rs      the stories by name, and which nodes each needs
//!   story.rs     the rounds
//!   faults.rs    what happens in them: kills, pauses, partitions, commands
//!   amid.rs      kills while a copy, a snapshot or a rewrite is being made
//!   disks.rs     disks that are full or slow
//!   readers.rs   who answers for a shard
//!   stage.rs     the cluster: its shards, who leads, whether everybody is back
//!   report.rs    what was seen
//!   losses.rs    every story in both modes, and a table of what was lost
//!   soak.rs      faults of all kinds for a long time
//!   mixed.rs     commands of many kinds meanwhile
//!   held.rs      what nodes hold of memory and descriptors meanwhile
//! ```

mod amid;
mod cast;
mod disks;
mod faults;
mod held;
pub mod losses;
mod mixed;
mod readers;
mod report;
pub mod soak;
mod stage;
mod story;

use std::time::Duration;

use almandine_cluster::topology::AckMode;

pub use cast::Story;
pub use report::Report;
pub use story::run;

/// What a node acknowledges without a replica may be lost if it is the last that it does: so much of it, as long as the lease of an
/// isolated one lasts.
pub const LOST_SPAN_MAX: Duration = Duration::from_millis(500);

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    pub story: Story,
    /// One has two replicas in most stories, three have one each.
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
