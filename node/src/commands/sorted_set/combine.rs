//! Unions, intersections and differences of sorted sets and sets.

use std::cmp::Ordering;
use std::collections::HashMap;

use almandine_protocol::{Version, number};
use almandine_storage::{Db, Zset};

use super::inputs::{Aggregate, Input, weighted};
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
    inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// Members and their scores.
type Scores = HashMap<Vec<u8>, f64>;

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
    let with_scores = query.with_scores;
    let mut result: Vec<(Vec<u8>, f64)> =
        combine(call.db(), query, operation).into_iter().collect();
    // Zeros of both signs are equal, and no score is NaN.
    let by_score = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    result.sort_by(|a, b| by_score(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
    let is_flat = call.reply.version() == Version::Resp2;
    call.reply.array(if with_scores && is_flat {
        result.len() * 2
    } else {
        result.len()
    });
    for (member, score) in &result {
        if with_scores && !is_flat {
            call.reply.array(2);
        }
        call.reply.bulk(member);
        if with_scores {
            call.reply.double(*score);
        }
    }
    Ok(())
}

fn put(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Outcome {
    let query = parse(call, 2, operation, false)?;
    let result = combine(call.db(), query, operation);
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
    let (args, mut inputs) = (call.args, inputs(call, 1)?);
    let (mut limit, mut i) = (0, 2 + inputs.len());
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
    let most = if limit == 0 { usize::MAX } else { limit };
    inputs.sort_by_key(|input| input.size);
    let (db, mut members, mut count) = (call.db(), Vec::new(), 0);
    if let [smallest, rest @ ..] = inputs.as_slice() {
        smallest.visit(db, &mut |member, _| members.push(member.to_vec()));
        let is_everywhere =
            |member: &&Vec<u8>| rest.iter().all(|input| input.score(db, member).is_some());
        count = members.iter().filter(is_everywhere).take(most).count();
    }
    call.reply.length(count);
    Ok(())
}

fn parse<'a>(
    call: &mut Call<'a>,
    at: usize,
    operation: Operation,
    answers: bool,
) -> Result<Query<'a>, Fault> {
    let mut query = Query {
        inputs: inputs(call, at)?,
        aggregate: Aggregate::Sum,
        with_scores: false,
    };
    let (args, count) = (call.args, query.inputs.len());
    let (mut i, combines_scores) = (at + 1 + count, operation != Operation::Diff);
    while i < args.len() {
        if combines_scores && args.is(i, "weights") && args.len() - i > count {
            for (input, text) in query.inputs.iter_mut().zip(args.from(i + 1)) {
                input.weight = number::parse_double(text)
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

/// `numkeys key ...` from argument `at` on. Their types are checked before the options.
fn inputs<'a>(call: &mut Call<'a>, at: usize) -> Result<Vec<Input<'a>>, Fault> {
    let keys = call.args.from(at + 1).take(key_count(call, at)?);
    keys.map(|key| Input::find(call.db(), key)).collect()
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

/// Scores are put together from the smallest input to the largest, as Redis does it: sums of doubles depend on that.
fn combine(db: &mut Db, mut query: Query<'_>, operation: Operation) -> Scores {
    let (mut result, aggregate) = (Scores::new(), query.aggregate);
    if operation != Operation::Diff {
        query.inputs.sort_by_key(|input| input.size);
    }
    let [first, rest @ ..] = query.inputs.as_slice() else {
        return result;
    };
    first.visit(db, &mut |member, score| {
        result.insert(member.to_vec(), weighted(score, first.weight));
    });
    for input in rest {
        match operation {
            Operation::Union => input.visit(db, &mut |member, score| {
                let score = weighted(score, input.weight);
                result
                    .entry(member.to_vec())
                    .and_modify(|sum| *sum = aggregate.of(*sum, score))
                    .or_insert(score);
            }),
            Operation::Inter => result.retain(|member, sum| {
                let score = input.score(db, member);
                *sum = score.map_or(*sum, |score| aggregate.of(*sum, score * input.weight));
                score.is_some()
            }),
            Operation::Diff => result.retain(|member, _| input.score(db, member).is_none()),
        }
    }
    result
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
