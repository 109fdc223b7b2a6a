//! The generic commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn copy(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn del(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn exists(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn expire(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn expireat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn expiretime(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn keys(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn move_(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn object_encoding(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn object_freq(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn object_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn object_idletime(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn object_refcount(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn persist(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pexpire(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pexpireat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pexpiretime(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pttl(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn randomkey(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn rename(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn renamenx(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn scan(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sort(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sort_ro(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn touch(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn ttl(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn type_(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn unlink(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "copy",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Generic,
        since: "6.2.0",
        summary: "",
        complexity: "",
        args: "source:key destination:key [DB destination-db:integer] [REPLACE]",
        run: Run::Shard(copy),
    },
    Command {
        name: "del",
        arity: -2,
        flags: Flags::WRITE,
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RM.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(del),
    },
    Command {
        name: "exists",
        arity: -2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(exists),
    },
    Command {
        name: "expire",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key seconds:integer [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expire),
    },
    Command {
        name: "expireat",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.2.0",
        summary: "",
        complexity: "",
        args: "key:key unix-time-seconds:unix-time [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expireat),
    },
    Command {
        name: "expiretime",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(expiretime),
    },
    Command {
        name: "keys",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
        keys: &[],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "pattern:pattern",
        run: Run::Shard(keys),
    },
    Command {
        name: "move",
        arity: 3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key db:integer",
        run: Run::Shard(move_),
    },
    Command {
        name: "object",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Generic,
        since: "2.2.3",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Container(&[
            Command {
                name: "object|encoding",
                arity: 3,
                flags: Flags::READONLY,
                acl: Acl::KEYSPACE,
                keys: &[KeySpec {
                    flags: KeyFlags::RO,
                    begin: Begin::Index(2),
                    find: Find::Range {
                        last: 0,
                        step: 1,
                        limit: 0,
                    },
                }],
                group: Group::Generic,
                since: "2.2.3",
                summary: "",
                complexity: "",
                args: "key:key",
                run: Run::Shard(object_encoding),
            },
            Command {
                name: "object|freq",
                arity: 3,
                flags: Flags::READONLY,
                acl: Acl::KEYSPACE,
                keys: &[KeySpec {
                    flags: KeyFlags::RO,
                    begin: Begin::Index(2),
                    find: Find::Range {
                        last: 0,
                        step: 1,
                        limit: 0,
                    },
                }],
                group: Group::Generic,
                since: "4.0.0",
                summary: "",
                complexity: "",
                args: "key:key",
                run: Run::Shard(object_freq),
            },
            Command {
                name: "object|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::KEYSPACE,
                keys: &[],
                group: Group::Generic,
                since: "6.2.0",
                summary: "",
                complexity: "",
                args: "",
                run: Run::Shard(object_help),
            },
            Command {
                name: "object|idletime",
                arity: 3,
                flags: Flags::READONLY,
                acl: Acl::KEYSPACE,
                keys: &[KeySpec {
                    flags: KeyFlags::RO,
                    begin: Begin::Index(2),
                    find: Find::Range {
                        last: 0,
                        step: 1,
                        limit: 0,
                    },
                }],
                group: Group::Generic,
                since: "2.2.3",
                summary: "",
                complexity: "",
                args: "key:key",
                run: Run::Shard(object_idletime),
            },
            Command {
                name: "object|refcount",
                arity: 3,
                flags: Flags::READONLY,
                acl: Acl::KEYSPACE,
                keys: &[KeySpec {
                    flags: KeyFlags::RO,
                    begin: Begin::Index(2),
                    find: Find::Range {
                        last: 0,
                        step: 1,
                        limit: 0,
                    },
                }],
                group: Group::Generic,
                since: "2.2.3",
                summary: "",
                complexity: "",
                args: "key:key",
                run: Run::Shard(object_refcount),
            },
        ]),
    },
    Command {
        name: "persist",
        arity: 2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "2.2.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(persist),
    },
    Command {
        name: "pexpire",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key milliseconds:integer [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(pexpire),
    },
    Command {
        name: "pexpireat",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key unix-time-milliseconds:unix-time [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(pexpireat),
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(pexpiretime),
    },
    Command {
        name: "pttl",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "2.6.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(pttl),
    },
    Command {
        name: "randomkey",
        arity: 1,
        flags: Flags::READONLY,
        acl: Acl::KEYSPACE,
        keys: &[],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "",
        run: Run::Shard(randomkey),
    },
    Command {
        name: "rename",
        arity: 3,
        flags: Flags::WRITE,
        acl: Acl::KEYSPACE,
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
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key newkey:key",
        run: Run::Shard(rename),
    },
    Command {
        name: "renamenx",
        arity: 3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
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
                flags: KeyFlags::OW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key newkey:key",
        run: Run::Shard(renamenx),
    },
    Command {
        name: "scan",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::KEYSPACE,
        keys: &[],
        group: Group::Generic,
        since: "2.8.0",
        summary: "",
        complexity: "",
        args: "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type]",
        run: Run::Shard(scan),
    },
    Command {
        name: "sort",
        arity: -2,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::DANGEROUS
            .union(Acl::LIST)
            .union(Acl::SET)
            .union(Acl::SORTEDSET),
        keys: &[
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
        ],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [{GET get-pattern:pattern}...] [order=<ASC|DESC>] [sorting=ALPHA] [STORE destination:key]",
        run: Run::Shard(sort),
    },
    Command {
        name: "sort_ro",
        arity: -2,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::DANGEROUS
            .union(Acl::LIST)
            .union(Acl::SET)
            .union(Acl::SORTEDSET),
        keys: &[
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
        ],
        group: Group::Generic,
        since: "7.0.0",
        summary: "",
        complexity: "",
        args: "key:key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [{GET get-pattern:pattern}...] [order=<ASC|DESC>] [sorting=ALPHA]",
        run: Run::Shard(sort_ro),
    },
    Command {
        name: "touch",
        arity: -2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "3.2.1",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(touch),
    },
    Command {
        name: "ttl",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(ttl),
    },
    Command {
        name: "type",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: "key:key",
        run: Run::Shard(type_),
    },
    Command {
        name: "unlink",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::KEYSPACE,
        keys: &[KeySpec {
            flags: KeyFlags::RM.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Generic,
        since: "4.0.0",
        summary: "",
        complexity: "",
        args: "key:key...",
        run: Run::Shard(unlink),
    },
];
