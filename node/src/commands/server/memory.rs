//! MEMORY: what the memory is used for.

use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn memory_doctor(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn memory_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn memory_malloc_stats(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn memory_purge(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn memory_stats(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
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
