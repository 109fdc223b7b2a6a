//! The primary: whose acknowledgements its replies wait for, and who is in sync by the log.
//!
//! ```text
//!   a replica that keeps up ──▶ Await{.., it} ──it has all that was there then──▶ SetInSync ──▶ the log: it may succeed
//!   one that lags for isr-timeout ──▶ SetInSync without it ──▶ the log ──▶ Await{..}
//! ```
//!
//! **Why nothing is lost that was acknowledged.** Whoever may be promoted by the log, as it is or as this node has asked for it
//! to be, is waited for: what was acknowledged is there. A replica that was promoted acknowledges nothing to its old primary any
//! more, whatever that one believes; so its word is missing there, without any clock. Those who were in sync with the old
//! primary stay so with the new one: it waits for them until the log has let them go. A primary that starts again does not know
//! what it has asked the log for before: it waits for everybody until the log has taken its word, which outdates that. As long as
//! it does not know what the log has decided it knows even less: the next entry may outdate what it reads there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Effect, Failover};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};
use crate::topology::{AckMode, Change, InSync, Shard, Topology};

/// A replica that lacks more does not keep up yet: writes would wait for it.
const BEHIND_MAX: u64 = 1 << 20;
/// How long a replica that did not keep up is left alone.
const REST_MS: u64 = 3000;
/// How long a proposal may take before it is made again.
const PROPOSAL_MS: u64 = 5000;
/// A look that comes so late says nothing about others.
const LATE_MS: u64 = 200;

/// How far a primary and its replicas are at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream {
    /// Where the primary's stream ends.
    pub offset: u64,
    /// Up to where those that are linked have it for good.
    pub replicas: BTreeMap<NodeId, u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// What the operator has asked for, until the log says it. That a mode becomes weaker must be said to the primary.
    wanted: Option<AckMode>,
    led: Option<Led>,
    /// This node has known once since its start what the log has decided.
    has_begun: bool,
}

/// The shard that this node leads.
#[derive(Debug)]
struct Led {
    shard: ShardId,
    /// As replies wait for them; none = that must be said anew.
    awaited: Option<BTreeSet<NodeId>>,
    /// Of the log, when it was looked at last.
    in_sync: BTreeSet<NodeId>,
    marks: BTreeMap<NodeId, Mark>,
    joining: Option<Joining>,
    proposed: Option<Proposed>,
    /// The revision of the shard about which this node may have proposed something before its start.
    forgotten: Option<u64>,
    rests_until: u64,
    looked_at: u64,
}

/// A replica in sync reached this offset, where the stream ended then.
#[derive(Debug, Clone, Copy)]
struct Mark {
    offset: u64,
    at: u64,
}

/// A replica that is waited for already.
#[derive(Debug, Clone, Copy)]
struct Joining {
    replica: NodeId,
    since: u64,
    /// What may have been acknowledged without it ends here; none = it is not known yet.
    goal: Option<u64>,
}

/// What the log was asked to say.
#[derive(Debug)]
struct Proposed {
    expected_epoch: u64,
    expected_revision: u64,
    at: u64,
    /// All who were proposed so: whatever was asked may still be decided.
    replicas: BTreeSet<NodeId>,
    /// The log was asked to promise less: then anybody may follow.
    is_weak: bool,
}

impl Keeping {
    /// The parameters are those of a node that starts.
    pub(super) fn new(ack_mode: AckMode) -> Keeping {
        Keeping {
            wanted: (ack_mode == AckMode::Durable).then_some(ack_mode),
            led: None,
            has_begun: false,
        }
    }

    /// What is to be promised for a shard.
    fn mode(&self, shard: &Shard) -> AckMode {
        self.wanted.unwrap_or(shard.ack_mode)
    }
}

impl Led {
    fn new(shard: ShardId, now: u64) -> Led {
        Led {
            shard,
            awaited: None,
            in_sync: BTreeSet::new(),
            marks: BTreeMap::new(),
            joining: None,
            proposed: None,
            forgotten: None,
            rests_until: 0,
            looked_at: now,
        }
    }

    /// Whether anybody may be the one who follows, by what this node has asked for and wants no more.
    fn is_open(&self, mode: AckMode) -> bool {
        let is_weak = self.proposed.as_ref().is_some_and(|made| made.is_weak);
        self.forgotten.is_some() || (is_weak && mode == AckMode::Durable)
    }

