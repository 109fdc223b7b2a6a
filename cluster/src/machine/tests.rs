//! A few machines on a network that loses nothing and disks that are always ready, unless they are told otherwise.

mod disks;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::slot::SlotSet;
use crate::topology::Change;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[derive(Default)]
struct Net {
    machines: BTreeMap<NodeId, Machine>,
    disks: BTreeMap<NodeId, Records>,
    answers: BTreeMap<u64, Result<Applied, Refusal>>,
    clients: u64,
    down: BTreeSet<NodeId>,
    /// These do not hear each other.
    apart: BTreeSet<(NodeId, NodeId)>,
    /// Of a hundred frames so many are lost.
    loss: u64,
    /// No message of the consensus arrives.
    is_mute: bool,
    dice: u64,
    /// Ticks that each disk takes; 0 = it is done at once.
    disk: u32,
    /// Whose disks are busy with what, and for how many ticks yet.
    writing: Vec<(u32, NodeId, u64)>,
}

fn node(number: u8) -> NodeId {
    NodeId::new([number; 20])
}

fn port(number: u8) -> u16 {
    u16::from(number)
}

impl Net {
    fn with(count: u8) -> Net {
        let mut net = Net::default();
        for number in 1..=count {
            net.found(number, Kind::Data);
        }
        net
    }

    fn address(number: u8) -> Address {
        Address {
            ip: None,
            port: 1000 + port(number),
            bus_port: port(number),
            hostname: String::new(),
        }
    }

    fn found(&mut self, number: u8, kind: Kind) {
        let founder = Founder {
            node: node(number),
            kind,
            address: Net::address(number),
            seed: u64::from(number),
        };
        let (machine, effects) = Machine::found(founder);
        self.machines.insert(node(number), machine);
        self.carry(node(number), effects);
    }

    fn restart(&mut self, number: u8) {
        let records = &self.disks[&node(number)];
        let again = Machine::recover(records, Net::address(number), 99);
        let (machine, effects) = again.expect("whole records");
        self.machines.insert(node(number), machine);
        self.carry(node(number), effects);
    }

    fn carry(&mut self, who: NodeId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist { number, writes } => {
                    let disk = self.disks.entry(who).or_default();
                    for (key, value) in writes {
                        match value {
                            Some(value) => disk.insert(key, value),
                            None => disk.remove(&key),
                        };
                    }
                    match self.disk {
                        0 => self.event(who, Event::Persisted { number }),
                        ticks => self.writing.push((ticks, who, number)),
                    }
                }
                Effect::Send { to, frame, .. } => self.deliver(who, to, frame),
                Effect::Dial {
                    bus_port, frame, ..
                } => self.deliver(who, node(bus_port as u8), frame),
                Effect::Answer { client, outcome } => {
                    assert!(self.answers.insert(client, outcome).is_none());
                }
                Effect::Changed => {}
                Effect::Halt { reason } => panic!("{who}: {reason}"),
            }
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.dice >> 33) % sides
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, frame: Frame) {
        let bytes = frame.to_bytes();
        let frame = Frame::from_bytes(&bytes).expect("a frame is read as it was written");
        let pair = (from.min(to), from.max(to));
        let is_mute = self.is_mute && matches!(frame.body, Body::Raft(_));
        let is_lost = is_mute || self.apart.contains(&pair) || self.roll(100) < self.loss;
        if !self.down.contains(&to) && !is_lost {
            self.event(
                to,
                Event::Received {
                    frame,
                    seen: Some(HERE),
                },
            );
        }
    }

    fn event(&mut self, who: NodeId, event: Event) {
        let Some(machine) = self.machines.get_mut(&who) else {
            return;
        };
        let effects = machine.handle(event);
        self.carry(who, effects);
    }

    fn tick(&mut self, times: u32) {
        for _ in 0..times {
            let mut writing = std::mem::take(&mut self.writing);
            writing.iter_mut().for_each(|(left, ..)| *left -= 1);
            let (done, busy): (Vec<_>, Vec<_>) =
                writing.into_iter().partition(|(left, ..)| *left == 0);
            self.writing = busy;
            for (_, who, number) in done {
                self.event(who, Event::Persisted { number });
            }
            let nodes: Vec<NodeId> = self.machines.keys().copied().collect();
            for who in nodes {
                if !self.down.contains(&who) {
                    self.event(who, Event::Tick);
                }
            }
        }
    }

    fn client(&mut self) -> u64 {
        self.clients += 1;
        self.clients
    }

    /// Asks and waits.
    fn propose(&mut self, number: u8, order: Order) -> Result<Applied, Refusal> {
        let client = self.client();
        self.event(node(number), Event::Propose { client, order });
        self.outcome(client)
    }

    fn meet(&mut self, number: u8, other: u8) -> Result<Applied, Refusal> {
        let client = self.client();
        self.event(
            node(number),
            Event::Meet {
                client,
                ip: HERE,
                bus_port: port(other),
            },
        );
        self.outcome(client)
    }

    fn outcome(&mut self, client: u64) -> Result<Applied, Refusal> {
        for _ in 0..400 {
            if let Some(outcome) = self.answers.remove(&client) {
                return outcome;
            }
            self.tick(1);
        }
        panic!("no answer within ten seconds");
    }

    fn machine(&self, number: u8) -> &Machine {
        &self.machines[&node(number)]
    }

    #[track_caller]
    fn agree(&self, numbers: impl IntoIterator<Item = u8>) {
        let topologies: Vec<&Topology> = numbers
            .into_iter()
            .map(|number| self.machine(number).topology())
            .collect();
        for topology in &topologies {
            assert_eq!(topology, &topologies[0]);
            assert_eq!(topology.check(), Ok(()));
        }
    }
}

