//! MONITOR.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn monitor(call: &mut Call<'_>) -> Outcome {
    if call.in_exec {
        let refusal = "ERR MONITOR isn't allowed for DENY BLOCKING client";
        return Err(Fault::new(refusal));
    }
    if call.session.client.profile().monitors {
        // As in Redis: whoever sees everything already gets no other answer.
        return Ok(());
    }
    call.outgoing.monitors.add(&call.session.client);
    call.session.client.profile().monitors = true;
    call.reply.ok();
    Ok(())
}

/// The entry.
pub(super) const MONITOR: Command = Command {
    name: "monitor",
    arity: 1,
    flags: Flags::ADMIN
        .union(Flags::LOADING)
        .union(Flags::NOSCRIPT)
        .union(Flags::STALE),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Shows every command that the node runs from now on.",
    complexity: "O(1), and O(N) for every command from then on, with N monitors",
    args: "",
    run: Run::Session(monitor),
};
