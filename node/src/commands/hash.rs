//! The hash commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn hdel(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hexists(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hget(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hgetall(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hgetdel(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hincrby(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hincrbyfloat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hkeys(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hlen(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hmget(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hmset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hrandfield(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hscan(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hset(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hsetnx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hstrlen(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn hvals(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "hdel",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field...",
        run: Run::Shard(hdel),
    },
    Command {
        name: "hexists",
        arity: 3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field",
        run: Run::Shard(hexists),
    },
    Command {
        name: "hget",
        arity: 3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field",
        run: Run::Shard(hget),
    },
    Command {
        name: "hgetall",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(hgetall),
    },
    Command {
        name: "hgetdel",
        arity: -5,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "8.0.0",
        summary: "",
        complexity: "",
        args: "key:key FIELDS fields=(numfields:integer field...)",
        run: Run::Shard(hgetdel),
    },
    Command {
        name: "hincrby",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field increment:integer",
        run: Run::Shard(hincrby),
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key field increment:double",
        run: Run::Shard(hincrbyfloat),
    },
    Command {
        name: "hkeys",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(hkeys),
    },
    Command {
        name: "hlen",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(hlen),
    },
    Command {
        name: "hmget",
        arity: -3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field...",
        run: Run::Shard(hmget),
    },
    Command {
        name: "hmset",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key data=(field value)...",
        run: Run::Shard(hmset),
    },
    Command {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "key:key [options=(count:integer [WITHVALUES])]",
        run: Run::Shard(hrandfield),
    },
    Command {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.8.0",
        summary: "",
        complexity: "",
        args: "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]",
        run: Run::Shard(hscan),
    },
    Command {
        name: "hset",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key data=(field value)...",
        run: Run::Shard(hset),
    },
    Command {
        name: "hsetnx",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key field value",
        run: Run::Shard(hsetnx),
    },
    Command {
        name: "hstrlen",
        arity: 3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "3.2.0",
        summary: "",
        complexity: "",
        args: "key:key field",
        run: Run::Shard(hstrlen),
    },
    Command {
        name: "hvals",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::HASH,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Hash,
        since: "2.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(hvals),
    },
];
