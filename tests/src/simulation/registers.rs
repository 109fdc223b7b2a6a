//! One slot for each host, which a client of that host adds and deletes again, one thing after the other. What it was told
//! holds until it asks for the next thing: whoever shows something else has lost an entry, or carried out an old one again.

use std::collections::BTreeMap;

use almandine_cluster::machine::Order;
use almandine_cluster::slot::{Slot, SlotSet};
use almandine_cluster::topology::{Applied, Change, Refusal, Topology};

use super::rules::Line;

/// The first of these slots; schedules that play with them leave them alone otherwise.
const FIRST: u16 = 16_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Registers {
    registers: BTreeMap<usize, Register>,
}

#[derive(Debug, Default)]
struct Register {
    /// A client that waits, and whether it wants the slot to be owned.
    asked: Option<(u64, bool)>,
    /// What it was told last; none = nothing certain.
    told: Option<Told>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    is_owned: bool,
    line: Line,
    applied: u64,
}

fn slot_of(host: usize) -> Option<Slot> {
    u16::try_from(host)
        .ok()?
        .checked_add(FIRST)?
        .try_into()
        .ok()
}

impl Registers {
    /// What the client of a host asks for next, if it does not wait for an answer.
    pub(super) fn next(&mut self, host: usize, client: u64, topology: &Topology) -> Option<Order> {
        let register = self.registers.entry(host).or_default();
        if register.asked.is_some() {
            return None;
        }
        let slots: SlotSet = slot_of(host).into_iter().collect();
        let shard = topology
            .shards()
            .values()
            .find(|shard| !shard.slots.is_empty())?;
        let wants = register.told.is_some_and(|told| !told.is_owned);
        register.asked = Some((client, wants));
        register.told = None;
        Some(Order::Change(match wants {
            true => Change::AddSlots {
                node: shard.primary,
                slots,
            },
            false => Change::DelSlots { slots },
        }))
    }

    /// A host has answered a client, at this place of this line.
    pub(super) fn answered(
        &mut self,
        host: usize,
        client: u64,
        outcome: &Result<Applied, Refusal>,
        (line, applied): (Line, u64),
    ) {
        let Some(register) = self.registers.get_mut(&host) else {
            return;
        };
        let Some((_, wants)) = register.asked.take_if(|(asked, _)| *asked == client) else {
            return;
        };
        let is_owned = match outcome {
            Ok(_) => Some(wants),
            Err(Refusal(text)) if text.ends_with("is already busy") => Some(true),
            Err(Refusal(text)) if text.ends_with("is already unassigned") => Some(false),
            Err(_) => None,
        };
        register.told = is_owned.map(|is_owned| Told {
            is_owned,
            line,
            applied,
        });
    }

    /// Nobody will be answered any more.
    pub(super) fn crashed(&mut self, host: usize) {
        self.registers.remove(&host);
    }

    /// Whether a topology shows what was told. `follows` = whether this line has all of another.
    pub(super) fn check(
        &self,
        topology: &Topology,
        (line, applied): (Line, u64),
        follows: impl Fn(Line) -> bool,
    ) -> Result<(), String> {
        for (&host, register) in &self.registers {
            let (Some(told), Some(slot)) = (register.told, slot_of(host)) else {
                continue;
            };
            let must_know = match told.line == line {
                true => applied >= told.applied,
                false => follows(told.line),
            };
            if must_know && topology.owner(slot).is_some() != told.is_owned {
                return Err(format!(
                    "slot {slot:?} is not what a client was told at index {} of {:?}, in {line:?} at {applied}",
                    told.applied, told.line
                ));
            }
        }
        Ok(())
    }
}
