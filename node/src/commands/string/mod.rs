//! Strings: bytes, and integers and floats in decimal.

mod lcs;
mod set;
#[cfg(test)]
mod tests;

use almandine_protocol::number::{self, Infinite, LongDouble};
use almandine_storage::{StrRef, Ttl, ValueRef};

use super::spec::{Begin, Find};
use super::{Acl, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

/// Values from this length on are shared with those who send or keep them, bytes.
const SHARED_FROM: usize = 64 * 1024;

fn get(call: &mut Call<'_>) -> Outcome {
    match call.dbs[call.db].string(call.args.at(1))? {
        None => call.reply.null(),
        Some(StrRef::Int(n)) => call.reply.bulk_integer(n),
        Some(StrRef::Bytes(bytes)) if bytes.len() < SHARED_FROM => call.reply.bulk(bytes),
        Some(StrRef::Bytes(_)) => get_long(call),
    }
    Ok(())
}

/// A long value is not copied into the reply: whoever sends it holds it until it has left.
#[cold]
fn get_long(call: &mut Call<'_>) {
    if let Some(bytes) = call.dbs[call.db].share_string(call.args.at(1)) {
        let position = call.reply.bulk_around(bytes.len());
        call.session.attached.push(position, bytes);
    }
}

/// Values that are no strings count as missing.
fn mget(call: &mut Call<'_>) -> Outcome {
    call.reply.array(call.args.len() - 1);
    call.for_keys(1, 1, |call, key, _| match call.dbs[call.db].get(key) {
        Some(ValueRef::String(StrRef::Int(n))) => call.reply.bulk_integer(n),
        Some(ValueRef::String(StrRef::Bytes(bytes))) => call.reply.bulk(bytes),
        _ => call.reply.null(),
    });
    Ok(())
}

fn strlen(call: &mut Call<'_>) -> Outcome {
    let length = call.dbs[call.db]
        .string(call.args.at(1))?
        .map_or(0, StrRef::len);
    call.reply.length(length);
    Ok(())
}

fn append(call: &mut Call<'_>) -> Outcome {
    let (key, more) = (call.args.at(1), call.args.at(2));
    let old = call.dbs[call.db].string(key)?.map_or(0, StrRef::len);
    check_length(call, old, more.len())?;
    let db = &mut call.dbs[call.db];
    let length = if old == 0 && !db.contains(key) {
        db.set_string(key, more, Ttl::Clear);
        more.len()
    } else {
        db.edit_string(key, |bytes| {
            bytes.extend_from_slice(more);
            bytes.len()
        })?
    };
    call.changes.modified(call.db, key, Class::STRING, "append");
    call.reply.length(length);
    Ok(())
}

fn setrange(call: &mut Call<'_>) -> Outcome {
    let (key, patch) = (call.args.at(1), call.args.at(3));
    let offset = call.args.integer(2)?;
    let offset = usize::try_from(offset).map_err(|_| Fault::new("ERR offset is out of range"))?;
    let old = call.dbs[call.db].string(key)?.map_or(0, StrRef::len);
    if patch.is_empty() {
        call.reply.length(old);
        return Ok(());
    }
    check_length(call, offset, patch.len())?;
    let length = call.dbs[call.db].edit_string(key, |bytes| {
        let end = offset + patch.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(patch);
        bytes.len()
    })?;
    call.changes
        .modified(call.db, key, Class::STRING, "setrange");
    call.reply.length(length);
    Ok(())
}

/// A string of `a + b` bytes must be one that a client could have sent.
fn check_length(call: &Call<'_>, a: usize, b: usize) -> Result<(), Fault> {
    let is_fine = a
        .checked_add(b)
        .is_some_and(|length| length as u64 <= call.params.limits().bulk);
    if is_fine {
        Ok(())
    } else {
        Err(Fault::STRING_TOO_LONG)
    }
}

fn getrange(call: &mut Call<'_>) -> Outcome {
    let (start, end) = (call.args.integer(2)?, call.args.integer(3)?);
    let mut digits = itoa::Buffer::new();
    match call.dbs[call.db].string(call.args.at(1))? {
        None => call.reply.bulk(b""),
        Some(value) => {
            let bytes = value.bytes(&mut digits);
            call.reply.bulk(&bytes[slice(bytes.len(), start, end)]);
        }
    }
    Ok(())
}

/// The range that two indexes name, both included, negative ones from the end.
fn slice(length: usize, start: i64, end: i64) -> std::ops::Range<usize> {
    let length = length as i64;
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(length).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(length - 1));
    if start > end || length == 0 {
        0..0
    } else {
        start as usize..end as usize + 1
    }
}

fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

fn incrby(call: &mut Call<'_>) -> Outcome {
    add(call, call.args.integer(2)?)
}

fn decrby(call: &mut Call<'_>) -> Outcome {
    let decrement = call.args.integer(2)?;
    let increment = decrement
        .checked_neg()
        .ok_or(Fault::new("ERR decrement would overflow"))?;
    add(call, increment)
}

