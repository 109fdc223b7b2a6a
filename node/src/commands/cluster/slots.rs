//! Who owns which slot.

use almandine_cluster::id::NodeId;
use almandine_cluster::slot::{Slot, SlotSet};
use almandine_cluster::topology::{Change, Emptied, Naming};

use super::{myself, named, propose, slot, topology, unknown};
use crate::commands::{Call, Fault, Outcome};

pub(super) fn addslots(call: &mut Call<'_>) -> Outcome {
    let named = single(call)?;
    add(call, named)
}

pub(super) fn addslotsrange(call: &mut Call<'_>) -> Outcome {
    let named = ranges(call)?;
    add(call, named)
}

pub(super) fn delslots(call: &mut Call<'_>) -> Outcome {
    let named = single(call)?;
    delete(call, named)
}

pub(super) fn delslotsrange(call: &mut Call<'_>) -> Outcome {
    let named = ranges(call)?;
    delete(call, named)
}

fn add(call: &mut Call<'_>, named: Vec<Slot>) -> Outcome {
    let node = myself(call)?;
    let slots = topology(call)?.named_slots(Naming::ToAdd, named)?;
    propose(call, Change::AddSlots { node, slots })
}

fn delete(call: &mut Call<'_>, named: Vec<Slot>) -> Outcome {
    let slots = topology(call)?.named_slots(Naming::ToDelete, named)?;
    propose(call, Change::DelSlots { slots })
}

fn single(call: &Call<'_>) -> Result<Vec<Slot>, Fault> {
    myself(call)?;
    (2..call.args.len()).map(|i| slot(call.args, i)).collect()
}

/// The ranges in their order; one slot may be in several, which is an error of its own.
fn ranges(call: &Call<'_>) -> Result<Vec<Slot>, Fault> {
    myself(call)?;
    if call.args.len() % 2 == 1 {
        return Err(Fault::arity(call.command.name));
    }
    let mut bounds = Vec::new();
    for i in (2..call.args.len()).step_by(2) {
        let (from, to) = (slot(call.args, i)?, slot(call.args, i + 1)?);
        if from > to {
            return Err(Fault::text(format!(
                "ERR start slot number {from} is greater than end slot number {to}"
            )));
        }
        bounds.push(from..=to);
    }
    let within =
        |range| Slot::all().filter(move |slot| std::ops::RangeInclusive::contains(&range, slot));
    Ok(bounds.into_iter().flat_map(within).collect())
}

pub(super) fn flushslots(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    if !call.dbs[0].is_empty() {
        let text = "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.";
        return Err(Fault::new(text));
    }
    propose(call, Change::FlushSlots { node })
}

pub(super) fn setslot(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    if !topology(call)?.leads(node) {
        return Err(Fault::new("ERR Please use SETSLOT only with masters."));
    }
    let (args, slot) = (call.args, slot(call.args, 2)?);
    match args.len() {
        5 if args.is(3, "migrating") => migrating(call, node, slot),
        5 if args.is(3, "importing") => importing(call, node, slot),
        5 if args.is(3, "node") => give(call, node, slot),
        4 if args.is(3, "stable") => propose(call, Change::CloseSlot { node, slot }),
        _ => Err(Fault::new(
            "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
        )),
    }
}

fn stranger(call: &Call<'_>) -> Fault {
    Fault::quoting("ERR I don't know about node ", call.args.at(4), "")
}

/// Whether the slot is this node's, which leads a shard.
fn owns(call: &Call<'_>, node: NodeId, slot: Slot) -> Result<bool, Fault> {
    let owner = topology(call)?.owner(slot);
    Ok(owner.is_some_and(|(_, shard)| shard.primary == node))
}

fn migrating(call: &mut Call<'_>, node: NodeId, slot: Slot) -> Outcome {
    match (named(call.args, 4), owns(call, node, slot)?) {
        (Some(to), _) => propose(call, Change::MarkMigrating { node, slot, to }),
        (None, true) => Err(stranger(call)),
        (None, false) => Err(Fault::text(format!(
            "ERR I'm not the owner of hash slot {slot}"
        ))),
    }
}

fn importing(call: &mut Call<'_>, node: NodeId, slot: Slot) -> Outcome {
    match (named(call.args, 4), owns(call, node, slot)?) {
        (Some(from), _) => propose(call, Change::MarkImporting { node, slot, from }),
        (None, false) => Err(stranger(call)),
        (None, true) => Err(Fault::text(format!(
            "ERR I'm already the owner of hash slot {slot}"
        ))),
    }
}

/// Only this node knows whether it has keys left that would be lost.
fn give(call: &mut Call<'_>, by: NodeId, slot: Slot) -> Outcome {
    let to = named(call.args, 4).ok_or_else(|| unknown(call.args, 4))?;
    let is_leader = topology(call)?.leads(to);
    let has_keys = call.dbs[0].count_in_slot(slot.into()) > 0;
    if is_leader && to != by && has_keys && owns(call, by, slot)? {
        return Err(Fault::text(format!(
            "ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
        )));
    }
    let emptied = match call.params.cluster_allow_replica_migration {
        true => Emptied::Follows,
        false => Emptied::Stays,
    };
    let change = Change::GiveSlots {
        by,
        slots: SlotSet::from_iter([slot]),
        to,
        emptied,
    };
    propose(call, change)
}
