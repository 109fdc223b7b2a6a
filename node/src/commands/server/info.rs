//! INFO: what the server knows about itself.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn info(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// INFO.
pub(super) const INFO: Command = Command {
    name: "info",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    acl: Acl::DANGEROUS,
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns what the server knows about itself: identity, memory, counters.",
    complexity: "O(1)",
    args: "[section...]",
    run: Run::EveryShard(info),
};