    /// What the log may say of the replicas by now, and what it is about to say.
    fn wants_awaited(
        &self,
        mode: AckMode,
        replicas: impl Iterator<Item = NodeId>,
    ) -> BTreeSet<NodeId> {
        if self.is_open(mode) {
            return replicas.collect();
        }
        let proposed = self.proposed.iter().flat_map(|made| &made.replicas);
        let joining = self.joining.iter().map(|joining| &joining.replica);
        let all = self.in_sync.iter().chain(proposed).chain(joining);
        all.copied().collect()
    }

    /// What was proposed may not be decided any more once the shard is another one.
    fn forget_decided(&mut self, shard: &Shard) {
        self.proposed.take_if(|made| {
            (made.expected_epoch, made.expected_revision) != (shard.epoch, shard.revision)
        });
        let is_weak = shard.ack_mode == AckMode::Async;
        self.forgotten
            .take_if(|revision| is_weak || *revision != shard.revision);
    }

    fn note_proposed(&mut self, said: &InSync, now: u64) {
        let made = self.proposed.get_or_insert_with(|| Proposed {
            expected_epoch: said.expected_epoch,
            expected_revision: said.expected_revision,
            at: now,
            replicas: BTreeSet::new(),
            is_weak: false,
        });
        made.at = now;
        made.is_weak |= said.ack_mode == AckMode::Async;
        made.replicas.extend(&said.replicas);
    }

    /// The replicas have come so far. Those of whom nothing is heard stand still.
    fn note(&mut self, stream: &Stream, is_heard: impl Fn(NodeId) -> bool, now: u64) {
        let passed = now.saturating_sub(self.looked_at);
        self.looked_at = now;
        let forgiven = match passed > LATE_MS {
            true => passed,
            false => 0,
        };
        let in_sync = &self.in_sync;
        self.marks.retain(|replica, _| in_sync.contains(replica));
        for &replica in in_sync {
            let has = stream.replicas.get(&replica).copied();
            let reached = Mark {
                offset: stream.offset,
                at: now,
            };
            let mark = self.marks.entry(replica).or_insert(reached);
            mark.at = (mark.at + forgiven).min(now);
            if is_heard(replica) && has.is_some_and(|has| has >= mark.offset) {
                *mark = reached;
            }
        }
    }

    /// Those in sync without the ones that lag for too long.
    fn without_laggards(&self, isr_timeout_ms: u64, now: u64) -> BTreeSet<NodeId> {
        let lags = |replica: &NodeId| {
            let mark = self.marks.get(replica);
            mark.is_some_and(|mark| now > mark.at + isr_timeout_ms)
        };
        let in_sync = self.in_sync.iter();
        in_sync.filter(|replica| !lags(replica)).copied().collect()
    }

    /// One after the other; whoever does not come up in time has a rest.
    fn look_at_joining(
        &mut self,
        stream: &Stream,
        next: Option<NodeId>,
        patience_ms: u64,
        now: u64,
    ) {
        let is_proposed = self.proposed.is_some();
        match &mut self.joining {
            Some(joining) if !is_proposed && now > joining.since + patience_ms => {
                self.joining = None;
                self.rests_until = now + REST_MS;
            }
            Some(joining) => joining.goal = joining.goal.or(Some(stream.offset)),
            None if now >= self.rests_until && !is_proposed => {
                self.joining = next.map(|replica| Joining {
                    replica,
                    since: now,
                    goal: None,
                });
            }
            None => {}
        }
    }

    /// Who is in sync, as it is.
    fn due(&self, mode: AckMode, stream: &Stream, patience_ms: u64, now: u64) -> BTreeSet<NodeId> {
        if mode == AckMode::Async {
            return BTreeSet::new();
        }
        let mut replicas = self.without_laggards(patience_ms, now);
        let has_come = |joining: &Joining| {
            let has = stream.replicas.get(&joining.replica);
            has.is_some_and(|&has| joining.goal.is_some_and(|goal| has >= goal))
        };
        let joined = self.joining.filter(has_come);
        replicas.extend(joined.map(|joining| joining.replica));
        replicas
    }
}

impl Failover {
    /// The parameters have changed, from this mode.
    pub(super) fn mode_was(&mut self, before: AckMode) {
        let now = self.settings.ack_mode;
        if now == before {
            return;
        }
        let leads = self.led_by(self.myself).is_some();
        self.keeping.wanted = (now == AckMode::Durable || leads).then_some(now);
    }

    /// The shard that this node leads, in the topology that says so.
    fn own_shard(&self) -> Option<(ShardId, Arc<Topology>)> {
        let shard = self.led_by(self.myself)?;
        Some((shard, self.standpoint.as_ref()?.topology.clone()))
    }

