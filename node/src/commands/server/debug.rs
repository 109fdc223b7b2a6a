//! DEBUG: for tests of the server itself; guarded by `enable-debug-command`.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn debug(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// DEBUG.
pub(super) const DEBUG: Command = Command {
    name: "debug",
    arity: -2,
    flags: Flags::ADMIN
        .union(Flags::LOADING)
        .union(Flags::NOSCRIPT)
        .union(Flags::STALE),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Contains the commands for tests of the server itself.",
    complexity: "Depends on the subcommand.",
    args: "",
    run: Run::EveryShard(debug),
};
