//! Thousands of changes that nobody would make, and bytes that nobody would write.

use std::collections::BTreeSet;

use super::*;

/// A generator with a seed, so that a failure repeats.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % end
    }

    pub(crate) fn node(&mut self) -> NodeId {
        node(self.below(12) as u8)
    }

    fn shard(&mut self) -> ShardId {
        shard(self.below(16) as u8)
    }

    /// Few slots, so that they are fought over.
    pub(crate) fn slot(&mut self) -> Slot {
        slot(self.below(24) as u16)
    }

    fn slots(&mut self) -> SlotSet {
        (0..self.below(4)).map(|_| self.slot()).collect()
    }

    fn epoch(&mut self) -> u64 {
        match self.below(20) {
            0 => u64::MAX - self.below(2),
            1 => i64::MAX as u64 - self.below(2),
            _ => self.below(8),
        }
    }

    fn emptied(&mut self) -> Emptied {
        match self.below(2) {
            0 => Emptied::Stays,
            _ => Emptied::Follows,
        }
    }

    fn admission(&mut self) -> Admission {
        let kind = match self.below(5) {
            0 => Kind::Witness,
            _ => Kind::Data,
        };
        Admission {
            node: self.node(),
            ..admission(1, kind)
        }
    }

    fn slot_change(&mut self) -> Change {
        let (node, other) = (self.node(), self.node());
        match self.below(8) {
            0 | 1 => Change::AddSlots {
                node,
                slots: self.slots(),
            },
            2 => Change::DelSlots {
                slots: [self.slot()].into_iter().collect(),
            },
            3 => Change::FlushSlots { node },
            4 => Change::MarkMigrating {
                node,
                slot: self.slot(),
                to: other,
            },
            5 => Change::MarkImporting {
                node,
                slot: self.slot(),
                from: other,
            },
            6 => Change::CloseSlot {
                node,
                slot: self.slot(),
            },
            _ => Change::GiveSlots {
                by: node,
                slots: self.slots(),
                to: other,
                emptied: self.emptied(),
            },
        }
    }

    fn member_change(&mut self, topology: &Topology) -> Change {
        let node = self.node();
        match self.below(8) {
            6 => self.in_sync(topology),
            0 => Change::Replicate {
                node,
                primary: self.node(),
            },
            1 => Change::SetConfigEpoch {
                node,
                epoch: self.epoch(),
            },
            2 => Change::BumpEpoch { node },
            3 => Change::Bring {
                node,
                slots: self.slots(),
                epoch: self.epoch(),
            },
            4 => Change::Move {
                node,
                address: admission(self.below(9) as u8, Kind::Data).address,
            },
            _ => {
                let place = topology.member(node).map(|member| member.shard);
                let shard = place.unwrap_or_else(|| self.shard());
                let known = topology.shards().get(&shard).map(|shard| shard.epoch);
                let expected_epoch = match self.below(4) {
                    0 => self.epoch(),
                    _ => known.unwrap_or_default(),
                };
                let is_takeover = self.below(3) == 0;
                Change::forced(shard, expected_epoch, node, is_takeover)
            }
        }
    }

    /// Some of a shard's replicas, and sometimes somebody else.
    fn in_sync(&mut self, topology: &Topology) -> Change {
        let place = topology.member(self.node()).map(|member| member.shard);
        let shard = place.unwrap_or_else(|| self.shard());
        let known = topology.shards().get(&shard);
        let (epoch, revision) = known.map_or((0, 0), |led| (led.epoch, led.revision));
        let mut replicas: BTreeSet<NodeId> = topology
            .replicas(shard)
            .map(|(node, _)| node)
            .filter(|_| self.below(3) > 0)
            .collect();
        if self.below(8) == 0 {
            replicas.insert(self.node());
        }
        Change::SetInSync(InSync {
            shard,
            expected_epoch: epoch,
            expected_revision: revision + u64::from(self.below(8) == 0),
            ack_mode: match self.below(4) {
                0 => AckMode::Async,
                _ => AckMode::Durable,
            },
            replicas,
        })
    }
}

/// How often each kind of step had an effect.
#[derive(Default)]
struct Tally {
    made: u64,
    refused: u64,
}

