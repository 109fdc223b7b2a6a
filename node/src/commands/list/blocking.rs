//! Lists for clients that can wait: the first key that has an element, or the first that gets one.

use almandine_storage::Kind;
use almandine_storage::list::End;

use super::ends::{move_element, pop_many};
use super::{end_at, note_popped, pop_name};
use crate::commands::call::Nothing;
use crate::commands::element::bulk;
use crate::commands::spec::{Begin, Find};
use crate::commands::wait::{counted_keys, deadline, pop_count, wait_for};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

fn blpop(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Left)
}

fn brpop(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Right)
}

fn pop_first(call: &mut Call<'_>, end: End) -> Outcome {
    let (args, last) = (call.args, call.args.len() - 1);
    let deadline = deadline(args, last, call.now_ms)?;
    for key in args.from(1).take(last - 1) {
        if call.db().list(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let (reply, limits) = (&mut call.reply, call.thresholds);
        if let Some(list) = call.dbs[call.db].list_mut(key)? {
            list.pop(end, limits, |element| bulk(reply, element));
        }
        note_popped(call, key, end);
        call.changes.journal(&[pop_name(end), key]);
        return Ok(());
    }
    wait_for(
        call,
        Kind::List,
        args.from(1).take(last - 1),
        deadline,
        Nothing::Array,
    )
}

fn blmove(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (end_at(call.args, 3)?, end_at(call.args, 4)?);
    let deadline = deadline(call.args, 5, call.now_ms)?;
    if move_element(call, from, to)? {
        let side = |end| {
            if end == End::Left {
                b"LEFT".as_slice()
            } else {
                b"RIGHT"
            }
        };
        call.changes.journal(&[
            b"LMOVE",
            call.args.at(1),
            call.args.at(2),
            side(from),
            side(to),
        ]);
        return Ok(());
    }
    wait_for(
        call,
        Kind::List,
        std::iter::once(call.args.at(1)),
        deadline,
        Nothing::Value,
    )
}

fn brpoplpush(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(call.args, 3, call.now_ms)?;
    if move_element(call, End::Right, End::Left)? {
        call.changes
            .journal(&[b"RPOPLPUSH", call.args.at(1), call.args.at(2)]);
        return Ok(());
    }
    wait_for(
        call,
        Kind::List,
        std::iter::once(call.args.at(1)),
        deadline,
        Nothing::Value,
    )
}

fn lmpop(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call.args, 1)?;
    if !pop_from_first(call, query)? {
        call.reply.null_array();
    }
    Ok(())
}

fn blmpop(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call.args, 2)?;
    let deadline = deadline(call.args, 1, call.now_ms)?;
    if pop_from_first(call, query)? {
        return Ok(());
    }
    let keys = query.keys(call.args);
    wait_for(call, Kind::List, keys, deadline, Nothing::Array)
}

/// `numkeys key ... LEFT|RIGHT [COUNT n]`.
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

/// False if no key has an element.
fn pop_from_first(call: &mut Call<'_>, query: Query) -> Result<bool, Fault> {
    let end = query.end;
    for key in query.keys(call.args) {
        if call.db().list(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let popped = pop_many(call, key, end, query.most)?;
        let popped = itoa::Buffer::new().format(popped).to_owned();
        call.changes
            .journal(&[pop_name(end), key, popped.as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

/// What can wait, and LMPOP.
pub(in crate::commands) static COMMANDS: &[Command] = &[
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
        run: Run::Shard(blmove),
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
        run: Run::Shard(blmpop),
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
        run: Run::Shard(blpop),
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
        run: Run::Shard(brpop),
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
        run: Run::Shard(brpoplpush),
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
        run: Run::Shard(lmpop),
    },
];