    /// Whoever the log names is waited for. Before anything else follows from the log.
    pub(super) fn look_at_in_sync(&mut self, now: u64) {
        let own = self.own_shard();
        let id = own.as_ref().map(|(id, _)| *id);
        if id != self.keeping.led.as_ref().map(|led| led.shard) {
            if !is_off(Rule::DeposedGiveUp) {
                self.effects.push(Effect::GiveUp);
            }
            self.keeping.led = id.map(|id| Led::new(id, now));
            if id.is_none() {
                self.effects.push(Effect::Await(BTreeSet::new()));
            }
        }
        let forgets = !self.keeping.has_begun && !is_off(Rule::ForgottenAreAwaited);
        let standpoint = self.standpoint.as_ref();
        self.keeping.has_begun |= standpoint.is_some_and(|standpoint| standpoint.is_current);
        let place = own
            .as_ref()
            .and_then(|(id, topology)| Some((topology, topology.shards().get(id)?)));
        let (Some((topology, shard)), Some(led)) = (place, &mut self.keeping.led) else {
            // Said to a primary that is none any more.
            self.keeping.wanted.take_if(|mode| *mode == AckMode::Async);
            return;
        };
        // Stronger ones are asked for again by whoever leads next.
        let is_weak = shard.ack_mode == AckMode::Async;
        self.keeping
            .wanted
            .take_if(|mode| is_weak && *mode == AckMode::Async);
        if forgets {
            led.forgotten = Some(shard.revision);
        }
        led.forget_decided(shard);
        let in_sync = &shard.in_sync;
        led.joining
            .take_if(|joining| in_sync.contains(&joining.replica));
        let least = self.settings.min_insync;
        let is_enough = |replicas: &BTreeSet<NodeId>| replicas.len() + 1 >= least;
        if is_enough(&led.in_sync) && !is_enough(in_sync) && !is_weak {
            // It was executed for more of them than there are.
            self.effects.push(Effect::GiveUp);
            led.awaited = None;
        }
        led.in_sync.clone_from(in_sync);
        self.await_all(topology, shard);
    }

    fn await_all(&mut self, topology: &Topology, shard: &Shard) {
        let mode = self.keeping.mode(shard);
        let Some(led) = &mut self.keeping.led else {
            return;
        };
        let replicas = topology.replicas(led.shard);
        let awaited = led.wants_awaited(mode, replicas.map(|(replica, _)| replica));
        if led.awaited.as_ref() != Some(&awaited) {
            led.awaited = Some(awaited.clone());
            self.effects.push(Effect::Await(awaited));
        }
    }

    /// How far everybody is, read after all that was to be waited for is. Who has lost its data, or does not know whether it
    /// still leads, has nothing to say of others: they may have what it lacks, and nobody can copy from it.
    pub(super) fn streamed(&mut self, stream: &Stream, now: u64) {
        if !self.is_fit_to_lead() {
            return;
        }
        let Some((id, topology)) = self.own_shard() else {
            return;
        };
        let Some(shard) = topology.shards().get(&id) else {
            return;
        };
        let detector = &self.detector;
        let is_heard = |replica| !detector.suspects_node(replica);
        let members = topology.replicas(id).map(|(replica, _)| replica);
        let mut others = members.filter(|replica| !shard.in_sync.contains(replica));
        let next = others.find(|&replica| is_heard(replica) && keeps_up(stream, replica));
        let patience_ms = self.settings.isr_timeout_ms;
        let mode = self.keeping.mode(shard);
        let Some(led) = &mut self.keeping.led else {
            return;
        };
        led.note(stream, is_heard, now);
        let next = next.filter(|_| shard.ack_mode == AckMode::Durable);
        led.look_at_joining(stream, next, patience_ms, now);
        let is_waiting = |made: &Proposed| now < made.at + PROPOSAL_MS;
        let replicas = led.due(mode, stream, patience_ms, now);
        let is_due = mode != shard.ack_mode || replicas != shard.in_sync || led.is_open(mode);
        if is_due && !led.proposed.as_ref().is_some_and(is_waiting) {
            let said = InSync {
                shard: id,
                expected_epoch: shard.epoch,
                expected_revision: shard.revision,
                ack_mode: mode,
                replicas,
            };
            led.note_proposed(&said, now);
            self.effects.push(Effect::Propose(Change::SetInSync(said)));
        }
        self.await_all(&topology, shard);
    }
}

/// Whether a replica lacks so little that writes may wait for it.
fn keeps_up(stream: &Stream, replica: NodeId) -> bool {
    let has = stream.replicas.get(&replica);
    has.is_some_and(|has| has + BEHIND_MAX >= stream.offset)
}
