//! Whole databases: how many keys, none, the other one's.

use crate::actors::shard::messages::Flushed;
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run, Wait};

fn dbsize(call: &mut Call<'_>) -> Outcome {
    call.reply.length(call.dbs[call.db].len());
    Ok(())
}

fn flushall(call: &mut Call<'_>) -> Outcome {
    flush(call, 0..call.dbs.count())
}

fn flushdb(call: &mut Call<'_>) -> Outcome {
    flush(call, call.db..call.db + 1)
}

fn swapdb(call: &mut Call<'_>) -> Outcome {
    if call.node.cluster.is_some() {
        return Err(Fault::new("ERR SWAPDB is not allowed in cluster mode"));
    }
    let index = |i: usize, which: &str| {
        let bad = || Fault::text(format!("ERR invalid {which} DB index"));
        let index = call.args.integer(i).map_err(|_| bad())?;
        i32::try_from(index).map_err(|_| bad())
    };
    let (first, second) = (index(1, "first")?, index(2, "second")?);
    let checked = |index: i32| {
        let index = usize::try_from(index).ok();
        index
            .filter(|index| *index < call.dbs.count())
            .ok_or(Fault::DB_OUT_OF_RANGE)
    };
    let (first, second) = (checked(first)?, checked(second)?);
    if first != second {
        for (from, to) in [(first, second), (second, first)] {
            touch_watched(call, from, Some(to));
        }
        call.dbs.swap(first, second);
    }
    call.changes.dirty += 1;
    call.reply.ok();
    Ok(())
}

/// Empties `databases`. Nothing tells of the single keys but the watchers, as in Redis.
fn flush(call: &mut Call<'_>, databases: std::ops::Range<usize>) -> Outcome {
    let is_lazy = match (call.args.len(), call.params.lazyfree_lazy_user_flush) {
        (1, by_default) => by_default,
        (2, _) if call.args.is(1, "async") => true,
        (2, _) if call.args.is(1, "sync") => false,
        _ => return Err(Fault::SYNTAX),
    };
    let (mut removed, mut keys) = (Vec::new(), 0);
    for db in databases {
        touch_watched(call, db, None);
        let count = call.dbs[db].len() as u64;
        if count > 0 {
            keys += count;
            removed.push(call.dbs[db].take_all());
        }
    }
    call.tracking.flushed(&call.node.clients, call.outgoing);
    // Journalled even if there was nothing to remove: a replica may hold more than we do.
    call.changes.dirty += keys + 1;
    let lazyfree = &call.node.lazyfree;
    match call.node.flushed.get() {
        // Only this client waits until all is free.
        Some(flushed) if !is_lazy && keys > 0 && !call.in_exec => {
            let client = call.session.id();
            let flushed = flushed.clone();
            lazyfree.discard_then(removed, keys, move || flushed.do_send(Flushed { client }));
            return call.wait(Wait::for_others());
        }
        _ if is_lazy && keys > 0 => lazyfree.discard(removed, keys),
        _ => drop(removed),
    }
    call.reply.ok();
    Ok(())
}

/// The watchers of the keys of `db` that exist now, or will when the contents of `replacement` stand in its place.
fn touch_watched(call: &mut Call<'_>, db: usize, replacement: Option<usize>) {
    for key in call.watches.keys_of(db) {
        let exists = call.dbs[db].view(&key).is_some();
        if exists || replacement.is_some_and(|other| call.dbs[other].view(&key).is_some()) {
            call.changes.touch(db, &key);
        }
    }
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
