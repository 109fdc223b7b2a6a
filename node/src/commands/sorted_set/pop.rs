//! Taking members from either end, at once or when there are some.

use almandine_protocol::Version;
use almandine_storage::Kind;

use super::note_removed;
use crate::commands::call::Nothing;
use crate::commands::spec::{Begin, Find};
use crate::commands::wait::{counted_keys, deadline, pop_count, wait_for};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// One end of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

fn zpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Min)
}

fn zpopmax(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Max)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let (args, key) = (call.args, call.args.at(1));
    let most = match args.len() {
        2 => None,
        3 => Some(
            args.integer(2)
                .ok()
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(Fault::NOT_POSITIVE)?,
        ),
        _ => return Err(Fault::SYNTAX),
    };
    let popped = take(call, key, end, most.unwrap_or(1))?;
    // A count makes RESP3 nest the pairs; a single member stands alone.
    let is_nested = most.is_some() && call.reply.version() == Version::Resp3;
    call.reply.array(if is_nested {
        popped.len()
    } else {
        popped.len() * 2
    });
    for (member, score) in &popped {
        if is_nested {
            call.reply.array(2);
        }
        call.reply.bulk(member);
        call.reply.double(*score);
    }
    Ok(())
}

fn zmpop(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call.args, 1)?;
    if !pop_from_first(call, query)? {
        call.reply.null_array();
    }
    Ok(())
}

fn bzmpop(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call.args, 2)?;
    let deadline = deadline(call.args, 1, call.now_ms)?;
    if pop_from_first(call, query)? {
        return Ok(());
    }
    let keys = query.keys(call.args);
    wait_for(call, Kind::Zset, keys, deadline, Nothing::Array)
}

/// `numkeys key ... MIN|MAX [COUNT n]`.
#[derive(Debug, Clone, Copy)]
struct Query {
    /// The argument of the first key.
    first: usize,
    keys: usize,
    end: End,
    most: usize,
}

impl Query {
    /// From argument `at` on.
    fn parse(args: Args<'_>, at: usize) -> Result<Self, Fault> {
        let (keys, side) = counted_keys(args, at)?;
        Ok(Query {
            first: at + 1,
            keys,
            end: end_at(args, side)?,
            most: pop_count(args, side + 1)?,
        })
    }

    fn keys<'a>(self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        args.from(self.first).take(self.keys)
    }
}

/// False if no key has a member.
fn pop_from_first(call: &mut Call<'_>, query: Query) -> Result<bool, Fault> {
    let end = query.end;
    for key in query.keys(call.args) {
        if call.db().zset(key)?.is_none() {
            continue;
        }
        let popped = take(call, key, end, query.most)?;
        call.reply.array(2);
        call.reply.bulk(key);
        call.reply.array(popped.len());
        for (member, score) in &popped {
            call.reply.array(2);
            call.reply.bulk(member);
            call.reply.double(*score);
        }
        let count = itoa::Buffer::new().format(popped.len()).to_owned();
        call.changes.journal(&[name(end), key, count.as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

fn bzpopmin(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Min)
}

fn bzpopmax(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Max)
}

fn pop_first(call: &mut Call<'_>, end: End) -> Outcome {
    let (args, last) = (call.args, call.args.len() - 1);
    let deadline = deadline(args, last, call.now_ms)?;
    for key in args.from(1).take(last - 1) {
        if call.db().zset(key)?.is_none() {
            continue;
        }
        for (member, score) in take(call, key, end, 1)? {
            call.reply.array(3);
            call.reply.bulk(key);
            call.reply.bulk(&member);
            call.reply.double(score);
        }
        call.changes.journal(&[name(end), key]);
        return Ok(());
    }
    wait_for(
        call,
        Kind::Zset,
        args.from(1).take(last - 1),
        deadline,
        Nothing::Array,
    )
}

/// Takes up to `most` members from one end, tells everybody, removes the key if they were the last.
fn take(
    call: &mut Call<'_>,
    key: &[u8],
    end: End,
    most: usize,
) -> Result<Vec<(Vec<u8>, f64)>, Fault> {
    let Some(zset) = call.dbs[call.db].zset_mut(key)? else {
        return Ok(Vec::new());
    };
    let (length, count) = (zset.len(), most.min(zset.len()));
    if count == 0 {
        return Ok(Vec::new());
    }
    let members = match end {
        End::Min => zset.iter(),
        End::Max => zset.iter_back_from(length - 1),
    };
    let popped = members
        .take(count)
        .map(|(member, score)| (member.to_vec(), score))
        .collect();
    zset.remove_range(if end == End::Min {
        0..count
    } else {
        length - count..length
    });
    note_removed(
        call,
        key,
        if end == End::Min {
            "zpopmin"
        } else {
            "zpopmax"
        },
    );
    Ok(popped)
}

fn end_at(args: Args<'_>, i: usize) -> Result<End, Fault> {
    if args.is(i, "min") {
        Ok(End::Min)
    } else if args.is(i, "max") {
        Ok(End::Max)
    } else {
        Err(Fault::SYNTAX)
    }
}

fn name(end: End) -> &'static [u8] {
    if end == End::Min {
        b"ZPOPMIN"
    } else {
        b"ZPOPMAX"
    }
}

/// Taking from either end.
pub(in crate::commands) static COMMANDS: &[Command] = &[
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
        summary: "Takes the highest member of the first sorted set that has one, waits for one if need be.",
        complexity: "O(log(N))",
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
        summary: "Takes the lowest member of the first sorted set that has one, waits for one if need be.",
        complexity: "O(log(N))",
        args: "key:key... timeout:double",
        run: Run::Shard(bzpopmin),
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
        run: Run::Shard(zmpop),
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
        summary: "Takes the lowest members.",
        complexity: "O(log(N)*M) for M members",
        args: "key:key [count:integer]",
        run: Run::Shard(zpopmin),
    },
];
