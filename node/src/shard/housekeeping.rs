//! What a shard does by itself: keys whose time is up, clients that have waited long enough, room for new keys.

use std::time::{Duration, Instant};

use super::Shard;
use crate::commands::Class;
use crate::memory;
use crate::params::Policy;
use crate::stats::latency;

/// Buckets of a table that the expiry cycle looks at between two looks at the clock; a bucket holds up to 7 keys.
const BUCKETS_PER_STEP: usize = 64;
/// Most time the expiry cycle takes at a stretch: what it adds to the latency of others.
const CYCLE_MAX: Duration = Duration::from_micros(500);
/// Keys that eviction keeps in mind as the best to evict next.
const POOL: usize = 16;
/// Keys evicted before one command; more room is made before the next ones.
const EVICTIONS_PER_COMMAND: usize = 128;

/// What the shard's own work remembers between two turns.
#[derive(Debug, Default)]
pub struct Housekeeping {
    next_db: usize,
    pool: Vec<Victim>,
}

/// A key that eviction has seen.
#[derive(Debug, Clone)]
struct Victim {
    db: usize,
    key: Vec<u8>,
    idleness: u64,
}

impl Shard {
    /// Removes keys whose time is up, and answers clients that have waited long enough. Called every few milliseconds.
    pub fn tick(&mut self) {
        self.time_out_waiters();
        self.expire();
        if self.blocked.acknowledgement_count() > 0 {
            self.serve_acknowledged();
        }
        if !self.seat.lost.is_empty() {
            self.sweep();
        }
        // Slots are spread only if there are keys.
        if let Some(cluster) = &self.node.cluster
            && !self.is_spread()
        {
            cluster.set_holds_keys(self.dbs.iter().any(|db| !db.is_empty()));
        }
        self.note_expired();
        self.tell();
        self.absorb_tallies();
        self.stats.tick(&self.node.traffic, self.now_ms);
        self.node.saving.set_changes(self.changes.total);
    }

    /// Removes keys whose time is up.
    pub(super) fn expire(&mut self) {
        let may_expire =
            self.node.switches.allow_expiry() && !self.node.pause.holds_expiry(self.now_ms);
        // On a replica keys expire when the primary says so.
        if may_expire && !self.standing.is_replica {
            self.expire_cycle();
        }
    }

    fn time_out_waiters(&mut self) {
        for client in self.blocked.overdue(self.now_ms) {
            self.time_out(client);
        }
    }

    /// Walks the tables in slices: goes on while much is found and the time lasts.
    fn expire_cycle(&mut self) {
        let began = self.stats.now();
        let was_cut_short = self.expire_until(began + CYCLE_MAX);
        let took = self.stats.now().saturating_duration_since(began);
        let keyspace = &mut self.stats.keyspace;
        keyspace.expiry_time += took;
        keyspace.expiry_cut_short += u64::from(was_cut_short);
        self.stats
            .latency
            .watch(latency::EXPIRE_CYCLE, took, self.now_ms);
    }

    /// Whether there was more to do at the deadline.
    fn expire_until(&mut self, deadline: Instant) -> bool {
        let count = self.dbs.count();
        for _ in 0..count {
            let db = self.housekeeping.next_db % count;
            loop {
                if self.dbs[db].expires() == 0 {
                    break;
                }
                let removed = self.dbs[db].expire_some(BUCKETS_PER_STEP);
                if self.stats.now() > deadline {
                    return true;
                }
                if removed * 4 < BUCKETS_PER_STEP {
                    break;
                }
            }
            self.housekeeping.next_db = (db + 1) % count;
        }
        false
    }

    /// Journals and tells what look-ups have found expired.
    #[inline]
    pub(super) fn note_expired(&mut self) {
        self.changes.note_expired(&mut self.dbs);
        self.stats.keyspace.expired += std::mem::take(&mut self.changes.expired);
    }