fn add_slots(number: u8, range: std::ops::Range<u16>) -> Order {
    let slots: SlotSet = range.filter_map(|slot| slot.try_into().ok()).collect();
    Order::Change(Change::AddSlots {
        node: node(number),
        slots,
    })
}

#[test]
fn a_node_alone_is_a_cluster() {
    let mut net = Net::with(1);
    assert!(net.machine(1).is_leader());
    assert_eq!(net.propose(1, add_slots(1, 0..16384)), Ok(Applied::Done));
    let refused = net.propose(1, add_slots(1, 5..6));
    assert_eq!(
        refused,
        Err(Refusal("ERR Slot 5 is already busy".to_owned()))
    );
    net.restart(1);
    net.tick(1);
    assert!(net.machine(1).is_leader());
    let shards = net.machine(1).topology().shards();
    assert!(shards.values().all(|shard| shard.slots.len() == 16384));
}

#[test]
fn two_that_meet_are_one_cluster_and_keep_what_they_had() {
    let mut net = Net::with(2);
    net.propose(1, add_slots(1, 0..100)).unwrap();
    net.propose(2, add_slots(2, 100..200)).unwrap();
    assert_eq!(net.meet(1, 2), Ok(Applied::Done));
    net.tick(40);
    net.agree([1, 2]);
    assert_eq!(
        net.machine(1).identity().cluster,
        net.machine(2).identity().cluster
    );
    assert_eq!(net.machine(1).voters().voters.len(), 2);
    let ip = |number| {
        net.machine(number)
            .topology()
            .member(node(number))
            .unwrap()
            .address
            .ip
    };
    assert_eq!([ip(1), ip(2)], [Some(HERE); 2], "they have told each other");
    for (number, slot) in [(1, 50u16), (2, 150)] {
        let owner = net.machine(1).topology().owner(slot.try_into().unwrap());
        assert_eq!(owner.unwrap().1.primary, node(number));
    }
}

