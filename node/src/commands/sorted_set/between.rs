//! What lies between two bounds: counting and removing it.

use super::bounds::{Bounds, lex_edge, score_edge};
use super::note_removed;
use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn zcount(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Score(score_edge(call.args.at(2))?, score_edge(call.args.at(3))?);
    count(call, bounds)
}

fn zlexcount(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Lex(lex_edge(call.args.at(2))?, lex_edge(call.args.at(3))?);
    count(call, bounds)
}

fn count(call: &mut Call<'_>, bounds: Bounds<'_>) -> Outcome {
    let zset = call.dbs[call.db].zset(call.args.at(1))?;
    let count = zset.map_or(0, |zset| bounds.ranks(zset, false).len());
    call.reply.length(count);
    Ok(())
}

fn zremrangebyrank(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Rank(call.args.integer(2)?, call.args.integer(3)?);
    remove(call, bounds, "zremrangebyrank")
}

fn zremrangebyscore(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Score(score_edge(call.args.at(2))?, score_edge(call.args.at(3))?);
    remove(call, bounds, "zremrangebyscore")
}

fn zremrangebylex(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Lex(lex_edge(call.args.at(2))?, lex_edge(call.args.at(3))?);
    remove(call, bounds, "zremrangebylex")
}

fn remove(call: &mut Call<'_>, bounds: Bounds<'_>, event: &'static str) -> Outcome {
    let key = call.args.at(1);
    let mut removed = 0;
    if let Some(zset) = call.dbs[call.db].zset_mut(key)? {
        let ranks = bounds.ranks(zset, false);
        removed = ranks.len();
        zset.remove_range(ranks);
    }
    if removed > 0 {
        note_removed(call, key, event);
    }
    call.reply.length(removed);
    Ok(())
}

/// Counting and removing.
pub(in crate::commands) static COMMANDS: &[Command] = &[
    Command {
        name: "zcount",
        arity: 4,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Counts the members in a range of scores.",
        complexity: "O(log(N))",
        args: "key:key min:double max:double",
        run: Run::Shard(zcount),
    },
    Command {
        name: "zlexcount",
        arity: 4,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "2.8.9",
        summary: "Counts the members between two.",
        complexity: "O(log(N))",
        args: "key:key min max",
        run: Run::Shard(zlexcount),
    },
    Command {
        name: "zremrangebylex",
        arity: 4,
        flags: Flags::WRITE,
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "2.8.9",
        summary: "Removes the members between two.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key min max",
        run: Run::Shard(zremrangebylex),
    },
    Command {
        name: "zremrangebyrank",
        arity: 4,
        flags: Flags::WRITE,
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Removes a range of ranks.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key start:integer stop:integer",
        run: Run::Shard(zremrangebyrank),
    },
    Command {
        name: "zremrangebyscore",
        arity: 4,
        flags: Flags::WRITE,
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Removes a range of scores.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key min:double max:double",
        run: Run::Shard(zremrangebyscore),
    },
];
