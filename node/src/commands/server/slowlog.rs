//! SLOWLOG and COMMANDLOG: commands that took long, asked much or answered much.

use crate::commands::help::help;
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};
use crate::stats::commandlog::Kind;

/// Entries told when no count is given.
const DEFAULT_COUNT: usize = 10;

fn commandlog_get(call: &mut Call<'_>) -> Outcome {
    let count = count(call)?;
    let kind = kind(call, 3)?;
    tell(call, kind, count);
    Ok(())
}

fn commandlog_help(call: &mut Call<'_>) -> Outcome {
    help(
        &mut call.reply,
        "COMMANDLOG",
        &[
            (
                "GET <count> <type>",
                &[
                    "Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
                    "Entries are made of:",
                    "id, timestamp,",
                    "    time in microseconds for type of slow,",
                    "    or size in bytes for type of large-request,",
                    "    or size in bytes for type of large-reply",
                    "arguments array, client IP and port,",
                    "client name",
                ],
            ),
            (
                "LEN <type>",
                &["Return the length of the specified type of commandlog."],
            ),
            ("RESET <type>", &["Reset the specified type of commandlog."]),
        ],
    );
    Ok(())
}

fn commandlog_len(call: &mut Call<'_>) -> Outcome {
    let kind = kind(call, 2)?;
    call.reply.length(call.stats.log.entries(kind).len());
    Ok(())
}

fn commandlog_reset(call: &mut Call<'_>) -> Outcome {
    let kind = kind(call, 2)?;
    call.stats.log.reset(kind);
    call.reply.ok();
    Ok(())
}

fn slowlog_get(call: &mut Call<'_>) -> Outcome {
    let count = match call.args.len() {
        2 => DEFAULT_COUNT,
        3 => count(call)?,
        _ => {
            let name = String::from_utf8_lossy(call.args.at(1));
            return Err(Fault::text(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try SLOWLOG HELP."
            )));
        }
    };
    tell(call, Kind::Slow, count);
    Ok(())
}

fn slowlog_help(call: &mut Call<'_>) -> Outcome {
    help(
        &mut call.reply,
        "SLOWLOG",
        &[
            (
                "GET [<count>]",
                &[
                    "Return top <count> entries from the slowlog (default: 10, -1 mean all).",
                    "Entries are made of:",
                    "id, timestamp, time in microseconds, arguments array, client IP and port,",
                    "client name",
                ],
            ),
            ("LEN", &["Return the length of the slowlog."]),
            ("RESET", &["Reset the slowlog."]),
        ],
    );
    Ok(())
}

fn slowlog_len(call: &mut Call<'_>) -> Outcome {
    call.reply.length(call.stats.log.entries(Kind::Slow).len());
    Ok(())
}

fn slowlog_reset(call: &mut Call<'_>) -> Outcome {
    call.stats.log.reset(Kind::Slow);
    call.reply.ok();
    Ok(())
}

/// The third argument: how many entries, -1 = all.
fn count(call: &Call<'_>) -> Result<usize, Fault> {
    let refusal = || Fault::new("ERR count should be greater than or equal to -1");
    match call.args.integer(2).map_err(|_| refusal())? {
        -1 => Ok(usize::MAX),
        count => usize::try_from(count).map_err(|_| refusal()),
    }
}

/// Argument `i`: which log.
fn kind(call: &Call<'_>, i: usize) -> Result<Kind, Fault> {
    Kind::parse(call.args.at(i)).ok_or(Fault::new(
        "ERR type should be one of the following: slow, large-request, large-reply",
    ))
}

fn tell(call: &mut Call<'_>, kind: Kind, count: usize) {
    let entries = call.stats.log.entries(kind).take(count);
    call.reply.array(entries.len());
    for entry in entries {
        call.reply.array(6);
        call.reply.integer(entry.id as i64);
        call.reply.integer(entry.time_s);
        call.reply
            .integer(i64::try_from(entry.value).unwrap_or(i64::MAX));
        call.reply.array(entry.args.len());
        for arg in &entry.args {
            call.reply.bulk(arg);
        }
        call.reply.bulk(entry.peer.as_bytes());
        call.reply.bulk(&entry.name);
    }
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
