//! LATENCY: what took long, and how long commands take.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

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

/// LATENCY.
pub(super) const LATENCY: Command = Command {
    name: "latency",
    arity: -2,
    flags: Flags::empty(),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "2.8.13",
    summary: "Contains the commands around the latency monitor.",
    complexity: "Depends on the subcommand.",
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
            summary: "Writes a report about latency for people.",
            complexity: "O(1)",
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
            summary: "Draws the latency of an event over time.",
            complexity: "O(1)",
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
            summary: "Explains the subcommands.",
            complexity: "O(1)",
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
            summary: "Returns the distribution of the run time of one, several or all commands.",
            complexity: "O(N) with N commands",
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
            summary: "Returns the latest samples of an event.",
            complexity: "O(1)",
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
            summary: "Returns the latest sample of every event.",
            complexity: "O(1)",
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
            summary: "Forgets the samples of one, several or all events.",
            complexity: "O(1)",
            args: "[event...]",
            run: Run::Node(latency_reset),
        },
    ]),
};
