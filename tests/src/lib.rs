//! Process harness, conversations, differential tests and benches of Almandine.
//!
//! ```text
//!   resp.rs        a RESP client that shows every byte
//!   process/       real processes: the node, redis-server and its kin
//!   bench/         figures of our node beside its peers
//!   conversation/  what clients say and what the server must answer, as text files
//!   differential/ random commands for our node and for a peer at once
//!   kills/         the node is killed under load, and what it has acknowledged is looked for
//!   cluster/       real nodes that form a cluster: started, killed, frozen, asked
//!   failovers/     primaries are killed or replaced under load, and what was replicated is looked for
//!   crash_images/ the vault on a disk that forgets what was not synced
//!   simulation/    many machines of the cluster with a clock, disks and a network of their own
//!   contents/      what servers and RDB files hold, to be compared
//!   load.rs        a server that is kept busy while a test does something to it
//!   flags.rs       flags of the tools and of the benches
//!   facts.rs       what servers say about their commands
//!   sys.rs         system calls that the standard library does not offer
//! ```

pub mod bench;
pub mod cluster;
pub mod contents;
pub mod conversation;
pub mod crash_images;
pub mod differential;
pub mod facts;
pub mod failovers;
pub mod flags;
pub mod kills;
pub mod load;
pub mod process;
pub mod resp;
pub mod simulation;
pub mod sys;
