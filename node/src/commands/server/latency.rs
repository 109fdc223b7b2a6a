//! LATENCY: what took long, and how long commands take.

mod doctor;
mod graph;

use crate::commands::help::help;
use crate::commands::table::{self, CommandId};
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn latency_doctor(call: &mut Call<'_>) -> Outcome {
    let report = doctor::report(&call.stats.latency, call.params, call.now_ms / 1000);
    call.reply.verbatim(b"txt", report.as_bytes());
    Ok(())
}

fn latency_graph(call: &mut Call<'_>) -> Outcome {
    let event = call.args.at(2);
    let Some(series) = call.stats.latency.series(event) else {
        let event = String::from_utf8_lossy(event);
        return Err(Fault::text(format!(
            "ERR No samples available for event '{event}'"
        )));
    };
    let graph = graph::draw(&String::from_utf8_lossy(event), series, call.now_ms / 1000);
    call.reply.verbatim(b"txt", graph.as_bytes());
    Ok(())
}

fn latency_help(call: &mut Call<'_>) -> Outcome {
    help(&mut call.reply, "LATENCY", HELP);
    Ok(())
}

const HELP: &[(&str, &[&str])] = &[
    (
        "DOCTOR",
        &["Return a human readable latency analysis report."],
    ),
    (
        "GRAPH <event>",
        &["Return an ASCII latency graph for the <event> class."],
    ),
    (
        "HISTORY <event>",
        &["Return time-latency samples for the <event> class."],
    ),
    (
        "LATEST",
        &["Return the latest latency samples for all events."],
    ),
    (
        "RESET [<event> ...]",
        &[
            "Reset latency data of one or more <event> classes.",
            "(default: reset all data for all event classes)",
        ],
    ),
    (
        "HISTOGRAM [COMMAND ...]",
        &[
            "Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
            "If no commands are specified then all histograms are replied.",
        ],
    ),
];

/// Commands without a call, and names that nobody has, are left out. The name of a container stands for its subcommands.
fn latency_histogram(call: &mut Call<'_>) -> Outcome {
    let ids: Vec<CommandId> = match call.args.len() {
        2 => table::ids().collect(),
        _ => call.args.from(2).flat_map(family).collect(),
    };
    let place = call.reply.reserve();
    let mut told = 0;
    for id in ids {
        let Some(distribution) = call.stats.commands.row(id).distribution() else {
            continue;
        };
        told += 1;
        call.reply.bulk(id.command().name.as_bytes());
        call.reply.map(2);
        call.reply.bulk(b"calls");
        call.reply.integer(distribution.calls as i64);
        call.reply.bulk(b"histogram_usec");
        call.reply.map(distribution.steps.len());
        for (micros, calls) in distribution.steps {
            call.reply.integer(micros as i64);
            call.reply.integer(calls as i64);
        }
    }
    call.reply.fill_map(place, told);
    Ok(())
}

/// The command of this name and its subcommands.
fn family(name: &[u8]) -> Vec<CommandId> {
    let Some(id) = table::find_full(name) else {
        return Vec::new();
    };
    let command = id.command();
    let subcommands = command.subcommands().iter();
    let subcommands = subcommands.filter_map(|sub| table::find_full(sub.name.as_bytes()));
    std::iter::once(id).chain(subcommands).collect()
}

fn latency_history(call: &mut Call<'_>) -> Outcome {
    let Some(series) = call.stats.latency.series(call.args.at(2)) else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(series.samples().len());
    for sample in series.samples() {
        call.reply.array(2);
        call.reply.integer(sample.time_s);
        call.reply.integer(sample.took_ms as i64);
    }
    Ok(())
}

fn latency_latest(call: &mut Call<'_>) -> Outcome {
    let events = call.stats.latency.events();
    call.reply.array(events.len());
    for (event, series) in events {
        let last = series.samples().next_back();
        call.reply.array(4);
        call.reply.bulk(event.as_bytes());
        call.reply.integer(last.map_or(0, |sample| sample.time_s));
        call.reply
            .integer(last.map_or(0, |sample| sample.took_ms as i64));
        call.reply.integer(series.worst_ms as i64);
    }
    Ok(())
}

fn latency_reset(call: &mut Call<'_>) -> Outcome {
    let monitor = &mut call.stats.latency;
    let forgotten = match call.args.len() {
        2 => monitor.reset(None),
        _ => call
            .args
            .from(2)
            .map(|event| monitor.reset(Some(event)))
            .sum(),
    };
    call.reply.length(forgotten);
    Ok(())
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
