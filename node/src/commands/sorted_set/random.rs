//! Members drawn at random.

use almandine_protocol::{Reply, Version};
use almandine_storage::StrRef;

use crate::commands::element::bulk;
use crate::commands::spec::{Begin, Find};
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

/// Most members that ZRANDMEMBER may be asked for with scores: two replies each.
const RANDOM_MAX: i64 = i64::MAX / 2;

fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() == 2 {
        let (reply, rng) = (&mut call.reply, &mut *call.rng);
        let zset = call.dbs[call.db]
            .zset(args.at(1))?
            .filter(|zset| !zset.is_empty());
        match zset.and_then(|zset| zset.get(rng.below(zset.len()))) {
            Some((member, _)) => bulk(reply, member),
            None => reply.null(),
        }
        return Ok(());
    }
    let count = args.integer(2)?;
    if count == i64::MIN {
        return Err(Fault::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_scores = args.len() > 3;
    if args.len() > 4 || (with_scores && !args.is(3, "withscores")) {
        return Err(Fault::SYNTAX);
    }
    if with_scores && !(-RANDOM_MAX..=RANDOM_MAX).contains(&count) {
        return Err(Fault::OUT_OF_RANGE);
    }
    random_members(call, count, with_scores)
}

/// Distinct members for a positive count, members that may repeat for a negative one.
fn random_members(call: &mut Call<'_>, count: i64, with_scores: bool) -> Outcome {
    let (reply, rng) = (&mut call.reply, &mut *call.rng);
    let Some(zset) = call.dbs[call.db]
        .zset(call.args.at(1))?
        .filter(|zset| !zset.is_empty() && count != 0)
    else {
        reply.array(0);
        return Ok(());
    };
    let length = zset.len();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let is_flat = reply.version() == Version::Resp2;
    let shown = if count < 0 {
        wanted
    } else {
        wanted.min(length)
    };
    reply.array(if with_scores && is_flat {
        shown.saturating_mul(2)
    } else {
        shown
    });
    let mut show =
        |(member, score): (StrRef<'_>, f64)| show(reply, member, with_scores.then_some(score));
    if count < 0 {
        (0..shown)
            .filter_map(|_| zset.get(rng.below(length)))
            .for_each(show);
    } else if shown == length {
        zset.iter().for_each(show);
    } else {
        for rank in distinct_ranks(length, shown, rng) {
            zset.get(rank).into_iter().for_each(&mut show);
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
