//! A client of our own, for programs that drive nodes from outside: the drill and the tests.
//!
//! ```text
//!   client.rs   a blocking connection: pipelines, timeouts, replies that nobody asked for
//!   writer.rs   writes wherever its shard is
//!   history.rs  what was sent and answered, and what a node holds of that
//!   watch.rs    what writers and a story tell each other while it goes on
//!   wait.rs     waiting for a condition
//!   ports.rs    where nodes may listen
//! ```
//! A writer sends 0, 1, 2, ... to a list and to a set and counts in a counter, and never sends a number again whose fate it does
//! not know: so a gap is a loss and a repetition a duplicate.

mod client;
mod history;
mod ports;
mod wait;
mod watch;
mod writer;

pub use almandine_protocol::Value;
pub use almandine_storage::Rng;

pub use client::{Client, ClientError};
pub use history::Found;
pub use ports::free_port;
pub use wait::{wait_for, wait_until};
pub use watch::Watch;
pub use writer::Writer;
