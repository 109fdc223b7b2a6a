//! CLUSTER INFO, and whether the cluster is up.

use super::{Verdict, View};
use crate::slot::SLOTS;

/// `cluster_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    Fail,
}

/// Whether this node is on the side that may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It hears enough voters.
    Majority,
    Minority,
}

/// `cluster-require-full-coverage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// One slot that nobody serves takes all down.
    Full,
    /// Each slot is on its own.
    Partial,
}

/// What went over the bus, by the kind of message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic {
    pub sent: Vec<(&'static str, u64)>,
    pub received: Vec<(&'static str, u64)>,
    /// Links that were dropped because they could not keep up.
    pub links_dropped: u64,
}

/// Slots by what is thought of their owners.
#[derive(Default)]
struct Served {
    ok: usize,
    suspected: usize,
    failed: usize,
}

impl View<'_> {
    /// The voters' majority takes the place of Redis's majority of primaries with slots: it is what decides here.
    pub fn state(&self, standing: Standing, coverage: Coverage) -> State {
        let Served { ok, suspected, .. } = self.served();
        let needed = match coverage {
            Coverage::Full => SLOTS,
            Coverage::Partial => 1,
        };
        match standing == Standing::Majority && ok + suspected >= needed {
            true => State::Ok,
            false => State::Fail,
        }
    }

    fn served(&self) -> Served {
        let mut served = Served::default();
        for shard in self.topology.shards().values() {
            let count = match self.verdict(shard.primary) {
                Verdict::Reachable => &mut served.ok,
                Verdict::Suspected => &mut served.suspected,
                Verdict::Failed => &mut served.failed,
            };
            *count += shard.slots.len();
        }
        served
    }

    /// CLUSTER INFO.
    pub fn info(&self, state: State, traffic: &Traffic) -> String {
        let Served {
            ok,
            suspected,
            failed,
        } = self.served();
        let shards = self.topology.shards();
        let leading = shards.values().filter(|shard| !shard.slots.is_empty());
        let mine = self.my_shard().and_then(|shard| shards.get(&shard));
        let state = match state {
            State::Ok => "ok",
            State::Fail => "fail",
        };
        let mut text = format!("cluster_state:{state}\r\n");
        let fields = [
            ("slots_assigned", (ok + suspected + failed) as u64),
            ("slots_ok", ok as u64),
            ("slots_pfail", suspected as u64),
            ("slots_fail", failed as u64),
            ("known_nodes", self.shown().count() as u64),
            ("size", leading.count() as u64),
            ("current_epoch", self.topology.current_epoch),
            ("my_epoch", mine.map_or(0, |shard| shard.epoch)),
        ];
        for (name, value) in fields {
            text += &format!("cluster_{name}:{value}\r\n");
        }
        for (direction, counts) in [("sent", &traffic.sent), ("received", &traffic.received)] {
            for (kind, count) in counts.iter().filter(|(_, count)| *count > 0) {
                text += &format!("cluster_stats_messages_{kind}_{direction}:{count}\r\n");
            }
            let total: u64 = counts.iter().map(|(_, count)| count).sum();
            text += &format!("cluster_stats_messages_{direction}:{total}\r\n");
        }
        let dropped = traffic.links_dropped;
        text + &format!("total_cluster_links_buffer_limit_exceeded:{dropped}\r\n")
    }
}
