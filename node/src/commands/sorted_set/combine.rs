//! Unions, intersections and differences of sorted sets and sets.

use std::collections::HashMap;

use almandine_protocol::{Version, number};
use almandine_storage::{Db, Zset};

use super::inputs::{Aggregate, score, size, smallest, visit, weighted};
use super::range::store;
use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// A request for a combination.
struct Query<'a> {
    keys: Vec<&'a [u8]>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// One input, copied out of the keyspace: members and weighted scores.
type Input = HashMap<Vec<u8>, f64>;

fn zunion(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Union)
}

fn zinter(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Inter)
}

fn zdiff(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Diff)
}

fn zunionstore(call: &mut Call<'_>) -> Outcome {
    put(call, Operation::Union, "zunionstore")
}

fn zinterstore(call: &mut Call<'_>) -> Outcome {
    put(call, Operation::Inter, "zinterstore")
}

fn zdiffstore(call: &mut Call<'_>) -> Outcome {
    put(call, Operation::Diff, "zdiffstore")
}

fn answer(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let query = parse(call, 1, operation, true)?;
    let mut result: Vec<(Vec<u8>, f64)> = combine(&mut call.dbs[call.db], &query, operation)?
        .into_iter()
        .collect();
    result.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    let is_flat = call.reply.version() == Version::Resp2;
    call.reply.array(if query.with_scores && is_flat {
        result.len() * 2
    } else {
        result.len()
    });
    for (member, score) in &result {
        if query.with_scores && !is_flat {
            call.reply.array(2);
        }
        call.reply.bulk(member);
        if query.with_scores {
            call.reply.double(*score);
        }
    }
    Ok(())
}

