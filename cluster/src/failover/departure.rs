//! A primary that is about to end hands its place over first: it offers it, and the replica takes it as if a client had said
//! CLUSTER FAILOVER to it.
//!
//! ```text
//!   primary                                        replica
//!   Offered, again every 100 ms ──────────▶ asks, waits, proposes: see handover.rs
//!     └── nobody asks for 2 s, or it is called off: the next one
//!   deposed, and its stream flows: the other one is in charge ──▶ Departed
//! ```

use super::{AGAIN_MS, Beat, Effect, Failover, HandOver, Message};
use crate::id::{NodeId, ShardId};
use crate::topology::Role;

/// How long a replica may take to ask.
const OFFER_MS: u64 = 2000;
/// How long the stream of who leads now is waited for.
const STREAM_MS: u64 = 2000;

/// See the module.
#[derive(Debug)]
pub(super) struct Departure {
    shard: ShardId,
    /// Its name: what was offered before does not count.
    offer: Beat,
    deadline: u64,
    /// To whom the place was offered, the last one at the end.
    offered: Vec<NodeId>,
    offered_at: u64,
    said_at: u64,
    /// Since when another leads.
    deposed_at: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departed {
    /// The node leads no slots: nobody needs it.
    Idle,
    /// This node leads the shard now.
    Replaced(NodeId),
    /// Nobody has taken the place, and why.
    Unreplaced(&'static str),
}

impl Failover {
    pub(super) fn depart(&mut self, patience_ms: u64, now: u64) {
        let led = self.led_by(self.myself);
        match led.filter(|&shard| self.has_slots(shard)) {
            Some(shard) => {
                self.departures += 1;
                let offer = Beat {
                    start: self.beat.start,
                    number: self.departures,
                };
                self.departure = Some(Departure {
                    shard,
                    offer,
                    deadline: now.saturating_add(patience_ms),
                    offered: Vec::new(),
                    offered_at: 0,
                    said_at: 0,
                    deposed_at: None,
                });
            }
            None => self.effects.push(Effect::Departed(Departed::Idle)),
        }
    }

    /// The node does not end; what has been decided is decided.
    pub(super) fn stay(&mut self, now: u64) {
        if self.departure.take().is_some() {
            self.recall(None, now);
        }
    }

    /// Whether this is what it offers now.
    pub(super) fn offers(&self, offer: Beat) -> bool {
        let departure = self.departure.as_ref();
        departure.is_some_and(|departure| departure.offer == offer)
    }

    pub(super) fn look_at_departure(&mut self, now: u64) {
        let Some(departure) = &self.departure else {
            return;
        };
        let departed = match self.role(self.myself) {
            Some(Role::Primary(shard)) if shard == departure.shard => self.offer(now),
            _ => self.leave(now),
        };
        if let Some(departed) = departed {
            self.departure = None;
            self.effects.push(Effect::Departed(departed));
        }
    }

    /// Another one leads, or the shard is gone.
    fn leave(&mut self, now: u64) -> Option<Departed> {
        let departure = self.departure.as_mut()?;
        let deposed_at = *departure.deposed_at.get_or_insert(now);
        let is_late = now >= departure.deadline || now >= deposed_at + STREAM_MS;
        let shards = self.standpoint.as_ref()?.topology.shards();
        let Some(led) = shards.get(&departure.shard) else {
            return Some(Departed::Idle);
        };
        let is_in_charge = self.own.is_some_and(|own| own.is_linked);
        (is_in_charge || is_late).then_some(Departed::Replaced(led.primary))
    }

    fn offer(&mut self, now: u64) -> Option<Departed> {
        let departure = self.departure.as_ref()?;
        if now >= departure.deadline {
            return Some(Departed::Unreplaced("no replica has taken over in time"));
        }
        if self.is_handing_over() {
            return None;
        }
        if !self.hears_majority() {
            return Some(Departed::Unreplaced(
                "no majority of the voters is heard, and without one nothing is decided",
            ));
        }
        let is_over = now >= departure.offered_at + OFFER_MS;
        let heir = match departure.offered.last() {
            Some(&last) if !is_over => last,
            _ => match self.heir(departure, now) {
                Some(heir) => heir,
                None => return Some(Departed::Unreplaced(self.why_no_heir(departure))),
            },
        };
        let epoch = self.shard(departure.shard)?.epoch;
        let departure = self.departure.as_mut()?;
        if departure.offered.last() != Some(&heir) {
            departure.offered.push(heir);
            (departure.offered_at, departure.said_at) = (now, 0);
        }
        if now >= departure.said_at + AGAIN_MS {
            departure.said_at = now;
            let offer = departure.offer;
            let offered = HandOver::Offered { offer, epoch };
            self.send(heir, Message::HandOver(offered));
        }
        None
    }

    /// Of those who were not asked yet, are there and have the stream: it waits for what they lack, so the priority counts
    /// first.
    fn heir(&self, departure: &Departure, now: u64) -> Option<NodeId> {
        let topology = &self.standpoint.as_ref()?.topology;
        let led = self.shard(departure.shard)?;
        let able = topology.replicas(departure.shard).filter_map(|(node, _)| {
            let own = self.detector.report(node)?.own?;
            let is_able = own.is_whole && own.is_linked && own.priority > 0;
            let is_able = is_able && led.may_succeed(node);
            let is_new = !departure.offered.contains(&node);
            (is_new && is_able && self.is_there(node, now)).then_some((node, own))
        });
        able.min_by_key(|(node, own)| (own.priority, std::cmp::Reverse(own.position), *node))
            .map(|(node, _)| node)
    }

    fn why_no_heir(&self, departure: &Departure) -> &'static str {
        let standpoint = self.standpoint.as_ref();
        let has_replicas =
            standpoint.is_some_and(|at| at.topology.replicas(departure.shard).next().is_some());
        match (has_replicas, departure.offered.is_empty()) {
            (false, _) => "the shard has no replica",
            (true, true) => "no replica is in sync and may lead",
            (true, false) => "no replica takes over",
        }
    }
}
