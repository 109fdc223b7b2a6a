//! The transactions commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn discard(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn exec(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn multi(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn unwatch(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn watch(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "discard",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(discard),
    },
    Command {
        name: "exec",
        arity: 1,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::SKIP_SLOWLOG)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(exec),
    },
    Command {
        name: "multi",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(multi),
    },
    Command {
        name: "unwatch",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Session(unwatch),
    },
    Command {
        name: "watch",
        arity: -2,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(watch),
    },
];
