//! The process: its end, and its clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn shutdown(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The clock itself, not the one of the batch: this command is asked to measure with.
fn time(call: &mut Call<'_>) -> Outcome {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    call.reply.array(2);
    call.reply.bulk(now.as_secs().to_string().as_bytes());
    call.reply.bulk(now.subsec_micros().to_string().as_bytes());
    Ok(())
}

/// SHUTDOWN.
pub(super) const SHUTDOWN: Command = Command {
    name: "shutdown",
    arity: -1,
    flags: Flags::ADMIN
        .union(Flags::ALLOW_BUSY)
        .union(Flags::LOADING)
        .union(Flags::NO_MULTI)
        .union(Flags::NOSCRIPT)
        .union(Flags::STALE),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Ends the server; saves the data before if it is to be saved.",
    complexity: "O(N) with N keys to save, else O(1)",
    args: "[save-selector=<NOSAVE|SAVE>] [NOW] [FORCE] [ABORT]",
    run: Run::Node(shutdown),
};

/// TIME.
pub(super) const TIME: Command = Command {
    name: "time",
    arity: 1,
    flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "2.6.0",
    summary: "Returns the time of the server.",
    complexity: "O(1)",
    args: "",
    run: Run::Node(time),
};
