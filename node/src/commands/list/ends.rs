//! Both ends of a list: pushing, popping, moving.

use almandine_storage::list::End;

use super::{end_at, note_popped};
use crate::commands::element::bulk;
use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
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
        list.push_expected(end, element, limits);
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
            list.pop(end, limits, |element| bulk(reply, element));
            note_popped(call, key, end);
        }
    }
    Ok(())
}

/// Answers with an array of at most `most` elements popped; returns how many.
pub(super) fn pop_many(
    call: &mut Call<'_>,
    key: &[u8],
    end: End,
    most: usize,
) -> Result<usize, Fault> {
    let (reply, limits) = (&mut call.reply, call.thresholds);
    let Some(list) = call.dbs[call.db].list_mut(key)? else {
        return Ok(0);
    };
    let count = most.min(list.len());
    reply.array(count);
    for _ in 0..count {
        list.pop(end, limits, |element| bulk(reply, element));
    }
    note_popped(call, key, end);
    Ok(count)
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

/// Moves one element from the list in argument 1 to the one in argument 2, and answers with it; false if there is none.
pub(super) fn move_element(call: &mut Call<'_>, from: End, to: End) -> Result<bool, Fault> {
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

/// Pushing, popping, moving.
pub(in crate::commands) static COMMANDS: &[Command] = &[
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
