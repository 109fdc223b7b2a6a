//! Benches: our node beside its peers, on this machine, in one run.
//!
//! ```text
//!   load.rs        a load generator: one thread, many connections, requests encoded beforehand
//!   case.rs        the commands that are measured, and the data that they need
//!   field.rs       the servers of a run, started and pinned
//!   throughput.rs  requests/s and CPU time per request
//!   latency.rs     percentiles at a given rate: at rest, while keys expire, while the table grows
//!   memory.rs      bytes per key
//!   slow.rs        commands that take long, and what others feel of them
//!   files.rs       snapshots under load, starts from files, full copies
//!   witness.rs     what others of the machine take from a measurement
//!   table.rs       figures for people
//! ```
//!
//! CPU time of the server per request is the figure to compare: it does not depend on how fast the load generator is, or
//! on what else the machine does. Each round measures every server before the next round begins, and medians are shown.

mod case;
mod field;
pub mod files;
pub mod latency;
mod load;
pub mod memory;
pub mod slow;
mod table;
pub mod throughput;
mod witness;

pub use case::Case;
pub use field::{Contender, Field, Pinning};

/// Why a bench gave up, for people.
pub type Failure = Box<dyn std::error::Error>;
