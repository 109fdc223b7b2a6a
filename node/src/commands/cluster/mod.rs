//! The cluster: what a node shows of it, and what it wants changed.
//!
//! ```text
//!   show.rs    NODES, SLOTS, SHARDS, INFO, ... answer from the picture
//!   usage.rs   the keys of slots: COUNTKEYSINSLOT, GETKEYSINSLOT, SLOT-STATS
//!   slots.rs   ADDSLOTS, DELSLOTS, SETSLOT, ...
//!   members.rs MEET, FORGET, REPLICATE, RESET, epochs
//!   quarantine.rs what the node has set aside
//!   client.rs  READONLY, READWRITE, ASKING
//!   entries.rs the table
//! ```
//!
//! Whoever changes something proposes it to the [`Seat`](crate::shard::Seat); the reply that the handler writes is sent when
//! the cluster has decided so.

mod client;
mod entries;
mod members;
mod quarantine;
mod show;
mod slots;
#[cfg(test)]
mod tests;
mod usage;

use almandine_cluster::id::NodeId;
use almandine_cluster::slot::Slot;
use almandine_cluster::topology::{Change, Topology};
use almandine_protocol::number;

pub use self::entries::COMMANDS;
use super::{Args, Call, Fault, Outcome};

const DISABLED: Fault = Fault::new("ERR This instance has cluster support disabled");
const NOT_A_SLOT: Fault = Fault::new("ERR Invalid or out of range slot");

/// This node's name, if it is in a cluster.
fn myself(call: &Call<'_>) -> Result<NodeId, Fault> {
    let picture = call.seat.picture().ok_or(DISABLED)?;
    Ok(picture.myself)
}

/// The topology with what this transaction has changed already.
fn topology<'a>(call: &'a Call<'_>) -> Result<&'a Topology, Fault> {
    call.seat.topology().ok_or(DISABLED)
}

/// Wants a change; the reply is what comes of it.
fn propose(call: &mut Call<'_>, change: Change) -> Outcome {
    let applied = call.seat.propose(change)?;
    call.reply.simple(&applied.to_string());
    Ok(())
}

/// The name of a node in argument `i`; none if no node can have it.
fn named(args: Args<'_>, i: usize) -> Option<NodeId> {
    let text = std::str::from_utf8(args.at(i)).ok()?;
    // Names are compared byte by byte, and all are written in lower case.
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    text.parse().ok().filter(|_| is_lower)
}

/// What argument `i` is called by someone who does not know it.
fn unknown(args: Args<'_>, i: usize) -> Fault {
    Fault::quoting("ERR Unknown node ", args.at(i), "")
}

/// A slot where slots are assigned.
fn slot(args: Args<'_>, i: usize) -> Result<Slot, Fault> {
    let number = number::parse_i64(args.at(i));
    let number = number.and_then(|number| u16::try_from(number).ok());
    number
        .and_then(|number| Slot::try_from(number).ok())
        .ok_or(NOT_A_SLOT)
}
