//! Failovers by force, and what becomes of those who were away.

use super::*;
use crate::failover::Electorate;
use crate::topology::{Role, Topology};

impl Net {
    fn force(&mut self, number: u8, is_takeover: bool) -> Result<Applied, Refusal> {
        let client = self.client();
        self.event(
            node(number),
            Event::Force {
                client,
                is_takeover,
                is_in_sync: true,
            },
        );
        self.outcome(client)
    }

    /// One primary with all slots, the others its replicas.
    fn shard(count: u8) -> Net {
        let mut net = Net::with(count);
        net.propose(1, add_slots(1, 0..16384)).unwrap();
        for number in 2..=count {
            net.meet(number, 1).unwrap();
            let (node, primary) = (node(number), node(1));
            net.propose(number, Order::Change(Change::Replicate { node, primary }))
                .unwrap();
        }
        net.tick(80);
        net
    }

    fn kill(&mut self, number: u8) {
        self.down.insert(node(number));
    }

    /// It was only stopped, or it starts again.
    fn wake(&mut self, number: u8, is_restarted: bool) {
        self.down.remove(&node(number));
        if is_restarted {
            self.restart(number);
        }
    }

    fn is_primary(&self, number: u8) -> bool {
        let machine = self.machine(number);
        let role = machine.topology().role(node(number));
        machine.is_current() && matches!(role, Some(Role::Primary(_)))
    }

    /// Until all are in one line, know it, and so many of them vote.
    #[track_caller]
    fn settle(&mut self, count: u8, voters: usize) {
        for _ in 0..1200 {
            self.tick(1);
            let machines: Vec<&Machine> = (1..=count).map(|number| self.machine(number)).collect();
            let first = machines[0];
            let is_same = |machine: &&Machine| {
                machine.is_current()
                    && machine.identity().generation == first.identity().generation
                    && machine.topology() == first.topology()
                    && machine.voters().voters.len() == voters
            };
            if machines.iter().all(is_same) {
                return;
            }
        }
        let seen = self.machines.values().map(|machine| {
            let (identity, voters) = (machine.identity(), machine.voters());
            format!("{identity:?} {voters:?}\n")
        });
        panic!(
            "no agreement within 30 seconds:\n{}",
            seen.collect::<String>()
        );
    }
}

fn epoch(topology: &Topology) -> u64 {
    topology.current_epoch
}

#[test]
fn two_nodes_take_turns_a_hundred_times() {
    let mut net = Net::shard(2);
    net.loss = 20;
    let (mut primary, mut replica) = (1, 2);
    for turn in 0..100 {
        assert!(
            net.is_primary(primary) && !net.is_primary(replica),
            "{turn}"
        );
        // What is decided just before must not be lost, even if the replica has not heard that it is decided.
        let bump = Change::BumpEpoch {
            node: node(primary),
        };
        let bumped = net.propose(primary, Order::Change(bump)).unwrap();
        net.kill(primary);
        let pause = net.roll(60) as u32;
        net.tick(pause);
        assert_eq!(net.force(replica, false), Ok(Applied::Done), "{turn}");
        assert!(net.is_primary(replica), "{turn}");
        let known = epoch(net.machine(replica).topology());
        let (Applied::Bumped(told) | Applied::Still(told)) = bumped else {
            panic!("{bumped:?}");
        };
        assert!(known > told, "{turn}: {known} {told}");
        let is_restarted = net.roll(2) == 0;
        net.wake(primary, is_restarted);
        net.settle(2, 2);
        (primary, replica) = (replica, primary);
    }
    assert_eq!(net.machine(1).identity().generation.counter, 101);
}

#[test]
fn the_old_primary_gives_up_as_soon_as_it_hears_of_a_higher_line() {
    let mut net = Net::shard(2);
    net.apart.insert((node(1), node(2)));
    net.force(2, false).unwrap();
    assert!(net.is_primary(1) && net.is_primary(2));
    net.apart.clear();
    net.settle(2, 2);
    assert!(!net.is_primary(1) && net.is_primary(2));
}

