//! Real processes: our node and the servers that it is compared with.
//!
//! ```text
//!   build.rs    builds the node's binary, once
//!   server.rs   what can be started, and a running one
//!   node.rs     our node in a test: fails the test if its log says more than it should
//!   proxy.rs    a connection between two servers that can be cut
//!   tool.rs     programs that we did not write: redis-cli and its like
//!   trouble.rs  system calls that fail or take long
//!   spawn.rs    processes that end with us
//! ```

pub mod build;
mod node;
mod proxy;
mod server;
mod spawn;
mod tool;
mod trouble;

pub use almandine_node::probe::{wait_for, wait_until};
pub use node::TestNode;
pub(crate) use node::{complaints, fail_for};
pub use proxy::{Break, Proxy};
pub use server::{Directory, Identity, Running, Server, Start, StartError};
pub use tool::{Run, Tool};
pub use trouble::Trouble;
