//! CLUSTER FAILOVER without FORCE: the replica asks, the primary stops writing, the replica catches up and is made primary.
//!
//! ```text
//!   replica                                   primary
//!   HandOver{round, epoch} ──────────────────▶ pauses writes; says when they stand still, and where
//!   waits until it is there ◀────────────────── Paused{round, position}
//!   proposes to be promoted ────▶ the log ────▶ applies it: a replica from then on, writes go on elsewhere
//! ```
//!
//! Nothing is lost: the replica gives up earlier than the primary goes on. What it has not proposed yet can be given up at once,
//! at either end.

use super::{AGAIN_MS, Beat, Cause, Effect, Failover, Message, Position, Stage};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};
use crate::topology::{Change, Refusal, Role};
use crate::view::Verdict;

/// How long a replica tries, as in Redis.
const PATIENCE_MS: u64 = 5000;
/// How much longer a primary that hears nothing stays paused: what was proposed last may still be decided.
const LONGER_MS: u64 = 1000;

/// Whose wish it is.
#[derive(Debug, Clone, Copy)]
enum By {
    /// A client's of this node, who waits for it.
    Client(u64),
    /// The primary's.
    Primary { offer: Beat },
}

/// The replica's side.
#[derive(Debug)]
struct Wish {
    by: By,
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
    /// It is to be given up, if that can be done; see [`Recall`].
    recall: Option<Recall>,
}

/// The primary wants its place back.
#[derive(Debug, Default)]
struct Recall {
    /// Who waits for it.
    clients: Vec<u64>,
    said_at: u64,
}

/// What replica and primary say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum HandOver {
    /// Pause, and tell where. `offer` = the primary's, if it has offered its place.
    Asked {
        round: Beat,
        epoch: u64,
        offer: Option<Beat>,
    },
    /// No.
    Declined { round: Beat },
    /// Writes stand still here.
    Paused { round: Beat, position: Position },
    /// Nothing comes of it: go on.
    CalledOff { round: Beat },
    /// The primary is about to end: take its place.
    Offered { offer: Beat, epoch: u64 },
    /// The primary would rather keep its place: call it off, if that can be done.
    Recalled { round: Beat },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HandOvers {
    wish: Option<Wish>,
    pause: Option<Pause>,
    /// Rounds that were ever begun.
    rounds: u64,
}

impl Wish {
    fn cause(&self) -> Cause {
        match self.by {
            By::Client(_) => Cause::Planned,
            By::Primary { .. } => Cause::Shutdown,
        }
    }
}

impl HandOvers {
    /// Why this node has proposed itself, if it has, and since when that was wanted.
    pub(super) fn proposed(&self) -> Option<(Cause, u64)> {
        let wish = self.wish.as_ref().filter(|wish| wish.is_proposed);
        wish.map(|wish| (wish.cause(), wish.begun_at))
    }

    /// As INFO says it.
    pub(super) fn state(&self) -> &'static str {
        match (&self.wish, &self.pause) {
            (Some(wish), _) if wish.is_proposed => "failover-in-progress",
            (None, None) => "no-failover",
            _ => "waiting-for-sync",
        }
    }
}

/// The replica.
impl Failover {
    /// A client of this node wants it to be the primary.
    pub(super) fn wish(&mut self, client: u64, now: u64) {
        match self.wishes(By::Client(client), now) {
            Ok(wish) => self.handovers.wish = Some(wish),
            Err(text) => self.answer(By::Client(client), Err(text)),
        }
    }

    /// The primary wants it. Who does not say yes is not asked for ever: the primary offers its place to the next one.
    fn offered(&mut self, from: NodeId, offer: Beat, epoch: u64, now: u64) {
        if let Ok(wish) = self.wishes(By::Primary { offer }, now)
            && (wish.primary, wish.epoch) == (from, epoch)
        {
            self.handovers.wish = Some(wish);
        }
    }

    fn wishes(&mut self, by: By, now: u64) -> Result<Wish, &'static str> {
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
            by,
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

    fn answer(&mut self, by: By, outcome: Result<(), &'static str>) {
        if let By::Client(client) = by {
            let outcome = outcome.map_err(|text| Refusal(text.to_owned()));
            self.effects.push(Effect::Answer { client, outcome });
        }
    }

    fn look_at_wish(&mut self, now: u64) {
        let Some(wish) = &self.handovers.wish else {
            return;
        };
        if let Some(outcome) = self.outcome(wish, now) {
            return self.end_wish(outcome);
        }
        // What it has without the primary's stream may be something else.
        let own = self.own.filter(|own| own.is_linked && own.is_whole);
        let Some(wish) = &mut self.handovers.wish else {
            return;
        };
        if own.is_none() && !is_off(Rule::HandOversCatchUp) {
            // The primary may have started again, and gone on: only its next word counts.
            wish.goal = None;
        }
        let has_come = |goal: Position| {
            let has_all = |at: Position| at.term == goal.term && at.offset >= goal.offset;
            own.is_some_and(|own| has_all(own.position)) || is_off(Rule::HandOversCatchUp)
        };
        if wish.goal.is_some_and(has_come) && !wish.is_proposed {
            wish.is_proposed = true;
            let change = Change::Promote {
                shard: wish.shard,
                expected_epoch: wish.epoch,
                candidate: self.myself,
            };
            let (shard, cause) = (wish.shard, wish.cause());
            self.tell(Stage::Proposed, shard, self.myself, cause.name());
            self.effects.push(Effect::Propose(change));
        } else if wish.goal.is_none() && now >= wish.asked_at + AGAIN_MS {
            wish.asked_at = now;
            let (primary, round, epoch) = (wish.primary, wish.round, wish.epoch);
            let offer = match wish.by {
                By::Client(_) => None,
                By::Primary { offer } => Some(offer),
            };
            let asked = HandOver::Asked {
                round,
                epoch,
                offer,
            };
            self.send(primary, Message::HandOver(asked));
        }
    }

