//! MEMORY: what the memory is used for.

mod doctor;
pub(super) mod overview;

use self::overview::Overview;
use crate::commands::help::help;
use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn memory_doctor(call: &mut Call<'_>) -> Outcome {
    let report = doctor::report(&Overview::take(call), &call.node.origin.allocator.name);
    call.reply.verbatim(b"txt", report.as_bytes());
    Ok(())
}

fn memory_help(call: &mut Call<'_>) -> Outcome {
    help(
        &mut call.reply,
        "MEMORY",
        &[
            ("DOCTOR", &["Return memory problems reports."]),
            (
                "MALLOC-STATS",
                &["Return internal statistics report from the memory allocator."],
            ),
            (
                "PURGE",
                &["Attempt to purge dirty pages for reclamation by the allocator."],
            ),
            (
                "STATS",
                &["Return information about the memory usage of the server."],
            ),
            (
                "USAGE <key> [SAMPLES <count>]",
                &[
                    "Return memory in bytes used by <key> and its value. Nested values are",
                    "sampled up to <count> times (default: 5, 0 means sample all).",
                ],
            ),
        ],
    );
    Ok(())
}

fn memory_malloc_stats(call: &mut Call<'_>) -> Outcome {
    let report = match call.node.origin.allocator.report {
        Some(report) => report(),
        None => "Stats not supported for the current allocator".into(),
    };
    call.reply.verbatim(b"txt", report.as_bytes());
    Ok(())
}

/// The memory of the keys belongs to the shard's thread, which is this one.
fn memory_purge(call: &mut Call<'_>) -> Outcome {
    (call.node.origin.allocator.purge)();
    call.reply.ok();
    Ok(())
}

fn memory_stats(call: &mut Call<'_>) -> Outcome {
    Overview::take(call).reply(call);
    Ok(())
}

/// MEMORY.
pub(super) const MEMORY: Command = Command {
    name: "memory",
    arity: -2,
    flags: Flags::empty(),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "4.0.0",
    summary: "Contains the commands around the use of memory.",
    complexity: "Depends on the subcommand.",
    args: "",
    run: Run::Container(&[
        Command {
            name: "memory|doctor",
            arity: 2,
            flags: Flags::empty(),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "4.0.0",
            summary: "Writes a report about the use of memory for people.",
            complexity: "O(1)",
            args: "",
            run: Run::EveryShard(memory_doctor),
        },
        Command {
            name: "memory|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "4.0.0",
            summary: "Explains the subcommands.",
            complexity: "O(1)",
            args: "",
            run: Run::Node(memory_help),
        },
        Command {
            name: "memory|malloc-stats",
            arity: 2,
            flags: Flags::empty(),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "4.0.0",
            summary: "Returns what the allocator reports.",
            complexity: "Depends on the allocator.",
            args: "",
            run: Run::Node(memory_malloc_stats),
        },
        Command {
            name: "memory|purge",
            arity: 2,
            flags: Flags::empty(),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "4.0.0",
            summary: "Asks the allocator to give memory back to the system.",
            complexity: "Depends on the allocator.",
            args: "",
            run: Run::Node(memory_purge),
        },
        Command {
            name: "memory|stats",
            arity: 2,
            flags: Flags::empty(),
            acl: Acl::empty(),
            keys: &[],
            group: Group::Server,
            since: "4.0.0",
            summary: "Tells what the memory is used for.",
            complexity: "O(1)",
            args: "",
            run: Run::EveryShard(memory_stats),
        },
        Command {
            name: "memory|usage",
            arity: -3,
            flags: Flags::READONLY,
            acl: Acl::empty(),
            keys: &[KeySpec {
                flags: KeyFlags::RO,
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            }],
            group: Group::Server,
            since: "4.0.0",
            summary: "Estimates the memory of a key and its value.",
            complexity: "O(N) with N elements sampled",
            args: "key:key [SAMPLES count:integer]",
            run: Run::Shard(super::usage::memory_usage),
        },
    ]),
};
