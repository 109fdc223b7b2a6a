//! Elements by their place or their value.

use std::ops::Range;

use almandine_storage::List;
use almandine_storage::list::End;

use super::note_if_empty;
use crate::commands::element::bulk;
use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

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
        bulk(&mut call.reply, element);
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

fn lindex(call: &mut Call<'_>) -> Outcome {
    let Some(list) = call.dbs[call.db].list(call.args.at(1))? else {
        call.reply.null();
        return Ok(());
    };
    let place = place(list.len(), call.args.integer(2)?);
    match place.and_then(|place| list.get(place)) {
        Some(element) => bulk(&mut call.reply, element),
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

/// The place that one index names, negative ones from the end.
fn place(length: usize, index: i64) -> Option<usize> {
    let index = if index < 0 {
        index.checked_add(length as i64)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|index| *index < length)
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

/// Elements by place and value.
pub(in crate::commands) static COMMANDS: &[Command] = &[
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
];
