//! Whether this node may act as the primary that the topology says it is.

use std::collections::{BTreeMap, VecDeque};

use super::{Claim, Effect, Failover, LEASE_MS, Own, TwoNodePolicy};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};

/// Rounds of pings whose answers may still come in time.
const ROUNDS: usize = 64;
/// Claims are repeated faster at the beginning of a reign (and for how long), when another's lease is just being given up.
const EAGER_PING_MS: u64 = 20;
const EAGER_MS: u64 = 1000;

/// Whether a node may acknowledge writes and answer reads as a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Before this moment of the clock that only goes forward. `u64::MAX` = nobody could take it away.
    Until(u64),
    No(Reason),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The topology names another, or the node leads nothing.
    NotPrimary,
    /// It may have missed that another was named.
    Outdated,
    /// It is still reading its files.
    Recovering,
    /// It has lost data that another member of its shard may have.
    Incomplete,
    /// A majority of the voters has not confirmed it lately.
    Unconfirmed,
}

impl Authority {
    pub fn is_given(self, now_ms: u64) -> bool {
        matches!(self, Authority::Until(until) if now_ms < until)
    }
}

/// The time in which this node is the primary of a shard.
#[derive(Debug)]
pub(super) struct Reign {
    shard: ShardId,
    began_at: u64,
    /// The last round of pings before it.
    round_before: u64,
    /// Numbers of the rounds of pings in it, and when each began.
    rounds: VecDeque<(u64, u64)>,
    /// When the last ping was sent that a voter has said yes to.
    granted: BTreeMap<NodeId, u64>,
    /// It has had authority.
    has_begun: bool,
    /// Nobody has the data that it lost: what it has now is what there is.
    is_accepted: bool,
    /// The other of two is gone, and this one goes on.
    is_survivor: bool,
    /// Nobody could decide without this node before it knew that they may soon: nobody has yet, until then.
    free_until: u64,
    /// What keeps it from claiming its lease.
    obstacle: Option<Reason>,
}

impl Reign {
    fn new(shard: ShardId, round_before: u64, now: u64) -> Reign {
        Reign {
            shard,
            began_at: now,
            round_before,
            rounds: VecDeque::new(),
            granted: BTreeMap::new(),
            has_begun: false,
            is_accepted: false,
            is_survivor: false,
            free_until: 0,
            obstacle: Some(Reason::Outdated),
        }
    }
}

impl Failover {
    /// Whether there is news for the voters.
    pub(super) fn look_at_reign(&mut self, now: u64) -> bool {
        let led = self.led_by(self.myself);
        let before = self.reign.as_ref().map(|reign| reign.shard);
        if led != before {
            self.reign = led.map(|shard| Reign::new(shard, self.beat.number, now));
        }
        let (is_survivor, is_accepted) = (self.is_survivor(), self.is_accepted());
        let obstacle = match (&self.standpoint, self.own) {
            (Some(standpoint), _) if !standpoint.is_current && !is_survivor => {
                Some(Reason::Outdated)
            }
            (_, None) => Some(Reason::Recovering),
            (_, Some(own)) if !own.is_whole && !is_accepted && !is_off(Rule::LeadersAreWhole) => {
                Some(Reason::Incomplete)
            }
            _ => None,
        };
        let Some(reign) = &mut self.reign else {
            return before.is_some();
        };
        reign.is_survivor = is_survivor;
        reign.is_accepted = is_accepted;
        let was = std::mem::replace(&mut reign.obstacle, obstacle);
        led != before || was.is_some() != obstacle.is_some()
    }

    /// Whether no majority can decide without this node: it needs nobody's word to go on.
    fn is_free(&self) -> bool {
        let Some(standpoint) = &self.standpoint else {
            return false;
        };
        let electorate = &standpoint.electorate;
        let votes =
            electorate.voters.contains(&self.myself) && electorate.coming.contains(&self.myself);
        votes && !electorate.can_lose_one()
    }

    /// Whether every other voter is silent, and we are to go on without it.
    fn is_left_alone(&self) -> bool {
        let Some(standpoint) = &self.standpoint else {
            return false;
        };
        let mut others = standpoint.electorate.all().filter(|&v| v != self.myself);
        self.settings.two_node_policy == TwoNodePolicy::PrimarySurvives
            && others.all(|voter| self.detector.suspects_node(voter))
    }

    /// Whether this node goes on without knowing that its topology is current.
    fn is_survivor(&self) -> bool {
        let is_already = self.reign.as_ref().is_some_and(|reign| reign.is_survivor);
        let is_whole = self.own.is_some_and(|own| own.is_whole);
        self.is_free() && (is_already || (is_whole && self.is_left_alone()))
    }

    /// Whether every other member of the shard, asked since this node leads, has said that it has not all the data either. Who
    /// they are it knows only when it knows what is decided: right after a start it may seem to be alone.
    fn is_accepted(&self) -> bool {
        let (Some(standpoint), Some(reign)) = (&self.standpoint, &self.reign) else {
            return false;
        };
        let is_empty = |node: NodeId| {
            let own = self.detector.answered_after(node, reign.round_before);
            own.is_some_and(|own| !own.is_whole)
        };
        let mut replicas = standpoint.topology.replicas(reign.shard);
        let is_incomplete = self.own.is_some_and(|own| !own.is_whole);
        let is_empty_everywhere =
            standpoint.is_current && is_incomplete && replicas.all(|(node, _)| is_empty(node));
        reign.is_accepted || is_empty_everywhere
    }