fn step(dice: &mut Dice, topology: &mut Topology, tally: &mut Tally) {
    let before = topology.clone();
    match dice.below(10) {
        0 => {
            topology.admit(dice.shard(), dice.admission());
        }
        1 => {
            if topology.dismiss(dice.node()).is_err() {
                assert_eq!(*topology, before);
            }
        }
        kind => {
            let change = match kind {
                2..=5 => dice.member_change(topology),
                _ => dice.slot_change(),
            };
            let result = topology.apply(&change);
            match result {
                Ok(_) => tally.made += 1,
                Err(_) => {
                    tally.refused += 1;
                    assert_eq!(*topology, before, "half made: {change:?}");
                }
            }
        }
    }
    assert!(topology.current_epoch >= before.current_epoch);
    assert!(topology.next_raft_id() >= before.next_raft_id());
}

#[test]
fn nothing_that_is_proposed_breaks_a_topology() {
    let mut tally = Tally::default();
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut topology = cluster(1 + (seed % 6) as u8);
        for number in 0..500 {
            step(&mut dice, &mut topology, &mut tally);
            let found = topology.check();
            assert_eq!(found, Ok(()), "seed {seed}, step {number}");
        }
    }
    let Tally { made, refused } = tally;
    assert!(made > 5000 && refused > 5000, "{made} made, {refused} not");
}

#[test]
fn the_same_change_twice_changes_nothing_more() {
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut topology = cluster(6);
        for _ in 0..300 {
            let change = match dice.below(2) {
                0 => dice.slot_change(),
                _ => dice.member_change(&topology),
            };
            if topology.apply(&change).is_ok() {
                let once = topology.clone();
                // Refused or made again, there is nothing left for it to do.
                let again = topology.apply(&change);
                assert_eq!(topology, once, "{change:?} again: {again:?}");
            }
        }
    }
}

/// What some hundred random steps leave.
pub(crate) fn busy_topology(seed: u64) -> Topology {
    let mut dice = Dice(seed);
    let mut topology = cluster(6);
    for _ in 0..400 {
        step(&mut dice, &mut topology, &mut Tally::default());
    }
    topology
}

#[test]
fn a_topology_is_read_as_it_is_written() {
    let topology = busy_topology(7);
    let bytes = rmp_serde::to_vec(&topology).expect("bytes");
    let read: Topology = rmp_serde::from_slice(&bytes).expect("a topology");
    assert_eq!(read, topology);
    for end in 0..bytes.len() {
        assert!(rmp_serde::from_slice::<Topology>(&bytes[..end]).is_err());
    }
}

#[test]
fn hostile_bytes_are_no_broken_topology() {
    let bytes = rmp_serde::to_vec(&busy_topology(7)).expect("bytes");
    let mut dice = Dice(3);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = bytes.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] = dice.below(256) as u8;
        }
        match rmp_serde::from_slice::<Topology>(&bytes) {
            Ok(topology) => {
                assert_eq!(topology.check(), Ok(()));
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} not");
}

#[test]
fn hostile_bytes_are_no_change_that_breaks_a_topology() {
    let mut dice = Dice(11);
    let topology = busy_topology(7);
    for _ in 0..20_000 {
        let change = match dice.below(2) {
            0 => dice.slot_change(),
            _ => dice.member_change(&topology),
        };
        let mut bytes = rmp_serde::to_vec(&change).expect("bytes");
        let at = dice.below(bytes.len() as u64) as usize;
        bytes[at] = dice.below(256) as u8;
        if let Ok(change) = rmp_serde::from_slice::<Change>(&bytes) {
            let mut topology = topology.clone();
            let _ = topology.apply(&change);
            assert_eq!(topology.check(), Ok(()), "{change:?}");
        }
    }
}

/// Lengths that promise more than there is must not be believed.
#[test]
fn a_length_without_its_bytes_reserves_nothing() {
    // An array, and a map, of four thousand million elements.
    for head in [
        [0xddu8, 0xff, 0xff, 0xff, 0xff],
        [0xdf, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(rmp_serde::from_slice::<SlotSet>(&head).is_err());
        assert!(rmp_serde::from_slice::<Topology>(&head).is_err());
        assert!(rmp_serde::from_slice::<Vec<NodeId>>(&head).is_err());
    }
}
