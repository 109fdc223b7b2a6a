//! To whom this node keeps links, and what waits for one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use actix::Addr;
use almandine_cluster::id::NodeId;
use almandine_cluster::machine::Machine;
use almandine_cluster::topology::Address;

use crate::actors::bus::BusActor;
use crate::actors::bus::messages::{Forget, Keep, Meet, Parcel};

/// Ticks for which a link to somebody is kept who is no member, after the last word to it (30 s).
const CALL: u32 = 1200;
/// Addresses that are dialled at a time to meet whoever is there.
const MEETINGS_MAX: usize = 1024;

/// See the module.
pub(super) struct Links {
    bus: Addr<BusActor>,
    /// Where they are who have a link to this node.
    places: BTreeMap<NodeId, IpAddr>,
    /// Members, by where they are kept.
    kept: BTreeMap<NodeId, String>,
    /// Others to whom something was sent, by the ticks since then.
    called: BTreeMap<NodeId, u32>,
    /// What is said to whoever is there.
    meetings: BTreeMap<String, Parcel>,
}

impl Links {
    pub(super) fn new(bus: Addr<BusActor>) -> Self {
        Links {
            bus,
            places: BTreeMap::new(),
            kept: BTreeMap::new(),
            called: BTreeMap::new(),
            meetings: BTreeMap::new(),
        }
    }

    pub(super) fn bus(&self) -> &Addr<BusActor> {
        &self.bus
    }

    pub(super) fn up(&mut self, peer: NodeId, ip: IpAddr) {
        self.places.insert(peer, ip);
    }

    pub(super) fn lost(&mut self, peer: NodeId) {
        self.places.remove(&peer);
    }

    pub(super) fn address_of(&self, peer: NodeId) -> Option<IpAddr> {
        self.places.get(&peer).copied()
    }

    /// Voters are kept by all, and they keep all: so a node that does not vote costs the others nothing but its voters. The
    /// members of a shard keep each other.
    pub(super) fn keep(&mut self, machine: &Machine) {
        let topology = machine.topology();
        let myself = machine.identity().node;
        let voters: BTreeSet<NodeId> = machine.voters().voters.into_iter().collect();
        let own_shard = topology.member(myself).map(|member| member.shard);
        let is_voter = voters.contains(&myself);
        let mut wanted = BTreeMap::new();
        for (&node, member) in topology.members() {
            let is_needed = is_voter || voters.contains(&node) || own_shard == Some(member.shard);
            if node != myself
                && is_needed
                && let Some(place) = place(&member.address)
            {
                wanted.insert(node, place);
            }
        }
        for node in self.kept.keys() {
            if !wanted.contains_key(node) {
                let peer = node.bytes();
                self.bus.do_send(Forget { peer });
            }
        }
        for (node, address) in &wanted {
            if self.kept.get(node) != Some(address) {
                self.bus.do_send(Keep {
                    peer: node.bytes(),
                    address: address.clone(),
                });
            }
            self.called.remove(node);
        }
        self.kept = wanted;
    }

    pub(super) fn send(&mut self, to: NodeId, address: Option<&Address>, parcel: Parcel) {
        if !self.kept.contains_key(&to)
            && let Some(place) = address.and_then(place)
        {
            self.called.insert(to, 0);
            self.bus.do_send(Keep {
                peer: to.bytes(),
                address: place,
            });
        }
        self.bus.do_send(parcel.to(to.bytes()));
    }

    pub(super) fn dial(&mut self, ip: IpAddr, bus_port: u16, parcel: Parcel) {
        let address = SocketAddr::new(ip, bus_port).to_string();
        if self.meetings.len() >= MEETINGS_MAX {
            return;
        }
        let is_new = self.meetings.insert(address.clone(), parcel).is_none();
        // An attempt that is under way takes the newest words.
        if is_new {
            self.bus.do_send(Meet { address });
        }
    }

    pub(super) fn met(&mut self, peer: NodeId, address: &str) {
        if let Some(parcel) = self.meetings.remove(address) {
            self.bus.do_send(parcel.to(peer.bytes()));
        }
    }

    pub(super) fn unreachable(&mut self, address: &str) {
        self.meetings.remove(address);
    }

    /// Once a tick: links to those who are no members end when nothing was said for long.
    pub(super) fn tidy(&mut self) {
        self.called.values_mut().for_each(|age| *age += 1);
        let bus = &self.bus;
        self.called.retain(|node, age| {
            if *age > CALL {
                let peer = node.bytes();
                bus.do_send(Forget { peer });
            }
            *age <= CALL
        });
    }
}

/// As the bus dials it; none if it is not known.
fn place(address: &Address) -> Option<String> {
    Some(SocketAddr::new(address.ip?, address.bus_port).to_string())
}
