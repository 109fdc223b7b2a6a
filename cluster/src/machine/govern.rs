//! The leader's work: who is let go, who is taken in, who votes. One change of the members at a time.

use std::collections::BTreeMap;

use super::Machine;
use super::ask::Asker;
use crate::frame::Body;
use crate::id::{NodeId, ShardId};
use crate::raft::state::{Membership, Order};
use crate::switches::{Rule, is_off};
use crate::topology::{Change, Kind, RaftId};

/// Ticks between two attempts to tell somebody that it is in (1 s).
const WELCOME_AGAIN: u32 = 40;

/// Ticks of silence after which a voter is replaced (30 s).
const GONE: u32 = 1200;

/// Voters of a cluster of so many members. An even number survives no more losses than the odd one below it; two are better
/// than one only because each has everything that was decided.
fn voters_wanted(members: usize) -> usize {
    match members {
        0..=3 => members,
        4 => 3,
        _ => 5,
    }
}

impl Machine {
    pub(super) fn govern(&mut self) {
        if !self.knows_the_log() || !self.engine.may_change_members() {
            return;
        }
        if !self.dismiss_next() && !self.admit_next() && !self.remove_stray() {
            self.balance_voters();
        }
    }

    /// A name of the log whose node is gone, or has another name by now: it was dismissed while it was taken in again.
    fn remove_stray(&mut self) -> bool {
        let conf = self.engine.log().conf();
        let mut names = conf.voters.iter().chain(&conf.learners);
        let is_stray = |&&id: &&RaftId| self.topology().member_by_raft_id(id).is_none();
        let Some(&stray) = names.find(is_stray).filter(|&&id| id != self.engine.id()) else {
            return false;
        };
        self.engine
            .propose_membership(stray, &Membership::Supersede(stray))
    }

    /// Whether something was begun.
    fn dismiss_next(&mut self) -> bool {
        let Some(request) = self.leaving.first().cloned() else {
            return false;
        };
        let node = match request.order {
            Order::Forget(node) => node,
            _ => request.origin,
        };
        let Some(raft_id) = self.topology().member(node).map(|member| member.raft_id) else {
            self.leaving.remove(0);
            // It is gone; the log says so to the one who asks.
            return self.engine.propose(&request);
        };
        if raft_id == self.engine.id() {
            return self.step_back();
        }
        if self.engine.log().conf().voters == [raft_id] {
            return false;
        }
        self.leaving.remove(0);
        self.engine
            .propose_membership(raft_id, &Membership::Dismiss(request))
    }

    /// The leader itself is to go: somebody else leads first, and is asked again. Whether somebody can.
    fn step_back(&mut self) -> bool {
        let voters = self.engine.log().conf().voters.clone();
        let others = voters.iter().filter(|&&voter| voter != self.engine.id());
        let matched = |voter: RaftId| self.engine.progress_of(voter).map(|(matched, _)| matched);
        let heir = others.copied().max_by_key(|&voter| matched(voter));
        match heir {
            Some(heir) => {
                self.engine.transfer(heir);
                true
            }
            // Nobody else votes yet.
            None => self.promote_learner(),
        }
    }

    fn admit_next(&mut self) -> bool {
        let Some(seat) = self.wanted.values().next().cloned() else {
            return false;
        };
        let member = self.topology().member(seat.admission.node);
        let known = member.map(|member| (member.join, member.raft_id));
        match known {
            Some((join, raft_id))
                if join > seat.admission.join
                    || (join == seat.admission.join && self.takes_part(raft_id)) =>
            {
                self.wanted.remove(&seat.admission.node);
                self.welcome_one(seat.admission.node, seat.admission.join);
                false
            }
            Some((_, raft_id)) if self.takes_part(raft_id) => self
                .engine
                .propose_membership(raft_id, &Membership::Supersede(raft_id)),
            None if self
                .engine
                .state()
                .has_joined(seat.admission.node, seat.admission.join) =>
            {
                // It was taken in and has left since.
                self.wanted.remove(&seat.admission.node);
                false
            }
            _ => {
                let raft_id = match known.filter(|_| is_off(Rule::NamesAreNew)) {
                    Some((_, old)) => old,
                    None => self.topology().next_raft_id(),
                };
                self.engine
                    .propose_membership(raft_id, &Membership::Admit(seat))
            }
        }
    }

    /// Whether the log is sent to whom it calls so. A member may have no part in it: when a line of history begins, only the
    /// node that makes it has one.
    pub(super) fn takes_part(&self, raft_id: RaftId) -> bool {
        let conf = self.engine.log().conf();
        conf.voters.contains(&raft_id) || conf.learners.contains(&raft_id)
    }

    /// Those who were taken in hear it.
    pub(super) fn welcome(&mut self) {
        if !self.engine.is_leader() {
            return;
        }
        let joins: Vec<_> = self
            .wanted
            .values()
            .map(|seat| (seat.admission.node, seat.admission.join))
            .collect();
        for (node, join) in joins {
            if self.welcome_one(node, join) {
                self.wanted.remove(&node);
            }
        }
    }

    pub(super) fn welcome_one(&mut self, node: NodeId, join: u64) -> bool {
        let member = self.topology().member(node);
        let Some(raft_id) = member
            .filter(|member| member.join == join && self.takes_part(member.raft_id))
            .map(|member| member.raft_id)
        else {
            return false;
        };
        self.send(node, Body::Accepted { raft_id, join });
        true
    }

