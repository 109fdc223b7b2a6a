//! CLUSTER NODES and REPLICAS.

use std::collections::BTreeMap;
use std::fmt;

use super::{Verdict, View, ip};
use crate::id::{NodeId, ShardId};
use crate::topology::{Kind, Member, Refusal, Role};

impl View<'_> {
    /// CLUSTER NODES. A witness shows its own line, for tools look for one, and nobody else's.
    pub fn nodes(&self) -> String {
        let mut text = String::new();
        for (&node, member) in self.topology.members() {
            if member.kind == Kind::Data || node == self.myself {
                text += &self.line(node, member).to_string();
                text.push('\n');
            }
        }
        text
    }

    /// CLUSTER REPLICAS.
    pub fn replicas(&self, primary: NodeId) -> Result<Vec<String>, Refusal> {
        match self.topology.role(primary) {
            Some(Role::Primary(shard)) => {
                let replicas = self.topology.replicas(shard);
                let lines = replicas.map(|(node, member)| self.line(node, member).to_string());
                Ok(lines.collect())
            }
            Some(Role::Replica(_)) => {
                let text = "ERR The specified node is not a master";
                Err(Refusal(text.to_owned()))
            }
            Some(Role::Witness) | None => Err(Refusal(format!("ERR Unknown node {primary}"))),
        }
    }

    fn line<'a>(&'a self, node: NodeId, member: &'a Member) -> Line<'a> {
        let view = self;
        Line { view, node, member }
    }
}

/// One node's line, without its end.
struct Line<'a> {
    view: &'a View<'a>,
    node: NodeId,
    member: &'a Member,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.member.address;
        let (port, bus_port) = (address.port, address.bus_port);
        write!(f, "{} {}:{port}@{bus_port}", self.node, ip(address))?;
        if !address.hostname.is_empty() {
            write!(f, ",{}", address.hostname)?;
        }
        let shard = self.view.topology.shards().get(&self.member.shard);
        let shard = shard.filter(|_| self.member.kind == Kind::Data);
        write!(f, " {} ", self.flags())?;
        match shard.map(|shard| shard.primary) {
            Some(primary) if primary != self.node => write!(f, "{primary}")?,
            _ => f.write_str("-")?,
        }
        let peer = self.view.peer(self.node);
        let (ping, pong, is_connected) = match self.is_myself() {
            true => (0, 0, true),
            false => (peer.ping_sent_ms, peer.pong_received_ms, peer.is_connected),
        };
        let epoch = shard.map_or(0, |shard| shard.epoch);
        let link = if is_connected {
            "connected"
        } else {
            "disconnected"
        };
        write!(f, " {ping} {pong} {epoch} {link}")?;
        let Some(shard) = shard.filter(|shard| shard.primary == self.node) else {
            return Ok(());
        };
        for range in shard.slots.ranges() {
            match range.start() == range.end() {
                true => write!(f, " {}", range.start())?,
                false => write!(f, " {}-{}", range.start(), range.end())?,
            }
        }
        match self.is_myself() {
            true => self.open_slots(f),
            false => Ok(()),
        }
    }
}

impl Line<'_> {
    fn is_myself(&self) -> bool {
        self.node == self.view.myself
    }

    fn flags(&self) -> String {
        let is_unknown = self.member.address.ip.is_none() && !self.is_myself();
        let role = match self.view.topology.role(self.node) {
            Some(Role::Primary(_)) => Some("master"),
            Some(Role::Replica(_)) => Some("slave"),
            Some(Role::Witness) | None => None,
        };
        let verdict = match self.view.verdict(self.node) {
            Verdict::Reachable => None,
            Verdict::Suspected => Some("fail?"),
            Verdict::Failed => Some("fail"),
        };
        let flags = [
            self.is_myself().then_some("myself"),
            role,
            verdict,
            is_unknown.then_some("noaddr"),
        ];
        flags.into_iter().flatten().collect::<Vec<_>>().join(",")
    }

    /// What is on its way to or from this shard, in the order of the slots.
    fn open_slots(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shard) = self.view.topology.shards().get(&self.member.shard) else {
            return Ok(());
        };
        let leaving = shard
            .migrating
            .iter()
            .map(|(&slot, to)| (slot, ("->-", to)));
        let coming = shard
            .importing
            .iter()
            .map(|(&slot, from)| (slot, ("-<-", from)));
        let open: BTreeMap<_, _> = leaving.chain(coming).collect();
        for (slot, (arrow, other)) in open {
            if let Some(primary) = self.primary_of(*other) {
                write!(f, " [{slot}{arrow}{primary}]")?;
            }
        }
        Ok(())
    }

    fn primary_of(&self, shard: ShardId) -> Option<NodeId> {
        let shard = self.view.topology.shards().get(&shard)?;
        Some(shard.primary)
    }
}
