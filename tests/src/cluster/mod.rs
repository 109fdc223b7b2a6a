//! Real nodes that form a cluster.
//!
//! ```text
//!   nodes.rs      starts them, each in a directory and at ports of its own; kills, freezes, restarts, asks one
//!   links.rs      the ways between them, which can break
//!   agree.rs      waits until all show the same
//!   settled.rs    waits until every node has had something decided
//!   topology.rs   what a node shows of its cluster, without what each node sees in its own way
//!   kills.rs      nodes are killed while the topology changes, and what was acknowledged is looked for
//!   keys.rs       keys in all slots, at their owners
//! ```

mod agree;
mod keys;
pub mod kills;
mod links;
mod nodes;
mod settled;
mod topology;

pub use nodes::{Cluster, Plan};
pub use topology::{Place, Topology};
