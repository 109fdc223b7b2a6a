//! The leader of the log replaces primaries that have failed: first the fence, then the proposal.
//!
//! ```text
//!   failed ──▶ Fence{primary, epoch, round} to the voters ──▶ Fenced by a majority ──▶ Promote{expected epoch, candidate}
//!     │          again every 100 ms                        │                        │
//!     └── heard again: Spare, over                         └── a new round after 1.5 s without, or 1 s after a proposal
//! ```
//!
//! A voter answers as soon as it suspects the primary itself, has extended its lease for the lease's length no more, and so
//! can promise not to do it for a while. The promise is about the shard as it is: a primary that leads it again at a higher epoch
//! has been given it since, and no proposal for the epoch before can be decided any more. A leader that never was the leader, or
//! is not any more, does no harm with it: the log does not take its proposal, and promises end.

use std::collections::{BTreeMap, BTreeSet};

use super::{AGAIN_MS, Beat, Effect, Failover, GRANT_MS, Message, Own, Stage};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};
use crate::topology::{Change, Shard};
use crate::view::Verdict;

/// How long a voter keeps its promise, by its own clock.
const PROMISE_MS: u64 = 2000;
/// How long a round counts, by the leader's clock: less than a promise, whatever the rates of the clocks.
const ROUND_MS: u64 = 1500;
/// How long a proposal may take before it counts as lost.
const PROPOSAL_MS: u64 = 1000;
/// A candidate was heard within this time: its position is that of today.
const FRESH_MS: u64 = 400;
/// How many timeouts a primary may have gone on without a replica that is to follow it (`cluster-replica-validity-factor`).
const VALIDITY: u64 = 10;

/// What a leader asks the voters, and what they answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Fence {
    pub primary: NodeId,
    /// Of its shard, as the leader knows it: the one that the proposal will expect.
    pub epoch: u64,
    /// The leader's; it grows.
    pub round: Beat,
}

/// The voter's promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fenced {
    pub fence: Fence,
    /// For how long it has heard nothing of the primary.
    pub silence_ms: u64,
}

/// The voter: what it was asked for and has not answered yet, or has promised.
#[derive(Debug, Clone, Copy)]
struct Asked {
    by: NodeId,
    fence: Fence,
    until: u64,
}

/// The voter's side, by primaries.
#[derive(Debug, Default)]
pub(super) struct Fences {
    asked: BTreeMap<NodeId, Asked>,
    /// Whose lease it does not extend.
    promises: BTreeMap<NodeId, Asked>,
}

impl Fences {
    /// Whether the lease of this primary, of a shard at this epoch, must not be extended.
    pub(super) fn holds(&self, primary: NodeId, epoch: u64, now: u64) -> bool {
        let promise = self.promises.get(&primary);
        promise.is_some_and(|promise| now < promise.until && epoch <= promise.fence.epoch)
    }

    fn forget_old(&mut self, now: u64) {
        self.asked.retain(|_, asked| now < asked.until);
        self.promises.retain(|_, promise| now < promise.until);
    }
}

/// The leader's side: a shard whose primary has failed.
#[derive(Debug)]
struct Case {
    primary: NodeId,
    epoch: u64,
    round: Beat,
    begun_at: u64,
    asked_at: u64,
    fenced: BTreeSet<NodeId>,
    /// It was told that a majority has.
    is_told: bool,
    /// When one of them has heard of the primary last.
    heard_at: u64,
    proposed_at: Option<u64>,
}

