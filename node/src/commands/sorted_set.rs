//! The sorted-set commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn bzmpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn bzpopmax(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn bzpopmin(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zadd(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zcard(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zcount(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zdiff(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zdiffstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zincrby(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zinter(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zintercard(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zinterstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zlexcount(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zmpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zmscore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zpopmax(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zpopmin(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrandmember(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrange(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrangebylex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrangebyscore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrangestore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrank(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrem(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zremrangebylex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zremrangebyrank(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zremrangebyscore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrevrange(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrevrangebylex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrevrangebyscore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zrevrank(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zscan(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zscore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zunion(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn zunionstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
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
        summary: "",
        complexity: "",
        args: "timeout:double numkeys:integer key:key... where=<MIN|MAX> [COUNT count:integer]",
        run: Run::Shard(bzmpop),
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
        summary: "",
        complexity: "",
        args: "key:key... timeout:double",
        run: Run::Shard(bzpopmax),
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
        summary: "",
        complexity: "",
        args: "key:key... timeout:double",
        run: Run::Shard(bzpopmin),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "key:key min:double max:double",
        run: Run::Shard(zcount),
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
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... [WITHSCORES]",
        run: Run::Shard(zdiff),
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
        summary: "",
        complexity: "",
        args: "destination:key numkeys:integer key:key...",
        run: Run::Shard(zdiffstore),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(zinter),
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
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... [LIMIT limit:integer]",
        run: Run::Shard(zintercard),
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
        summary: "",
        complexity: "",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(zinterstore),
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
        summary: "",
        complexity: "",
        args: "key:key min max",
        run: Run::Shard(zlexcount),
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
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... where=<MIN|MAX> [COUNT count:integer]",
        run: Run::Shard(zmpop),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(zpopmax),
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
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(zpopmin),
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
        summary: "",
        complexity: "",
        args: "key:key [options=(count:integer [WITHSCORES])]",
        run: Run::Shard(zrandmember),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "dst:key src:key min max [sortby=<BYSCORE|BYLEX>] [REV] [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(zrangestore),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "key:key min:double max:double",
        run: Run::Shard(zremrangebyscore),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "key:key max:double min:double [WITHSCORES] [LIMIT limit=(offset:integer count:integer)]",
        run: Run::Shard(zrevrangebyscore),
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(zunion),
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
        summary: "",
        complexity: "",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(zunionstore),
    },
];
