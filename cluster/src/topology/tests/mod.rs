mod broken;
mod members;
pub(crate) mod random;
mod slots;

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::id::{ClusterId, NodeId, ShardId};
use crate::slot::{Slot, SlotSet};

fn node(number: u8) -> NodeId {
    NodeId::new([number; 20])
}

fn shard(number: u8) -> ShardId {
    ShardId::new([number; 20])
}

fn slot(number: u16) -> Slot {
    Slot::try_from(number).expect("a slot")
}

fn slots(ranges: &[(u16, u16)]) -> SlotSet {
    let all = ranges.iter().flat_map(|&(first, last)| first..=last);
    all.map(slot).collect()
}

fn admission(number: u8, kind: Kind) -> Admission {
    Admission {
        node: node(number),
        join: 1,
        kind,
        address: Address {
            ip: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))),
            port: 6379,
            bus_port: 16379,
            hostname: String::new(),
        },
    }
}

/// Nodes 1 to `nodes`, each the primary of the shard with its number.
fn cluster(nodes: u8) -> Topology {
    let founder = admission(1, Kind::Data);
    let mut topology = Topology::alone(ClusterId::new([9; 20]), shard(1), founder);
    for number in 2..=nodes {
        topology.admit(shard(number), admission(number, Kind::Data));
    }
    topology
}

/// Makes the change, which must leave everything in order.
#[track_caller]
fn make(topology: &mut Topology, change: Change) -> Applied {
    let applied = topology.apply(&change).expect("a change that is made");
    assert_eq!(topology.check(), Ok(()), "{change:?}");
    applied
}

/// Tries a change that must leave no trace.
#[track_caller]
fn refusal(topology: &mut Topology, change: Change) -> String {
    let before = topology.clone();
    let refusal = topology.apply(&change).expect_err("a change that is not");
    assert_eq!(*topology, before, "{change:?}");
    refusal.0
}