fn add(call: &mut Call<'_>, increment: i64) -> Outcome {
    let key = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let old = match db.string(key)? {
        None => 0,
        Some(StrRef::Int(n)) => n,
        Some(StrRef::Bytes(bytes)) => number::parse_i64(bytes).ok_or(Fault::NOT_INTEGER)?,
    };
    let new = old
        .checked_add(increment)
        .ok_or(Fault::INCREMENT_OVERFLOW)?;
    db.set_int(key, new);
    call.changes.modified(call.db, key, Class::STRING, "incrby");
    call.reply.integer(new);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, increment) = (call.args.at(1), call.args.at(2));
    let db = &mut call.dbs[call.db];
    let mut digits = itoa::Buffer::new();
    let old = db
        .string(key)?
        .map_or(b"0".as_slice(), |value| value.bytes(&mut digits));
    let sum = add_long_doubles(old, increment)?;
    db.set_float(key, sum.as_bytes());
    call.changes
        .modified(call.db, key, Class::STRING, "incrbyfloat");
    call.changes
        .journal(&[b"SET", key, sum.as_bytes(), b"KEEPTTL"]);
    call.reply.bulk(sum.as_bytes());
    Ok(())
}

/// The sum as INCRBYFLOAT computes and prints it.
fn add_long_doubles(old: &[u8], increment: &[u8]) -> Result<String, Fault> {
    let parse = |text| match LongDouble::is_infinity(text) {
        true => Ok(None),
        false => LongDouble::parse(text).map(Some).ok_or(Fault::NOT_FLOAT),
    };
    // What is no number is said before what is no finite one.
    match (parse(old)?, parse(increment)?) {
        (Some(old), Some(increment)) => match old.plus(increment) {
            Ok(sum) => Ok(sum.to_string()),
            Err(Infinite) => Err(Fault::INCREMENT_NAN),
        },
        _ => Err(Fault::INCREMENT_NAN),
    }
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
        summary: "Appends bytes to a string.",
        complexity: "O(1) amortized",
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
        summary: "Subtracts one.",
        complexity: "O(1)",
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
        summary: "Subtracts an integer.",
        complexity: "O(1)",
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
        summary: "Removes a string if it has this value.",
        complexity: "O(1)",
        args: "key:key value",
        run: Run::Shard(set::delifeq),
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
        summary: "Returns the value of a key.",
        complexity: "O(1)",
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
        summary: "Returns the value of a key and removes the key.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(set::getdel),
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
        summary: "Returns the value of a key and changes its time to live.",
        complexity: "O(1)",
        args: "key:key [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST>]",
        run: Run::Shard(set::getex),
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
        summary: "Returns a part of a string.",
        complexity: "O(N) where N is the length of the part",
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
        summary: "Sets a key and returns its old value.",
        complexity: "O(1)",
        args: "key:key value",
        run: Run::Shard(set::getset),
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
        summary: "Adds one.",
        complexity: "O(1)",
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
        summary: "Adds an integer.",
        complexity: "O(1)",
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
        summary: "Adds a float.",
        complexity: "O(1)",
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
        summary: "Finds the longest common subsequence of two strings.",
        complexity: "O(N*M) where N and M are the lengths",
        args: "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
        run: Run::Shard(lcs::lcs),
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
        summary: "Returns the values of keys.",
        complexity: "O(N) for N keys",
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
        summary: "Sets keys.",
        complexity: "O(N) for N keys",
        args: "data=(key:key value)...",
        run: Run::Shard(set::mset),
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
        summary: "Sets keys with a common time to live.",
        complexity: "O(N) for N keys",
        args: "numkeys:integer data=(key:key value)... [condition=<NX|XX>] [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL>]",
        run: Run::Shard(set::msetex),
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
        summary: "Sets keys if none of them exists.",
        complexity: "O(N) for N keys",
        args: "data=(key:key value)...",
        run: Run::Shard(set::msetnx),
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
        summary: "Sets a key that lives for some milliseconds.",
        complexity: "O(1)",
        args: "key:key milliseconds:integer value",
        run: Run::Shard(set::psetex),
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
        summary: "Sets a key, whatever it held.",
        complexity: "O(1)",
        args: "key:key value [condition=<NX|XX>] [GET] [expiration=<EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL>]",
        run: Run::Shard(set::set),
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
        summary: "Sets a key that lives for some seconds.",
        complexity: "O(1)",
        args: "key:key seconds:integer value",
        run: Run::Shard(set::setex),
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
        summary: "Sets a key if it does not exist.",
        complexity: "O(1)",
        args: "key:key value",
        run: Run::Shard(set::setnx),
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
        summary: "Overwrites a part of a string.",
        complexity: "O(N) where N is the length of the part",
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
        summary: "Returns the length of a string.",
        complexity: "O(1)",
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
        summary: "Returns a part of a string.",
        complexity: "O(N) where N is the length of the part",
        args: "key:key start:integer end:integer",
        run: Run::Shard(getrange),
    },
];
