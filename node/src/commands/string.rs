//! The string commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn append(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn decr(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn decrby(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn delifeq(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn get(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn getdel(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn getex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn getrange(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn getset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn incr(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn incrby(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn incrbyfloat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn lcs(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn mget(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn mset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn msetex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn msetnx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn psetex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn set(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn setex(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn setnx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn setrange(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn strlen(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn substr(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "append",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key value",
        run: Run::Shard(append),
    },
    Command {
        name: "decr",
        arity: 2,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(decr),
    },
    Command {
        name: "decrby",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key decrement:integer",
        run: Run::Shard(decrby),
    },
    Command {
        name: "delifeq",
        arity: 3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RM.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "9.0.0",
        summary: "",
        complexity: "",
        args: "key:key value",
        run: Run::Shard(delifeq),
    },
    Command {
        name: "get",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(get),
    },
    Command {
        name: "getdel",
        arity: 2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(getdel),
    },
    Command {
        name: "getex",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "key:key [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST>]",
        run: Run::Shard(getex),
    },
    Command {
        name: "getrange",
        arity: 4,
        flags: Flags::READONLY,
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.4.0",
        summary: "",
        complexity: "",
        args: "key:key start:integer end:integer",
        run: Run::Shard(getrange),
    },
    Command {
        name: "getset",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key value",
        run: Run::Shard(getset),
    },
    Command {
        name: "incr",
        arity: 2,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(incr),
    },
    Command {
        name: "incrby",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key increment:integer",
        run: Run::Shard(incrby),
    },
    Command {
        name: "incrbyfloat",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key increment:double",
        run: Run::Shard(incrbyfloat),
    },
    Command {
        name: "lcs",
        arity: -3,
        flags: Flags::READONLY,
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
        run: Run::Shard(lcs),
    },
    Command {
        name: "mget",
        arity: -2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(mget),
    },
    Command {
        name: "mset",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 2,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.1",
        summary: "",
        complexity: "",
        args: "data=(key:key value)...",
        run: Run::Shard(mset),
    },
    Command {
        name: "msetex",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 2,
            },
        }],
        group: Group::String,
        since: "9.1.0",
        summary: "",
        complexity: "",
        args: "numkeys:integer data=(key:key value)... [condition=<NX|XX>] [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL>]",
        run: Run::Shard(msetex),
    },
    Command {
        name: "msetnx",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 2,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.1",
        summary: "",
        complexity: "",
        args: "data=(key:key value)...",
        run: Run::Shard(msetnx),
    },
    Command {
        name: "psetex",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key milliseconds:integer value",
        run: Run::Shard(psetex),
    },
    Command {
        name: "set",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW
                .union(KeyFlags::ACCESS)
                .union(KeyFlags::UPDATE)
                .union(KeyFlags::VARIABLE_FLAGS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key value [condition=<NX|XX>] [GET] [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL>]",
        run: Run::Shard(set),
    },
    Command {
        name: "setex",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key seconds:integer value",
        run: Run::Shard(setex),
    },
    Command {
        name: "setnx",
        arity: 3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::OW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key value",
        run: Run::Shard(setnx),
    },
    Command {
        name: "setrange",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key offset:integer value",
        run: Run::Shard(setrange),
    },
    Command {
        name: "strlen",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(strlen),
    },
    Command {
        name: "substr",
        arity: 4,
        flags: Flags::READONLY,
        acl: Acl::STRING,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::String,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key start:integer end:integer",
        run: Run::Shard(substr),
    },
];
