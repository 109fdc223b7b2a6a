//! The cluster's state machine: one ordered log holds the topology.
//!
//! ```text
//!                       ┌────────────────── machine ──────────────────┐
//!   events ───────────▶ │ raft/   log, votes, members (RawNode)        │ ──▶ effects, in order:
//!   (ticks, frames,     │    │ committed entries                       │     persist, then send,
//!    proposals,         │    ▼                                         │     then tell
//!    "persisted")       │ topology/   who there is, who leads which    │
//!                       │    │        shard, who owns which slot       │
//!                       │    ▼                                         │
//!                       │ view/   routing; NODES, SLOTS, SHARDS, INFO  │
//!                       └─────────────────────────────────────────────┘
//!
//!   failover/   the second machine, with a clock: who is heard, who may act as primary, who follows one that is gone
//! ```
//!
//! Architecture invariant: `cluster` knows no clock, no dice, no file, no socket, no actor. Events carry time and
//! randomness as numbers; the same events give the same effects.

pub mod failover;
pub mod frame;
pub mod id;
pub mod machine;
mod raft;
pub mod record;
pub mod slot;
pub mod switches;
pub mod topology;
pub mod view;
