//! CLUSTER FAILOVER without FORCE: the replica asks, the primary stops writing, the replica catches up and is made primary.
//!
//! ```text
//!   replica                                   primary
//!   HandOver{round, epoch} ──────────────────▶ pauses writes; says when they stand still, and where
//!   waits until it is there ◀────────────────── Paused{round, position}
//!   proposes to be promoted ────▶ the log ────▶ applies it: a replica from then on, writes go on elsewhere
//! ```
//!
//! Nothing is lost: the replica gives up earlier than the primary goes on.

use super::{Beat, Effect, Failover, Message, Position};
use crate::id::{NodeId, ShardId};
use crate::topology::{Change, Refusal, Role};
use crate::view::Verdict;

/// How long a replica tries, as in Redis.
const PATIENCE_MS: u64 = 5000;
/// How much longer a primary that hears nothing stays paused: what was proposed last may still be decided.
const LONGER_MS: u64 = 1000;
const AGAIN_MS: u64 = 100;

/// The replica's side.
#[derive(Debug)]
struct Wish {
    client: u64,
    round: Beat,
    primary: NodeId,
    shard: ShardId,
    epoch: u64,
    begun_at: u64,
    asked_at: u64,
    /// Where the primary stands still.
    goal: Option<Position>,
    is_proposed: bool,
}

/// The primary's side.
#[derive(Debug)]
struct Pause {
    replica: NodeId,
    round: Beat,
    until: u64,
    position: Option<Position>,
}

/// What replica and primary say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum HandOver {
    /// Pause, and tell where.
    Asked { round: Beat, epoch: u64 },
    /// No.
    Declined { round: Beat },
    /// Writes stand still here.
    Paused { round: Beat, position: Position },
    /// Nothing comes of it: go on.
    CalledOff { round: Beat },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HandOvers {
    wish: Option<Wish>,
    pause: Option<Pause>,
    /// Rounds that were ever begun.
    rounds: u64,
}

/// The replica.
impl Failover {
    /// A client of this node wants it to be the primary.
    pub(super) fn wish(&mut self, client: u64, now: u64) {
        let wish = match self.wishes(client, now) {
            Ok(wish) => wish,
            Err(text) => return self.answer(client, Err(text)),
        };
        self.handovers.wish = Some(wish);
    }

    fn wishes(&mut self, client: u64, now: u64) -> Result<Wish, &'static str> {
        if self.handovers.wish.is_some() {
            return Err("TRYAGAIN A failover is in progress");
        }
        let (Some(Role::Replica(shard)), Some(standpoint)) =
            (self.role(self.myself), &self.standpoint)
        else {
            return Err("ERR You should send CLUSTER FAILOVER to a replica");
        };
        let Some(led) = standpoint.topology.shards().get(&shard) else {
            return Err("ERR I'm a replica but my master is unknown to me");
        };
        if self.detector.verdict(led.primary) != Verdict::Reachable {
            return Err("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
        }
        if !led.may_succeed(self.myself) {
            return Err("NOGOODREPLICA This replica may lack writes that were acknowledged");
        }
        let (primary, epoch) = (led.primary, led.epoch);
        self.handovers.rounds += 1;
        let round = Beat {
            start: self.beat.start,
            number: self.handovers.rounds,
        };
        Ok(Wish {
            client,
            round,
            primary,
            shard,
            epoch,
            begun_at: now,
            asked_at: 0,
            goal: None,
            is_proposed: false,
        })
    }

    fn answer(&mut self, client: u64, outcome: Result<(), &'static str>) {
        let outcome = outcome.map_err(|text| Refusal(text.to_owned()));
        self.effects.push(Effect::Answer { client, outcome });
    }

    fn look_at_wish(&mut self, now: u64) {
        let Some(wish) = &self.handovers.wish else {
            return;
        };
        if let Some(outcome) = self.outcome(wish, now) {
            let Some(wish) = self.handovers.wish.take() else {
                return;
            };
            if outcome.is_err() {
                let round = wish.round;
                let off = HandOver::CalledOff { round };
                self.send(wish.primary, Message::HandOver(off));
            }
            return self.answer(wish.client, outcome);
        }
        let position = self.own.map(|own| own.position);
        let Some(wish) = &mut self.handovers.wish else {
            return;
        };
        let has_come = |goal: Position| {
            position.is_some_and(|at| at.term == goal.term && at.offset >= goal.offset)
        };
        if wish.goal.is_some_and(has_come) && !wish.is_proposed {
            wish.is_proposed = true;
            let change = Change::Promote {
                shard: wish.shard,
                expected_epoch: wish.epoch,
                candidate: self.myself,
            };
            self.effects.push(Effect::Propose(change));
        } else if wish.goal.is_none() && now >= wish.asked_at + AGAIN_MS {
            wish.asked_at = now;
            let (primary, round, epoch) = (wish.primary, wish.round, wish.epoch);
            let asked = HandOver::Asked { round, epoch };
            self.send(primary, Message::HandOver(asked));
        }
    }

