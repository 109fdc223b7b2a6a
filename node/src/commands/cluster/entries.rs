//! The entries of this family.

use super::{client, members, quarantine, show, slots, usage};
use crate::commands::spec::Handler;
use crate::commands::{Acl, Command, Flags, Group, Run};

/// Of those that change the cluster.
const CHANGES: Flags = Flags::ADMIN
    .union(Flags::NO_ASYNC_LOADING)
    .union(Flags::STALE);
const SHOWS: Flags = Flags::STALE;
/// As in Valkey: tools look at a node that reads a copy, too.
const SHOWS_EARLY: Flags = Flags::LOADING.union(Flags::STALE);
const INSPECTS: Flags = Flags::ADMIN.union(Flags::STALE);

/// What all have in common: no keys, no categories of their own.
const fn entry(name: &'static str, arity: i32, flags: Flags, run: Handler) -> Command {
    Command {
        name,
        arity,
        flags,
        acl: Acl::empty(),
        keys: &[],
        group: Group::Cluster,
        since: "3.0.0",
        summary: "",
        complexity: "O(1)",
        args: "",
        run: Run::Node(run),
    }
}

/// The same, for people.
const fn told(
    summary: &'static str,
    complexity: &'static str,
    args: &'static str,
    entry: Command,
) -> Command {
    Command {
        summary,
        complexity,
        args,
        ..entry
    }
}

const fn since(since: &'static str, entry: Command) -> Command {
    Command { since, ..entry }
}

const RANGES: &str = "range=(start-slot:integer end-slot:integer)...";

/// CLUSTER and what a connection says of itself.
pub static COMMANDS: &[Command] = &[
    Command {
        acl: Acl::CONNECTION,
        ..told(
            "Lets the next command use a slot that is on its way here.",
            "O(1)",
            "",
            entry("asking", 1, Flags::FAST, client::asking),
        )
    },
    Command {
        run: Run::Container(SUBCOMMANDS),
        ..told(
            "The cluster: what the node knows of it, and changes of it.",
            "Depends on the subcommand.",
            "",
            entry("cluster", -2, Flags::empty(), show::show_help),
        )
    },
    Command {
        acl: Acl::CONNECTION,
        ..told(
            "Lets a replica answer reads of this connection.",
            "O(1)",
            "",
            entry(
                "readonly",
                1,
                Flags::FAST.union(SHOWS_EARLY),
                client::readonly,
            ),
        )
    },
    Command {
        acl: Acl::CONNECTION,
        ..told(
            "Takes READONLY back.",
            "O(1)",
            "",
            entry(
                "readwrite",
                1,
                Flags::FAST.union(SHOWS_EARLY),
                client::readwrite,
            ),
        )
    },
];

