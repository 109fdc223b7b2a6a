//! Whole databases: how many keys, none, the other one's.

use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};

fn dbsize(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn flushall(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn flushdb(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn swapdb(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// DBSIZE.
pub(super) const DBSIZE: Command = Command {
    name: "dbsize",
    arity: 1,
    flags: Flags::FAST.union(Flags::READONLY),
    acl: Acl::KEYSPACE,
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Counts the keys of the database.",
    complexity: "O(1)",
    args: "",
    run: Run::EveryShard(dbsize),
};

/// FLUSHALL.
pub(super) const FLUSHALL: Command = Command {
    name: "flushall",
    arity: -1,
    flags: Flags::WRITE,
    acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Removes the keys of all databases.",
    complexity: "O(N) with N keys",
    args: "[flush-type=<ASYNC|SYNC>]",
    run: Run::EveryShard(flushall),
};

/// FLUSHDB.
pub(super) const FLUSHDB: Command = Command {
    name: "flushdb",
    arity: -1,
    flags: Flags::WRITE,
    acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Removes the keys of the database.",
    complexity: "O(N) with N keys",
    args: "[flush-type=<ASYNC|SYNC>]",
    run: Run::EveryShard(flushdb),
};

/// SWAPDB.
pub(super) const SWAPDB: Command = Command {
    name: "swapdb",
    arity: 3,
    flags: Flags::FAST.union(Flags::WRITE),
    acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
    keys: &[],
    group: Group::Server,
    since: "4.0.0",
    summary: "Exchanges the contents of two databases.",
    complexity: "O(N) with N clients that watch or wait for keys of them",
    args: "index1:integer index2:integer",
    run: Run::EveryShard(swapdb),
};
