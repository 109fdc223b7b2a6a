//! Lists: push and pop at both ends, and what waits for an element.

mod blocking;

use std::ops::Range;

use almandine_protocol::Reply;
use almandine_storage::list::End;
use almandine_storage::{List, StrRef};

use super::spec::{Begin, Find};
use super::{
    Acl, Args, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Left)
}

fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Right)
}

fn lpushx(call: &mut Call<'_>) -> Outcome {
    push_if_present(call, End::Left)
}

fn rpushx(call: &mut Call<'_>) -> Outcome {
    push_if_present(call, End::Right)
}

fn push_if_present(call: &mut Call<'_>, end: End) -> Outcome {
    if call.dbs[call.db].list_mut(call.args.at(1))?.is_none() {
        call.reply.integer(0);
        return Ok(());
    }
    push(call, end)
}

fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let (key, limits) = (call.args.at(1), call.thresholds);
    let list = call.dbs[call.db].list_or_create(key)?;
    let elements = call.args.from(2);
    list.expect(
        elements.len(),
        elements.clone().map(<[u8]>::len).sum(),
        limits,
    );
    for element in elements {
        list.push(end, element, limits);
    }
    let length = list.len();
    let event = if end == End::Left { "lpush" } else { "rpush" };
    call.changes.modified(call.db, key, Class::LIST, event);
    call.reply.length(length);
    Ok(())
}

fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let (args, key, limits) = (call.args, call.args.at(1), call.thresholds);
    let most = match args.len() {
        2 => None,
        3 => Some(
            args.integer(2)
                .ok()
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(Fault::NOT_POSITIVE)?,
        ),
        _ => return Err(Fault::arity(call.command.name)),
    };
    let reply = &mut call.reply;
    let Some(list) = call.dbs[call.db].list_mut(key)? else {
        if most.is_some() {
            reply.null_array()
        } else {
            reply.null()
        }
        return Ok(());
    };
    match most {
        Some(0) => reply.array(0),
        Some(most) => drop(pop_many(call, key, end, most)?),
        None => {
            list.pop(end, limits, |element| reply_element(reply, element));
            note_popped(call, key, end);
        }
    }
    Ok(())
}

/// Answers with an array of at most `most` elements popped; returns how many.
fn pop_many(call: &mut Call<'_>, key: &[u8], end: End, most: usize) -> Result<usize, Fault> {
    let (reply, limits) = (&mut call.reply, call.thresholds);
    let Some(list) = call.dbs[call.db].list_mut(key)? else {
        return Ok(0);
    };
    let count = most.min(list.len());
    reply.array(count);
    for _ in 0..count {
        list.pop(end, limits, |element| reply_element(reply, element));
    }
    note_popped(call, key, end);
    Ok(count)
}

/// Tells of elements taken from one end, and removes the key if they were the last.
fn note_popped(call: &mut Call<'_>, key: &[u8], end: End) {
    let event = if end == End::Left { "lpop" } else { "rpop" };
    call.changes.modified(call.db, key, Class::LIST, event);
    note_if_empty(call, key);
}

fn note_if_empty(call: &mut Call<'_>, key: &[u8]) {
    if call.dbs[call.db].remove_if_empty(key) {
        call.changes.notify(call.db, key, Class::GENERIC, "del");
    }
}

fn pop_name(end: End) -> &'static [u8] {
    if end == End::Left { b"LPOP" } else { b"RPOP" }
}

fn reply_element(reply: &mut Reply<'_>, element: StrRef<'_>) {
    match element {
        StrRef::Int(n) => reply.bulk_integer(n),
        StrRef::Bytes(bytes) => reply.bulk(bytes),
    }
}

fn llen(call: &mut Call<'_>) -> Outcome {
    let length = call.dbs[call.db]
        .list(call.args.at(1))?
        .map_or(0, List::len);
    call.reply.length(length);
    Ok(())
}

fn lrange(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (call.args.integer(2)?, call.args.integer(3)?);
    let Some(list) = call.dbs[call.db].list(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let range = range(list.len(), start, stop);
    call.reply.array(range.len());
    for element in list.iter_from(range.start).take(range.len()) {
        reply_element(&mut call.reply, element);
    }
    Ok(())
}

/// The range that two indexes name, both included, negative ones from the end.
fn range(length: usize, start: i64, stop: i64) -> Range<usize> {
    let length = length as i64;
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(length)
        } else {
            index
        }
    };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(length - 1));
    if start > stop {
        0..0
    } else {
        start as usize..stop as usize + 1
    }
}

