//! Ranges of sorted sets: by rank, by score, by member.

use almandine_protocol::Version;
use almandine_storage::zset::Iter;
use almandine_storage::{Value, Zset};

use super::bounds::{Bounds, lex_edge, score_edge};
use crate::commands::element::bulk;
use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// What the two ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A whole range request.
#[derive(Debug)]
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative = all.
    count: i64,
}

/// The shapes in which the commands spell a [`Query`].
#[derive(Debug, Clone, Copy)]
struct Spelling {
    /// The argument of the first end.
    at: usize,
    /// None = ZRANGE, which says by options.
    by: Option<By>,
    reverse: bool,
    allows_scores: bool,
}

fn zrange(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: None,
            reverse: false,
            allows_scores: true,
        },
    )
}

fn zrevrange(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Rank),
            reverse: true,
            allows_scores: true,
        },
    )
}

fn zrangebyscore(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Score),
            reverse: false,
            allows_scores: true,
        },
    )
}

fn zrevrangebyscore(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Score),
            reverse: true,
            allows_scores: true,
        },
    )
}

fn zrangebylex(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Lex),
            reverse: false,
            allows_scores: true,
        },
    )
}

fn zrevrangebylex(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Lex),
            reverse: true,
            allows_scores: true,
        },
    )
}

fn answer(call: &mut Call<'_>, spelling: Spelling) -> Outcome {
    let query = parse(call.args, spelling)?;
    let Some(zset) = call.dbs[call.db].zset(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let (members, count) = query.select(zset);
    let is_flat = call.reply.version() == Version::Resp2;
    call.reply.array(if query.with_scores && is_flat {
        count * 2
    } else {
        count
    });
    for (member, score) in members {
        if query.with_scores && !is_flat {
            call.reply.array(2);
        }
        bulk(&mut call.reply, member);
        if query.with_scores {
            call.reply.double(score);
        }
    }
    Ok(())
}

fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let query = parse(
        call.args,
        Spelling {
            at: 3,
            by: None,
            reverse: false,
            allows_scores: false,
        },
    )?;
    let (target, source) = (call.args.at(1), call.args.at(2));
    let mut stored = Zset::default();
    if let Some(zset) = call.dbs[call.db].zset(source)? {
        let (members, count) = query.select(zset);
        let members: Vec<(Vec<u8>, f64)> = members
            .map(|(member, score)| (member.to_vec(), score))
            .collect();
        let longest = members
            .iter()
            .map(|(member, _)| member.len())
            .max()
            .unwrap_or(0);
        stored.expect(count, longest, call.thresholds, call.rng);
        for (member, score) in members {
            stored.set(&member, score, call.thresholds, call.rng);
        }
    }
    store(call, target, stored, "zrangestore");
    Ok(())
}

/// Writes a result over a key, or removes the key where the result is empty; answers with its size.
pub(super) fn store(call: &mut Call<'_>, target: &[u8], stored: Zset, event: &'static str) {
    let count = stored.len();
    if count > 0 {
        call.dbs[call.db].insert(target, Value::Zset(stored), None);
        call.changes.modified(call.db, target, Class::ZSET, event);
    } else if call.dbs[call.db].delete(target) {
        call.changes
            .modified(call.db, target, Class::GENERIC, "del");
    }
    call.reply.length(count);
}

fn parse(args: Args<'_>, spelling: Spelling) -> Result<Query<'_>, Fault> {
    let (mut by, mut reverse) = (spelling.by, spelling.reverse);
    let (mut with_scores, mut limit, mut i) = (false, None, spelling.at + 2);
    while i < args.len() {
        if spelling.allows_scores && args.is(i, "withscores") {
            with_scores = true;
        } else if args.is(i, "limit") && i + 2 < args.len() {
            limit = Some((args.integer(i + 1)?, args.integer(i + 2)?));
            i += 2;
        } else if spelling.by.is_none() && !reverse && args.is(i, "rev") {
            reverse = true;
        } else if spelling.by.is_none() && by.is_none() && args.is(i, "byscore") {
            by = Some(By::Score);
        } else if spelling.by.is_none() && by.is_none() && args.is(i, "bylex") {
            by = Some(By::Lex);
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 1;
    }
    let by = by.unwrap_or(By::Rank);
    if limit.is_some() && by == By::Rank {
        return Err(Fault::new(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && by == By::Lex {
        return Err(Fault::new(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    // Reversed ranges by score and by member name the higher end first.
    let (low, high) = if reverse && by != By::Rank {
        (spelling.at + 1, spelling.at)
    } else {
        (spelling.at, spelling.at + 1)
    };
    let bounds = match by {
        By::Rank => Bounds::Rank(args.integer(low)?, args.integer(high)?),
        By::Score => Bounds::Score(score_edge(args.at(low))?, score_edge(args.at(high))?),
        By::Lex => Bounds::Lex(lex_edge(args.at(low))?, lex_edge(args.at(high))?),
    };
    let (offset, count) = limit.unwrap_or((0, -1));
    Ok(Query {
        bounds,
        reverse,
        with_scores,
        offset,
        count,
    })
}

impl Query<'_> {
    /// The members in the order asked for, and how many they are.
    fn select<'z>(&self, zset: &'z Zset) -> (std::iter::Take<Iter<'z>>, usize) {
        let ranks = self.bounds.ranks(zset, self.reverse);
        let skipped = usize::try_from(self.offset)
            .unwrap_or(usize::MAX)
            .min(ranks.len());
        let left = ranks.len() - skipped;
        let count = usize::try_from(self.count).map_or(left, |count| count.min(left));
        let members = match (count, self.reverse) {
            (0, _) => zset.iter(),
            (_, false) => zset.iter_from(ranks.start + skipped),
            (_, true) => zset.iter_back_from(ranks.end - 1 - skipped),
        };
        (members.take(count), count)
    }
}

/// Ranges.
pub(in crate::commands) static COMMANDS: &[Command] = &[
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
        run: Run::Shard(zrange),
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
        run: Run::Shard(zrangebylex),
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
        run: Run::Shard(zrangebyscore),
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
        run: Run::Shard(zrangestore),
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
        run: Run::Shard(zrevrange),
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
        run: Run::Shard(zrevrangebylex),
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
        run: Run::Shard(zrevrangebyscore),
    },
];
