//! A voter's word: to whom it has extended the lease of a shard, and how long it must stick to that. It is kept in memory only;
//! who has just started has forgotten it, and says nothing before it would have run out.

use std::collections::BTreeMap;

use super::{Claim, Electorate, Failover, GRANT_MS};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};
use crate::topology::Role;

#[derive(Debug, Clone, Copy)]
struct Grant {
    holder: NodeId,
    until: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Grants {
    /// From then on nothing is in force that was forgotten.
    knows_from: u64,
    /// From then on nothing is in force that was granted by voters of an earlier time.
    settled_from: u64,
    electorate: Electorate,
    grants: BTreeMap<ShardId, Grant>,
}

impl Grants {
    pub(super) fn new(now: u64) -> Grants {
        Grants {
            knows_from: now + GRANT_MS,
            settled_from: now + GRANT_MS,
            electorate: Electorate::default(),
            grants: BTreeMap::new(),
        }
    }

    /// The voters are these.
    pub(super) fn look(&mut self, electorate: &Electorate, now: u64) {
        if self.electorate != *electorate {
            self.electorate = electorate.clone();
            self.settled_from = now + GRANT_MS;
        }
    }

    /// Whether whoever has a lease has it of the voters of today.
    pub(super) fn is_settled(&self, now: u64) -> bool {
        now >= self.settled_from
    }

    /// Extends the lease of `holder`, unless somebody else has it.
    pub(super) fn extend(&mut self, shard: ShardId, holder: NodeId, now: u64) -> bool {
        let is_taken = |grant: &Grant| {
            grant.holder != holder && now < grant.until && !is_off(Rule::LeasesAreExclusive)
        };
        let is_silent = now < self.knows_from && !is_off(Rule::StartersGrantNothing);
        if is_silent || self.grants.get(&shard).is_some_and(is_taken) {
            return false;
        }
        let until = now + GRANT_MS;
        self.grants.insert(shard, Grant { holder, until });
        true
    }

    /// Whether nobody can have a lease any more because of what was granted to `holder`.
    pub(super) fn is_over(&self, holder: NodeId, now: u64) -> bool {
        let is_held = |grant: &Grant| grant.holder == holder && now < grant.until;
        let is_silent = now < self.knows_from && !is_off(Rule::StartersGrantNothing);
        (!is_silent && !self.grants.values().any(is_held)) || is_off(Rule::FencesOutlastLeases)
    }

    /// `holder` has no lease but that of `kept`: it says so.
    pub(super) fn release(&mut self, holder: NodeId, kept: Option<ShardId>) {
        self.grants
            .retain(|&shard, grant| grant.holder != holder || Some(shard) == kept);
    }
}

impl Failover {
    /// What the latest ping of a node claims; whether that is granted.
    pub(super) fn answer_claim(&mut self, from: NodeId, claim: Option<Claim>, now: u64) -> bool {
        let shard = claim.as_ref().map(|claim| claim.shard);
        let leads = self.led_by(from).is_some();
        self.detector.note_claim(from, leads, shard.is_some(), now);
        self.grants.release(from, shard);
        claim.is_some_and(|claim| self.extends(from, &claim, now))
    }

    /// Whether this node, as a voter, extends a lease.
    pub(super) fn extends(&mut self, holder: NodeId, claim: &Claim, now: u64) -> bool {
        let Some(standpoint) = &self.standpoint else {
            return false;
        };
        let electorate = &standpoint.electorate;
        let is_primary = standpoint.topology.role(holder) == Some(Role::Primary(claim.shard));
        let epoch = self.shard(claim.shard).map_or(0, |led| led.epoch);
        let counts_the_same = electorate.coming.iter().eq(&claim.voters);
        // A majority has written down who follows, or will: one of them is in every other majority, also after a start in which
        // it has forgotten its promise, and as long as it does not know that this is decided.
        let may_be_deposed = standpoint.may_be_deposed.contains(&holder);
        // Whoever does not get our answers would not learn of it anyway.
        let is_possible = electorate.has(self.myself)
            && is_primary
            && counts_the_same
            && !may_be_deposed
            && !self.detector.suspects_node(holder)
            && !self.fences.holds(holder, epoch, now);
        is_possible && self.grants.extend(claim.shard, holder, now)
    }
}
