//! Snapshots and the append-only file as clients order them.

use crate::actors::persistence::messages::FileOrder;
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run, Wait};

const SAVING: Fault = Fault::new("ERR Background save already in progress");

/// Only this client waits; the others go on.
fn save(call: &mut Call<'_>) -> Outcome {
    {
        let mut state = call.node.saving.lock();
        if state.snapshot.began.is_some() {
            return Err(SAVING);
        }
        state.snapshot.begin();
    }
    let client = call.session.id();
    wait_for(call, FileOrder::Save { client })
}

/// DEBUG LOADAOF.
pub(in crate::commands::server) fn load_log(call: &mut Call<'_>) -> Outcome {
    if !call.node.journal.has_log() {
        return Err(Fault::new("ERR there is no append-only file to load"));
    }
    let client = call.session.id();
    wait_for(call, FileOrder::Reload { client })
}

/// The answer comes when it is done.
fn wait_for(call: &mut Call<'_>, what: FileOrder) -> Outcome {
    order(call, what);
    call.wait(Wait::for_others())
}

fn bgsave(call: &mut Call<'_>) -> Outcome {
    let is_patient = match call.args.len() {
        1 => false,
        2 if call.args.is(1, "schedule") => true,
        _ => return Err(Fault::SYNTAX),
    };
    let mut state = call.node.saving.lock();
    if state.snapshot.began.is_some() {
        return Err(SAVING);
    }
    let is_late = state.rewrite.began.is_some() || call.in_exec;
    if is_late && !is_patient && !call.in_exec {
        return Err(Fault::new(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
             BGSAVE whenever possible.",
        ));
    }
    if !is_late {
        state.snapshot.begin();
    }
    drop(state);
    order(call, FileOrder::SaveInBackground);
    call.reply.simple(match is_late {
        true => "Background saving scheduled",
        false => "Background saving started",
    });
    Ok(())
}

fn bgrewriteaof(call: &mut Call<'_>) -> Outcome {
    let mut state = call.node.saving.lock();
    if state.rewrite.began.is_some() {
        return Err(Fault::new(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    let is_late = state.snapshot.began.is_some() || call.in_exec;
    if !is_late {
        state.rewrite.begin();
    }
    drop(state);
    order(call, FileOrder::Rewrite);
    call.reply.simple(match is_late {
        true => "Background append only file rewriting scheduled",
        false => "Background append only file rewriting started",
    });
    Ok(())
}

fn order(call: &Call<'_>, order: FileOrder) {
    // Clients are served only once the tree stands.
    if let Some(files) = call.node.files.get() {
        files.do_send(order);
    }
}

fn lastsave(call: &mut Call<'_>) -> Outcome {
    let saved_ms = call.node.saving.lock().saved_ms;
    call.reply.integer(saved_ms / 1000);
    Ok(())
}

/// BGREWRITEAOF.
pub(super) const BGREWRITEAOF: Command = Command {
    name: "bgrewriteaof",
    arity: 1,
    flags: Flags::ADMIN
        .union(Flags::NO_ASYNC_LOADING)
        .union(Flags::NOSCRIPT),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Writes the append-only file anew, in the background.",
    complexity: "O(1)",
    args: "",
    run: Run::Node(bgrewriteaof),
};

/// BGSAVE.
pub(super) const BGSAVE: Command = Command {
    name: "bgsave",
    arity: -1,
    flags: Flags::ADMIN
        .union(Flags::NO_ASYNC_LOADING)
        .union(Flags::NOSCRIPT),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Saves all keys to disk, in the background.",
    complexity: "O(1)",
    args: "[SCHEDULE]",
    run: Run::Node(bgsave),
};

/// LASTSAVE.
pub(super) const LASTSAVE: Command = Command {
    name: "lastsave",
    arity: 1,
    flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
    acl: Acl::ADMIN.union(Acl::DANGEROUS),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns when the keys were saved last, Unix time in seconds.",
    complexity: "O(1)",
    args: "",
    run: Run::Node(lastsave),
};

/// SAVE.
pub(super) const SAVE: Command = Command {
    name: "save",
    arity: 1,
    flags: Flags::ADMIN
        .union(Flags::NO_ASYNC_LOADING)
        .union(Flags::NO_MULTI)
        .union(Flags::NOSCRIPT),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Saves all keys to disk and answers when it is done.",
    complexity: "O(N) with N keys; only this client waits",
    args: "",
    run: Run::Node(save),
};
