//! The process: its end, and its clock.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn shutdown(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn time(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
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
