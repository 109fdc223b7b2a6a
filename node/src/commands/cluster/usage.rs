//! The keys of slots.

use almandine_cluster::slot::Slot;
use almandine_cluster::view::{Metric, Order, SlotUsage};

use super::show::{with_view, write};
use super::{myself, slot};
use crate::commands::table::wrong_subcommand_syntax;
use crate::commands::{Call, Fault, Outcome};

fn known_slot(number: i64) -> Option<Slot> {
    Slot::try_from(u16::try_from(number).ok()?).ok()
}

pub(super) fn countkeysinslot(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let slot = known_slot(call.args.integer(2)?).ok_or(Fault::new("ERR Invalid slot"))?;
    call.reply.length(call.dbs[0].count_in_slot(slot.into()));
    Ok(())
}

pub(super) fn getkeysinslot(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let (number, count) = (call.args.integer(2)?, call.args.integer(3)?);
    let slot = known_slot(number).filter(|_| count >= 0);
    let slot = slot.ok_or(Fault::new("ERR Invalid slot or number of keys"))?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let keys = call.dbs[0].keys_in_slot(slot.into(), count);
    call.reply.array(keys.len());
    for key in &keys {
        call.reply.bulk(key);
    }
    Ok(())
}

pub(super) fn slot_stats(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let args = call.args;
    let usage = |slot: Slot| SlotUsage {
        keys: call.dbs[0].count_in_slot(slot.into()) as u64,
        ..SlotUsage::default()
    };
    let tree = if args.len() == 5 && args.is(2, "slotsrange") {
        let (from, to) = (slot(args, 3)?, slot(args, 4)?);
        if from > to {
            return Err(Fault::text(format!(
                "ERR Start slot number {from} is greater than end slot number {to}"
            )));
        }
        with_view(call, |view, _| {
            view.slot_range(from..=to, &Metric::ALWAYS, usage)
        })?
    } else if args.is(2, "orderby") {
        let by = Metric::ALWAYS.into_iter().find(|by| args.is(3, by.name()));
        let by = by.ok_or(Fault::new("ERR Unrecognized sort metric for ORDERBY."))?;
        let (order, limit) = ordering(call)?;
        with_view(call, |view, _| {
            view.slots_by(by, order, limit, &Metric::ALWAYS, usage)
        })?
    } else {
        return Err(wrong_subcommand_syntax(args));
    };
    write(&mut call.reply, &tree);
    Ok(())
}

/// `[LIMIT limit] [ASC|DESC]`, each at most once.
fn ordering(call: &Call<'_>) -> Result<(Order, usize), Fault> {
    const MOST: i64 = almandine_cluster::slot::SLOTS as i64;
    let args = call.args;
    let (mut order, mut limit, mut i) = (None, None, 4);
    while i < args.len() {
        let is_again = if args.is(i, "limit") && i + 1 < args.len() {
            let number = args.integer(i + 1).ok();
            let number = number.filter(|number| (1..=MOST).contains(number));
            let number = number.ok_or(Fault::new(
                "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
            ))?;
            i += 1;
            limit.replace(number as usize).is_some()
        } else if args.is(i, "asc") {
            order.replace(Order::Ascending).is_some()
        } else if args.is(i, "desc") {
            order.replace(Order::Descending).is_some()
        } else {
            return Err(Fault::SYNTAX);
        };
        if is_again {
            let text = "ERR Multiple filters of the same type are disallowed.";
            return Err(Fault::new(text));
        }
        i += 1;
    }
    Ok((
        order.unwrap_or(Order::Descending),
        limit.unwrap_or(MOST as usize),
    ))
}