    /// Those who were taken in and have said nothing since may not have heard of it, and members without a part may not have
    /// heard of this line.
    pub(super) fn welcome_again(&mut self) {
        self.welcome_age += 1;
        if self.welcome_age < WELCOME_AGAIN || !self.engine.is_leader() {
            return;
        }
        self.welcome_age = 0;
        let conf = self.engine.log().conf();
        let is_silent = |id: RaftId| matches!(self.engine.progress_of(id), Some((0, _)));
        let silent = conf.learners.iter().filter(|&&id| is_silent(id));
        let members = silent.filter_map(|&id| self.topology().member_by_raft_id(id));
        let joins: Vec<_> = members.map(|(node, member)| (node, member.join)).collect();
        for (node, join) in joins {
            self.welcome_one(node, join);
        }
        let members = self.topology().members().iter();
        let absent = members.filter(|(_, member)| !self.takes_part(member.raft_id));
        let absent: Vec<NodeId> = absent.map(|(&node, _)| node).collect();
        for node in absent {
            self.send(node, Body::Call);
        }
    }

    /// A member says that it is one of another cluster, and no more what it has become by asking for the `join`th time, or before.
    pub(super) fn let_go(&mut self, node: NodeId, join: u64) {
        let member = self.topology().member(node);
        let is_it = member.is_some_and(|member| member.join <= join);
        if is_it && self.engine.is_leader() && self.asks.is_idle() {
            self.ask(Asker::Nobody, Order::Change(Change::FlushSlots { node }));
            self.ask(Asker::Nobody, Order::Forget(node));
        }
    }

    pub(super) fn note_silence(&mut self, node: NodeId, is_silent: bool) {
        match is_silent {
            true => drop(self.silent.entry(node).or_insert(0)),
            false => drop(self.silent.remove(&node)),
        }
    }

    pub(super) fn tick_silence(&mut self) {
        for age in self.silent.values_mut() {
            *age = age.saturating_add(1);
        }
    }

    /// For how long nobody has heard the node of that name; none = it is heard.
    fn silence_of(&self, id: RaftId) -> Option<u32> {
        let (node, _) = self.topology().member_by_raft_id(id)?;
        self.silent.get(&node).copied()
    }

    fn balance_voters(&mut self) {
        let conf = self.engine.log().conf();
        let wanted = voters_wanted(conf.voters.len() + conf.learners.len());
        if conf.voters.len() < wanted {
            self.promote_learner();
        } else if conf.voters.len() > wanted {
            self.demote_voter();
        } else {
            self.replace_voter();
        }
    }

    /// A voter that is gone for good makes every other one indispensable: one that is there takes its turn.
    fn replace_voter(&mut self) {
        let voters = self.engine.log().conf().voters.iter();
        let is_gone = |&&id: &&RaftId| {
            let silence = self.silence_of(id);
            id != self.engine.id() && silence.is_some_and(|silence| silence >= GONE)
        };
        let gone = voters.filter(is_gone).min().copied();
        if let (Some(gone), Some(_)) = (gone, self.next_voter()) {
            self.engine
                .propose_membership(gone, &Membership::Demote(gone));
        }
    }

    /// How many voters each shard has.
    fn voters_by_shard(&self) -> BTreeMap<ShardId, usize> {
        let mut count = BTreeMap::new();
        for &voter in &self.engine.log().conf().voters {
            if let Some((_, member)) = self.topology().member_by_raft_id(voter) {
                *count.entry(member.shard).or_default() += 1;
            }
        }
        count
    }

    /// Who votes rather than others: a witness before all others, then one of a shard with few voters. The least is first.
    fn turn_to_vote(
        &self,
        id: RaftId,
        by_shard: &BTreeMap<ShardId, usize>,
    ) -> (bool, usize, RaftId) {
        let member = self.topology().member_by_raft_id(id);
        let is_data = member.is_none_or(|(_, member)| member.kind == Kind::Data);
        let mates = member.and_then(|(_, member)| by_shard.get(&member.shard));
        (is_data, mates.copied().unwrap_or(0), id)
    }

    /// The learner that votes next: one that has everything, and is heard.
    fn next_voter(&self) -> Option<RaftId> {
        let (log, by_shard) = (self.engine.log(), self.voters_by_shard());
        let has_all = |id: RaftId| {
            let progress = self.engine.progress_of(id);
            progress.is_some_and(|(matched, is_heard)| {
                is_heard && matched > 0 && matched >= log.commit()
            })
        };
        let learners = log.conf().learners.iter().copied();
        let ready = learners.filter(|&id| has_all(id) && self.silence_of(id).is_none());
        ready.min_by_key(|&id| self.turn_to_vote(id, &by_shard))
    }

    fn promote_learner(&mut self) -> bool {
        self.next_voter()
            .is_some_and(|id| self.engine.propose_membership(id, &Membership::Promote(id)))
    }

    /// A voter listens only; never the leader.
    fn demote_voter(&mut self) {
        let (log, by_shard) = (self.engine.log(), self.voters_by_shard());
        let others = log
            .conf()
            .voters
            .iter()
            .filter(|&&id| id != self.engine.id());
        let worst = others
            .copied()
            .max_by_key(|&id| (self.silence_of(id), self.turn_to_vote(id, &by_shard)));
        if let Some(id) = worst {
            self.engine.propose_membership(id, &Membership::Demote(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_are_one_two_three_or_five() {
        let wanted: Vec<usize> = (0..=8).map(voters_wanted).collect();
        assert_eq!(wanted, [0, 1, 2, 3, 3, 5, 5, 5, 5]);
    }
}
