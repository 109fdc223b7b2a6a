//! Taking members from either end, at once or when there are some.

use almandine_protocol::{Reply, Version};
use almandine_storage::StrRef;

use super::{note_removed, reply_member};
use crate::commands::call::Nothing;
use crate::commands::wait::{counted_keys, deadline, pop_count, wait_for};
use crate::commands::{Args, Call, Fault, Outcome};

/// One end of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

pub(super) fn zpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Min)
}

pub(super) fn zpopmax(call: &mut Call<'_>) -> Outcome {
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

pub(super) fn zmpop(call: &mut Call<'_>) -> Outcome {
    if !pop_from_first(call, 1)? {
        call.reply.null_array();
    }
    Ok(())
}

pub(super) fn bzmpop(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(call.args, 1, call.now_ms)?;
    if pop_from_first(call, 2)? {
        return Ok(());
    }
    let (count, _) = counted_keys(call.args, 2)?;
    wait_for(
        call,
        call.args.from(3).take(count),
        deadline,
        Nothing::Array,
    )
}

/// `numkeys key ... MIN|MAX [COUNT n]` from argument `at` on; false if no key has a member.
fn pop_from_first(call: &mut Call<'_>, at: usize) -> Result<bool, Fault> {
    let args = call.args;
    let (count, side) = counted_keys(args, at)?;
    let end = end_at(args, side)?;
    let most = pop_count(args, side + 1)?;
    for key in args.from(at + 1).take(count) {
        if call.db().zset(key)?.is_none() {
            continue;
        }
        let popped = take(call, key, end, most)?;
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

pub(super) fn bzpopmin(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Min)
}

pub(super) fn bzpopmax(call: &mut Call<'_>) -> Outcome {
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
    wait_for(call, args.from(1).take(last - 1), deadline, Nothing::Array)
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

/// Most members that ZRANDMEMBER may be asked for with scores: two replies each.
const RANDOM_MAX: i64 = i64::MAX / 2;

pub(super) fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() == 2 {
        let (reply, rng) = (&mut call.reply, &mut *call.rng);
        let zset = call.dbs[call.db]
            .zset(args.at(1))?
            .filter(|zset| !zset.is_empty());
        match zset.and_then(|zset| zset.get(rng.below(zset.len()))) {
            Some((member, _)) => reply_member(reply, member),
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
    reply_member(reply, member);
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
