//! What a shard has counted that is not the first of its node: the first one adds it to what it counts itself.

use std::collections::VecDeque;
use std::mem;

use almandine_storage::Databases;

use super::commandlog::Entry;
use super::commands::CommandStats;
use super::errors::ErrorStats;
use super::latency::LatencyMonitor;
use super::meter::Batches;
use super::{Keyspace, Stats};

/// See the module.
#[derive(Debug)]
pub struct Tally {
    commands: CommandStats,
    errors: ErrorStats,
    log: [VecDeque<Entry>; 3],
    latency: LatencyMonitor,
    keyspace: Keyspace,
    batches: Batches,
    changes: u64,
}

impl Tally {
    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.batches.count == 0
            && self.changes == 0
            && self.keyspace.expired == 0
            && self.keyspace.expiry_time.is_zero()
    }

    /// Changes of keys.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

impl Stats {
    /// What was counted since the last call, and so many changes.
    pub fn take_tally(&mut self, dbs: &mut Databases, changes: u64) -> Tally {
        self.gather(dbs);
        Tally {
            commands: self.commands.take(),
            errors: mem::take(&mut self.errors),
            log: self.log.take(),
            latency: self.latency.take(),
            keyspace: mem::take(&mut self.keyspace),
            batches: mem::take(&mut self.meter.batches),
            changes,
        }
    }

    /// Adds what another shard has counted.
    pub fn absorb(&mut self, tally: Tally) {
        let Tally {
            commands,
            errors,
            log,
            latency,
            keyspace,
            batches,
            ..
        } = tally;
        self.commands.absorb(&commands);
        for (code, replies) in errors.iter() {
            self.errors.count_many(code, replies);
        }
        self.log.absorb(log);
        self.latency.absorb(&latency);
        let sum = &mut self.keyspace;
        sum.expired += keyspace.expired;
        sum.evicted += keyspace.evicted;
        sum.hits += keyspace.hits;
        sum.misses += keyspace.misses;
        sum.expiry_cut_short += keyspace.expiry_cut_short;
        sum.expiry_time += keyspace.expiry_time;
        let sum = &mut self.meter.batches;
        sum.count += batches.count;
        sum.took += batches.took;
        self.batches_of_others += batches.count;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use almandine_storage::Layout;

    use super::*;
    use crate::commands::table;
    use crate::params::Params;
    use crate::stats::latency;

    #[test]
    fn what_one_shard_has_counted_is_counted_once_by_another() {
        let params = Params {
            latency_monitor_threshold: 5,
            ..Params::default()
        };
        let get = table::find(b"get").expect("GET exists");
        let mut dbs = Databases::new(1, Layout::Whole, 1);
        let (mut one, mut other) = (Stats::new(&params), Stats::new(&params));
        for stats in [&mut one, &mut other] {
            stats.commands.record(get, 3, Duration::from_micros(2));
            stats.commands.failed(get);
            stats.errors.count("WRONGTYPE");
            stats.keyspace.expired = 2;
            stats.meter.batches.count = 5;
            let took = Duration::from_millis(9);
            stats.latency.watch(latency::COMMAND, took, 1000);
        }
        assert!(dbs[0].get(b"none").is_none());
        let tally = other.take_tally(&mut dbs, 7);
        assert!(!tally.is_empty());
        assert_eq!(tally.changes(), 7);
        one.absorb(tally);
        let nothing = other.take_tally(&mut dbs, 0);
        assert!(nothing.is_empty());
        one.absorb(nothing);
        let row = one.commands.row(get);
        assert_eq!((row.calls, row.micros(), row.failed), (6, 12, 2));
        let distribution = row.distribution().expect("times were kept");
        assert_eq!(distribution.calls, 6);
        assert_eq!(one.commands.calls(), 6);
        assert_eq!(one.errors.iter().collect::<Vec<_>>(), [("WRONGTYPE", 2)]);
        assert_eq!((one.keyspace.expired, one.keyspace.misses), (4, 1));
        assert_eq!((one.meter.batches.count, one.batches_of_others), (10, 5));
        let series = one.latency.series(b"command").expect("it happened");
        assert_eq!(series.samples().len(), 1);
    }
}
