//! The set commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn sadd(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn scard(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sdiff(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sdiffstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sinter(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sintercard(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sinterstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sismember(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn smembers(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn smismember(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn smove(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn spop(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn srandmember(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn srem(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sscan(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sunion(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sunionstore(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key member...",
        run: Run::Shard(sadd),
    },
    Command {
        name: "scard",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(scard),
    },
    Command {
        name: "sdiff",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(sdiff),
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
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
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "destination:key key:key...",
        run: Run::Shard(sdiffstore),
    },
    Command {
        name: "sinter",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(sinter),
    },
    Command {
        name: "sintercard",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::Set,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "numkeys:integer key:key... [LIMIT limit:integer]",
        run: Run::Shard(sintercard),
    },
    Command {
        name: "sinterstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
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
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "destination:key key:key...",
        run: Run::Shard(sinterstore),
    },
    Command {
        name: "sismember",
        arity: 3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key member",
        run: Run::Shard(sismember),
    },
    Command {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(smembers),
    },
    Command {
        name: "smismember",
        arity: -3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "key:key member...",
        run: Run::Shard(smismember),
    },
    Command {
        name: "smove",
        arity: 4,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
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
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key member",
        run: Run::Shard(smove),
    },
    Command {
        name: "spop",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(spop),
    },
    Command {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key [count:integer]",
        run: Run::Shard(srandmember),
    },
    Command {
        name: "srem",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key member...",
        run: Run::Shard(srem),
    },
    Command {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "2.8.0",
        summary: "",
        complexity: "",
        args: "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        run: Run::Shard(sscan),
    },
    Command {
        name: "sunion",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(sunion),
    },
    Command {
        name: "sunionstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
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
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "destination:key key:key...",
        run: Run::Shard(sunionstore),
    },
];
