//! Commands for keys of any type.

mod dump;
mod expire;
mod migrate;
mod sort;
#[cfg(test)]
mod tests;

use almandine_storage::{Db, StringEncoding, ValueRef, glob};

use super::help::help;
use super::scan::{Options, Subject};
use super::spec::{Begin, Find};
use super::{Acl, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn copy(call: &mut Call<'_>) -> Outcome {
    let (args, mut target_db, mut replaces, mut i) = (call.args, call.db, false, 3);
    while i < args.len() {
        if args.is(i, "replace") {
            replaces = true;
        } else if args.is(i, "db") && i + 1 < args.len() {
            target_db = call.database(i + 1)?;
            i += 1;
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 1;
    }
    let (source, target) = (args.at(1), args.at(2));
    if target_db == call.db && source == target {
        return Err(SAME_OBJECT);
    }
    let is_there = call.dbs[call.db].get(source).is_some();
    let is_free = is_there && !call.dbs[target_db].touch(target);
    let is_possible = is_there && (is_free || replaces);
    if is_possible && !is_free {
        // The copy is a new value: nothing is known of how it is used.
        call.dbs[target_db].delete(target);
    }
    if is_possible && let Some((value, expire_at)) = call.dbs[call.db].duplicate(source) {
        call.dbs[target_db].insert(target, value, expire_at);
        call.changes
            .modified(target_db, target, Class::GENERIC, "copy_to");
    }
    call.reply.integer(i64::from(is_possible));
    Ok(())
}

const SAME_OBJECT: Fault = Fault::new("ERR source and destination objects are the same");

fn move_(call: &mut Call<'_>) -> Outcome {
    if call.node.cluster.is_some() {
        return Err(Fault::new("ERR MOVE is not allowed in cluster mode"));
    }
    let (key, target_db) = (call.args.at(1), call.database(2)?);
    if target_db == call.db {
        return Err(SAME_OBJECT);
    }
    let is_possible = call.dbs[call.db].touch(key) && !call.dbs[target_db].touch(key);
    if is_possible && let Some((value, expire_at)) = call.dbs[call.db].take(key) {
        call.dbs[target_db].insert(key, value, expire_at);
        call.changes
            .modified(call.db, key, Class::GENERIC, "move_from");
        call.changes.touch(target_db, key);
        call.changes
            .notify(target_db, key, Class::GENERIC, "move_to");
    }
    call.reply.integer(i64::from(is_possible));
    Ok(())
}

fn del(call: &mut Call<'_>) -> Outcome {
    let mut count = 0;
    call.for_keys(1, 1, |call, key, _| {
        if call.dbs[call.db].delete(key) {
            count += 1;
            call.changes.modified(call.db, key, Class::GENERIC, "del");
        }
    });
    call.reply.length(count);
    Ok(())
}

/// Elements above which UNLINK leaves a value to the thread that drops such things.
const DROPPED_HERE: usize = 64;

fn unlink(call: &mut Call<'_>) -> Outcome {
    let mut count = 0;
    call.for_keys(1, 1, |call, key, _| {
        let Some(value) = call.dbs[call.db].remove(key) else {
            return;
        };
        count += 1;
        if value.len() > DROPPED_HERE {
            call.node.lazyfree.discard(value, 1);
        }
        call.changes.modified(call.db, key, Class::GENERIC, "del");
    });
    call.reply.length(count);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let mut count = 0;
    call.for_keys(1, 1, |call, key, _| {
        count += usize::from(call.dbs[call.db].exists(key));
    });
    call.reply.length(count);
    Ok(())
}

fn touch(call: &mut Call<'_>) -> Outcome {
    // TOUCH is the one command that moves the clock for a client that asked not to.
    call.dbs.set_touches(true);
    let mut count = 0;
    call.for_keys(1, 1, |call, key, _| {
        count += usize::from(call.dbs[call.db].get(key).is_some());
    });
    call.dbs.set_touches(!call.session.no_touch);
    call.reply.length(count);
    Ok(())
}

fn type_(call: &mut Call<'_>) -> Outcome {
    let kind = call.dbs[call.db].kind(call.args.at(1));
    call.reply.simple(kind.map_or("none", |kind| kind.name()));
    Ok(())
}

fn keys(call: &mut Call<'_>) -> Outcome {
    let (pattern, place) = (call.args.at(1), call.reply.reserve());
    let (reply, mut count, takes_all) = (&mut call.reply, 0, pattern == b"*");
    call.dbs[call.db].for_each(&mut |key, _| {
        if takes_all || glob::matches(pattern, key) {
            reply.bulk(key);
            count += 1;
        }
    });
    reply.fill_array(place, count);
    Ok(())
}

fn randomkey(call: &mut Call<'_>) -> Outcome {
    match call.dbs[call.db].random_key(call.rng) {
        Some(key) => call.reply.bulk(&key),
        None => call.reply.null(),
    }
    Ok(())
}

fn rename(call: &mut Call<'_>) -> Outcome {
    change_name(call, true)?;
    call.reply.ok();
    Ok(())
}

fn renamenx(call: &mut Call<'_>) -> Outcome {
    let is_done = change_name(call, false)?;
    call.reply.integer(i64::from(is_done));
    Ok(())
}

/// Value and time to live go to the new name; false if that is taken and must not be replaced.
fn change_name(call: &mut Call<'_>, replaces: bool) -> Result<bool, Fault> {
    let (source, target) = (call.args.at(1), call.args.at(2));
    let db = &mut call.dbs[call.db];
    if !db.touch(source) {
        return Err(Fault::NO_SUCH_KEY);
    }
    if source == target {
        return Ok(replaces);
    }
    if db.touch(target) {
        if !replaces {
            return Ok(false);
        }
        db.delete(target);
    }
    let Some((value, expire_at)) = db.take(source) else {
        return Err(Fault::NO_SUCH_KEY);
    };
    db.insert(target, value, expire_at);
    call.changes
        .modified(call.db, source, Class::GENERIC, "rename_from");
    call.changes.touch(call.db, target);
    call.changes
        .notify(call.db, target, Class::GENERIC, "rename_to");
    Ok(true)
}

fn scan(call: &mut Call<'_>) -> Outcome {
    let cursor = super::scan::cursor(call.args.at(1))?;
    let options = Options::parse(call.args, 2, Subject::Keys)?;
    let db = &mut call.dbs[call.db];
    options.page(&mut call.reply, cursor, |cursor, page| {
        db.scan(cursor, &mut |key, value| page.key(key, value.kind()))
    });
    Ok(())
}

fn object_encoding(call: &mut Call<'_>) -> Outcome {
    match encoding(&mut call.dbs[call.db], call.args.at(2)) {
        Some(encoding) => call.reply.bulk(encoding.as_bytes()),
        None => call.reply.null(),
    }
    Ok(())
}

/// What OBJECT ENCODING says of a key; leaves no trace.
pub(crate) fn encoding(db: &mut Db, key: &[u8]) -> Option<&'static str> {
    let string = db.string_encoding(key).map(|encoding| match encoding {
        StringEncoding::Int => "int",
        StringEncoding::Embstr => "embstr",
        StringEncoding::Raw => "raw",
    });
    match db.peek(key)? {
        ValueRef::String(_) => string,
        ValueRef::List(value) => Some(value.encoding()),
        ValueRef::Set(value) => Some(value.encoding()),
        ValueRef::Hash(value) => Some(value.encoding()),
        ValueRef::Zset(value) => Some(value.encoding()),
    }
}

fn object_refcount(call: &mut Call<'_>) -> Outcome {
    if call.dbs[call.db].contains(call.args.at(2)) {
        call.reply.integer(1);
    } else {
        call.reply.null();
    }
    Ok(())
}

fn object_idletime(call: &mut Call<'_>) -> Outcome {
    let Some(idle) = call.dbs[call.db].idle_seconds(call.args.at(2)) else {
        call.reply.null();
        return Ok(());
    };
    if call.params.maxmemory_policy.is_lfu() {
        return Err(Fault::new(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
             policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    call.reply.integer(i64::try_from(idle).unwrap_or(i64::MAX));
    Ok(())
}

fn object_freq(call: &mut Call<'_>) -> Outcome {
    let Some(frequency) = call.dbs[call.db].frequency(call.args.at(2)) else {
        call.reply.null();
        return Ok(());
    };
    if !call.params.maxmemory_policy.is_lfu() {
        return Err(Fault::new(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
             between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    call.reply.integer(i64::from(frequency));
    Ok(())
}

fn object_help(call: &mut Call<'_>) -> Outcome {
    help(&mut call.reply, "OBJECT", HELP);
    Ok(())
}

const HELP: &[(&str, &[&str])] = &[
    (
        "ENCODING <key>",
        &[
            "Return the kind of internal representation used in order to store the value",
            "associated with a <key>.",
        ],
    ),
    (
        "FREQ <key>",
        &[
            "Return the access frequency index of the <key>. The returned integer is",
            "proportional to the logarithm of the recent access frequency of the key.",
        ],
    ),
    (
        "IDLETIME <key>",
        &[
            "Return the idle time of the <key>, that is the approximated number of",
            "seconds elapsed since the last access to the key.",
        ],
    ),
    (
        "REFCOUNT <key>",
        &[
            "Return the number of references of the value associated with the specified",
            "<key>.",
        ],
    ),
];

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
        summary: "Copies a value to another key.",
        complexity: "O(N) where N is the size of the value",
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
        summary: "Removes keys.",
        complexity: "O(N) for N keys and their members",
        args: "key:key...",
        run: Run::Shard(del),
    },
    Command {
        name: "dump",
        arity: 2,
        flags: Flags::READONLY,
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
        summary: "Serializes a value for RESTORE.",
        complexity: "O(N) where N is the size of the value",
        args: "key:key",
        run: Run::Shard(dump::dump),
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
        summary: "Counts the keys that exist.",
        complexity: "O(N) for N keys",
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
        summary: "Lets a key live for some seconds.",
        complexity: "O(1)",
        args: "key:key seconds:integer [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expire::expire),
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
        summary: "Lets a key live until a Unix time in seconds.",
        complexity: "O(1)",
        args: "key:key unix-time-seconds:unix-time [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expire::expireat),
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
        summary: "Tells when a key expires, in seconds.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(expire::expiretime),
    },
    Command {
        name: "keys",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
        keys: &[],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Lists the keys that match a pattern.",
        complexity: "O(N) where N is the number of keys",
        args: "pattern:pattern",
        run: Run::Shard(keys),
    },
    migrate::MIGRATE,
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
        summary: "Moves a key to another database.",
        complexity: "O(1)",
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
        summary: "What is known of the value of a key.",
        complexity: "Depends on the subcommand.",
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
                summary: "Tells how a value is stored.",
                complexity: "O(1)",
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
                summary: "Tells how often a key is used.",
                complexity: "O(1)",
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
                summary: "Lists the subcommands.",
                complexity: "O(1)",
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
                summary: "Tells how long a key was not used.",
                complexity: "O(1)",
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
                summary: "Tells the number of references to a value.",
                complexity: "O(1)",
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
        summary: "Lets a key live for ever.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(expire::persist),
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
        summary: "Lets a key live for some milliseconds.",
        complexity: "O(1)",
        args: "key:key milliseconds:integer [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expire::pexpire),
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
        summary: "Lets a key live until a Unix time in milliseconds.",
        complexity: "O(1)",
        args: "key:key unix-time-milliseconds:unix-time [condition=<NX|XX|GT|LT>]",
        run: Run::Shard(expire::pexpireat),
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
        summary: "Tells when a key expires, in milliseconds.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(expire::pexpiretime),
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
        summary: "Tells how long a key lives, in milliseconds.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(expire::pttl),
    },
    Command {
        name: "randomkey",
        arity: 1,
        flags: Flags::READONLY,
        acl: Acl::KEYSPACE,
        keys: &[],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Returns a random key.",
        complexity: "O(1)",
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
        summary: "Renames a key, whatever the new name held.",
        complexity: "O(1)",
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
        summary: "Renames a key if the new name is free.",
        complexity: "O(1)",
        args: "key:key newkey:key",
        run: Run::Shard(renamenx),
    },
    dump::RESTORE,
    dump::RESTORE_ASKING,
    Command {
        name: "scan",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::KEYSPACE,
        keys: &[],
        group: Group::Generic,
        since: "2.8.0",
        summary: "Walks over the keys.",
        complexity: "O(1) for every call",
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
        summary: "Sorts elements, and may store them.",
        complexity: "O(N+M*log(M)) for N elements and M results",
        args: "key:key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [{GET get-pattern:pattern}...] [order=<ASC|DESC>] [sorting=ALPHA] [STORE destination:key]",
        run: Run::Shard(sort::sort),
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
        summary: "Sorts elements.",
        complexity: "O(N+M*log(M)) for N elements and M results",
        args: "key:key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [{GET get-pattern:pattern}...] [order=<ASC|DESC>] [sorting=ALPHA]",
        run: Run::Shard(sort::sort_ro),
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
        summary: "Moves the access clock of keys.",
        complexity: "O(N) for N keys",
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
        summary: "Tells how long a key lives, in seconds.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(expire::ttl),
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
        summary: "Tells the type of a value.",
        complexity: "O(1)",
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
        summary: "Removes keys, and drops their values elsewhere.",
        complexity: "O(1) for each key",
        args: "key:key...",
        run: Run::Shard(unlink),
    },
];
