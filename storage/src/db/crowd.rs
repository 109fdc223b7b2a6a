//! Keys seen as many: all of them, those of a slot, some chosen by dice.

use std::mem;

use super::{Db, Removed};
use crate::{Rng, Spread, Table, ValueRef};

/// Draws of a random key among keys that may all be over.
const DRAWS_MAX: usize = 100;

/// A key that might be evicted.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// How long it was not used (LRU) or how rarely (LFU): the higher the better to evict.
    pub idleness: u64,
    /// Unix time in milliseconds.
    pub expire_at: Option<i64>,
}

impl Db {
    /// A random living key. Where keys whose time is up stay there may be no other: then one of them.
    pub fn random_key(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        let mut draws = 0;
        loop {
            let key = self.tables.random(rng)?.key().to_vec();
            draws += 1;
            if self.contains(&key) || (self.keeps_expired && draws == DRAWS_MAX) {
                return Some(key);
            }
        }
    }

    /// Visits the keys of one place of the tables and returns the cursor of the next, 0 at the end. A key that is there
    /// from the first call to the last is visited at least once.
    pub fn scan(&mut self, cursor: u64, visit: &mut dyn FnMut(&[u8], ValueRef<'_>)) -> u64 {
        let now_ms = self.now_ms;
        self.tables.scan(cursor, &mut |entry| {
            if !entry.is_over(now_ms) {
                visit(entry.key(), entry.lend());
            }
        })
    }

    /// Visits every living key.
    pub fn for_each(&mut self, visit: &mut dyn FnMut(&[u8], ValueRef<'_>)) {
        for entry in self
            .tables
            .records()
            .filter(|entry| !entry.is_over(self.now_ms))
        {
            visit(entry.key(), entry.lend());
        }
    }

    /// Visits every living key, its value and the time of its expiry.
    pub fn for_each_entry(&mut self, mut visit: impl FnMut(&[u8], ValueRef<'_>, Option<i64>)) {
        for entry in self
            .tables
            .records()
            .filter(|entry| !entry.is_over(self.now_ms))
        {
            visit(entry.key(), entry.lend(), entry.expire_at());
        }
    }

    /// How the keys are spread over the buckets of the tables; see [`Table::spread`].
    pub fn spread(&self, counted: bool) -> Spread {
        self.tables.spread(counted)
    }

    /// Empties the database and hands out what it held, to be dropped here or on another thread.
    pub fn take_all(&mut self) -> Removed {
        self.cycle_at = 0;
        let tables = self.tables.fresh();
        let tables = mem::replace(&mut self.tables, tables);
        self.let_all_go(tables)
    }

    /// Looks at the keys with a time to live in `buckets` buckets of the tables and removes those whose time is up.
    /// Returns how many were removed.
    pub fn expire_some(&mut self, buckets: usize) -> usize {
        let (now_ms, mut over) = (self.now_ms, Vec::new());
        self.cycle_at = self.tables.drain_marked(
            self.cycle_at,
            buckets,
            &mut |entry| entry.is_over(now_ms),
            &mut over,
        );
        self.expired
            .extend(over.iter().map(|entry| entry.key().to_vec()));
        let count = over.len();
        over.into_iter().for_each(|entry| self.let_go(Some(entry)));
        count
    }

    /// A random key, or a random one with a time to live, as a candidate for eviction.
    pub fn candidate(&self, rng: &mut Rng, only_timed: bool) -> Option<Candidate<'_>> {
        let entry = if only_timed {
            self.tables.random_marked(rng)
        } else {
            self.tables.random(rng)
        }?;
        let idleness = self.access.idleness(entry.access());
        Some(Candidate {
            key: entry.key(),
            idleness,
            expire_at: entry.expire_at(),
        })
    }

    /// Number of keys in a slot, expired ones not yet removed included; 0 where keys are not kept by slot.
    pub fn count_in_slot(&self, slot: u16) -> usize {
        self.tables.slot(slot).map_or(0, Table::len)
    }

    /// Up to `count` of the keys that [`Db::count_in_slot`] counts.
    pub fn keys_in_slot(&self, slot: u16, count: usize) -> Vec<Vec<u8>> {
        let entries = self.tables.slot(slot).into_iter().flatten();
        entries
            .take(count)
            .map(|entry| entry.key().to_vec())
            .collect()
    }

    /// Empties a slot and hands out what it held, to be dropped here or on another thread.
    pub fn take_slot(&mut self, slot: u16) -> Removed {
        match self.tables.take_slot(slot) {
            None => Removed::default(),
            Some(table) => self.let_slot_go(slot, table),
        }
    }
}
