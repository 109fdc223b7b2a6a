//! What is around the nodes: the log with its leader, the data that flows from primaries to replicas, and what must be true of
//! every promotion.

use std::sync::Arc;

use super::super::*;
use super::world::{Happening, Mutant, World};
use crate::topology::Kind;

/// A voter that has heard a primary for so long counts as one that hears it: news are on their way for some time.
const NEWS_MS: u64 = 300;
/// How long the log has no leader when the last one is gone.
const ELECTION_MS: u64 = 280;

impl World {
    /// What happens by itself.
    pub(super) fn step(&mut self) {
        self.elect();
        for number in 0..self.hosts.len() {
            if self.dice.below(2) == 0 {
                self.inform(number);
            }
        }
        self.settle();
        for number in 0..self.hosts.len() {
            self.flow(number);
        }
        if self.mutant == Some(Mutant::NoLease) {
            (0..self.hosts.len()).for_each(|number| self.check_alone(number));
        }
    }

    fn can_lead(&self, number: usize) -> bool {
        let is_with = |voter: NodeId| {
            let voter = self.number_of(voter).expect("a host");
            self.hosts[voter].is_awake() && self.is_connected(number, voter)
        };
        self.hosts[number].is_awake()
            && self.electorate.has(self.hosts[number].node)
            && self.electorate.is_majority(is_with)
    }

    fn elect(&mut self) {
        if self.leader.is_some_and(|leader| !self.can_lead(leader)) {
            self.leader = None;
            self.leaderless_at = self.now;
        }
        if self.leader.is_none() && self.now >= self.leaderless_at + ELECTION_MS {
            let able = (0..self.hosts.len()).filter(|&number| self.can_lead(number));
            let able: Vec<usize> = able.collect();
            if !able.is_empty() {
                let chosen = self.dice.below(able.len() as u64) as usize;
                self.leader = Some(able[chosen]);
                // A change that the new one has not heard of is none.
                let coming = &self.hosts[able[chosen]].electorate.coming;
                if *coming != self.electorate.coming {
                    self.electorate.coming = self.electorate.voters.clone();
                }
            }
        }
    }

    /// A host hears of the log what the leader knows. Whoever was the leader and is cut off does not notice.
    fn inform(&mut self, number: usize) {
        let Some(leader) = self.leader else { return };
        if !self.hosts[number].is_awake() || !self.is_connected(leader, number) {
            return;
        }
        let latest = self.log.len() - 1;
        let host = &mut self.hosts[number];
        let before = (host.version, host.leader, host.is_current);
        (host.version, host.leader, host.is_current) = (latest, Some(leader), true);
        if before != (latest, Some(leader), true) || host.electorate != self.electorate {
            host.electorate = self.electorate.clone();
            self.changed(number);
        }
    }

    /// The voters who come are the voters when a majority of those who go has written down that they come.
    fn settle(&mut self) {
        let Electorate { voters, coming } = &self.electorate;
        let has_written = |&&voter: &&NodeId| {
            let number = self.number_of(voter).expect("a host");
            self.hosts[number].electorate.coming == *coming
        };
        let written = voters.iter().filter(has_written).count();
        if voters != coming && self.leader.is_some() && written > voters.len() / 2 {
            self.electorate.voters = coming.clone();
        }
    }

    /// The leader takes a voter in, or lets it go, if that leaves so many at least.
    pub(super) fn regroup(&mut self, number: usize, at_least: usize) {
        let Electorate { voters, coming } = &mut self.electorate;
        let node = self.hosts[number].node;
        if voters != coming || self.leader.is_none() {
            return;
        }
        if voters.contains(&node) && voters.len() > at_least {
            coming.remove(&node);
        } else if voters.len() < 5 {
            coming.insert(node);
        }
    }

    pub(super) fn changed(&mut self, number: usize) {
        let host = &self.hosts[number];
        let standpoint = Standpoint {
            topology: self.log[host.version].clone(),
            electorate: host.electorate.clone(),
            leader: host.leader.map(|leader| self.hosts[leader].node),
            is_current: host.is_current,
            may_be_deposed: BTreeSet::new(),
        };
        self.tell(number, Event::Changed(standpoint));
    }

    /// A primary that may writes something; a replica copies what its primary has.
    fn flow(&mut self, number: usize) {
        let host = &self.hosts[number];
        if !host.is_awake() || host.kind == Kind::Witness || host.is_reading {
            return;
        }
        let topology = &self.log[host.version];
        let mut own = host.own;
        match topology.role(host.node) {
            Some(Role::Primary(led)) => {
                own.is_linked = false;
                // What a primary has that acts is what there is.
                own.is_whole |= self.acts(number) == Some(led);
                if self.acts(number) == Some(led) && host.paused.is_none() {
                    own.position.term = topology.shards()[&led].epoch;
                    own.position.offset += u64::from(self.dice.below(4) == 0);
                }
            }
            Some(Role::Replica(followed)) => {
                let primary = topology.shards()[&followed].primary;
                let primary = self.number_of(primary).expect("a host");
                let is_reached =
                    self.hosts[primary].is_awake() && self.is_connected(primary, number);
                own.is_linked = is_reached;
                if is_reached && !host.is_stuck && self.dice.below(5) > 0 {
                    own.position = self.hosts[primary].own.position;
                    own.is_whole |= self.hosts[primary].own.is_whole;
                }
            }
            _ => {}
        }
        let paused = host.paused.filter(|_| !host.is_stuck);
        if own != self.hosts[number].own {
            self.hosts[number].own = own;
            self.tell(number, Event::Own(own));
        }
        if let Some(round) = paused {
            let position = own.position;
            self.tell(number, Event::Paused { round, position });
        }
    }

