//! Who is heard, who may act as primary, and who follows a primary that is gone: events in, effects out, like the machine
//! beside it. The machine keeps the log; this part keeps time, and proposes.
//!
//! ```text
//!                       ┌─ detector.rs    whom this node hears, whom it suspects; whom a majority suspects has failed
//!   pings, pongs, links │
//!   topology, ticks ──▶ ├─ grants.rs      the voter: whose lease it has extended, and must not give to another
//!                       ├─ authority.rs   the primary: may it act, and until when
//!                       ├─ decision.rs    the leader: fence a failed primary, then propose its successor
//!                       ├─ in_sync.rs     the primary: which replicas its replies wait for
//!                       ├─ handover.rs    CLUSTER FAILOVER: both sides of a planned change
//!                       ├─ departure.rs   a primary that is about to end offers its place
//!                       ├─ migration.rs   the leader: a replica for a primary that has lost its own
//!                       └─ succession.rs  what is told and remembered of a failover
//! ```
//!
//! **Why no two nodes act for a shard at once.** A primary's lease runs [`LEASE_MS`] from the moment it *sent* the ping that a
//! majority of the voters said yes to. A voter that said yes says it to nobody else about that shard for a tenth longer, so
//! clocks may run at rates that differ by some percent. Two majorities share a voter. Which voters a primary counts is
//! written in its ping, and a voter whose log holds other voters says no: that keeps majorities of different times apart.
//!
//! **Why a failover loses little.** Before the leader proposes a successor, a majority says that it has extended the old
//! primary's lease for that time no more and will not for a while: what the old primary still acknowledges, it acknowledges
//! before the successor is chosen. The fence's wait runs from the last extension, so it overlaps with the suspicion.

mod authority;
mod decision;
mod departure;
mod detector;
mod electorate;
mod grants;
mod handover;
mod in_sync;
mod message;
mod migration;
mod succession;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::authority::Reign;
use self::decision::{Decisions, Fences};
use self::departure::Departure;
use self::detector::Detector;
use self::grants::Grants;
use self::handover::HandOvers;
use self::in_sync::Keeping;
use self::migration::Migrations;
use self::succession::{Accession, Forced};
use crate::id::{NodeId, ShardId};
use crate::topology::{AckMode, Change, Refusal, Role, Shard, Topology};
use crate::view::{Peer, Verdict};

pub use authority::{Authority, Reason};
pub use decision::{Fence, Fenced};
pub use departure::Departed;
pub use electorate::Electorate;
pub use handover::HandOver;
pub use in_sync::Stream;
pub use message::{Beat, Claim, Message, Own, Ping, Pong, Position, Report};
pub use succession::{Cause, Stage, Step, Succession};

/// Between two pings to the same node.
pub const PING_MS: u64 = 100;
/// Between two times that the same is said to a node that has not answered.
const AGAIN_MS: u64 = 100;
/// How long a primary may act after it has sent a ping that a majority of the voters said yes to, by its own clock.
pub const LEASE_MS: u64 = 500;
/// How long a voter sticks to such a yes, by its own clock: a tenth more for clocks of different rates.
const GRANT_MS: u64 = LEASE_MS + LEASE_MS / 10;

/// A moment, by two clocks: one that only goes forward (also while the machine sleeps), and the one that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    pub ms: u64,
    pub unix_ms: u64,
}

/// What a primary of two voters does when it starts and the other is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoNodePolicy {
    /// It goes on, if it has all its data.
    PrimarySurvives,
    /// It waits for the other, or for an operator.
    Consistent,
}

/// What an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `cluster-node-timeout`: silence after which a node is suspected, however slow the network usually is.
    pub node_timeout_ms: u64,
    pub two_node_policy: TwoNodePolicy,
    pub ack_mode: AckMode,
    /// `min-insync`: with fewer nodes, the primary included, what it was about to acknowledge is not acknowledged any more.
    pub min_insync: usize,
    /// `isr-timeout`: how long a replica in sync may lag.
    pub isr_timeout_ms: u64,
    /// `cluster-migration-barrier`: how many working replicas a shard keeps when one of them moves to a primary without. None:
    /// they do not move (`cluster-allow-replica-migration`). The leader's word counts.
    pub migration_barrier: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            node_timeout_ms: 2000,
            two_node_policy: TwoNodePolicy::PrimarySurvives,
            ack_mode: AckMode::Async,
            min_insync: 1,
            isr_timeout_ms: 1000,
            migration_barrier: Some(1),
        }
    }
}

