//! What passes between the machine and the failure detector: who is silent, who shall lead, what a client asked of both.

use std::collections::BTreeSet;

use almandine_cluster::failover::Standpoint;
use almandine_cluster::frame::Body;
use almandine_cluster::id::NodeId;
use almandine_cluster::machine::{Effect, Event, Order};
use almandine_cluster::topology::{Applied, Change};
use almandine_cluster::view::Verdict;

use super::Conduct;
use crate::actors::config::messages::{Force, HandedOver, Say};
use crate::actors::failure_detector::messages::{Abort, Depart, Forced, HandOver, Reconfigured};
use crate::actors::shard::messages::{PauseWrites, ResumeWrites};

impl Conduct {
    pub(super) fn fail_over(&mut self, client: u64, force: Force) {
        if force == Force::None {
            self.detector.do_send(HandOver { client });
            return;
        }
        let is_takeover = force == Force::Takeover;
        self.detector.do_send(Forced { is_takeover });
        let cluster = self.shared();
        let is_in_sync = cluster.is_some_and(|cluster| cluster.is_whole() == Some(true));
        self.handle(Event::Force {
            client,
            is_takeover,
            is_in_sync,
        });
    }

    /// The hand-over that is under way is not wanted any more.
    pub(super) fn abort_failover(&self, client: u64) {
        self.detector.do_send(Abort { client });
    }

    /// The node is about to end.
    pub(in super::super) fn depart(&self, order: Depart) {
        self.detector.do_send(order);
    }

    /// The failure detector has an answer for a client.
    pub(in super::super) fn handed_over(&mut self, HandedOver { client, outcome }: HandedOver) {
        let outcome = outcome.map(|()| Applied::Done);
        self.carry_out(vec![Effect::Answer { client, outcome }]);
    }

    /// The failure detector wants this decided.
    pub(in super::super) fn propose(&mut self, change: Change) {
        let client = self.wishes.own();
        let order = Order::Change(change);
        self.handle(Event::Propose { client, order });
    }

    pub(in super::super) fn say(&mut self, Say { to, message }: Say) {
        let frame = self.machine.frame(Body::Failover(Box::new(message)));
        let member = self.machine.topology().member(to);
        let address = member.map(|member| member.address.clone());
        self.carry_out(vec![Effect::Send { to, address, frame }]);
    }

    /// What is thought of others, or whether this node may lead, is different now.
    pub(in super::super) fn judged(&mut self) {
        self.tell_who_is_silent();
        self.publish();
        self.tell_part();
    }

    /// Who is silent for long votes no more, if somebody else can.
    fn tell_who_is_silent(&mut self) {
        let Some(cluster) = self.shared() else {
            return;
        };
        let heard = cluster.heard();
        let silent = heard.peers.iter();
        let silent = silent.filter(|(_, peer)| peer.verdict != Verdict::Reachable);
        let silent: BTreeSet<NodeId> = silent.map(|(&node, _)| node).collect();
        drop(heard);
        let before = std::mem::replace(&mut self.silent, silent.clone());
        for &node in before.symmetric_difference(&silent) {
            let is_silent = silent.contains(&node);
            self.handle(Event::Silent { node, is_silent });
        }
    }

    pub(in super::super) fn pause_writes(&self, pause: PauseWrites) {
        if let Some(shard) = &self.shard {
            shard.do_send(pause);
        }
    }

    pub(in super::super) fn resume_writes(&self) {
        if let Some(shard) = &self.shard {
            shard.do_send(ResumeWrites);
        }
    }

    pub(super) fn tell_detector(&self) {
        let identity = self.machine.identity();
        self.detector.do_send(Reconfigured {
            myself: identity.node,
            start: identity.start,
            standpoint: Standpoint {
                topology: self.topology.clone(),
                electorate: self.machine.electorate(),
                leader: self.machine.leader(),
                is_current: self.machine.is_current(),
                may_be_deposed: self.machine.may_be_deposed(),
            },
        });
    }
}
