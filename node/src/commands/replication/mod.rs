//! Replication: who follows whom, and what a replica says to its primary.

mod acknowledged;
mod attach;
mod entries;
mod failover;
mod follow;
mod role;

pub use entries::COMMANDS;