    /// Whether this node has lost data that nobody else has either: what it has is what there is.
    pub fn has_all_there_is(&self) -> bool {
        let reign = self.reign.as_ref();
        reign.is_some_and(|reign| reign.is_accepted)
    }

    /// How this node's data stands, as others are to see it.
    pub(super) fn shown(&self) -> Option<Own> {
        self.own.map(|own| Own {
            is_whole: own.is_whole || self.has_all_there_is(),
            ..own
        })
    }

    /// Whether nothing keeps this node, which leads, from acting but that others must confirm it.
    pub(super) fn is_fit_to_lead(&self) -> bool {
        let reign = self.reign.as_ref();
        reign.is_some_and(|reign| reign.obstacle.is_none())
    }

    /// What this node claims of the voters.
    pub(super) fn claim(&self) -> Option<Claim> {
        let reign = self.reign.as_ref()?;
        let standpoint = self.standpoint.as_ref()?;
        reign.obstacle.is_none().then(|| Claim {
            shard: reign.shard,
            voters: standpoint.electorate.coming.iter().copied().collect(),
            succession: self.own_succession(reign.shard),
        })
    }

    /// A round of pings with a claim begins.
    pub(super) fn note_round(&mut self, now: u64) {
        let number = self.beat.number;
        if let Some(reign) = &mut self.reign
            && reign.obstacle.is_none()
        {
            reign.rounds.push_back((number, now));
            let surplus = reign.rounds.len().saturating_sub(ROUNDS);
            reign.rounds.drain(..surplus);
        }
    }

    /// A voter has said yes to the ping with this number.
    pub(super) fn confirmed(&mut self, voter: NodeId, number: u64) {
        let Some(reign) = &mut self.reign else { return };
        let round = reign.rounds.iter().find(|&&(round, _)| round == number);
        if let Some(&(_, sent_at)) = round {
            let granted = reign.granted.entry(voter).or_default();
            *granted = sent_at.max(*granted);
        }
    }

    /// Whether this node leads and has not acted for so long.
    pub(super) fn is_idle(&self, now: u64, for_ms: u64) -> bool {
        let is_idle = |reign: &Reign| reign.obstacle.is_some() && now >= reign.began_at + for_ms;
        self.reign.as_ref().is_some_and(is_idle)
    }

    /// How long to wait between two rounds of pings.
    pub(super) fn pace_ms(&self, now: u64) -> u64 {
        let is_eager = |reign: &Reign| {
            let is_young = now < reign.began_at + EAGER_MS;
            is_young && reign.obstacle.is_none() && !self.authority.is_given(now)
        };
        match self.reign.as_ref().is_some_and(is_eager) {
            true => EAGER_PING_MS,
            false => super::PING_MS,
        }
    }

    fn find_authority(&self, now: u64) -> Authority {
        let (Some(reign), Some(standpoint)) = (&self.reign, &self.standpoint) else {
            return Authority::No(Reason::NotPrimary);
        };
        if let Some(reason) = reign.obstacle {
            return Authority::No(reason);
        }
        if self.is_free() {
            // The other one may have it decided: two decide only what both have.
            if standpoint.may_be_deposed.contains(&self.myself) && !is_off(Rule::TailsDepose) {
                return Authority::No(Reason::Unconfirmed);
            }
            // The other one has seen this reign begin, so it is over with its own; or it is not there.
            let has_seen = |voter| voter == self.myself || reign.granted.contains_key(&voter);
            let begins = standpoint.electorate.all().all(has_seen) || self.is_left_alone();
            return match reign.has_begun || begins {
                true => Authority::Until(u64::MAX),
                false => Authority::No(Reason::Unconfirmed),
            };
        }
        let reached = |voter: NodeId| reign.granted.get(&voter).copied();
        let until = match is_off(Rule::LeasesNeedMajorities) {
            true => standpoint.electorate.all().filter_map(reached).max(),
            false => standpoint.electorate.reached(reached),
        };
        let until = match (until, is_off(Rule::LeasesEnd)) {
            (Some(_), true) => u64::MAX,
            (until, _) => until.map_or(0, |sent_at| sent_at + LEASE_MS),
        };
        // A reign does not begin while somebody may have a lease of earlier voters.
        let is_settled = self.grants.is_settled(now) || self.authority.is_given(now);
        let until = until.max(reign.free_until);
        match now < until && is_settled {
            true => Authority::Until(until),
            false => Authority::No(Reason::Unconfirmed),
        }
    }

    pub(super) fn look_at_authority(&mut self, now: u64) {
        let was_free = self.authority == Authority::Until(u64::MAX);
        if was_free
            && !self.is_free()
            && let Some(reign) = &mut self.reign
        {
            // No voter of those who come has confirmed it yet, and none was asked for another.
            reign.free_until = now + LEASE_MS;
        }
        let authority = self.find_authority(now);
        if let Some(reign) = &mut self.reign {
            reign.has_begun |= authority.is_given(now);
        }
        if authority != self.authority {
            self.authority = authority;
            self.effects.push(Effect::Authority(authority));
        }
    }
}
