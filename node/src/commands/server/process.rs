//! The process: its end, and its clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::actors::node::messages::{Ending, Shutdown};

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run, Wait};
use crate::params::ShutdownOptions;

const SHUTDOWN_FAILED: Fault = Fault::new("ERR Errors trying to SHUTDOWN. Check logs.");

fn shutdown(call: &mut Call<'_>) -> Outcome {
    const BOTH: ShutdownOptions = ShutdownOptions::SAVE.union(ShutdownOptions::NOSAVE);
    let (mut how, mut aborts) = (ShutdownOptions::empty(), false);
    for word in call.args.from(1) {
        if word.eq_ignore_ascii_case(b"abort") {
            aborts = true;
        } else {
            how |= ShutdownOptions::named(word).ok_or(Fault::SYNTAX)?;
        }
    }
    if (aborts && !how.is_empty()) || how.contains(BOTH) {
        return Err(Fault::SYNTAX);
    }
    if aborts {
        // Once it is told, nothing is in progress any more.
        if !call.node.is_ending() || !call.node.end(Shutdown::Abort) {
            return Err(Fault::new("ERR No shutdown in progress."));
        }
        call.reply.ok();
        return Ok(());
    }
    let client = Some(call.session.id());
    if !call.node.end(Shutdown::Begin(Ending { how, client })) {
        return Err(SHUTDOWN_FAILED);
    }
    // The end of the connection is the answer, unless the node cannot end.
    call.wait(Wait::for_others())
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
