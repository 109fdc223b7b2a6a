//! The server commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn command_all(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_count(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_docs(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_getkeys(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_getkeysandflags(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_info(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn command_list(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

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

fn config_get(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn config_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn config_resetstat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn config_rewrite(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn config_set(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn dbsize(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn debug(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn flushall(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn flushdb(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn info(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_doctor(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_graph(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_histogram(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_history(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_latest(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn latency_reset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lolwut(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

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

fn memory_usage(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn shutdown(_call: &mut Call<'_>) -> Outcome {
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

fn swapdb(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn time(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "command",
        arity: -1,
        flags: Flags::LOADING.union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Server,
        since: "2.8.13",
        summary: "",
        complexity: "",
        args: "",
        run: Run::ContainerOr(
            command_all,
            &[
                Command {
                    name: "command|count",
                    arity: 2,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "2.8.13",
                    summary: "",
                    complexity: "",
                    args: "",
                    run: Run::Node(command_count),
                },
                Command {
                    name: "command|docs",
                    arity: -2,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "7.0.0",
                    summary: "",
                    complexity: "",
                    args: "[command-name...]",
                    run: Run::Node(command_docs),
                },
                Command {
                    name: "command|getkeys",
                    arity: -3,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "2.8.13",
                    summary: "",
                    complexity: "",
                    args: "command [arg...]",
                    run: Run::Node(command_getkeys),
                },
                Command {
                    name: "command|getkeysandflags",
                    arity: -3,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "7.0.0",
                    summary: "",
                    complexity: "",
                    args: "command [arg...]",
                    run: Run::Node(command_getkeysandflags),
                },
                Command {
                    name: "command|help",
                    arity: 2,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "5.0.0",
                    summary: "",
                    complexity: "",
                    args: "",
                    run: Run::Node(command_help),
                },
                Command {
                    name: "command|info",
                    arity: -2,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "2.8.13",
                    summary: "",
                    complexity: "",
                    args: "[command-name...]",
                    run: Run::Node(command_info),
                },
                Command {
                    name: "command|list",
                    arity: -2,
                    flags: Flags::LOADING.union(Flags::STALE),
                    acl: Acl::CONNECTION,
                    keys: &[],
                    group: Group::Server,
                    since: "7.0.0",
                    summary: "",
                    complexity: "",
                    args: "[FILTERBY filterby=<MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
                    run: Run::Node(command_list),
                },
            ],
        ),
    },
    Command {
        name: "commandlog",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "8.1.0",
        summary: "",
        complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
                args: "type=<SLOW|LARGE-REQUEST|LARGE-REPLY>",
                run: Run::Node(commandlog_reset),
            },
        ]),
    },
    Command {
        name: "config",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Container(&[
            Command {
                name: "config|get",
                arity: -3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "",
                complexity: "",
                args: "parameter...",
                run: Run::Node(config_get),
            },
            Command {
                name: "config|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "5.0.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(config_help),
            },
            Command {
                name: "config|resetstat",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(config_resetstat),
            },
            Command {
                name: "config|rewrite",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(config_rewrite),
            },
            Command {
                name: "config|set",
                arity: -4,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "",
                complexity: "",
                args: "data=(parameter value)...",
                run: Run::Node(config_set),
            },
        ]),
    },
    Command {
        name: "dbsize",
        arity: 1,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Node(dbsize),
    },
    Command {
        name: "debug",
        arity: -2,
        flags: Flags::ADMIN
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Node(debug),
    },
    Command {
        name: "flushall",
        arity: -1,
        flags: Flags::WRITE,
        acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "[flush-type=<ASYNC|SYNC>]",
        run: Run::Node(flushall),
    },
    Command {
        name: "flushdb",
        arity: -1,
        flags: Flags::WRITE,
        acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "[flush-type=<ASYNC|SYNC>]",
        run: Run::Node(flushdb),
    },
    Command {
        name: "info",
        arity: -1,
        flags: Flags::LOADING.union(Flags::STALE),
        acl: Acl::DANGEROUS,
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "[section...]",
        run: Run::Node(info),
    },
    Command {
        name: "latency",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.8.13",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Container(&[
            Command {
                name: "latency|doctor",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(latency_doctor),
            },
            Command {
                name: "latency|graph",
                arity: 3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "event",
                run: Run::Node(latency_graph),
            },
            Command {
                name: "latency|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(latency_help),
            },
            Command {
                name: "latency|histogram",
                arity: -2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "7.0.0",
                summary: "",
                complexity: "",
                args: "[command...]",
                run: Run::Node(latency_histogram),
            },
            Command {
                name: "latency|history",
                arity: 3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "event",
                run: Run::Node(latency_history),
            },
            Command {
                name: "latency|latest",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(latency_latest),
            },
            Command {
                name: "latency|reset",
                arity: -2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "",
                complexity: "",
                args: "[event...]",
                run: Run::Node(latency_reset),
            },
        ]),
    },
    Command {
        name: "lolwut",
        arity: -1,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "5.0.0",
        summary: "",
        complexity: "",
        args: "[VERSION version:integer]",
        run: Run::Node(lolwut),
    },
    Command {
        name: "memory",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "4.0.0",
        summary: "",
        complexity: "",
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
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(memory_doctor),
            },
            Command {
                name: "memory|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "4.0.0",
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(memory_stats),
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
                summary: "",
                complexity: "",
                args: "key:key [SAMPLES count:integer]",
                run: Run::Shard(memory_usage),
            },
        ]),
    },
    Command {
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
        summary: "",
        complexity: "",
        args: "[save-selector=<NOSAVE|SAVE>] [NOW] [FORCE] [ABORT]",
        run: Run::Node(shutdown),
    },
    Command {
        name: "slowlog",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.2.12",
        summary: "",
        complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
                args: "",
                run: Run::Node(slowlog_reset),
            },
        ]),
    },
    Command {
        name: "swapdb",
        arity: 3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
        keys: &[],
        group: Group::Server,
        since: "4.0.0",
        summary: "",
        complexity: "",
        args: "index1:integer index2:integer",
        run: Run::Node(swapdb),
    },
    Command {
        name: "time",
        arity: 1,
        flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Node(time),
    },
];
