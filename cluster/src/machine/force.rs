//! CLUSTER FAILOVER FORCE and TAKEOVER, said to this replica: it leads its shard when the client has its answer, or the answer
//! says why not.
//!
//! Where a majority answers, it decides. Where none does, the node may begin a new line of history in which it decides alone:
//! FORCE only if nothing that was ever decided can be missing here, TAKEOVER whatever is missing.

use super::ask::Asker;
use super::{Machine, PATIENCE};
use crate::raft::state::Order;
use crate::raft::{Lacking, Line};
use crate::record::{Generation, Identity};
use crate::topology::{AckMode, Applied, Change, Refusal, Role};

/// Ticks without a leader after which no majority is expected any more (1 s): an election takes much less.
const ALONE: u32 = 40;

/// What the client has said, and the replica knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forced {
    pub(super) client: u64,
    pub(super) is_takeover: bool,
    /// Whether the replica has every write that was acknowledged.
    pub(super) is_in_sync: bool,
}

/// A failover under way.
#[derive(Debug)]
pub(super) struct Forcing {
    forced: Forced,
    age: u32,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Until the node knows what it would change.
    Waiting,
    /// The cluster has been asked.
    Asked,
    /// A new line has begun.
    Begun,
}

fn refusal(text: &str) -> Refusal {
    Refusal(text.to_owned())
}

impl Machine {
    pub(super) fn force(&mut self, forced: Forced) {
        let outcome = match self.topology().role(self.identity.node) {
            _ if self.forcing.is_some() => Err(refusal("ERR A failover is under way already")),
            Some(Role::Primary(_)) if !self.may_be_forced_as_primary(forced) => {
                Err(not_a_replica())
            }
            Some(Role::Primary(_) | Role::Replica(_)) => Ok(()),
            Some(Role::Witness) => Err(refusal("ERR A witness holds no data")),
            None => Err(refusal("ERR The cluster does not know this node")),
        };
        if let Err(refusal) = outcome {
            return self.answer(forced.client, Err(refusal));
        }
        self.forcing = Some(Forcing {
            forced,
            age: 0,
            stage: Stage::Waiting,
        });
        self.go_on_forcing();
    }

    /// Whoever has been primary and does not know whether it still is may ask, as a replica may. One that knows it may have
    /// lost the majority, without which nothing can be changed any more: TAKEOVER goes on without.
    fn may_be_forced_as_primary(&self, forced: Forced) -> bool {
        !self.is_current() || (forced.is_takeover && self.leaderless >= ALONE)
    }

    pub(super) fn tick_force(&mut self) {
        self.leaderless = match self.hears_a_leader() {
            true => 0,
            false => self.leaderless.saturating_add(1),
        };
        if let Some(forcing) = &mut self.forcing {
            forcing.age += 1;
            self.go_on_forcing();
        }
    }

    fn hears_a_leader(&self) -> bool {
        // Who does not vote takes the last leader for the leader for ever.
        let is_lasting = self.engine.is_voter() || self.lost <= ALONE;
        self.engine.leader() != 0 && is_lasting
    }

    fn go_on_forcing(&mut self) {
        let Some(Forcing { forced, age, stage }) = &self.forcing else {
            return;
        };
        let (forced, age, is_waiting) = (*forced, *age, *stage == Stage::Waiting);
        if *stage == Stage::Begun {
            return;
        }
        let is_alone = match forced.is_takeover {
            true => self.leaderless > 0 || age >= ALONE,
            false => self.leaderless >= ALONE,
        };
        if is_alone {
            self.decide_alone(forced);
        } else if age > PATIENCE {
            let text = "CLUSTERDOWN No majority has confirmed the failover; it may still be made";
            self.end_forcing(Err(refusal(text)));
        } else if is_waiting && self.is_current() {
            self.ask_for_promotion();
        }
    }

