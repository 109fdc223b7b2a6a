//! Members of one sorted set: removing, asking.

use almandine_storage::Zset;

use super::note_removed;
use crate::commands::scan;
use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn zrem(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    let mut removed = 0;
    if let Some(zset) = call.dbs[call.db].zset_mut(key)? {
        removed = call
            .args
            .from(2)
            .filter(|member| zset.remove(member).is_some())
            .count();
    }
    if removed > 0 {
        note_removed(call, key, "zrem");
    }
    call.reply.length(removed);
    Ok(())
}

fn zcard(call: &mut Call<'_>) -> Outcome {
    let count = call.dbs[call.db]
        .zset(call.args.at(1))?
        .map_or(0, Zset::len);
    call.reply.length(count);
    Ok(())
}

fn zscore(call: &mut Call<'_>) -> Outcome {
    let zset = call.dbs[call.db].zset(call.args.at(1))?;
    match zset.and_then(|zset| zset.score(call.args.at(2))) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(())
}

fn zmscore(call: &mut Call<'_>) -> Outcome {
    let zset = call.dbs[call.db].zset(call.args.at(1))?;
    call.reply.array(call.args.len() - 2);
    for member in call.args.from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn zrank(call: &mut Call<'_>) -> Outcome {
    rank(call, false)
}

fn zrevrank(call: &mut Call<'_>) -> Outcome {
    rank(call, true)
}

fn rank(call: &mut Call<'_>, reverse: bool) -> Outcome {
    let (args, member) = (call.args, call.args.at(2));
    let with_score = args.len() > 3;
    if args.len() > 4 {
        return Err(Fault::arity(call.command.name));
    }
    if with_score && !args.is(3, "withscore") {
        return Err(Fault::SYNTAX);
    }
    let zset = call.dbs[call.db].zset(args.at(1))?;
    let place = zset.and_then(|zset| {
        let rank = zset.rank(member)?;
        let rank = if reverse { zset.len() - 1 - rank } else { rank };
        Some((rank, zset.score(member)?))
    });
    match place {
        None if with_score => call.reply.null_array(),
        None => call.reply.null(),
        Some((rank, score)) => {
            if with_score {
                call.reply.array(2);
            }
            call.reply.length(rank);
            if with_score {
                call.reply.double(score);
            }
        }
    }
    Ok(())
}

fn zscan(call: &mut Call<'_>) -> Outcome {
    let cursor = scan::cursor(call.args.at(2))?;
    let zset = call.dbs[call.db].zset(call.args.at(1))?;
    let options = scan::Options::parse(call.args, 3, scan::Subject::Scores);
    let Some(zset) = zset else {
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    options?.page(&mut call.reply, cursor, |cursor, page| {
        zset.scan(cursor, &mut |member, score| {
            page.pair(member.bytes(&mut digits), |reply| reply.bulk_double(score));
        })
    });
    Ok(())
}

/// Removing and asking.
pub(in crate::commands) static COMMANDS: &[Command] = &[
    Command {
        name: "zcard",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Counts the members.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(zcard),
    },
    Command {
        name: "zmscore",
        arity: -3,
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
        since: "6.2.0",
        summary: "Returns the scores of members.",
        complexity: "O(N) for N members",
        args: "key:key member...",
        run: Run::Shard(zmscore),
    },
    Command {
        name: "zrank",
        arity: -3,
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
        summary: "Tells how many members stand before one.",
        complexity: "O(log(N))",
        args: "key:key member [WITHSCORE]",
        run: Run::Shard(zrank),
    },
    Command {
        name: "zrem",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
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
        summary: "Removes members.",
        complexity: "O(M*log(N)) for M members",
        args: "key:key member...",
        run: Run::Shard(zrem),
    },
    Command {
        name: "zrevrank",
        arity: -3,
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
        summary: "Tells how many members stand behind one.",
        complexity: "O(log(N))",
        args: "key:key member [WITHSCORE]",
        run: Run::Shard(zrevrank),
    },
    Command {
        name: "zscan",
        arity: -3,
        flags: Flags::READONLY,
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
        since: "2.8.0",
        summary: "Walks over members and scores.",
        complexity: "O(1) for every call",
        args: "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        run: Run::Shard(zscan),
    },
    Command {
        name: "zscore",
        arity: 3,
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
        since: "1.2.0",
        summary: "Returns the score of a member.",
        complexity: "O(1)",
        args: "key:key member",
        run: Run::Shard(zscore),
    },
];
