//! The list commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn blmove(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn blmpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn blpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn brpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn brpoplpush(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lindex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn linsert(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn llen(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lmove(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lmpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lpos(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lpush(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lpushx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lrange(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lrem(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn ltrim(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn rpop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn rpoplpush(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn rpush(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn rpushx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "blmove",
        arity: 6,
        flags: Flags::BLOCKING.union(Flags::DENYOOM).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::List,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key wherefrom=<LEFT|RIGHT> whereto=<LEFT|RIGHT> timeout:double",
        run: Run::Shard(blmove),
    },
    Command {
        name: "blmpop",
        arity: -5,
        flags: Flags::BLOCKING
            .union(Flags::MOVABLEKEYS)
            .union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(2),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::List,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "timeout:double numkeys:integer key:key... where=<LEFT|RIGHT> [COUNT count:integer]",
        run: Run::Shard(blmpop),
    },
    Command {
        name: "blpop",
        arity: -3,
        flags: Flags::BLOCKING.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -2,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key... timeout:double",
        run: Run::Shard(blpop),
    },
    Command {
        name: "brpop",
        arity: -3,
        flags: Flags::BLOCKING.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -2,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key... timeout:double",
        run: Run::Shard(brpop),
    },
    Command {
        name: "brpoplpush",
        arity: 4,
        flags: Flags::BLOCKING.union(Flags::DENYOOM).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::List,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key timeout:double",
        run: Run::Shard(brpoplpush),
    },
    Command {
        name: "lindex",
        arity: 3,
        flags: Flags::READONLY,
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key index:integer",
        run: Run::Shard(lindex),
    },
    Command {
        name: "linsert",
        arity: 5,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key where=<BEFORE|AFTER> pivot element",
        run: Run::Shard(linsert),
    },
    Command {
        name: "llen",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(llen),
    },
    Command {
        name: "lmove",
        arity: 5,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::List,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key wherefrom=<LEFT|RIGHT> whereto=<LEFT|RIGHT>",
        run: Run::Shard(lmove),
    },
    Command {
        name: "lmpop",
        arity: -4,
        flags: Flags::MOVABLEKEYS.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::List,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... where=<LEFT|RIGHT> [COUNT count:integer]",
        run: Run::Shard(lmpop),
    },
    Command {
        name: "lpop",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(lpop),
    },
    Command {
        name: "lpos",
        arity: -3,
        flags: Flags::READONLY,
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "6.0.6",
        summary: "",
        complexity: "",
        args: "key:key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
        run: Run::Shard(lpos),
    },
    Command {
        name: "lpush",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key element...",
        run: Run::Shard(lpush),
    },
    Command {
        name: "lpushx",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key element...",
        run: Run::Shard(lpushx),
    },
    Command {
        name: "lrange",
        arity: 4,
        flags: Flags::READONLY,
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key start:integer stop:integer",
        run: Run::Shard(lrange),
    },
    Command {
        name: "lrem",
        arity: 4,
        flags: Flags::WRITE,
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key count:integer element",
        run: Run::Shard(lrem),
    },
    Command {
        name: "lset",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key index:integer element",
        run: Run::Shard(lset),
    },
    Command {
        name: "ltrim",
        arity: 4,
        flags: Flags::WRITE,
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key start:integer stop:integer",
        run: Run::Shard(ltrim),
    },
    Command {
        name: "rpop",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(rpop),
    },
    Command {
        name: "rpoplpush",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::List,
        since: "1.2.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key",
        run: Run::Shard(rpoplpush),
    },
    Command {
        name: "rpush",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key element...",
        run: Run::Shard(rpush),
    },
    Command {
        name: "rpushx",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::LIST,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::List,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key element...",
        run: Run::Shard(rpushx),
    },
];