fn put(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Outcome {
    let query = parse(call, 2, operation, false)?;
    let result = combine(&mut call.dbs[call.db], &query, operation)?;
    let mut stored = Zset::default();
    let longest = result.keys().map(Vec::len).max().unwrap_or(0);
    stored.expect(result.len(), longest, call.thresholds, call.rng);
    for (member, score) in result {
        stored.set(&member, score, call.thresholds, call.rng);
    }
    let target = call.args.at(1);
    store(call, target, stored, event);
    Ok(())
}

fn zintercard(call: &mut Call<'_>) -> Outcome {
    let (args, count) = (call.args, key_count(call, 1)?);
    let (mut limit, mut i) = (0, 2 + count);
    while i < args.len() {
        if !args.is(i, "limit") || i + 1 == args.len() {
            return Err(Fault::SYNTAX);
        }
        let wanted = args
            .integer(i + 1)
            .ok()
            .and_then(|limit| usize::try_from(limit).ok());
        limit = wanted.ok_or(Fault::new("ERR LIMIT can't be negative"))?;
        i += 2;
    }
    let keys: Vec<&[u8]> = args.from(2).take(count).collect();
    let db = &mut call.dbs[call.db];
    let smallest = smallest(db, &keys)?;
    let mut members = Vec::new();
    if let Some(first) = smallest {
        visit(db, keys[first], &mut |member, _| {
            members.push(member.to_vec())
        })?;
        let most = if limit == 0 { usize::MAX } else { limit };
        let mut kept = 0;
        for member in members {
            let is_everywhere = keys.iter().all(|key| score(db, key, &member).is_some());
            kept += usize::from(is_everywhere);
            if kept == most {
                break;
            }
        }
        call.reply.length(kept);
    } else {
        call.reply.integer(0);
    }
    Ok(())
}

fn parse<'a>(
    call: &Call<'a>,
    at: usize,
    operation: Operation,
    answers: bool,
) -> Result<Query<'a>, Fault> {
    let (args, count) = (call.args, key_count(call, at)?);
    let keys = args.from(at + 1).take(count).collect();
    let mut query = Query {
        keys,
        weights: vec![1.0; count],
        aggregate: Aggregate::Sum,
        with_scores: false,
    };
    let (mut i, combines_scores) = (at + 1 + count, operation != Operation::Diff);
    while i < args.len() {
        if combines_scores && args.is(i, "weights") && args.len() - i > count {
            for (weight, text) in query.weights.iter_mut().zip(args.from(i + 1)) {
                *weight = number::parse_double(text)
                    .ok_or(Fault::new("ERR weight value is not a float"))?;
            }
            i += count + 1;
        } else if combines_scores && args.is(i, "aggregate") && i + 1 < args.len() {
            query.aggregate = aggregate(args, i + 1)?;
            i += 2;
        } else if answers && args.is(i, "withscores") {
            query.with_scores = true;
            i += 1;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    Ok(query)
}

fn key_count(call: &Call<'_>, at: usize) -> Result<usize, Fault> {
    let count = call.args.integer(at)?;
    if count < 1 {
        let name = call.command.name;
        return Err(Fault::text(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let room = call.args.len() - at - 1;
    usize::try_from(count)
        .ok()
        .filter(|count| *count <= room)
        .ok_or(Fault::SYNTAX)
}

fn aggregate(args: Args<'_>, i: usize) -> Result<Aggregate, Fault> {
    let words = [
        ("sum", Aggregate::Sum),
        ("min", Aggregate::Min),
        ("max", Aggregate::Max),
    ];
    words
        .into_iter()
        .find(|(word, _)| args.is(i, word))
        .map(|(_, aggregate)| aggregate)
        .ok_or(Fault::SYNTAX)
}

fn combine(db: &mut Db, query: &Query<'_>, operation: Operation) -> Result<Input, Fault> {
    let mut sizes = Vec::with_capacity(query.keys.len());
    for key in &query.keys {
        sizes.push(size(db, key)?);
    }
    let mut result = Input::new();
    match operation {
        Operation::Union => {
            for (key, weight) in query.keys.iter().zip(&query.weights) {
                visit(db, key, &mut |member, score| {
                    let score = weighted(score, *weight);
                    result
                        .entry(member.to_vec())
                        .and_modify(|sum| *sum = query.aggregate.of(*sum, score))
                        .or_insert(score);
                })?;
            }
        }
        Operation::Inter => {
            let Some(first) = smallest(db, &query.keys)? else {
                return Ok(result);
            };
            visit(db, query.keys[first], &mut |member, _| {
                result.insert(member.to_vec(), 0.0);
            })?;
            result.retain(|member, total| {
                let mut scores = query.keys.iter().zip(&query.weights).map(|(key, weight)| {
                    score(db, key, member).map(|score| weighted(score, *weight))
                });
                let sum = scores.next().flatten();
                let sum = scores.fold(sum, |sum, score| Some(query.aggregate.of(sum?, score?)));
                *total = sum.unwrap_or(0.0);
                sum.is_some()
            });
        }
        Operation::Diff => {
            visit(db, query.keys[0], &mut |member, score| {
                result.insert(member.to_vec(), score);
            })?;
            result.retain(|member, _| {
                query.keys[1..]
                    .iter()
                    .all(|key| score(db, key, member).is_none())
            });
        }
    }
    Ok(result)
}

/// Combining.
pub(in crate::commands) static COMMANDS: &[Command] = &[
    Command {
        name: "zdiff",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members that only the first sorted set has.",
        complexity: "O(N) for N members in all",
        args: "numkeys:integer key:key... [WITHSCORES]",
        run: Run::Shard(zdiff),
    },
    Command {
        name: "zdiffstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
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
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Stores the members that only the first sorted set has.",
        complexity: "O(N*log(N)) for N members in all",
        args: "destination:key numkeys:integer key:key...",
        run: Run::Shard(zdiffstore),
    },
    Command {
        name: "zinter",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members that all sorted sets have.",
        complexity: "O(N*K) for N members of the smallest of K sets",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(zinter),
    },
    Command {
        name: "zintercard",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "7.0.0",
        summary: "Counts the members that all sorted sets have.",
        complexity: "O(N*K) for N members of the smallest of K sets",
        args: "numkeys:integer key:key... [LIMIT limit:integer]",
        run: Run::Shard(zintercard),
    },
    Command {
        name: "zinterstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
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
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Stores the members that all sorted sets have.",
        complexity: "O(N*K)+O(M*log(M)) for N members of the smallest of K sets and M results",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(zinterstore),
    },
    Command {
        name: "zunion",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::SortedSet,
        since: "6.2.0",
        summary: "Returns the members of all sorted sets.",
        complexity: "O(N)+O(M*log(M)) for N members in all and M results",
        args: "numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>] [WITHSCORES]",
        run: Run::Shard(zunion),
    },
    Command {
        name: "zunionstore",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::MOVABLEKEYS).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
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
                find: Find::KeyNum {
                    at: 0,
                    first: 1,
                    step: 1,
                },
            },
        ],
        group: Group::SortedSet,
        since: "2.0.0",
        summary: "Stores the members of all sorted sets.",
        complexity: "O(N)+O(M*log(M)) for N members in all and M results",
        args: "destination:key numkeys:integer key:key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=<SUM|MIN|MAX>]",
        run: Run::Shard(zunionstore),
    },
];