    /// The link to a node is gone: if that has started again, it does not know that it has paused.
    pub(super) fn doubt_pause(&mut self, node: NodeId) {
        let wish = self.handovers.wish.as_mut();
        if let Some(wish) = wish.filter(|wish| wish.primary == node) {
            wish.goal = None;
        }
    }

    fn end_wish(&mut self, outcome: Result<(), &'static str>) {
        let Some(wish) = self.handovers.wish.take() else {
            return;
        };
        if outcome.is_err() && !wish.is_proposed {
            let round = wish.round;
            let off = HandOver::CalledOff { round };
            self.send(wish.primary, Message::HandOver(off));
        }
        self.answer(wish.by, outcome);
    }

    /// The primary wants its place back. What is proposed may be decided.
    fn recalled(&mut self, from: NodeId, round: Beat) {
        let may_end =
            |wish: &Wish| (wish.primary, wish.round) == (from, round) && !wish.is_proposed;
        if self.handovers.wish.as_ref().is_some_and(may_end) {
            self.end_wish(Err("ERR The primary has given the failover up"));
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
                wish.by,
                Err("TRYAGAIN The primary can't hand over at the moment"),
            );
        }
    }
}

/// The primary.
impl Failover {
    fn asked(&mut self, replica: NodeId, asked: (Beat, u64, Option<Beat>), now: u64) {
        let (round, epoch, offer) = asked;
        if let Some(pause) = &self.handovers.pause
            && (pause.replica, pause.round) == (replica, round)
        {
            return self.tell_pause();
        }
        let led = self.led_by(self.myself);
        let led = led.and_then(|shard| {
            let led = self.shard(shard)?;
            (led.epoch == epoch && self.role(replica) == Some(Role::Replica(shard))).then_some(())
        });
        // A replica that stood still may take up what was offered long ago.
        let is_meant = offer.is_none_or(|offer| self.offers(offer));
        if led.is_none() || self.handovers.pause.is_some() || !is_meant {
            let declined = HandOver::Declined { round };
            return self.send(replica, Message::HandOver(declined));
        }
        let until = now + PATIENCE_MS + LONGER_MS;
        self.handovers.pause = Some(Pause {
            replica,
            round,
            until,
            position: None,
            recall: None,
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

    /// Whether a replica is about to take this node's place.
    pub(super) fn is_handing_over(&self) -> bool {
        self.handovers.pause.is_some()
    }

    /// This node's place is wanted back, by a client or by the node itself. Where the stream ends may be known to the replica,
    /// which then may have proposed it; else nobody has.
    pub(super) fn recall(&mut self, client: Option<u64>, now: u64) {
        let Some(pause) = &mut self.handovers.pause else {
            return;
        };
        pause.recall.get_or_insert_default().clients.extend(client);
        match pause.position {
            Some(_) => self.look_at_pause(now),
            None => {
                let (replica, round) = (pause.replica, pause.round);
                let declined = HandOver::Declined { round };
                self.send(replica, Message::HandOver(declined));
                self.go_on(Ok(()));
            }
        }
    }

    fn look_at_pause(&mut self, now: u64) {
        let is_primary = self.led_by(self.myself).is_some();
        let Some(pause) = &mut self.handovers.pause else {
            return;
        };
        if !is_primary {
            self.go_on(Err("ERR Another node leads already"));
        } else if now >= pause.until {
            self.go_on(Ok(()));
        } else if let Some(recall) = &mut pause.recall
            && now >= recall.said_at + AGAIN_MS
        {
            recall.said_at = now;
            let (replica, round) = (pause.replica, pause.round);
            let recalled = HandOver::Recalled { round };
            self.send(replica, Message::HandOver(recalled));
        }
    }

    /// The pause is over; who wanted the place back has it, or has not.
    fn go_on(&mut self, recalled: Result<(), &'static str>) {
        let pause = self.handovers.pause.take();
        let recall = pause.and_then(|pause| pause.recall);
        self.effects.push(Effect::ResumeWrites);
        for client in recall.unwrap_or_default().clients {
            self.answer(By::Client(client), recalled);
        }
    }
}

/// Both.
impl Failover {
    /// CLUSTER FAILOVER ABORT.
    pub(super) fn abort(&mut self, client: u64, now: u64) {
        let outcome = match &self.handovers.wish {
            Some(wish) if wish.is_proposed => Err("ERR The failover is being decided already"),
            Some(_) => Ok(()),
            None if self.is_handing_over() => return self.recall(Some(client), now),
            None => Err("ERR No failover in progress."),
        };
        if outcome.is_ok() {
            self.end_wish(Err("ERR Failover manually aborted"));
        }
        self.answer(By::Client(client), outcome);
    }
}

impl Failover {
    pub(super) fn look_at_handovers(&mut self, now: u64) {
        self.look_at_wish(now);
        self.look_at_pause(now);
    }

    pub(super) fn hand_over(&mut self, from: NodeId, said: HandOver, now: u64) {
        match said {
            HandOver::Asked {
                round,
                epoch,
                offer,
            } => self.asked(from, (round, epoch, offer), now),
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
                    self.go_on(Ok(()));
                }
            }
            HandOver::Offered { offer, epoch } => self.offered(from, offer, epoch, now),
            HandOver::Recalled { round } => self.recalled(from, round),
        }
    }
}