    /// Makes room where `maxmemory` is exceeded; false if there is none to be made.
    pub(super) fn evict(&mut self) -> bool {
        let limit = self.params.maxmemory as usize;
        let is_above = memory::used() > limit;
        self.stats.note_excess(is_above, self.now_ms);
        if !is_above {
            return true;
        }
        let began = self.stats.now();
        let has_room = self.evict_down_to(limit);
        let took = self.stats.now().saturating_duration_since(began);
        self.stats
            .latency
            .watch(latency::EVICTION_CYCLE, took, self.now_ms);
        has_room
    }

    fn evict_down_to(&mut self, limit: usize) -> bool {
        let policy = self.params.maxmemory_policy;
        for _ in 0..EVICTIONS_PER_COMMAND {
            if memory::used() <= limit {
                return true;
            }
            if self.node.pause.holds_expiry(self.now_ms) {
                return false;
            }
            let Some((db, key)) = self.choose_victim(policy) else {
                return false;
            };
            self.evict_key(db, &key);
            self.stats.keyspace.evicted += 1;
            self.changes.removed(db, &key, Class::EVICTED, "evicted");
            self.tell();
        }
        true
    }

    fn evict_key(&mut self, db: usize, key: &[u8]) {
        let began = self.stats.now();
        self.dbs[db].delete(key);
        let took = self.stats.now().saturating_duration_since(began);
        self.stats
            .latency
            .watch(latency::EVICTION_DEL, took, self.now_ms);
    }

    fn choose_victim(&mut self, policy: Policy) -> Option<(usize, Vec<u8>)> {
        match policy {
            Policy::NoEviction => None,
            Policy::AllkeysRandom | Policy::VolatileRandom => {
                self.random_victim(policy.only_volatile())
            }
            _ => self.pooled_victim(policy),
        }
    }

    fn random_victim(&mut self, only_timed: bool) -> Option<(usize, Vec<u8>)> {
        let count = self.dbs.count();
        for _ in 0..count {
            self.housekeeping.next_db = (self.housekeeping.next_db + 1) % count;
            let db = self.housekeeping.next_db;
            if let Some(candidate) = self.dbs[db].candidate(&mut self.rng, only_timed) {
                return Some((db, candidate.key.to_vec()));
            }
        }
        None
    }

    /// Samples every database into the pool, and takes the worst key of the pool that is still there.
    fn pooled_victim(&mut self, policy: Policy) -> Option<(usize, Vec<u8>)> {
        loop {
            let mut population = 0;
            for db in 0..self.dbs.count() {
                let keys = &self.dbs[db];
                population += if policy.only_volatile() {
                    keys.expires()
                } else {
                    keys.len()
                };
                for _ in 0..self.params.maxmemory_samples {
                    let Some(candidate) = keys.candidate(&mut self.rng, policy.only_volatile())
                    else {
                        break;
                    };
                    let idleness = match (policy, candidate.expire_at) {
                        (Policy::VolatileTtl, Some(at)) => (i64::MAX - at.max(0)) as u64,
                        _ => candidate.idleness,
                    };
                    let pool = &mut self.housekeeping.pool;
                    if !pool
                        .iter()
                        .any(|victim| victim.db == db && victim.key == candidate.key)
                    {
                        pool.push(Victim {
                            db,
                            key: candidate.key.to_vec(),
                            idleness,
                        });
                    }
                }
            }
            if population == 0 {
                self.housekeeping.pool.clear();
                return None;
            }
            let pool = &mut self.housekeeping.pool;
            pool.sort_by_key(|victim| victim.idleness);
            let surplus = pool.len().saturating_sub(POOL);
            pool.drain(..surplus);
            while let Some(Victim { db, key, .. }) = self.housekeeping.pool.pop() {
                let keys = &mut self.dbs[db];
                let is_there = match policy.only_volatile() {
                    true => keys.expire_at(&key).flatten().is_some(),
                    false => keys.contains(&key),
                };
                if is_there {
                    return Some((db, key));
                }
            }
        }
    }
}
