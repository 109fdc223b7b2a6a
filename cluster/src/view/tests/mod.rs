//! The views beside what real servers answered: three nodes A, B and C of Redis 8.2.3 and of Valkey 9.1.2, B a replica of A.
//! Names, ports and times in the replies were replaced by round ones, and what these servers leave unordered was sorted.

mod random;
mod replies;
mod routing;

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::id::ClusterId;
use crate::slot::{Slot, SlotSet};
use crate::topology::{Admission, Applied, Change, Emptied};

const A: NodeId = NodeId::new([0xaa; 20]);
const B: NodeId = NodeId::new([0xbb; 20]);
const C: NodeId = NodeId::new([0xcc; 20]);
const CLUSTER: ClusterId = ClusterId::new([9; 20]);
const PONG_MS: u64 = 1_700_000_000_000;

fn shard(node: NodeId) -> ShardId {
    let places = [(A, 0x11), (B, 0x22), (C, 0x33)];
    let place = places.iter().find(|(known, _)| *known == node);
    ShardId::new([place.map_or(0x44, |&(_, byte)| byte); 20])
}

fn slot(number: u16) -> Slot {
    Slot::try_from(number).expect("a slot")
}

fn slots(first: u16, last: u16) -> SlotSet {
    (first..=last).map(slot).collect()
}

fn admission(node: NodeId, number: u16) -> Admission {
    Admission {
        node,
        join: 1,
        kind: Kind::Data,
        address: Address {
            ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: 31000 + number,
            bus_port: 31005 + number,
            hostname: String::new(),
        },
    }
}

#[track_caller]
fn make(topology: &mut Topology, change: Change) {
    assert_eq!(topology.apply(&change), Ok(Applied::Done), "{change:?}");
    assert_eq!(topology.check(), Ok(()));
}

/// A, which never met anybody.
fn fresh() -> Topology {
    let mut founder = admission(A, 0);
    founder.address.ip = None;
    Topology::alone(CLUSTER, shard(A), founder)
}

/// A with the lower half of the slots and B as its replica, C with the upper half, and a witness that nobody sees.
fn three() -> Topology {
    let mut topology = Topology::alone(CLUSTER, shard(A), admission(A, 0));
    let set = Change::SetConfigEpoch { node: A, epoch: 1 };
    make(&mut topology, set);
    topology.admit(shard(B), admission(B, 10));
    topology.admit(shard(C), admission(C, 20));
    let lower = Change::AddSlots {
        node: A,
        slots: slots(0, 8191),
    };
    make(&mut topology, lower);
    let upper = Change::Bring {
        node: C,
        slots: slots(8192, 16383),
        epoch: 3,
    };
    make(&mut topology, upper);
    let replicate = Change::Replicate {
        node: B,
        primary: A,
    };
    make(&mut topology, replicate);
    let witness = NodeId::new([0x0e; 20]);
    let witness = Admission {
        kind: Kind::Witness,
        ..admission(witness, 30)
    };
    topology.admit(ShardId::new([0x0e; 20]), witness);
    topology
}

/// The same, with a name for C.
fn named() -> Topology {
    let mut topology = three();
    let mut address = admission(C, 20).address;
    address.hostname = "c.example".to_owned();
    make(&mut topology, Change::Move { node: C, address });
    topology
}

/// The same after slot 7 went from A to C, with 5 and 6 about to follow and 16000 about to come.
fn open() -> Topology {
    let mut topology = named();
    for number in [5, 6] {
        let mark = Change::MarkMigrating {
            node: A,
            slot: slot(number),
            to: C,
        };
        make(&mut topology, mark);
    }
    let mark = Change::MarkImporting {
        node: A,
        slot: slot(16000),
        from: C,
    };
    make(&mut topology, mark);
    let give = Change::GiveSlots {
        by: C,
        slots: slots(7, 7),
        to: C,
        emptied: Emptied::Follows,
    };
    make(&mut topology, give);
    topology
}

/// All well, with as much of the stream as the server had when it answered.
fn well(offset: u64) -> BTreeMap<NodeId, Peer> {
    let peer = Peer {
        pong_received_ms: PONG_MS,
        is_connected: true,
        offset,
        ..Peer::default()
    };
    let ahead = [A, B].map(|node| (node, peer));
    let other = (C, Peer { offset: 0, ..peer });
    ahead.into_iter().chain([other]).collect()
}

/// B is down, for certain.
fn failed(offset: u64) -> BTreeMap<NodeId, Peer> {
    let mut peers = well(offset);
    peers.insert(B, down(Verdict::Failed, offset));
    peers
}

fn down(verdict: Verdict, offset: u64) -> Peer {
    Peer {
        ping_sent_ms: PONG_MS,
        pong_received_ms: PONG_MS,
        is_connected: false,
        verdict,
        offset,
    }
}

fn view<'a>(topology: &'a Topology, peers: &'a BTreeMap<NodeId, Peer>) -> View<'a> {
    View {
        topology,
        myself: A,
        peers,
        preferred: Preferred::Ip,
    }
}