impl Case {
    /// What it asks the voters for.
    fn fence(&self) -> Fence {
        Fence {
            primary: self.primary,
            epoch: self.epoch,
            round: self.round,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    cases: BTreeMap<ShardId, Case>,
    /// Rounds that were ever begun.
    rounds: u64,
    /// Since when it is this node that decides.
    leads_since: Option<u64>,
}

/// The voter.
impl Failover {
    pub(super) fn fence(&mut self, by: NodeId, fence: Fence, now: u64) {
        if !self.is_voter(self.myself) || !self.is_voter(by) || fence.primary == self.myself {
            return;
        }
        let until = now + ROUND_MS;
        let asked = Asked { by, fence, until };
        self.fences.asked.insert(fence.primary, asked);
    }

    pub(super) fn spare(&mut self, by: NodeId, fence: Fence) {
        for words in [&mut self.fences.promises, &mut self.fences.asked] {
            words.retain(|_, word| (word.by, word.fence) != (by, fence));
        }
    }

    /// Promises what can be promised by now.
    pub(super) fn look_at_fences(&mut self, now: u64) {
        self.fences.forget_old(now);
        let asked: Vec<(NodeId, Asked)> = {
            let asked = self.fences.asked.iter();
            let is_due = |primary| self.is_out(primary, now) && self.grants.is_over(primary, now);
            let asked = asked.map(|(&primary, &asked)| (primary, asked));
            asked.filter(|&(primary, _)| is_due(primary)).collect()
        };
        for (primary, asked) in asked {
            let Asked { by, fence, .. } = asked;
            self.fences.asked.remove(&primary);
            let until = now + PROMISE_MS;
            self.fences
                .promises
                .insert(primary, Asked { until, ..asked });
            let fenced = Fenced {
                fence,
                silence_ms: now.saturating_sub(self.detector.reported_at(primary)),
            };
            match by == self.myself {
                true => self.fenced(by, fenced, now),
                false => self.send(by, Message::Fenced(fenced)),
            }
        }
    }

    /// Whether this node itself would have another in its place: it does not hear it, or hears that it can not act.
    fn is_out(&self, primary: NodeId, now: u64) -> bool {
        self.detector.suspects_node(primary)
            || self.has_lost_data(primary)
            || self.does_nothing(primary, now)
    }

    /// Whether a primary that is there does not act for long: it may read its files for minutes.
    fn does_nothing(&self, primary: NodeId, now: u64) -> bool {
        let for_ms = self.settings.node_timeout_ms;
        match primary == self.myself {
            true => self.is_idle(now, for_ms),
            false => self.detector.is_idle(primary, now, for_ms),
        }
    }

    fn why_out(&self, primary: NodeId) -> &'static str {
        if self.detector.verdict(primary) == Verdict::Failed {
            "it is silent"
        } else if self.has_lost_data(primary) {
            "it has lost data that others have"
        } else {
            "it does not act"
        }
    }

    fn has_lost_data(&self, node: NodeId) -> bool {
        self.reported(node).is_some_and(|own| !own.is_whole)
    }

    /// How the data of a node stands: what it said last.
    pub(super) fn reported(&self, node: NodeId) -> Option<Own> {
        match node == self.myself {
            true => self.shown(),
            false => self.detector.report(node).and_then(|report| report.own),
        }
    }
}

/// The leader.
impl Failover {
    pub(super) fn fenced(&mut self, by: NodeId, fenced: Fenced, now: u64) {
        let Fenced { fence, silence_ms } = fenced;
        let mut cases = self.decisions.cases.values_mut();
        let case = cases.find(|case| (case.primary, case.round) == (fence.primary, fence.round));
        if let Some(case) = case {
            case.fenced.insert(by);
            case.heard_at = case.heard_at.max(now.saturating_sub(silence_ms));
            self.are_cases_due = true;
        }
    }

    /// Whether a successor is looked for.
    pub(super) fn is_replacing(&self, shard: ShardId) -> bool {
        self.decisions.cases.contains_key(&shard)
    }

    /// Whether this node is the one that decides, and somebody can be outvoted.
    fn decides(&self) -> bool {
        let standpoint = self.standpoint.as_ref();
        standpoint.is_some_and(|standpoint| {
            standpoint.leader == Some(self.myself) && standpoint.electorate.can_lose_one()
        })
    }

    pub(super) fn look_at_cases(&mut self, now: u64) {
        let leads_since = self.decisions.leads_since.unwrap_or(now);
        self.decisions.leads_since = self.decides().then_some(leads_since);
        let due = match self.decisions.leads_since {
            Some(_) => self.due(now),
            None => BTreeMap::new(),
        };
        let is_same = |shard: &ShardId, case: &Case| {
            let same = |led: &Shard| (led.primary, led.epoch) == (case.primary, case.epoch);
            due.get(shard).is_some_and(same)
        };
        let cases = std::mem::take(&mut self.decisions.cases);
        let (kept, over): (BTreeMap<_, _>, BTreeMap<_, _>) = cases
            .into_iter()
            .partition(|(shard, case)| is_same(shard, case));
        self.decisions.cases = kept;
        for case in over.into_values() {
            self.close(&case);
        }
        for (shard, led) in &due {
            self.look_at_case(*shard, led, now);
        }
    }

    /// The shards whose primaries are to be replaced, and can be.
    fn due(&self, now: u64) -> BTreeMap<ShardId, Shard> {
        let Some(standpoint) = &self.standpoint else {
            return BTreeMap::new();
        };
        let shards = standpoint.topology.shards().iter();
        // Without a leader nobody could act for long.
        let leads_since = self.decisions.leads_since.unwrap_or(now);
        let is_known = now >= leads_since + self.settings.node_timeout_ms;
        let is_due = |&(&id, shard): &(&ShardId, &Shard)| {
            let has_failed = self.detector.verdict(shard.primary) == Verdict::Failed;
            let is_out = has_failed
                || self.has_lost_data(shard.primary)
                || (is_known && self.does_nothing(shard.primary, now));
            is_out && !shard.slots.is_empty() && self.candidate(id, shard.primary, now).is_some()
        };
        let due = shards.filter(is_due);
        due.map(|(&id, shard)| (id, shard.clone())).collect()
    }

