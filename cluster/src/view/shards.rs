//! CLUSTER SLOTS and SHARDS.

use std::ops::RangeInclusive;

use super::{Preferred, Tree, Verdict, View, ip};
use crate::id::{NodeId, ShardId};
use crate::topology::{Member, Shard};

impl View<'_> {
    /// CLUSTER SLOTS: the ranges in ascending order, each with its primary and those replicas that are of use.
    pub fn slots(&self) -> Tree {
        let mut entries: Vec<(RangeInclusive<u16>, Vec<Tree>)> = Vec::new();
        for (&id, shard) in self.topology.shards() {
            let shown = self
                .members(id)
                .filter(|&(node, _)| node == shard.primary || self.is_of_use(node));
            let nodes: Vec<Tree> = shown
                .map(|(node, member)| self.brief(node, member))
                .collect();
            let ranges = shard.slots.ranges().into_iter();
            entries.extend(ranges.map(|range| (range, nodes.clone())));
        }
        entries.sort_unstable_by_key(|(range, _)| *range.start());
        let entry = |(range, nodes): (RangeInclusive<u16>, Vec<Tree>)| {
            let bounds = [Tree::from(*range.start()), Tree::from(*range.end())];
            Tree::Array(bounds.into_iter().chain(nodes).collect())
        };
        Tree::Array(entries.into_iter().map(entry).collect())
    }

    /// A replica that is up and has some data.
    fn is_of_use(&self, node: NodeId) -> bool {
        self.verdict(node) != Verdict::Failed && self.peer(node).offset != 0
    }

    /// `[endpoint, port, id, what else there is to know of the address]`
    fn brief(&self, node: NodeId, member: &Member) -> Tree {
        let address = &member.address;
        let endpoint = match self.preferred {
            Preferred::Unknown => Tree::Nil,
            known => known.endpoint(address).into(),
        };
        let mut rest = Vec::new();
        if self.preferred != Preferred::Ip {
            rest.push(("ip", ip(address).into()));
        }
        if self.preferred != Preferred::Hostname && !address.hostname.is_empty() {
            rest.push(("hostname", address.hostname.as_str().into()));
        }
        Tree::Array(vec![
            endpoint,
            address.port.into(),
            node.to_hex().into(),
            Tree::Map(rest),
        ])
    }

    /// CLUSTER SHARDS, with the shard's id as in Valkey.
    pub fn shards(&self) -> Tree {
        let shards = self.topology.shards().iter();
        Tree::Array(shards.map(|(&id, shard)| self.shard(id, shard)).collect())
    }

    fn shard(&self, id: ShardId, shard: &Shard) -> Tree {
        let ranges = shard.slots.ranges().into_iter();
        let bounds = ranges.flat_map(|range| [Tree::from(*range.start()), (*range.end()).into()]);
        let members = self.members(id);
        let nodes = members.map(|(node, member)| self.full(shard, node, member));
        Tree::Map(vec![
            ("slots", Tree::Array(bounds.collect())),
            ("nodes", Tree::Array(nodes.collect())),
            ("id", id.to_hex().into()),
        ])
    }

    fn full(&self, shard: &Shard, node: NodeId, member: &Member) -> Tree {
        let address = &member.address;
        let is_replica = shard.primary != node;
        let offset = self.peer(node).offset;
        let health = match self.verdict(node) {
            Verdict::Failed => "fail",
            _ if is_replica && offset == 0 => "loading",
            _ => "online",
        };
        let mut fields = vec![
            ("id", node.to_hex().into()),
            ("port", address.port.into()),
            ("ip", ip(address).into()),
            ("endpoint", self.preferred.endpoint(address).into()),
        ];
        if !address.hostname.is_empty() {
            fields.push(("hostname", address.hostname.as_str().into()));
        }
        let role = if is_replica { "replica" } else { "master" };
        fields.extend([
            ("role", role.into()),
            ("replication-offset", offset.into()),
            ("health", health.into()),
        ]);
        Tree::Map(fields)
    }
}