#[test]
fn of_two_lines_the_higher_one_wins_whoever_speaks_first() {
    for first in [1, 2] {
        let mut net = Net::shard(2);
        net.apart.insert((node(1), node(2)));
        // It does not know whether it is still the primary, so it may be asked.
        net.restart(1);
        net.force(first, false).unwrap();
        net.force(3 - first, false).unwrap();
        assert!(net.is_primary(1) && net.is_primary(2));
        let higher = (1..=2).max_by_key(|&number| net.machine(number).identity().generation);
        assert_eq!(higher, Some(2), "both counted on; the name decides");
        net.apart.clear();
        net.settle(2, 2);
        assert!(!net.is_primary(1) && net.is_primary(2));
    }
}

#[test]
fn who_has_begun_a_line_has_no_part_in_what_it_asked_of_others_before() {
    let mut net = Net::shard(3);
    net.apart.extend([(node(1), node(2)), (node(2), node(3))]);
    net.force(2, true).unwrap();
    net.kill(3);
    let frame = net.machine(2).frame(Body::Call);
    net.event(node(1), Event::Received { frame, seen: None });
    assert!(net.machine(1).identity().superior.is_some());
    let nobody = Electorate::default();
    assert_eq!(net.machine(1).electorate(), nobody, "it may not act");
    // It asks the second line to be taken in, and begins a third one instead.
    net.force(1, true).unwrap();
    net.apart.clear();
    net.wake(3, false);
    net.settle(3, 3);
    let machine = net.machine(1);
    let (identity, topology) = (machine.identity().clone(), machine.topology());
    let asked = Seat {
        admission: Admission {
            node: node(1),
            join: identity.join,
            kind: Kind::Data,
            address: topology.members()[&node(1)].address.clone(),
        },
        shard: identity.shard,
        slots: SlotSet::default(),
        epoch: 0,
    };
    assert!(identity.join > 0);
    for by in [1, 3] {
        let line = Some(identity.generation);
        let seat = asked.clone();
        let frame = Frame {
            from: node(1),
            ..net.machine(1).frame(Body::Join { seat, line })
        };
        net.event(node(by), Event::Received { frame, seen: None });
        net.tick(80);
        assert_eq!(net.machine(by).voters().voters.len(), 3);
    }
    net.settle(3, 3);
}

#[test]
fn a_majority_decides_without_a_new_line() {
    let mut net = Net::shard(3);
    net.kill(1);
    assert_eq!(net.force(2, false), Ok(Applied::Done));
    assert!(net.is_primary(2));
    assert_eq!(net.machine(2).identity().generation.counter, 1);
    let refusal = net.force(2, false).unwrap_err();
    assert_eq!(
        refusal.0,
        "ERR You should send CLUSTER FAILOVER to a replica"
    );
    net.wake(1, true);
    net.settle(3, 3);
    assert!(!net.is_primary(1));
}

#[test]
fn one_of_three_is_not_forced_and_may_take_over() {
    let mut net = Net::shard(3);
    net.kill(1);
    net.kill(2);
    let refusal = net.force(3, false).unwrap_err();
    assert!(
        refusal
            .0
            .starts_with("CLUSTERDOWN No majority of the 3 voters"),
        "{refusal}"
    );
    assert_eq!(net.force(3, true), Ok(Applied::Done));
    assert!(net.is_primary(3));
    net.wake(1, false);
    net.wake(2, true);
    net.settle(3, 3);
    assert!(net.is_primary(3) && !net.is_primary(1) && !net.is_primary(2));
}

#[test]
fn a_replica_that_lacks_writes_is_not_forced_and_may_take_over() {
    let mut net = Net::shard(2);
    net.kill(1);
    let client = net.client();
    let force = |is_takeover| Event::Force {
        client,
        is_takeover,
        is_in_sync: false,
    };
    net.event(node(2), force(false));
    let refusal = net.outcome(client).unwrap_err();
    assert!(
        refusal.0.starts_with("ERR This replica may lack writes"),
        "{refusal}"
    );
    net.event(node(2), force(true));
    assert_eq!(net.outcome(client), Ok(Applied::Done));
}