/// What this node knows of the log.
#[derive(Debug, Clone)]
pub struct Standpoint {
    pub topology: Arc<Topology>,
    pub electorate: Electorate,
    pub leader: Option<NodeId>,
    /// Whether a majority of the voters has confirmed, since this node started with this log, that it is up to date. It stays
    /// so: that the leader is gone for a moment takes nothing back.
    pub is_current: bool,
    /// Primaries whose shards the log gives to another by a failover that is not applied here yet: it may be decided.
    pub may_be_deposed: BTreeSet<NodeId>,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// Some time has passed: 25 ms are right.
    Tick,
    /// The topology, the voters, the leader or what is known of them is another one.
    Changed(Standpoint),
    /// A frame of the same cluster and generation has come, with [`crate::frame::Body::Failover`].
    Received {
        from: NodeId,
        message: Message,
    },
    /// There is a link to the node from now on.
    LinkUp {
        node: NodeId,
    },
    /// There is none any more.
    LinkLost {
        node: NodeId,
    },
    /// How this node's data stands; first said when it has recovered what it had, then whenever it is different.
    Own(Own),
    /// A primary: how far its replicas are. Read after all effects were carried out, with every tick.
    Streamed(Stream),
    Configure(Settings),
    /// CLUSTER FAILOVER; [`Effect::Answer`] follows.
    Wish {
        client: u64,
    },
    /// CLUSTER FAILOVER FORCE or TAKEOVER was said to this node; the log decides.
    Forced {
        is_takeover: bool,
    },
    /// CLUSTER FAILOVER ABORT; [`Effect::Answer`] follows.
    Abort {
        client: u64,
    },
    /// The node is about to end: somebody else is to lead before, if that can be done within this time;
    /// [`Effect::Departed`] follows.
    Depart {
        patience_ms: u64,
    },
    /// The node does not end after all; no answer follows.
    Stay,
    /// What [`Effect::PauseWrites`] asked for: no write is under way any more, and the stream ends here.
    Paused {
        round: Beat,
        position: Position,
    },
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Send {
        to: NodeId,
        message: Message,
    },
    /// What is thought of these nodes is different now.
    Verdicts(Vec<(NodeId, Verdict)>),
    /// Whether this node may act as a primary is different now, or how long. In force before the effects that follow it.
    Authority(Authority),
    /// What this node has not acknowledged yet it never will: it may be lost, or not.
    GiveUp,
    /// What it acknowledges from now on these replicas have, all of them.
    Await(BTreeSet<NodeId>),
    /// For the log.
    Propose(Change),
    /// Begin no write until this moment of the clock that only goes forward; when those under way are done, say
    /// [`Event::Paused`].
    PauseWrites {
        round: Beat,
        until_ms: u64,
    },
    /// Writes go on, if this node still takes any.
    ResumeWrites,
    /// A failover has come to this.
    Step(Step),
    /// The last failover of a shard, as far as this node has heard.
    Succeeded {
        shard: ShardId,
        succession: Succession,
    },
    /// What came of [`Event::Depart`].
    Departed(Departed),
    /// A client's CLUSTER FAILOVER is done, or not.
    Answer {
        client: u64,
        outcome: Result<(), Refusal>,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Failover {
    myself: NodeId,
    settings: Settings,
    standpoint: Option<Standpoint>,
    /// None before the node has recovered its data.
    own: Option<Own>,
    /// This node's last round of pings.
    beat: Beat,
    /// When it went out.
    pinged_at: u64,
    ticked_at: u64,
    detector: Detector,
    grants: Grants,
    fences: Fences,
    decisions: Decisions,
    /// What they rest on is different.
    are_cases_due: bool,
    migrations: Migrations,
    handovers: HandOvers,
    departure: Option<Departure>,
    /// Departures that were ever begun.
    departures: u64,
    forced: Option<Forced>,
    accession: Option<Accession>,
    /// This node is to follow who leads its shard since this epoch.
    follows: Option<u64>,
    /// The last ones that were heard of.
    successions: BTreeMap<ShardId, Succession>,
    /// When its own stream flowed last, or when it began to look.
    linked_at: u64,
    reign: Option<Reign>,
    authority: Authority,
    keeping: Keeping,
    effects: Vec<Effect>,
}

impl Failover {
    /// `start` grows with every start of the node.
    pub fn new(myself: NodeId, start: u64, settings: Settings, now: Now) -> Failover {
        Failover {
            myself,
            settings,
            standpoint: None,
            own: None,
            beat: Beat { start, number: 0 },
            pinged_at: 0,
            ticked_at: now.ms,
            detector: Detector::default(),
            grants: Grants::new(now.ms),
            fences: Fences::default(),
            decisions: Decisions::default(),
            are_cases_due: false,
            migrations: Migrations::default(),
            handovers: HandOvers::default(),
            departure: None,
            departures: 0,
            forced: None,
            accession: None,
            follows: None,
            successions: BTreeMap::new(),
            linked_at: now.ms,
            reign: None,
            authority: Authority::No(Reason::NotPrimary),
            keeping: Keeping::new(settings.ack_mode),
            effects: Vec::new(),
        }
    }

    /// What this node knows of the others.
    pub fn peers(&self) -> BTreeMap<NodeId, Peer> {
        self.detector.peers()
    }

    /// Whether it may act as a primary.
    pub fn authority(&self) -> Authority {
        self.authority
    }

    /// How a planned change stands that this node has a part in, in the words of Redis.
    pub fn hand_over_state(&self) -> &'static str {
        self.handovers.state()
    }

    /// Takes an event that has happened now; returns what is to be done.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        match event {
            Event::Tick => self.tick(now),
            Event::Changed(standpoint) => self.changed(standpoint, now),
            Event::Received { from, message } => self.receive(from, message, now),
            Event::LinkUp { node } => self.detector.link_up(node),
            Event::LinkLost { node } => {
                self.detector.link_lost(node, now.ms);
                self.doubt_pause(node);
            }
            Event::Own(own) => self.own = Some(own),
            Event::Streamed(stream) => self.streamed(&stream, now.ms),
            Event::Configure(settings) => {
                let before = std::mem::replace(&mut self.settings, settings);
                self.mode_was(before.ack_mode);
            }
            Event::Wish { client } => self.wish(client, now.ms),
            Event::Forced { is_takeover } => {
                let cause = match is_takeover {
                    true => Cause::Takeover,
                    false => Cause::Forced,
                };
                self.forced = Some(Forced { cause, at: now.ms });
            }
            Event::Abort { client } => self.abort(client, now.ms),
            Event::Depart { patience_ms } => self.depart(patience_ms, now.ms),
            Event::Stay => self.stay(now.ms),
            Event::Paused { round, position } => self.paused(round, position),
        }
        self.look(now);
        std::mem::take(&mut self.effects)
    }

    fn tick(&mut self, now: Now) {
        let passed = now.ms.saturating_sub(self.ticked_at);
        self.detector.forgive(passed, now.ms);
        self.ticked_at = now.ms;
        if self.own.is_some_and(|own| own.is_linked) {
            self.linked_at = now.ms;
        }
        let node_timeout_ms = self.settings.node_timeout_ms;
        self.detector.judge(now.ms, node_timeout_ms);
        self.are_cases_due = true;
        self.look_at_orphans(now.ms);
        if now.ms >= self.pinged_at + self.pace_ms(now.ms) {
            self.ping(now);
        }
    }

    fn changed(&mut self, standpoint: Standpoint, now: Now) {
        self.grants.look(&standpoint.electorate, now.ms);
        let before = self.own_seat();
        self.standpoint = Some(standpoint);
        self.note_succession(before, now.ms);
        self.are_cases_due = true;
        self.watch(now);
    }

    /// Whatever has happened: draws the conclusions.
    fn look(&mut self, now: Now) {
        let has_changed = self.detector.has_changed();
        self.look_at_in_sync(now.ms);
        let is_other_reign = self.look_at_reign(now.ms);
        self.look_at_authority(now.ms);
        // Others wait to hear this: whom we suspect, that a lease is wanted or given up.
        if (has_changed && self.is_voter(self.myself)) || is_other_reign {
            self.ping(now);
            self.look_at_authority(now.ms);
        }
        self.look_at_succession(now.ms, now.unix_ms);
        self.are_cases_due |= self.look_at_verdicts();
        self.look_at_fences(now.ms);
        if std::mem::take(&mut self.are_cases_due) {
            self.look_at_cases(now.ms);
        }
        self.look_at_handovers(now.ms);
        self.look_at_departure(now.ms);
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    fn role(&self, node: NodeId) -> Option<Role> {
        self.standpoint.as_ref()?.topology.role(node)
    }

    fn is_voter(&self, node: NodeId) -> bool {
        let standpoint = self.standpoint.as_ref();
        standpoint.is_some_and(|standpoint| standpoint.electorate.has(node))
    }

    /// A shard, as the log has it.
    fn shard(&self, id: ShardId) -> Option<&Shard> {
        self.standpoint.as_ref()?.topology.shards().get(&id)
    }

    fn has_slots(&self, id: ShardId) -> bool {
        self.shard(id).is_some_and(|shard| !shard.slots.is_empty())
    }

    /// The shard that the node leads.
    fn led_by(&self, node: NodeId) -> Option<ShardId> {
        match self.role(node) {
            Some(Role::Primary(shard)) => Some(shard),
            _ => None,
        }
    }

    /// A round of pings.
    fn ping(&mut self, now: Now) {
        if self.standpoint.is_none() {
            return;
        }
        self.beat.number += 1;
        self.pinged_at = now.ms;
        let claim = self.claim();
        let claimed = claim.as_ref().map(|claim| claim.shard);
        self.grants.release(self.myself, claimed);
        self.note_round(now.ms);
        if let Some(claim) = &claim
            && self.extends(self.myself, claim, now.ms)
        {
            self.confirmed(self.myself, self.beat.number);
        }
        let ping = Ping {
            report: self.report(),
            claim,
        };
        for to in self.detector.pinged(now.unix_ms) {
            self.send(to, Message::Ping(ping.clone()));
        }
    }

    fn report(&self) -> Report {
        let suspects = match self.is_voter(self.myself) {
            true => self.detector.suspects(),
            false => Vec::new(),
        };
        Report {
            beat: self.beat,
            own: self.shown(),
            suspects,
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, now: Now) {
        if from == self.myself {
            return;
        }
        match message {
            Message::Ping(ping) => self.pinged(from, ping, now),
            Message::Pong(pong) => self.ponged(from, pong, now),
            Message::Fence(fence) => self.fence(from, fence, now.ms),
            Message::Fenced(fenced) => self.fenced(from, fenced, now.ms),
            Message::Spare(fence) => self.spare(from, fence),
            Message::HandOver(said) => self.hand_over(from, said, now.ms),
        }
    }

    fn pinged(&mut self, from: NodeId, ping: Ping, now: Now) {
        if let Some(claim) = &ping.claim
            && let Some(succession) = claim.succession.filter(|known| known.to == from)
        {
            self.learn_succession(claim.shard, succession);
        }
        let beat = ping.report.beat;
        let is_news = self.detector.pinged_by(from, ping.report, now.ms);
        let is_extended = is_news && self.answer_claim(from, ping.claim, now.ms);
        let pong = Pong {
            answers: beat,
            is_extended,
            report: self.report(),
        };
        self.send(from, Message::Pong(pong));
    }

    fn ponged(&mut self, from: NodeId, pong: Pong, now: Now) {
        if pong.answers.start != self.beat.start || pong.answers > self.beat {
            return;
        }
        let round = pong.answers.number;
        self.detector.ponged_by(from, round, pong.report, now);
        if pong.is_extended {
            self.confirmed(from, round);
        }
    }
}

#[cfg(test)]
mod tests;