#[test]
fn voters_are_kept_odd_while_nodes_come_and_go() {
    let mut net = Net::with(7);
    for number in 2..=7 {
        assert_eq!(net.meet(number, 1), Ok(Applied::Done), "{number}");
    }
    net.tick(80);
    net.agree(1..=7);
    assert_eq!(net.machine(3).voters().voters.len(), 5);
    for gone in 5..=7 {
        assert_eq!(net.propose(1, Order::Forget(node(gone))), Ok(Applied::Done));
        assert_eq!(net.propose(2, Order::Forget(node(gone))), Ok(Applied::Done));
    }
    net.tick(80);
    net.agree(1..=4);
    assert_eq!(net.machine(1).voters().voters.len(), 3);
    for gone in 5..=7 {
        let machine = net.machine(gone);
        assert_eq!(machine.topology().members().len(), 1, "{gone} has heard it");
        assert!(machine.is_leader());
    }
    // A leader that goes lets another lead first.
    let leader = (1..=4).find(|&number| net.machine(number).is_leader());
    let leader = leader.expect("somebody leads");
    let other = if leader == 1 { 2 } else { 1 };
    assert_eq!(
        net.propose(other, Order::Forget(node(leader))),
        Ok(Applied::Done)
    );
    net.tick(80);
    assert_eq!(net.machine(other).topology().members().len(), 3);
    assert_eq!(net.machine(leader).topology().members().len(), 1);
}

#[test]
fn two_clusters_of_several_nodes_stay_apart() {
    let mut net = Net::with(4);
    net.meet(1, 2).unwrap();
    net.meet(3, 4).unwrap();
    let Err(refusal) = net.meet(1, 3) else {
        panic!("they were merged");
    };
    assert!(refusal.0.contains("not merged"), "{refusal}");
    net.agree([1, 2]);
    net.agree([3, 4]);
}

#[test]
fn the_others_go_on_without_the_leader_and_it_comes_back() {
    let mut net = Net::with(3);
    net.meet(2, 1).unwrap();
    net.meet(3, 1).unwrap();
    net.tick(60);
    assert_eq!(net.machine(1).voters().voters.len(), 3);
    let leader = (1..=3)
        .find(|&number| net.machine(number).is_leader())
        .unwrap();
    let other = leader % 3 + 1;
    net.down.insert(node(leader));
    assert_eq!(
        net.propose(other, add_slots(other, 0..10)),
        Ok(Applied::Done)
    );
    net.down.clear();
    net.restart(leader);
    net.tick(60);
    net.agree(1..=3);
}

#[test]
fn a_node_that_is_reset_is_alone_again() {
    let mut net = Net::with(3);
    net.meet(2, 1).unwrap();
    net.meet(3, 1).unwrap();
    net.propose(2, add_slots(2, 0..10)).unwrap();
    let client = net.client();
    net.event(
        node(2),
        Event::Reset {
            client,
            is_hard: false,
        },
    );
    assert_eq!(net.outcome(client), Ok(Applied::Done));
    net.tick(20);
    assert_eq!(net.machine(2).topology().members().len(), 1);
    assert_eq!(net.machine(1).topology().members().len(), 2);
    net.agree([1, 3]);
    let old = net.machine(2).identity().node;
    let client = net.client();
    net.event(
        node(2),
        Event::Reset {
            client,
            is_hard: true,
        },
    );
    assert_eq!(net.outcome(client), Ok(Applied::Done));
    assert_ne!(net.machine(2).identity().node, old);
    assert_eq!(net.meet(3, 2), Ok(Applied::Done));
}

/// Tools forget a node everywhere, and reset it before it has heard of that.
#[test]
fn a_node_that_is_forgotten_while_it_is_reset_can_be_met_again() {
    let mut net = Net::with(3);
    for number in 2..=3 {
        net.meet(number, 1).expect("met");
    }
    net.tick(100);
    for number in 1..=2 {
        net.apart.insert((node(number), node(3)));
    }
    let client = net.client();
    let is_hard = false;
    net.event(node(3), Event::Reset { client, is_hard });
    net.propose(1, Order::Forget(node(3))).expect("forgotten");
    net.apart.clear();
    net.outcome(client).expect("reset");
    assert_eq!(net.machine(3).topology().members().len(), 1);
    net.meet(3, 1).expect("met again");
    net.agree(1..=3);
}

