//! CLUSTER SLOT-STATS.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use super::{Tree, View};
use crate::slot::Slot;

/// What is counted of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    KeyCount,
    CpuUsec,
    NetworkBytesIn,
    NetworkBytesOut,
}

/// Which of the slots with the most, or the fewest, come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// The counts of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotUsage {
    pub keys: u64,
    pub cpu_us: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Metric {
    pub const ALL: [Metric; 4] = [
        Metric::KeyCount,
        Metric::CpuUsec,
        Metric::NetworkBytesIn,
        Metric::NetworkBytesOut,
    ];

    /// What is there while `cluster-slot-stats-enabled` is no.
    pub const ALWAYS: [Metric; 1] = [Metric::KeyCount];

    pub fn name(self) -> &'static str {
        match self {
            Metric::KeyCount => "key-count",
            Metric::CpuUsec => "cpu-usec",
            Metric::NetworkBytesIn => "network-bytes-in",
            Metric::NetworkBytesOut => "network-bytes-out",
        }
    }

    fn of(self, usage: SlotUsage) -> u64 {
        match self {
            Metric::KeyCount => usage.keys,
            Metric::CpuUsec => usage.cpu_us,
            Metric::NetworkBytesIn => usage.bytes_in,
            Metric::NetworkBytesOut => usage.bytes_out,
        }
    }
}

impl View<'_> {
    /// SLOTSRANGE: those slots of the range that are this shard's, each with `metrics`.
    pub fn slot_range(
        &self,
        range: RangeInclusive<Slot>,
        metrics: &[Metric],
        usage: impl Fn(Slot) -> SlotUsage,
    ) -> Tree {
        let slots = self.my_slots().filter(|slot| range.contains(slot));
        let entries = slots.map(|slot| entry(slot, usage(slot), metrics));
        Tree::Array(entries.collect())
    }

    /// ORDERBY: at most `limit` of this shard's slots; those that are equal in the order of their numbers.
    pub fn slots_by(
        &self,
        by: Metric,
        order: Order,
        limit: usize,
        metrics: &[Metric],
        usage: impl Fn(Slot) -> SlotUsage,
    ) -> Tree {
        let mut slots: Vec<(Slot, SlotUsage)> =
            self.my_slots().map(|slot| (slot, usage(slot))).collect();
        match order {
            Order::Ascending => slots.sort_by_key(|&(_, usage)| by.of(usage)),
            Order::Descending => slots.sort_by_key(|&(_, usage)| Reverse(by.of(usage))),
        }
        slots.truncate(limit);
        let entries = slots
            .into_iter()
            .map(|(slot, usage)| entry(slot, usage, metrics));
        Tree::Array(entries.collect())
    }

    /// A replica shows those of its primary.
    fn my_slots(&self) -> impl Iterator<Item = Slot> {
        let shards = self.topology.shards();
        let mine = self.my_shard().and_then(|shard| shards.get(&shard));
        mine.into_iter().flat_map(|shard| shard.slots.iter())
    }
}

fn entry(slot: Slot, usage: SlotUsage, metrics: &[Metric]) -> Tree {
    let pairs = metrics
        .iter()
        .map(|metric| (metric.name(), metric.of(usage).into()));
    Tree::Array(vec![u16::from(slot).into(), Tree::Map(pairs.collect())])
}
