//! Sorted sets: members in the order of their scores.

mod combine;
mod pop;
mod range;

use almandine_protocol::Reply;
use almandine_storage::{Rng, StrRef, Thresholds, Zset};

use super::scan;
use super::spec::{Begin, Find};
use super::{
    Acl, Args, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// NX, XX, GT, LT, CH and INCR of ZADD.
#[derive(Debug, Clone, Copy, Default)]
struct Flavour {
    only_new: bool,
    only_present: bool,
    only_greater: bool,
    only_less: bool,
    counts_changes: bool,
    increments: bool,
}

fn zadd(call: &mut Call<'_>) -> Outcome {
    let (flavour, at) = parse_flavour(call.args)?;
    add(call, flavour, at)
}

fn zincrby(call: &mut Call<'_>) -> Outcome {
    add(
        call,
        Flavour {
            increments: true,
            ..Flavour::default()
        },
        2,
    )
}

fn parse_flavour(args: Args<'_>) -> Result<(Flavour, usize), Fault> {
    let (mut flavour, mut i) = (Flavour::default(), 2);
    while i < args.len() {
        let flag = match args.at(i) {
            word if word.eq_ignore_ascii_case(b"nx") => &mut flavour.only_new,
            word if word.eq_ignore_ascii_case(b"xx") => &mut flavour.only_present,
            word if word.eq_ignore_ascii_case(b"gt") => &mut flavour.only_greater,
            word if word.eq_ignore_ascii_case(b"lt") => &mut flavour.only_less,
            word if word.eq_ignore_ascii_case(b"ch") => &mut flavour.counts_changes,
            word if word.eq_ignore_ascii_case(b"incr") => &mut flavour.increments,
            _ => break,
        };
        *flag = true;
        i += 1;
    }
    let words = args.len() - i;
    if words == 0 || words % 2 == 1 {
        return Err(Fault::SYNTAX);
    }
    if flavour.only_new && flavour.only_present {
        return Err(Fault::new(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    let compares = flavour.only_greater || flavour.only_less;
    if (flavour.only_greater && flavour.only_less) || (compares && flavour.only_new) {
        return Err(Fault::new(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if flavour.increments && words > 2 {
        return Err(Fault::new(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    Ok((flavour, i))
}

/// `score member` pairs from argument `at` on. All scores are read before the first one is set.
fn add(call: &mut Call<'_>, flavour: Flavour, at: usize) -> Outcome {
    let (args, key) = (call.args, call.args.at(1));
    for i in (at..args.len()).step_by(2) {
        args.double(i)?;
    }
    let is_missing = call.dbs[call.db].zset_mut(key)?.is_none();
    if is_missing && flavour.only_present {
        match flavour.increments {
            true => call.reply.null(),
            false => call.reply.integer(0),
        }
        return Ok(());
    }
    let zset = call.dbs[call.db].zset_or_create(key)?;
    let (mut added, mut updated, mut last) = (0, 0, Ok(None));
    for i in (at..args.len()).step_by(2) {
        let (score, member) = (args.double(i)?, args.at(i + 1));
        last = flavour.apply(zset, member, score, call.thresholds, call.rng);
        match last {
            Ok(Some(Applied { is_new: true, .. })) => added += 1,
            Ok(Some(Applied {
                is_changed: true, ..
            })) => updated += 1,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    if added + updated > 0 {
        let event = if flavour.increments { "zincr" } else { "zadd" };
        call.changes.modified(call.db, key, Class::ZSET, event);
    }
    call.dbs[call.db].remove_if_empty(key);
    match last? {
        _ if !flavour.increments => call.reply.length(if flavour.counts_changes {
            added + updated
        } else {
            added
        }),
        Some(applied) => call.reply.double(applied.score),
        None => call.reply.null(),
    }
    Ok(())
}

/// What became of one pair.
struct Applied {
    score: f64,
    is_new: bool,
    is_changed: bool,
}

impl Flavour {
    /// None = the conditions forbid it.
    fn apply(
        self,
        zset: &mut Zset,
        member: &[u8],
        score: f64,
        limits: &Thresholds,
        rng: &mut Rng,
    ) -> Result<Option<Applied>, Fault> {
        let Some(old) = zset.score(member) else {
            if self.only_present {
                return Ok(None);
            }
            zset.set(member, score, limits, rng);
            return Ok(Some(Applied {
                score,
                is_new: true,
                is_changed: false,
            }));
        };
        let new = if self.increments { old + score } else { score };
        if self.only_new {
            return Ok(None);
        }
        if new.is_nan() {
            return Err(Fault::new("ERR resulting score is not a number (NaN)"));
        }
        if (self.only_greater && new <= old) || (self.only_less && new >= old) {
            return Ok(None);
        }
        if new != old {
            zset.set(member, new, limits, rng);
        }
        Ok(Some(Applied {
            score: new,
            is_new: false,
            is_changed: new != old,
        }))
    }
}

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

/// Tells of members taken out, and removes the key if they were the last.
fn note_removed(call: &mut Call<'_>, key: &[u8], event: &'static str) {
    call.changes.modified(call.db, key, Class::ZSET, event);
    if call.dbs[call.db].remove_if_empty(key) {
        call.changes.notify(call.db, key, Class::GENERIC, "del");
    }
}

fn reply_member(reply: &mut Reply<'_>, member: StrRef<'_>) {
    match member {
        StrRef::Int(n) => reply.bulk_integer(n),
        StrRef::Bytes(bytes) => reply.bulk(bytes),
    }
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

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "bzmpop",
        arity: -5,
        flags: Flags::BLOCKING
            .union(Flags::MOVABLEKEYS)
            .union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(2),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "7.0.0",
        summary: "Takes members from the first sorted set that has any, waits for some if need be.",
        complexity: "O(K)+O(M*log(N)) for K keys and M members",
        args: "timeout:double numkeys:integer key:key... where=<MIN|MAX> [COUNT count:integer]",
        run: Run::Shard(pop::bzmpop),
    },
    Command {
        name: "bzpopmax",
        arity: -3,
        flags: Flags::BLOCKING.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -2,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "5.0.0",
        summary: "Takes the highest member of the first sorted set that has one, waits for one if need be.",
        complexity: "O(log(N))",
        args: "key:key... timeout:double",
        run: Run::Shard(pop::bzpopmax),
    },
    Command {
        name: "bzpopmin",
        arity: -3,
        flags: Flags::BLOCKING.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -2,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "5.0.0",
        summary: "Takes the lowest member of the first sorted set that has one, waits for one if need be.",
        complexity: "O(log(N))",
        args: "key:key... timeout:double",
        run: Run::Shard(pop::bzpopmin),
    },
    Command {
        name: "zadd",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Adds members, or sets their scores.",
        complexity: "O(log(N)) for each member",
        args: "key:key [condition=<NX|XX>] [comparison=<GT|LT>] [change=CH] [increment=INCR] data=(score:double member)...",
        run: Run::Shard(zadd),
    },
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
        run: Run::Shard(range::zcount),
    },
    Command {
        name: "zdiff",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members that only the first sorted set has.",
        complexity: "O(N) for N members in all",
        args: "numkeys:integer key:key... [WITHSCORES]",
        run: Run::Shard(combine::zdiff),
    },
    Command {
        name: "zdiffstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Stores the members that only the first sorted set has.",
        complexity: "O(N*log(N)) for N members in all",
        args: "destination:key numkeys:integer key:key...",
        run: Run::Shard(combine::zdiffstore),
    },
    Command {
        name: "zincrby",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Adds to the score of a member.",
        complexity: "O(log(N))",
        args: "key:key increment:integer member",
        run: Run::Shard(zincrby),
    },
    Command {
        name: "zinter",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members that all sorted sets have.",
        complexity: "O(N*K) for N members of the smallest of K sets",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(combine::zinter),
    },
    Command {
        name: "zintercard",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "7.0.0",
        summary: "Counts the members that all sorted sets have.",
        complexity: "O(N*K) for N members of the smallest of K sets",
        args: "numkeys:integer key:key... [LIMIT limit:integer]",
        run: Run::Shard(combine::zintercard),
    },
    Command {
        name: "zinterstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Stores the members that all sorted sets have.",
        complexity: "O(N*K)+O(M*log(M)) for N members of the smallest of K sets and M results",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(combine::zinterstore),
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
        run: Run::Shard(range::zlexcount),
    },
    Command {
        name: "zmpop",
        arity: -4,
        flags: Flags::MOVABLEKEYS.union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "7.0.0",
        summary: "Takes members from the first sorted set that has any.",
        complexity: "O(K)+O(M*log(N)) for K keys and M members",
        args: "numkeys:integer key:key... where=<MIN|MAX> [COUNT count:integer]",
        run: Run::Shard(pop::zmpop),
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
        name: "zpopmax",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "5.0.0",
        summary: "Takes the highest members.",
        complexity: "O(log(N)*M) for M members",
        args: "key:key [count:integer]",
        run: Run::Shard(pop::zpopmax),
    },
    Command {
        name: "zpopmin",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "5.0.0",
        summary: "Takes the lowest members.",
        complexity: "O(log(N)*M) for M members",
        args: "key:key [count:integer]",
        run: Run::Shard(pop::zpopmin),
    },
    Command {
        name: "zrandmember",
        arity: -2,
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
        since: "6.2.0",
        summary: "Returns random members.",
        complexity: "O(N) for N members",
        args: "key:key [options=(count:integer [WITHSCORES])]",
        run: Run::Shard(pop::zrandmember),
    },
    Command {
        name: "zrange",
        arity: -4,
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
        since: "1.2.0",
        summary: "Returns a range of members by rank, score or name.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key start stop [sortby=<BYSCORE|BYLEX>] [REV] [LIMIT limit=(offset:integer count:integer)] [WITHSCORES]",
        run: Run::Shard(range::zrange),
    },
    Command {
        name: "zrangebylex",
        arity: -4,
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
        since: "2.8.9",
        summary: "Returns the members between two.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key min max [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(range::zrangebylex),
    },
    Command {
        name: "zrangebyscore",
        arity: -4,
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
        since: "1.0.5",
        summary: "Returns the members in a range of scores.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key min:double max:double [WITHSCORES] [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(range::zrangebyscore),
    },
    Command {
        name: "zrangestore",
        arity: -5,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Stores a range of members.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "dst:key src:key min max [sortby=<BYSCORE|BYLEX>] [REV] [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(range::zrangestore),
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
        run: Run::Shard(range::zremrangebylex),
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
        run: Run::Shard(range::zremrangebyrank),
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
        run: Run::Shard(range::zremrangebyscore),
    },
    Command {
        name: "zrevrange",
        arity: -4,
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
        since: "1.2.0",
        summary: "Returns a range of ranks, highest first.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key start:integer stop:integer [WITHSCORES]",
        run: Run::Shard(range::zrevrange),
    },
    Command {
        name: "zrevrangebylex",
        arity: -4,
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
        since: "2.8.9",
        summary: "Returns the members between two, last first.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key max min [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(range::zrevrangebylex),
    },
    Command {
        name: "zrevrangebyscore",
        arity: -4,
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
        since: "2.2.0",
        summary: "Returns the members in a range of scores, highest first.",
        complexity: "O(log(N)+M) where N is the size of the set and M that of the range",
        args: "key:key max:double min:double [WITHSCORES] [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(range::zrevrangebyscore),
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
    Command {
        name: "zunion",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members of all sorted sets.",
        complexity: "O(N)+O(M*log(M)) for N members in all and M results",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(combine::zunion),
    },
    Command {
        name: "zunionstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Stores the members of all sorted sets.",
        complexity: "O(N)+O(M*log(M)) for N members in all and M results",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(combine::zunionstore),
    },
];