    /// What has become of it, if that is known.
    fn outcome(&self, wish: &Wish, now: u64) -> Option<Result<(), &'static str>> {
        let led = self.standpoint.as_ref()?.topology.shards().get(&wish.shard);
        match led {
            Some(led) if led.primary == self.myself => return Some(Ok(())),
            Some(led) if led.primary == wish.primary => {}
            _ => return Some(Err("ERR Another node has become the primary")),
        }
        if now < wish.begun_at + PATIENCE_MS {
            return None;
        }
        Some(Err(match (wish.goal, wish.is_proposed) {
            (_, true) => "TIMEOUT The failover is proposed, but not decided yet",
            (Some(_), _) => "TIMEOUT The replica did not catch up with its primary in time",
            (None, _) => "TIMEOUT The primary did not pause in time",
        }))
    }

    fn declined(&mut self, from: NodeId, round: Beat) {
        let is_it = |wish: &Wish| wish.primary == from && wish.round == round && !wish.is_proposed;
        if self.handovers.wish.as_ref().is_some_and(is_it)
            && let Some(wish) = self.handovers.wish.take()
        {
            self.answer(
                wish.client,
                Err("TRYAGAIN The primary can't hand over at the moment"),
            );
        }
    }
}

/// The primary.
impl Failover {
    fn asked(&mut self, replica: NodeId, round: Beat, epoch: u64, now: u64) {
        if let Some(pause) = &self.handovers.pause
            && (pause.replica, pause.round) == (replica, round)
        {
            return self.tell_pause();
        }
        let led = self.led_by(self.myself);
        let led = led.and_then(|shard| {
            let led = self.standpoint.as_ref()?.topology.shards().get(&shard)?;
            (led.epoch == epoch && self.role(replica) == Some(Role::Replica(shard))).then_some(())
        });
        if led.is_none() || self.handovers.pause.is_some() {
            let declined = HandOver::Declined { round };
            return self.send(replica, Message::HandOver(declined));
        }
        let until = now + PATIENCE_MS + LONGER_MS;
        self.handovers.pause = Some(Pause {
            replica,
            round,
            until,
            position: None,
        });
        self.effects.push(Effect::PauseWrites {
            round,
            until_ms: until,
        });
    }

    /// No write is under way any more, and none begins.
    pub(super) fn paused(&mut self, round: Beat, position: Position) {
        if let Some(pause) = &mut self.handovers.pause
            && pause.round == round
        {
            pause.position = Some(position);
            self.tell_pause();
        }
    }

    fn tell_pause(&mut self) {
        let Some(pause) = &self.handovers.pause else {
            return;
        };
        if let Some(position) = pause.position {
            let round = pause.round;
            let paused = HandOver::Paused { round, position };
            self.send(pause.replica, Message::HandOver(paused));
        }
    }

    fn look_at_pause(&mut self, now: u64) {
        let is_primary = self.led_by(self.myself).is_some();
        let is_over = |pause: &Pause| now >= pause.until || !is_primary;
        if self.handovers.pause.as_ref().is_some_and(is_over) {
            self.go_on();
        }
    }

    fn go_on(&mut self) {
        self.handovers.pause = None;
        self.effects.push(Effect::ResumeWrites);
    }
}

impl Failover {
    pub(super) fn look_at_handovers(&mut self, now: u64) {
        self.look_at_wish(now);
        self.look_at_pause(now);
    }

    pub(super) fn hand_over(&mut self, from: NodeId, said: HandOver, now: u64) {
        match said {
            HandOver::Asked { round, epoch } => self.asked(from, round, epoch, now),
            HandOver::Declined { round } => self.declined(from, round),
            HandOver::Paused { round, position } => {
                if let Some(wish) = &mut self.handovers.wish
                    && (wish.primary, wish.round) == (from, round)
                {
                    wish.goal = wish.goal.or(Some(position));
                }
            }
            HandOver::CalledOff { round } => {
                let is_it = |pause: &Pause| (pause.replica, pause.round) == (from, round);
                if self.handovers.pause.as_ref().is_some_and(is_it) {
                    self.go_on();
                }
            }
        }
    }
}