    fn ask_for_promotion(&mut self) {
        let node = self.identity.node;
        match self.topology().role(node) {
            Some(Role::Replica(shard)) => {
                let led = &self.topology().shards()[&shard];
                let (expected_epoch, ack_mode) = (led.epoch, led.ack_mode);
                let Some(forcing) = &mut self.forcing else {
                    return;
                };
                let Forced {
                    is_takeover,
                    is_in_sync,
                    ..
                } = forcing.forced;
                if ack_mode == AckMode::Durable && !is_in_sync && !is_takeover {
                    return self.end_forcing(Err(may_lack_writes()));
                }
                forcing.stage = Stage::Asked;
                let change = Change::forced(shard, expected_epoch, node, is_takeover);
                self.ask(Asker::Failover, Order::Change(change));
            }
            // It has learnt that it leads.
            _ => self.end_forcing(Err(not_a_replica())),
        }
    }

    /// The cluster has answered.
    pub(super) fn promoted(&mut self, outcome: Result<Applied, Refusal>) {
        self.end_forcing(outcome);
    }

    fn end_forcing(&mut self, outcome: Result<Applied, Refusal>) {
        self.asks.forget_failover();
        if let Some(forcing) = self.forcing.take() {
            self.answer(forcing.forced.client, outcome);
        }
    }

    fn decide_alone(&mut self, forced: Forced) {
        let line = self.may_decide_alone(forced);
        let line = line.and_then(|()| {
            let Identity { node, join, .. } = self.identity;
            self.engine.new_line(node, join, forced.is_takeover)
        });
        let Line {
            raft_id,
            log,
            answers,
        } = match line {
            Ok(line) => line,
            Err(refusal) => return self.end_forcing(Err(refusal)),
        };
        let known = self.identity.superior.map_or(0, |line| line.counter);
        let identity = Identity {
            generation: Generation {
                counter: self.identity.generation.counter.max(known) + 1,
                maker: self.identity.node,
            },
            raft_id,
            joining: None,
            sponsor: None,
            superior: None,
            ..self.identity.clone()
        };
        self.asks.forget_failover();
        if let Some(forcing) = &mut self.forcing {
            forcing.stage = Stage::Begun;
        }
        self.begin_log(identity, log, answers, None);
    }

    fn may_decide_alone(&self, forced: Forced) -> Result<(), Refusal> {
        if self.is_a_stranger() {
            let text = "ERR The node has just been taken in, and knows nothing of its cluster yet: there is nothing to take over";
            return Err(refusal(text));
        }
        let topology = self.topology();
        let shard = topology.role(self.identity.node).and_then(Role::shard);
        let slots = shard.and_then(|shard| topology.shards().get(&shard));
        if slots.is_none_or(|shard| shard.slots.is_empty()) {
            let text = "ERR The shard owns no slots, and no majority answers: there is nothing to take over";
            return Err(refusal(text));
        }
        if forced.is_takeover {
            return Ok(());
        }
        let hint = "CLUSTER FAILOVER TAKEOVER goes on without that";
        let refuse = |why: &str| Err(Refusal(format!("{why}; {hint}")));
        if self.is_superseded() {
            return refuse(
                "ERR The cluster has gone on without this node, and does not answer now",
            );
        }
        match self.engine.may_lack()? {
            Some(Lacking::Voters(count)) => {
                let why = format!(
                    "CLUSTERDOWN No majority of the {count} voters answers, and they may have decided what this node does not know"
                );
                refuse(&why)
            }
            Some(Lacking::NoVoter) => refuse(
                "CLUSTERDOWN No majority answers, and this node does not vote: it may not know what was decided",
            ),
            None if !forced.is_in_sync => Err(may_lack_writes()),
            None => Ok(()),
        }
    }

    /// Whether the node leads in the line that it has begun.
    pub(super) fn look_at_forcing(&mut self) {
        let is_begun = |forcing: &Forcing| forcing.stage == Stage::Begun;
        if self.forcing.as_ref().is_some_and(is_begun) && self.engine.decides_alone() {
            self.end_forcing(Ok(Applied::Done));
        }
    }
}

fn may_lack_writes() -> Refusal {
    refusal(
        "ERR This replica may lack writes that were acknowledged; CLUSTER FAILOVER TAKEOVER goes on without that",
    )
}

fn not_a_replica() -> Refusal {
    refusal("ERR You should send CLUSTER FAILOVER to a replica")
}
