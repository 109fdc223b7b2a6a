//! SLOWLOG and COMMANDLOG: commands that took long, asked much or answered much.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn commandlog_get(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn commandlog_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn commandlog_len(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn commandlog_reset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn slowlog_get(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn slowlog_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn slowlog_len(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn slowlog_reset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// COMMANDLOG.
pub(super) const COMMANDLOG: Command = Command {
    name: "commandlog",
    arity: -2,
    flags: Flags::empty(),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "8.1.0",
    summary: "Contains the commands around the log of costly commands.",
    complexity: "Depends on the subcommand.",
    args: "",
    run: Run::Container(&[
        Command {
            name: "commandlog|get",
            arity: 4,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "8.1.0",
            summary: "Returns the newest entries of one log: slow commands, large requests or large replies.",
            complexity: "O(N) with N entries returned",
            args: "count:integer type=<SLOW|LARGE-REQUEST|LARGE-REPLY>",
            run: Run::Node(commandlog_get),
        },
        Command {
            name: "commandlog|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "8.1.0",
            summary: "Explains the subcommands.",
            complexity: "O(1)",
            args: "",
            run: Run::Node(commandlog_help),
        },
        Command {
            name: "commandlog|len",
            arity: 3,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "8.1.0",
            summary: "Counts the entries of one log.",
            complexity: "O(1)",
            args: "type=<SLOW|LARGE-REQUEST|LARGE-REPLY>",
            run: Run::Node(commandlog_len),
        },
        Command {
            name: "commandlog|reset",
            arity: 3,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "8.1.0",
            summary: "Empties one log.",
            complexity: "O(N) with N entries in the log",
            args: "type=<SLOW|LARGE-REQUEST|LARGE-REPLY>",
            run: Run::Node(commandlog_reset),
        },
    ]),
};

/// SLOWLOG.
pub(super) const SLOWLOG: Command = Command {
    name: "slowlog",
    arity: -2,
    flags: Flags::empty(),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "2.2.12",
    summary: "Contains the commands around the log of slow commands.",
    complexity: "Depends on the subcommand.",
    args: "",
    run: Run::Container(&[
        Command {
            name: "slowlog|get",
            arity: -2,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "2.2.12",
            summary: "Returns the newest entries of the log of slow commands.",
            complexity: "O(N) with N entries returned",
            args: "[count:integer]",
            run: Run::Node(slowlog_get),
        },
        Command {
            name: "slowlog|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "6.2.0",
            summary: "Explains the subcommands.",
            complexity: "O(1)",
            args: "",
            run: Run::Node(slowlog_help),
        },
        Command {
            name: "slowlog|len",
            arity: 2,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "2.2.12",
            summary: "Counts the entries of the log of slow commands.",
            complexity: "O(1)",
            args: "",
            run: Run::Node(slowlog_len),
        },
        Command {
            name: "slowlog|reset",
            arity: 2,
            flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "2.2.12",
            summary: "Empties the log of slow commands.",
            complexity: "O(N) with N entries in the log",
            args: "",
            run: Run::Node(slowlog_reset),
        },
    ]),
};
