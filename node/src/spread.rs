//! How the slots of the node are divided among its shards at this moment, as all threads see it.
//!
//! ```text
//!   gathered   the first shard has all slots, and does everything alone, as the shard of a node with one
//!   spread     each shard has a stretch of the slots, and runs what concerns keys of one of these slots alone
//! ```
//! See `shard/share.rs` for what is run where, and `actors/shard/sharing.rs` for how keys come from one shard to another.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use almandine_cluster::slot::Slot;
use almandine_storage::SLOTS;
use arc_swap::{ArcSwapOption, Guard};

use crate::stats::tally::Tally;

/// See the module.
#[derive(Debug)]
pub struct Spread {
    shards: usize,
    stretches: ArcSwapOption<Stretches>,
    /// What the shards have counted that are not the first, and the first has not taken over yet.
    tallies: Mutex<Vec<Tally>>,
    is_to_end: AtomicBool,
    /// How often the slots were spread.
    times: AtomicU64,
}

/// Which slots each shard has.
#[derive(Debug, PartialEq, Eq)]
pub struct Stretches {
    /// Where each stretch but the first begins.
    begins: Vec<u16>,
}

impl Stretches {
    /// Stretches that follow each other and begin there, but for the first, which begins with slot 0.
    pub fn new(begins: Vec<u16>) -> Self {
        debug_assert!(begins.is_sorted());
        Stretches { begins }
    }

    /// The number of the shard that has a slot.
    #[inline]
    pub fn shard_of(&self, slot: Slot) -> usize {
        let slot = u16::from(slot);
        self.begins.partition_point(|begin| *begin <= slot)
    }

    /// The slots of a shard.
    pub fn of(&self, shard: usize) -> Range<u16> {
        let begin = |stretch: usize| self.begins.get(stretch).copied();
        let start = shard.checked_sub(1).and_then(begin).unwrap_or(0);
        start..begin(shard).unwrap_or(SLOTS as u16)
    }
}

impl Spread {
    /// All slots are with the first of so many shards.
    pub fn new(shards: usize) -> Self {
        Spread {
            shards,
            stretches: ArcSwapOption::empty(),
            tallies: Mutex::default(),
            is_to_end: AtomicBool::new(false),
            times: AtomicU64::new(0),
        }
    }

    /// How many shards the node has.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// Which shard has which slots; none = the first has all. Old already when it is read: a shard has the last word.
    #[inline]
    pub fn stretches(&self) -> Guard<Option<Arc<Stretches>>> {
        self.stretches.load()
    }

    /// From now on requests go to the shards that have their slots.
    pub fn begin(&self, stretches: Stretches) {
        self.is_to_end.store(false, Ordering::Release);
        self.times.fetch_add(1, Ordering::Relaxed);
        self.stretches.store(Some(Arc::new(stretches)));
    }

    /// From now on all requests go to the first shard.
    pub fn end(&self) {
        self.stretches.store(None);
    }

    /// A shard has no key any more: the slots are to be divided anew.
    pub fn ask_to_end(&self) {
        self.is_to_end.store(true, Ordering::Release);
    }

    /// Whether [`Spread::ask_to_end`] was called since the slots were spread.
    pub fn is_to_end(&self) -> bool {
        self.is_to_end.load(Ordering::Acquire)
    }

    /// How often the slots were spread.
    pub fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// What a shard has counted.
    pub fn add_tally(&self, tally: Tally) {
        let tallies = self.tallies.lock();
        tallies.unwrap_or_else(PoisonError::into_inner).push(tally);
    }

    /// What the shards have counted since the last call.
    pub fn take_tallies(&self) -> Vec<Tally> {
        let tallies = self.tallies.lock();
        std::mem::take(&mut *tallies.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_in_the_stretch_of_its_shard() {
        for begins in [vec![], vec![1], vec![8192], vec![100, 101, 16383]] {
            let stretches = Stretches::new(begins.clone());
            let mut shards = Vec::new();
            for slot in Slot::all() {
                let shard = stretches.shard_of(slot);
                assert!(stretches.of(shard).contains(&u16::from(slot)));
                shards.push(shard);
            }
            shards.dedup();
            assert_eq!(shards, (0..=begins.len()).collect::<Vec<_>>());
        }
    }
}