/// Between the word that it is in and its first snapshot a node knows nothing of the new line.
#[test]
fn a_node_that_was_just_taken_in_may_only_take_over() {
    let mut net = Net::shard(2);
    net.kill(1);
    net.force(2, false).unwrap();
    net.wake(1, true);
    net.is_mute = true;
    // It still learns of the new line, and is taken in.
    net.event(node(1), Event::Tick);
    net.tick(60);
    assert_eq!(net.machine(1).identity().generation.counter, 2);
    net.kill(2);
    net.is_mute = false;
    let refusal = net.force(1, false).unwrap_err();
    assert!(
        refusal
            .0
            .starts_with("CLUSTERDOWN No majority answers, and this node"),
        "{refusal}"
    );
    assert_eq!(net.force(1, true), Ok(Applied::Done));
    net.wake(2, true);
    net.settle(2, 2);
    assert!(net.is_primary(1));
}

#[test]
fn a_node_that_was_forgotten_meanwhile_is_alone_afterwards() {
    let mut net = Net::shard(2);
    net.kill(1);
    net.force(2, false).unwrap();
    assert_eq!(net.propose(2, Order::Forget(node(1))), Ok(Applied::Done));
    net.wake(1, true);
    net.tick(200);
    assert_eq!(net.machine(1).topology().members().len(), 1);
    assert_eq!(net.machine(2).topology().members().len(), 1);
    assert_ne!(
        net.machine(1).identity().cluster,
        net.machine(2).identity().cluster
    );
}

#[test]
fn whoever_counts_on_a_node_that_others_have_taken_in_since_lets_it_go() {
    let mut net = Net::shard(3);
    net.found(4, Kind::Data);
    net.propose(4, add_slots(4, 0..1)).unwrap();
    net.apart.extend([(node(1), node(2)), (node(2), node(3))]);
    net.force(2, true).unwrap();
    // The line before lets it go, which the second line does not know.
    net.propose(1, Order::Forget(node(3))).unwrap();
    net.tick(80);
    net.meet(3, 4).unwrap();
    let join = net.machine(3).identity().join;
    assert!(net.machine(2).topology().members()[&node(3)].join < join);
    net.apart.clear();
    net.tick(400);
    net.agree(1..=2);
    net.agree(3..=4);
    assert!(!net.machine(2).topology().members().contains_key(&node(3)));
}

/// It would take the others with it into a line that knows nothing of them.
#[test]
fn who_was_just_taken_in_takes_nothing_over() {
    let mut net = Net::with(2);
    for number in 1..=2 {
        let first = u16::from(number) * 10;
        net.propose(number, add_slots(number, first..first + 10))
            .unwrap();
    }
    // It hears that it is in, and nothing of the log.
    net.is_mute = true;
    let client = net.client();
    let (ip, bus_port) = (HERE, port(1));
    let meet = Event::Meet {
        client,
        ip,
        bus_port,
    };
    net.event(node(2), meet);
    net.tick(80);
    let newcomer = (1..=2).find(|&number| net.machine(number).is_a_stranger());
    let newcomer = newcomer.expect("one has joined the other");
    assert!(net.force(newcomer, true).is_err());
    net.is_mute = false;
    net.settle(2, 2);
    assert_eq!(net.machine(1).identity().generation.counter, 1);
}

#[test]
fn a_replica_that_leads_the_log_lets_its_primary_go_when_that_has_gone() {
    let mut net = Net::with(2);
    net.meet(2, 1).unwrap();
    let (follower, primary) = (node(1), node(2));
    let node = follower;
    net.propose(1, Order::Change(Change::Replicate { node, primary }))
        .unwrap();
    assert!(net.machine(1).is_leader());
    let join = net.machine(1).topology().members()[&primary].join;
    let frame = net.machine(2).frame(Body::Elsewhere { join });
    net.event(follower, Event::Received { frame, seen: None });
    net.tick(80);
    let topology = net.machine(1).topology();
    assert!(!topology.members().contains_key(&primary));
    assert!(matches!(topology.role(follower), Some(Role::Primary(_))));
}

/// Its line is as high as it likes: nobody follows a node that was let go.
#[test]
fn a_node_that_was_let_go_does_not_take_the_others_with_it() {
    let mut net = Net::shard(4);
    let gone = node(4);
    for other in 1..=3 {
        net.apart.insert((node(other), gone));
    }
    net.propose(1, Order::Forget(gone)).unwrap();
    net.force(4, true).unwrap();
    net.apart.clear();
    net.tick(200);
    net.agree(1..=3);
    assert_eq!(net.machine(1).identity().generation.counter, 1);
    assert!(net.is_primary(1));
}
