//! Replication between real processes: our node, redis-server and its kin, as primaries and as replicas of each other.
//!
//! ```text
//!   peers.rs     we follow a server of others and they follow us, busy, cut off, again and again
//!   databases.rs the files of replicas say which database the stream is in
//!   chain.rs     replicas of replicas, and who leads when the first one leaves
//!   foreign.rs   what only the primary can do: scripts, functions, other kinds of keys
//!   restarts.rs  whoever is killed goes on where it has stopped
//!   slow.rs      whoever falls behind is sent the file, or begins anew
//!   failover.rs  a primary hands its place over
//!   hostile.rs   a primary that sends garbage
//!   manners.rs   what a primary waits for and refuses, what both sides show of each other
//! ```

mod chain;
mod databases;
mod failover;
mod foreign;
mod hostile;
mod manners;
mod peers;
mod restarts;
mod slow;
mod stage;
