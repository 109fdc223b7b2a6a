//! The actors of an Almandine node: every socket, timer and thread; joins `protocol` and `storage`.
//!
//! ```text
//!              run()
//!                │
//!  control   NodeActor ─── ConfigActor, ListenerActor
//!                │                          │ accepted sockets
//!  worker 0  PubSubActor, ShardActor, ConnectionActor ...
//!  worker k              (ShardActor,) ConnectionActor ...   ── ExecuteBatches ──▶ ShardActor
//! ```
//!
//! `actors/` moves messages and bytes, `shard/` runs batches of requests, `commands/` holds one table entry and handler per
//! command, `params/` one entry per parameter, `stats/` what the node counts of itself. `probe/` is no part of a node: a client.
//!
//! Architecture invariant: only `actors/` and the handles of actors that others hold name actix; commands know no socket.

pub mod actors;
pub mod clients;
pub mod cluster;
pub mod commands;
pub mod journal;
pub mod lazyfree;
pub mod memory;
pub mod moment;
pub mod node;
pub mod open_files;
pub mod params;
pub mod pause;
pub mod probe;
pub mod pubsub;
pub mod quarantine;
pub mod replication;
pub mod saving;
pub mod session;
pub mod shard;
pub mod spread;
pub mod stats;

use std::process::ExitCode;
use std::sync::Arc;

use actix::{Actor, System};
use tracing::{error, info};

use crate::actors::config::membership::Membership;
use crate::actors::listener::Sockets;
use crate::actors::node::NodeActor;
use crate::actors::node::transport::Transport;
use crate::node::Node;

/// The version of Almandine.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of Redis whose clients we serve: tools choose features by it.
pub const REDIS_VERSION: &str = "7.4.0";

/// Runs a node until it is told to stop. `signals` is called on the control thread once the sockets are bound and before
/// anybody is served; what it returns runs beside the node and may end it, see [`Node::end`].
///
/// # Errors
/// Why nobody can be served: a socket could not be bound, or the kernel does not grant what is demanded of it.
pub fn run<S: Future<Output = ()> + 'static>(
    node: Arc<Node>,
    membership: Option<Membership>,
    signals: impl FnOnce() -> S,
) -> Result<ExitCode, String> {
    info!(
        "Almandine {VERSION} is starting, PID: {}, Redis version={REDIS_VERSION}, mode={}, port={}",
        std::process::id(),
        node.mode(),
        node.params().port,
    );
    let transport = Transport::choose(&node.params())?;
    let sockets = Sockets::bind(&node.params())?;
    let runner = System::new();
    runner.block_on(async move {
        let signals = signals();
        NodeActor::new(node, sockets, membership, transport).start();
        actix_rt::spawn(signals);
    });
    Ok(match runner.run_with_code() {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            error!(%error, "the control thread has failed");
            ExitCode::FAILURE
        }
    })
}