/// The place that one index names, negative ones from the end.
fn place(length: usize, index: i64) -> Option<usize> {
    let index = if index < 0 {
        index.checked_add(length as i64)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn lindex(call: &mut Call<'_>) -> Outcome {
    let Some(list) = call.dbs[call.db].list(call.args.at(1))? else {
        call.reply.null();
        return Ok(());
    };
    let place = place(list.len(), call.args.integer(2)?);
    match place.and_then(|place| list.get(place)) {
        Some(element) => reply_element(&mut call.reply, element),
        None => call.reply.null(),
    }
    Ok(())
}

fn lset(call: &mut Call<'_>) -> Outcome {
    let (key, limits) = (call.args.at(1), call.thresholds);
    let list = call.dbs[call.db].list_mut(key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let place = place(list.len(), call.args.integer(2)?).ok_or(Fault::INDEX_OUT_OF_RANGE)?;
    list.set(place, call.args.at(3), limits);
    call.changes.modified(call.db, key, Class::LIST, "lset");
    call.reply.ok();
    Ok(())
}

fn linsert(call: &mut Call<'_>) -> Outcome {
    let (args, key, limits) = (call.args, call.args.at(1), call.thresholds);
    let before = args.is(2, "before");
    if !before && !args.is(2, "after") {
        return Err(Fault::SYNTAX);
    }
    let Some(list) = call.dbs[call.db].list_mut(key)? else {
        call.reply.integer(0);
        return Ok(());
    };
    if !list.insert(before, args.at(3), args.at(4), limits) {
        call.reply.integer(-1);
        return Ok(());
    }
    let length = list.len();
    call.changes.modified(call.db, key, Class::LIST, "linsert");
    call.reply.length(length);
    Ok(())
}

fn lrem(call: &mut Call<'_>) -> Outcome {
    let (key, limits, count) = (call.args.at(1), call.thresholds, call.args.integer(2)?);
    let from = if count < 0 { End::Right } else { End::Left };
    let most = if count == 0 {
        usize::MAX
    } else {
        usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
    };
    let list = call.dbs[call.db].list_mut(key)?;
    let removed = list.map_or(0, |list| list.remove(from, most, call.args.at(3), limits));
    if removed > 0 {
        call.changes.modified(call.db, key, Class::LIST, "lrem");
        note_if_empty(call, key);
    }
    call.reply.length(removed);
    Ok(())
}

fn ltrim(call: &mut Call<'_>) -> Outcome {
    let (key, limits) = (call.args.at(1), call.thresholds);
    let (start, stop) = (call.args.integer(2)?, call.args.integer(3)?);
    if let Some(list) = call.dbs[call.db].list_mut(key)? {
        let kept = range(list.len(), start, stop);
        list.trim(kept, limits);
        call.changes.modified(call.db, key, Class::LIST, "ltrim");
        note_if_empty(call, key);
    }
    call.reply.ok();
    Ok(())
}

fn lmove(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (end_at(call.args, 3)?, end_at(call.args, 4)?);
    if !move_element(call, from, to)? {
        call.reply.null();
    }
    Ok(())
}

fn rpoplpush(call: &mut Call<'_>) -> Outcome {
    if !move_element(call, End::Right, End::Left)? {
        call.reply.null();
    }
    Ok(())
}

fn end_at(args: Args<'_>, i: usize) -> Result<End, Fault> {
    if args.is(i, "left") {
        Ok(End::Left)
    } else if args.is(i, "right") {
        Ok(End::Right)
    } else {
        Err(Fault::SYNTAX)
    }
}

/// Moves one element from the list in argument 1 to the one in argument 2, and answers with it; false if there is none.
fn move_element(call: &mut Call<'_>, from: End, to: End) -> Result<bool, Fault> {
    let (source, target, limits) = (call.args.at(1), call.args.at(2), call.thresholds);
    let db = &mut call.dbs[call.db];
    if db.list(source)?.is_none() {
        return Ok(false);
    }
    db.list_mut(target)?;
    let popped = db
        .list_mut(source)?
        .and_then(|list| list.pop(from, limits, |element| element.to_vec()));
    let Some(element) = popped else {
        return Ok(false);
    };
    db.list_or_create(target)?.push(to, &element, limits);
    let event = if to == End::Left { "lpush" } else { "rpush" };
    call.changes.modified(call.db, target, Class::LIST, event);
    note_popped(call, source, from);
    call.reply.bulk(&element);
    Ok(true)
}

/// RANK, COUNT and MAXLEN of LPOS.
struct Search {
    /// Matches to skip.
    skip: u64,
    from: End,
    /// None = the first match alone, as a number.
    most: Option<usize>,
    /// Elements to look at; 0 = all.
    looks: usize,
}

fn lpos(call: &mut Call<'_>) -> Outcome {
    let (args, wanted) = (call.args, call.args.at(2));
    let search = parse_search(args)?;
    let mut found = Vec::new();
    if let Some(list) = call.dbs[call.db].list(args.at(1))? {
        let length = list.len();
        let elements = match search.from {
            End::Left => list.iter(),
            End::Right => list.iter_back_from(length - 1),
        };
        let looks = if search.looks == 0 {
            usize::MAX
        } else {
            search.looks
        };
        let (mut skip, most) = (search.skip, search.most.unwrap_or(1));
        let mut digits = itoa::Buffer::new();
        for (step, element) in elements.take(looks).enumerate() {
            if element.bytes(&mut digits) != wanted {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            found.push(if search.from == End::Left {
                step
            } else {
                length - 1 - step
            });
            if found.len() == most {
                break;
            }
        }
    }
    match search.most {
        None => match found.first() {
            Some(place) => call.reply.length(*place),
            None => call.reply.null(),
        },
        Some(_) => {
            call.reply.array(found.len());
            found.into_iter().for_each(|place| call.reply.length(place));
        }
    }
    Ok(())
}

fn parse_search(args: Args<'_>) -> Result<Search, Fault> {
    let mut search = Search {
        skip: 0,
        from: End::Left,
        most: None,
        looks: 0,
    };
    let mut i = 3;
    while i < args.len() {
        if i + 1 == args.len() {
            return Err(Fault::SYNTAX);
        }
        if args.is(i, "rank") {
            let rank = args.integer(i + 1)?;
            if rank == i64::MIN {
                return Err(Fault::new(
                    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                ));
            }
            if rank == 0 {
                return Err(Fault::new(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                     or use negative to start from the end of the list",
                ));
            }
            search.from = if rank < 0 { End::Right } else { End::Left };
            search.skip = rank.unsigned_abs() - 1;
        } else if args.is(i, "count") {
            let count = args.integer(i + 1)?;
            let count =
                usize::try_from(count).map_err(|_| Fault::new("ERR COUNT can't be negative"))?;
            search.most = Some(if count == 0 { usize::MAX } else { count });
        } else if args.is(i, "maxlen") {
            let looks = args.integer(i + 1)?;
            search.looks =
                usize::try_from(looks).map_err(|_| Fault::new("ERR MAXLEN can't be negative"))?;
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 2;
    }
    Ok(search)
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
        summary: "Moves an element from one list to another, waits for one if need be.",
        complexity: "O(1)",
        args: "source:key destination:key wherefrom=<LEFT|RIGHT> whereto=<LEFT|RIGHT> timeout:double",
        run: Run::Shard(blocking::blmove),
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
        summary: "Pops elements of the first list that has any, waits for some if need be.",
        complexity: "O(N+M) for N keys and M elements",
        args: "timeout:double numkeys:integer key:key... where=<LEFT|RIGHT> [COUNT count:integer]",
        run: Run::Shard(blocking::blmpop),
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
        summary: "Pops the head of the first list that has one, waits for one if need be.",
        complexity: "O(N) for N keys",
        args: "key:key... timeout:double",
        run: Run::Shard(blocking::blpop),
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
        summary: "Pops the tail of the first list that has one, waits for one if need be.",
        complexity: "O(N) for N keys",
        args: "key:key... timeout:double",
        run: Run::Shard(blocking::brpop),
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
        summary: "Moves the tail of a list to the head of another, waits for one if need be.",
        complexity: "O(1)",
        args: "source:key destination:key timeout:double",
        run: Run::Shard(blocking::brpoplpush),
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
        summary: "Returns an element by its place.",
        complexity: "O(N) where N is the number of elements before it",
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
        summary: "Inserts an element beside another.",
        complexity: "O(N) where N is the number of elements before it",
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
        summary: "Returns the length of a list.",
        complexity: "O(1)",
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
        summary: "Moves an element from one list to another.",
        complexity: "O(1)",
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
        summary: "Pops elements of the first list that has any.",
        complexity: "O(N+M) for N keys and M elements",
        args: "numkeys:integer key:key... where=<LEFT|RIGHT> [COUNT count:integer]",
        run: Run::Shard(blocking::lmpop),
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
        summary: "Pops elements from the head.",
        complexity: "O(N) for N elements",
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
        summary: "Finds the places of an element.",
        complexity: "O(N) where N is the length of the list",
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
        summary: "Pushes elements to the head.",
        complexity: "O(N) for N elements",
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
        summary: "Pushes elements to the head of a list that exists.",
        complexity: "O(N) for N elements",
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
        summary: "Returns a range of elements.",
        complexity: "O(S+N) for N elements S from the nearer end",
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
        summary: "Removes equal elements.",
        complexity: "O(N) where N is the length of the list",
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
        summary: "Replaces an element by its place.",
        complexity: "O(N) where N is the number of elements before it",
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
        summary: "Keeps a range of elements alone.",
        complexity: "O(N) where N is the number of elements removed",
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
        summary: "Pops elements from the tail.",
        complexity: "O(N) for N elements",
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
        summary: "Moves the tail of a list to the head of another.",
        complexity: "O(1)",
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
        summary: "Pushes elements to the tail.",
        complexity: "O(N) for N elements",
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
        summary: "Pushes elements to the tail of a list that exists.",
        complexity: "O(N) for N elements",
        args: "key:key element...",
        run: Run::Shard(rpushx),
    },
];