    fn look_at_case(&mut self, shard: ShardId, led: &Shard, now: u64) {
        let is_over = |case: &Case| match case.proposed_at {
            Some(at) => now >= at + PROPOSAL_MS,
            None => now >= case.begun_at + ROUND_MS,
        };
        let case = self.decisions.cases.get(&shard);
        if case.is_none_or(is_over) {
            self.open(shard, led, now);
        }
        self.ask_again(shard, now);
        let Some(case) = self.decisions.cases.get(&shard) else {
            return;
        };
        let is_fenced = self.standpoint.as_ref().is_some_and(|standpoint| {
            standpoint
                .electorate
                .is_majority(|voter| case.fenced.contains(&voter))
                || (is_off(Rule::FencesNeedMajorities) && !case.fenced.is_empty())
        });
        if case.proposed_at.is_some() || !is_fenced {
            return;
        }
        let reason = self.why_out(led.primary);
        if let Some(case) = self.decisions.cases.get_mut(&shard)
            && !std::mem::replace(&mut case.is_told, true)
        {
            self.tell(Stage::Fenced, shard, led.primary, reason);
        }
        if !self.grants.is_settled(now) {
            return;
        }
        if let Some(candidate) = self.candidate(shard, led.primary, now) {
            let expected_epoch = led.epoch;
            self.tell(Stage::Proposed, shard, candidate, reason);
            self.effects.push(Effect::Propose(Change::Promote {
                shard,
                expected_epoch,
                candidate,
            }));
            if let Some(case) = self.decisions.cases.get_mut(&shard) {
                case.proposed_at = Some(now);
            }
        }
    }

    /// Begins a round.
    fn open(&mut self, shard: ShardId, led: &Shard, now: u64) {
        self.decisions.rounds += 1;
        let round = Beat {
            start: self.beat.start,
            number: self.decisions.rounds,
        };
        let primary = led.primary;
        let before = self.decisions.cases.get(&shard);
        let is_told = before.is_some_and(|before| before.is_told);
        let case = Case {
            primary,
            epoch: led.epoch,
            round,
            begun_at: now,
            asked_at: 0,
            fenced: BTreeSet::new(),
            is_told,
            heard_at: 0,
            proposed_at: None,
        };
        let fence = case.fence();
        self.decisions.cases.insert(shard, case);
        self.fence(self.myself, fence, now);
        self.look_at_fences(now);
    }

    /// Asks those voters who have not answered.
    fn ask_again(&mut self, shard: ShardId, now: u64) {
        let Some(standpoint) = &self.standpoint else {
            return;
        };
        let Some(case) = self.decisions.cases.get_mut(&shard) else {
            return;
        };
        if now < case.asked_at + AGAIN_MS || case.proposed_at.is_some() {
            return;
        }
        case.asked_at = now;
        let (primary, fence) = (case.primary, case.fence());
        let is_asked = |voter: &NodeId| {
            ![self.myself, primary].contains(voter) && !case.fenced.contains(voter)
        };
        let asked: Vec<NodeId> = standpoint.electorate.all().filter(is_asked).collect();
        for voter in asked {
            self.send(voter, Message::Fence(fence));
        }
    }

    /// A case that is no more: unless it was decided, the voters need not keep their promise.
    fn close(&mut self, case: &Case) {
        let (None, Some(standpoint)) = (case.proposed_at, &self.standpoint) else {
            return;
        };
        let voters: Vec<NodeId> = standpoint.electorate.all().collect();
        let fence = case.fence();
        for voter in voters {
            match voter == self.myself {
                true => self.spare(voter, fence),
                false => self.send(voter, Message::Spare(fence)),
            }
        }
    }

    /// Whether a node's position is that of today.
    pub(super) fn is_there(&self, node: NodeId, now: u64) -> bool {
        self.detector.is_fresh(node, now, FRESH_MS) && !self.detector.suspects_node(node)
    }

    /// Who is to follow: of those who are there and have their data (all that was acknowledged, if that is promised), the one that
    /// has the most of it; then by priority, then by name.
    pub(super) fn candidate(&self, shard: ShardId, primary: NodeId, now: u64) -> Option<NodeId> {
        let case = self.decisions.cases.get(&shard);
        let heard_at = case.map_or(0, |case| case.heard_at);
        let heard_at = heard_at.max(self.detector.reported_at(primary));
        let standpoint = self.standpoint.as_ref()?;
        let led = self.shard(shard);
        let validity = VALIDITY * self.settings.node_timeout_ms;
        let able = standpoint.topology.replicas(shard).filter_map(|(node, _)| {
            let own = self.reported(node)?;
            let is_there = node == self.myself || self.is_there(node, now);
            let linked_at = match node == self.myself {
                true => self.linked_at,
                false => self.detector.linked_at(node),
            };
            // As long as the primary was heard while this one's stream stood still.
            let went_without = heard_at.saturating_sub(linked_at);
            let is_whole = own.is_whole || is_off(Rule::LeadersAreWhole);
            let is_able = is_whole && own.priority > 0 && went_without <= validity;
            let has_all = led.is_none_or(|led| led.may_succeed(node));
            (is_there && is_able && has_all).then_some((node, own))
        });
        able.min_by_key(|(node, own)| (std::cmp::Reverse(own.position), own.priority, *node))
            .map(|(node, _)| node)
    }
}

// A promise outlasts the round that it belongs to, and a round the wait for it.
const _: () = assert!(ROUND_MS * 11 < PROMISE_MS * 10 && GRANT_MS < ROUND_MS);
