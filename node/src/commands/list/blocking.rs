//! Lists for clients that can wait: the first key that has an element, or the first that gets one.

use almandine_storage::list::End;

use super::{end_at, move_element, pop_many, reply_element};
use crate::commands::call::Nothing;
use crate::commands::wait::{counted_keys, deadline, pop_count, wait_for};
use crate::commands::{Call, Fault, Outcome};

pub(super) fn blpop(call: &mut Call<'_>) -> Outcome {
    pop_first(call, End::Left)
}

pub(super) fn brpop(call: &mut Call<'_>) -> Outcome {
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
            list.pop(end, limits, |element| reply_element(reply, element));
        }
        super::note_popped(call, key, end);
        call.changes.journal(&[super::pop_name(end), key]);
        return Ok(());
    }
    wait_for(call, args.from(1).take(last - 1), deadline, Nothing::Array)
}

pub(super) fn blmove(call: &mut Call<'_>) -> Outcome {
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
        std::iter::once(call.args.at(1)),
        deadline,
        Nothing::Value,
    )
}

pub(super) fn brpoplpush(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(call.args, 3, call.now_ms)?;
    if move_element(call, End::Right, End::Left)? {
        call.changes
            .journal(&[b"RPOPLPUSH", call.args.at(1), call.args.at(2)]);
        return Ok(());
    }
    wait_for(
        call,
        std::iter::once(call.args.at(1)),
        deadline,
        Nothing::Value,
    )
}

pub(super) fn lmpop(call: &mut Call<'_>) -> Outcome {
    if !pop_from_first(call, 1)? {
        call.reply.null_array();
    }
    Ok(())
}

pub(super) fn blmpop(call: &mut Call<'_>) -> Outcome {
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

/// `numkeys key ... LEFT|RIGHT [COUNT n]` from argument `at` on; false if no key has an element.
fn pop_from_first(call: &mut Call<'_>, at: usize) -> Result<bool, Fault> {
    let args = call.args;
    let (count, side) = counted_keys(args, at)?;
    let end = end_at(args, side)?;
    let most = pop_count(args, side + 1)?;
    for key in args.from(at + 1).take(count) {
        if call.db().list(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let popped = pop_many(call, key, end, most)?;
        let popped = itoa::Buffer::new().format(popped).to_owned();
        call.changes
            .journal(&[super::pop_name(end), key, popped.as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}