const SUBCOMMANDS: &[Command] = &[
    told(
        "Gives free slots to the node's shard.",
        "O(N) with N slots",
        "slot:integer...",
        entry("cluster|addslots", -3, CHANGES, slots::addslots),
    ),
    since(
        "7.0.0",
        told(
            "Gives ranges of free slots to the node's shard.",
            "O(N) with N slots",
            RANGES,
            entry("cluster|addslotsrange", -4, CHANGES, slots::addslotsrange),
        ),
    ),
    told(
        "Raises the epoch of the node's shard above all others.",
        "O(1)",
        "",
        entry("cluster|bumpepoch", 2, CHANGES, members::bumpepoch),
    ),
    told(
        "Tells whether the node misses another one.",
        "O(1)",
        "node-id",
        entry(
            "cluster|count-failure-reports",
            3,
            INSPECTS,
            show::count_failure_reports,
        ),
    ),
    told(
        "Counts the node's keys in a slot.",
        "O(1)",
        "slot:integer",
        entry("cluster|countkeysinslot", 3, SHOWS, usage::countkeysinslot),
    ),
    told(
        "Takes slots from whoever owns them.",
        "O(N) with N slots",
        "slot:integer...",
        entry("cluster|delslots", -3, CHANGES, slots::delslots),
    ),
    since(
        "7.0.0",
        told(
            "Takes ranges of slots from whoever owns them.",
            "O(N) with N slots",
            RANGES,
            entry("cluster|delslotsrange", -4, CHANGES, slots::delslotsrange),
        ),
    ),
    told(
        "Makes a replica the primary of its shard.",
        "O(1)",
        "[options=<FORCE|TAKEOVER>]",
        entry("cluster|failover", -2, CHANGES, members::failover),
    ),
    told(
        "Takes all slots from the node's shard.",
        "O(1)",
        "",
        entry("cluster|flushslots", 2, CHANGES, slots::flushslots),
    ),
    told(
        "Takes a node out of the cluster.",
        "O(1)",
        "node-id",
        entry("cluster|forget", 3, CHANGES, members::forget),
    ),
    told(
        "Returns some of the node's keys in a slot.",
        "O(N) with N keys",
        "slot:integer count:integer",
        entry("cluster|getkeysinslot", 4, SHOWS, usage::getkeysinslot),
    ),
    since(
        "5.0.0",
        told(
            "Explains the subcommands.",
            "O(1)",
            "",
            entry("cluster|help", 2, SHOWS_EARLY, show::show_help),
        ),
    ),
    told(
        "Returns the state of the cluster.",
        "O(N) with N nodes",
        "",
        entry("cluster|info", 2, SHOWS_EARLY, show::info),
    ),
    told(
        "Returns the slot of a key.",
        "O(N) with N bytes",
        "key",
        entry("cluster|keyslot", 3, SHOWS, show::keyslot),
    ),
    since(
        "7.0.0",
        told(
            "Lists the node's connections to others.",
            "O(N) with N nodes",
            "",
            entry("cluster|links", 2, SHOWS, show::links),
        ),
    ),
    told(
        "Brings the node and another one into one cluster.",
        "O(1)",
        "ip port:integer [cluster-bus-port:integer]",
        entry("cluster|meet", -4, CHANGES, members::meet),
    ),
    told(
        "Returns the node's name.",
        "O(1)",
        "",
        entry("cluster|myid", 2, SHOWS_EARLY, show::myid),
    ),
    since(
        "7.2.0",
        told(
            "Returns the name of the node's shard.",
            "O(1)",
            "",
            entry("cluster|myshardid", 2, SHOWS_EARLY, show::myshardid),
        ),
    ),
    told(
        "Lists all nodes.",
        "O(N) with N nodes",
        "",
        entry("cluster|nodes", 2, SHOWS_EARLY, show::nodes),
    ),
    since(
        "7.4.0",
        told(
            "Lists what the node had and its primary had not, shows the requests of it, removes it.",
            "O(N) with N files or requests",
            "subcommand=<list=LIST|SHOW show=(file [OFFSET offset:integer] [COUNT count:integer])|DROP file>",
            entry("cluster|quarantine", -3, INSPECTS, quarantine::quarantine),
        ),
    ),
    since(
        "5.0.0",
        told(
            "Lists the replicas of a primary.",
            "O(N) with N nodes",
            "node-id",
            entry("cluster|replicas", 3, INSPECTS, show::replicas),
        ),
    ),
    told(
        "Makes the node a replica of a primary.",
        "O(1)",
        "node-id",
        entry("cluster|replicate", 3, CHANGES, members::replicate),
    ),
    told(
        "Takes the node out of its cluster.",
        "O(N) with N nodes",
        "[reset-type=<HARD|SOFT>]",
        entry(
            "cluster|reset",
            -2,
            INSPECTS.union(Flags::NOSCRIPT),
            members::reset,
        ),
    ),
    told(
        "Writes the copy of the cluster's state anew.",
        "O(1)",
        "",
        entry("cluster|saveconfig", 2, CHANGES, members::saveconfig),
    ),
    told(
        "Sets the epoch of a node that knows no other.",
        "O(1)",
        "config-epoch:integer",
        entry(
            "cluster|set-config-epoch",
            3,
            CHANGES,
            members::set_config_epoch,
        ),
    ),
    told(
        "Moves a slot, step by step.",
        "O(1)",
        "slot:integer subcommand=<IMPORTING importing|MIGRATING migrating|NODE node|stable=STABLE>",
        entry("cluster|setslot", -4, CHANGES, slots::setslot),
    ),
    since(
        "7.0.0",
        told(
            "Lists the shards with their slots and nodes.",
            "O(N) with N nodes",
            "",
            entry("cluster|shards", 2, SHOWS_EARLY, show::shards),
        ),
    ),
    told(
        "The old name of CLUSTER REPLICAS.",
        "O(N) with N nodes",
        "node-id",
        entry("cluster|slaves", 3, INSPECTS, show::replicas),
    ),
    since(
        "8.2.0",
        told(
            "Counts what is in the slots of the node's shard.",
            "O(N log N) with N slots",
            "filter=<SLOTSRANGE slotsrange=(start-slot:integer end-slot:integer)|ORDERBY orderby=(metric [LIMIT limit:integer] [order=<ASC|DESC>])>",
            entry("cluster|slot-stats", -4, SHOWS_EARLY, usage::slot_stats),
        ),
    ),
    told(
        "Lists the ranges of slots with their nodes.",
        "O(N) with N nodes",
        "",
        entry("cluster|slots", 2, SHOWS_EARLY, show::slots),
    ),
    since(
        "7.4.0",
        told(
            "Tells who votes on changes of the cluster, and who leads.",
            "O(N) with N nodes",
            "",
            entry("cluster|voters", 2, SHOWS, show::voters),
        ),
    ),
];