    pub(super) fn propose(&mut self, number: usize, change: Change) {
        let (shard, candidate) = match change {
            Change::Promote {
                shard, candidate, ..
            } => (shard, candidate),
            Change::Replicate { .. } => return self.propose_move(number, change),
            other => return self.blame(format!("host {number} proposes {other:?}")),
        };
        let seen = &self.log[self.hosts[number].version];
        let primary = seen.shards()[&shard].primary;
        let host = &self.hosts[number];
        let is_planned = candidate == host.node && host.failover.handovers.proposed().is_some();
        let deposes = (!is_planned).then_some(primary);
        if !is_planned {
            self.proposed_at.insert(shard, self.now);
            self.check_decision(shard, primary);
        }
        let Some(leader) = self
            .leader
            .filter(|&leader| self.is_connected(number, leader))
        else {
            return;
        };
        let is_late = self.is_log_slow && self.dice.below(2) == 0;
        let at = self.now
            + match (leader == number, is_late) {
                (_, true) => 300 + self.dice.below(1000),
                (true, false) => 1 + self.dice.below(20),
                (false, false) => 2 + self.dice.below(30),
            };
        if self.is_log_slow {
            let (again, change) = (at + self.dice.below(3000), change.clone());
            self.plan(again, Happening::Commit { change, deposes });
        }
        self.plan(at, Happening::Commit { change, deposes });
    }

    /// A replica is to follow another primary.
    fn propose_move(&mut self, number: usize, change: Change) {
        if self.leader == Some(number) {
            let at = self.now + 1 + self.dice.below(20);
            let deposes = None;
            self.plan(at, Happening::Commit { change, deposes });
        }
    }

    fn commit_move(&mut self, change: &Change) {
        let mut topology = Topology::clone(&self.topology());
        if topology.apply(change).is_ok() {
            self.seen.moved += 1;
            self.log.push(Arc::new(topology));
        }
    }

    /// What must be true when the leader proposes a successor.
    fn check_decision(&mut self, shard: ShardId, primary: NodeId) {
        let number = self.number_of(primary).expect("a host");
        if self.acts(number) == Some(shard) {
            self.blame(format!("host {number} acts while another is to follow it"));
        }
        let is_heard_by = |voter: NodeId| {
            let voter = &self.hosts[self.number_of(voter).expect("a host")];
            let since = voter.hears_since.get(&number);
            voter.is_awake() && since.is_some_and(|&since| since + NEWS_MS <= self.now)
        };
        let host = &self.hosts[number];
        let is_sound = host.is_awake()
            && host
                .claims_since
                .is_some_and(|since| since + NEWS_MS <= self.now);
        if is_sound && self.electorate.is_majority(is_heard_by) {
            self.blame(format!(
                "host {number} is heard, and another is to follow it"
            ));
        }
    }

    pub(super) fn commit(&mut self, mut change: Change, deposes: Option<NodeId>) {
        if self.leader.is_none_or(|leader| !self.can_lead(leader)) {
            return;
        }
        if matches!(change, Change::Replicate { .. }) {
            return self.commit_move(&change);
        }
        let before = self.topology();
        let Change::Promote {
            shard,
            expected_epoch,
            candidate,
        } = &mut change
        else {
            return;
        };
        let (shard, candidate) = (*shard, *candidate);
        let led = &before.shards()[&shard];
        if self.mutant == Some(Mutant::AnyEpoch) {
            *expected_epoch = led.epoch;
        }
        let mut topology = Topology::clone(&before);
        if topology.apply(&change).is_err() || topology == *before {
            return;
        }
        if deposes.is_some_and(|deposed| deposed != led.primary) {
            self.blame("a primary is deposed of whom nobody has decided that".to_owned());
        }
        let [old, new] = [led.primary, candidate].map(|node| self.number_of(node).expect("a host"));
        let (old, new) = (&self.hosts[old], &self.hosts[new]);
        // Whoever starts without its data between the proposal and this does not act.
        let is_whole = old.own.is_whole && new.own.is_whole;
        // A pause does not outlive the process, nor a log that takes seconds.
        let is_paused = is_whole && old.is_alive && old.paused.is_some();
        if deposes.is_none() && is_paused && old.own.position > new.own.position {
            self.blame("a planned failover loses something".to_owned());
        }
        match deposes {
            Some(_) => self.seen.promotions += 1,
            None => self.seen.planned += 1,
        }
        self.log.push(Arc::new(topology));
    }

    /// Notes which primaries a voter hears.
    pub(super) fn note_hearing(&mut self, number: usize) {
        let now = self.now;
        let host = &mut self.hosts[number];
        host.claims_since = host.failover.claim().and(host.claims_since.or(Some(now)));
        if !self.electorate.has(host.node) {
            return;
        }
        let topology = &self.log[self.log.len() - 1];
        let led = topology.shards().values();
        let primaries: Vec<NodeId> = led.map(|shard| shard.primary).collect();
        for primary in primaries {
            let is_heard = self.hosts[number].failover.detector.hears(primary);
            let primary = self.number_of(primary).expect("a host");
            let since = &mut self.hosts[number].hears_since;
            match is_heard {
                true => drop(since.entry(primary).or_insert(now)),
                false => drop(since.remove(&primary)),
            }
        }
    }
}
