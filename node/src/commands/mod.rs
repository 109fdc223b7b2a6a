//! Commands: one table entry each, next to its handler, in the file of its family.
//!
//! ```text
//!   table.rs   every family's entries, look-up by name
//!   spec.rs    the vocabulary of an entry: flags, key specs, categories, argument synopsis
//!   docs.rs    the synopsis of a command and COMMAND DOCS
//!   facts.rs   what COMMAND tells beyond an entry
//!   keys.rs    the keys of a request
//!   help.rs    the answer of HELP
//!   call.rs    what a handler is given
//!   errors.rs  what a handler may refuse with
//!   scan.rs    what the SCAN commands share
//!   random.rs  what the commands that draw members share
//!   element.rs writing what storage lends
//!   string.rs list.rs ...   the families: handlers, and their entries at the end of the file
//! ```

pub mod call;
pub mod changes;
mod client;
pub mod cluster;
pub mod config;
pub mod docs;
pub mod element;
pub mod errors;
pub mod facts;
#[cfg(test)]
mod fuzz;
pub mod help;
pub mod keys;
pub mod spec;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;

pub mod connection;
mod expiry;
pub mod generic;
pub mod hash;
pub mod list;
pub mod pubsub;
pub mod random;
pub mod replication;
pub mod scan;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod string;
pub mod transactions;
mod wait;

pub use call::{Args, Call, Outcome, Wait};
pub use changes::{Changes, Class};
pub use errors::Fault;
pub use spec::{Acl, Command, Flags, Group, KeyFlags, KeySpec, Run};