/// Whether they hear it while they run, or after a start.
#[test]
fn the_copies_of_replicas_that_were_forgotten_are_not_their_own() {
    let mut net = Net::with(4);
    for number in 2..=4 {
        net.meet(number, 1).expect("met");
    }
    for number in 2..=3 {
        let (node, primary) = (node(number), node(1));
        let order = Order::Change(Change::Replicate { node, primary });
        net.propose(number, order).expect("a replica");
    }
    net.tick(100);
    net.down.insert(node(3));
    for number in [3, 2, 4] {
        net.propose(1, Order::Forget(node(number)))
            .expect("forgotten");
        net.tick(100);
    }
    net.down.clear();
    net.restart(3);
    net.tick(100);
    for (number, owns_keys) in [(1, true), (2, false), (3, false), (4, true)] {
        let alone = net.machine(number).topology();
        assert_eq!(alone.members().len(), 1, "{number}");
        assert_eq!(alone.owns_keys(node(number)), owns_keys, "{number}");
    }
    net.restart(2);
    assert!(!net.machine(2).topology().owns_keys(node(2)));
}

#[test]
fn a_witness_votes_before_the_second_replica() {
    let mut net = Net::with(2);
    net.found(9, Kind::Witness);
    net.meet(2, 1).unwrap();
    net.meet(9, 1).unwrap();
    net.tick(60);
    assert!(net.machine(1).voters().voters.contains(&node(9)));
    assert_eq!(net.machine(1).voters().voters.len(), 3);
}

#[test]
fn a_node_alone_is_current_at_once() {
    let mut net = Net::with(1);
    assert!(net.machine(1).is_current());
    net.restart(1);
    assert!(net.machine(1).is_current() && net.machine(1).is_leader());
}

#[test]
fn a_node_that_comes_back_is_current_when_the_others_have_told_it() {
    let mut net = Net::with(4);
    for number in 2..=4 {
        net.meet(number, 1).unwrap();
    }
    net.tick(80);
    assert!((1..=4).all(|number| net.machine(number).is_current()));
    let learner = net.machine(1).voters().learners[0];
    let all: Vec<NodeId> = (1..=4).map(node).collect();
    for number in 1..=4 {
        net.down = all.iter().copied().collect();
        net.restart(number);
        net.down.remove(&node(number));
        net.tick(120);
        let is_learner = node(number) == learner;
        assert!(!net.machine(number).is_current(), "{number} {is_learner}");
        net.down = [node(number)].into();
        let other = number % 4 + 1;
        net.propose(
            other,
            Order::Change(Change::BumpEpoch { node: node(other) }),
        )
        .unwrap();
        net.down.clear();
        net.tick(80);
        assert!(net.machine(number).is_current(), "{number} {is_learner}");
        net.agree(1..=4);
    }
}

#[test]
fn a_voter_that_is_gone_is_replaced_by_one_that_is_there() {
    let mut net = Net::with(4);
    for number in 2..=4 {
        net.meet(number, 1).unwrap();
    }
    net.tick(80);
    let voters = net.machine(1).voters();
    let gone = *voters
        .voters
        .iter()
        .rfind(|&&voter| Some(voter) != voters.leader)
        .unwrap();
    let spare = voters.learners[0];
    net.down.insert(gone);
    let tell = |net: &mut Net, is_silent| {
        for number in (1..=4).filter(|&number| node(number) != gone) {
            let node = gone;
            net.event(
                super::tests::node(number),
                Event::Silent { node, is_silent },
            );
        }
    };
    tell(&mut net, true);
    net.tick(1000);
    // It may come back.
    let leader = (1..=4)
        .find(|&number| Some(node(number)) == voters.leader)
        .unwrap();
    assert!(net.machine(leader).voters().voters.contains(&gone));
    net.tick(400);
    let voters = net.machine(leader).voters();
    assert!(
        voters.voters.contains(&spare) && !voters.voters.contains(&gone),
        "{voters:?}"
    );
    assert_eq!(voters.voters.len(), 3);
    // Who is silent gets no vote, even if somebody must have it.
    net.propose(leader, Order::Forget(spare)).unwrap();
    net.tick(200);
    assert!(!net.machine(leader).voters().voters.contains(&gone));
    net.down.clear();
    tell(&mut net, false);
    net.tick(200);
    assert!(net.machine(leader).voters().voters.contains(&gone));
}
