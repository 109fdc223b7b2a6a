//! What a cluster consists of at the beginning.

use std::net::IpAddr;

use super::super::*;
use crate::id::ClusterId;
use crate::slot::Slot;
use crate::topology::{Address, Admission, Kind};

/// A cluster: for each shard how many members, and how many witnesses.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) shards: Vec<usize>,
    pub(super) witnesses: usize,
    pub(super) policy: TwoNodePolicy,
}

pub(super) fn node(number: usize) -> NodeId {
    NodeId::new([number as u8 + 1; 20])
}

pub(super) fn shard(number: usize) -> ShardId {
    ShardId::new([number as u8 + 1; 20])
}

fn admission(number: usize, kind: Kind) -> Admission {
    Admission {
        node: node(number),
        join: 1,
        kind,
        address: Address {
            ip: Some(IpAddr::from([10, 0, 0, number as u8 + 1])),
            port: 6379,
            bus_port: 16379,
            hostname: String::new(),
        },
    }
}

/// The hosts' topology: members of a shard follow each other, the first is its primary.
pub(super) fn found(plan: &Plan) -> (Topology, Vec<Kind>) {
    let mut topology = Topology::alone(ClusterId::new([9; 20]), shard(0), admission(0, Kind::Data));
    let mut kinds = Vec::new();
    for (at, &members) in plan.shards.iter().enumerate() {
        let primary = kinds.len();
        for member in 0..members {
            let number = kinds.len();
            kinds.push(Kind::Data);
            // The founder's shard has the number of its place, the others' too.
            let home = if member == 0 { at } else { 100 + number };
            if number > 0 {
                topology.admit(shard(home), admission(number, Kind::Data));
            }
            if member > 0 {
                let change = Change::Replicate {
                    node: node(number),
                    primary: node(primary),
                };
                topology.apply(&change).expect("a replica");
            }
        }
        let slot = Slot::try_from(at as u16).expect("a slot");
        let change = Change::AddSlots {
            node: node(primary),
            slots: [slot].into_iter().collect(),
        };
        topology.apply(&change).expect("slots");
    }
    for _ in 0..plan.witnesses {
        let number = kinds.len();
        topology.admit(shard(200 + number), admission(number, Kind::Witness));
        kinds.push(Kind::Witness);
    }
    (topology, kinds)
}
