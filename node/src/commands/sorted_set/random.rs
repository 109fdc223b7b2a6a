//! Members drawn at random.

use almandine_protocol::{Reply, Version};
use almandine_storage::{StrRef, Zset};

use crate::commands::element::bulk;
use crate::commands::random::{Count, repeat};
use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

/// Most members that ZRANDMEMBER may be asked for with scores: two replies each.
const COUNT_MAX: usize = usize::MAX / 4;

fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let count = match args.len() {
        2 => None,
        _ => Some(Count::parse(args, 2)?),
    };
    let with_scores = args.len() > 3;
    if args.len() > 4 || (with_scores && !args.is(3, "withscores")) {
        return Err(Fault::SYNTAX);
    }
    if with_scores && count.is_some_and(|count| count.size() > COUNT_MAX) {
        return Err(Fault::OUT_OF_RANGE);
    }
    let (reply, rng) = (&mut call.reply, &mut *call.rng);
    let zset = call.dbs[call.db].zset(args.at(1))?;
    let length = zset.map_or(0, Zset::len);
    // RESP2 puts the scores among the members.
    let width = match with_scores && reply.version() == Version::Resp2 {
        true => 2,
        false => 1,
    };
    let show = |reply: &mut Reply<'_>, (member, score): (StrRef<'_>, f64)| {
        show(reply, member, with_scores.then_some(score));
    };
    match (zset, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.array(0),
        (Some(zset), None) => zset
            .get(rng.below(length))
            .into_iter()
            .for_each(|drawn| show(reply, drawn)),
        (Some(zset), Some(Count::Distinct(count))) if count >= length => {
            reply.array(length * width);
            zset.iter().for_each(|entry| show(reply, entry));
        }
        (Some(zset), Some(Count::Distinct(count))) => {
            reply.array(count * width);
            for rank in distinct_ranks(length, count, rng) {
                zset.get(rank)
                    .into_iter()
                    .for_each(|drawn| show(reply, drawn));
            }
        }
        (Some(zset), Some(Count::Repeated(count))) => {
            reply.array(count.saturating_mul(width));
            repeat(reply, count, |reply| {
                let drawn = zset.get(rng.below(length));
                drawn.into_iter().for_each(|drawn| show(reply, drawn));
            })?;
        }
    }
    Ok(())
}

fn show(reply: &mut Reply<'_>, member: StrRef<'_>, score: Option<f64>) {
    if score.is_some() && reply.version() == Version::Resp3 {
        reply.array(2);
    }
    bulk(reply, member);
    if let Some(score) = score {
        reply.double(score);
    }
}

/// `count` different numbers below `length`, in random order (Floyd's algorithm).
fn distinct_ranks(length: usize, count: usize, rng: &mut almandine_storage::Rng) -> Vec<usize> {
    let mut chosen = std::collections::HashSet::with_capacity(count);
    let mut ranks = Vec::with_capacity(count);
    for last in length - count..length {
        let rank = rng.below(last + 1);
        let rank = if chosen.insert(rank) { rank } else { last };
        chosen.insert(rank);
        ranks.push(rank);
    }
    for i in (1..ranks.len()).rev() {
        ranks.swap(i, rng.below(i + 1));
    }
    ranks
}

/// Drawing.
pub(in crate::commands) static COMMANDS: &[Command] = &[Command {
    name: "zrandmember",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[KeySpec {
        flags: KeyFlags::RO.union(KeyFlags::ACCESS),
        begin: Begin::Index(1),
        find: Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
    }],
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns random members.",
    complexity: "O(N) for N members",
    args: "key:key [options=(count:integer [WITHSCORES])]",
    run: Run::Shard(zrandmember),
}];
