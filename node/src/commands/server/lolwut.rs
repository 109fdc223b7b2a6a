//! LOLWUT: a picture, and the version.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn lolwut(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// LOLWUT.
pub(super) const LOLWUT: Command = Command {
    name: "lolwut",
    arity: -1,
    flags: Flags::FAST.union(Flags::READONLY),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "5.0.0",
    summary: "Draws a picture and names the version.",
    complexity: "O(1)",
    args: "[VERSION version:integer]",
    run: Run::Node(lolwut),
};
