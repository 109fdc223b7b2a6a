//! The keys of one database: in one table, or in a table for each slot.
//!
//! A node of a cluster counts, lists, removes and moves the keys of one slot, so it keeps them apart. A slot has a table
//! from its first key to its last. The hash of a key then names the slot too, so whoever looks up by hash needs no more:
//!
//! ```text
//! hash    | tag 8 bits | slot 14 bits | bits that choose the bucket, 42 |
//! cursor  | cursor within the table of the slot, 50 bits | slot 14 bits |
//! ```
//!
//! Architecture invariant: which slot a key belongs to is said by a function from outside; see [`Layout`].

mod slots;
mod sums;

use std::ops::Range;

use self::slots::Slots;
use crate::table::Record;
use crate::{Rng, Spread, Table};

/// Slots that keys are kept by. A power of two.
pub const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 14;

/// The slot of a key, below [`SLOTS`].
pub type SlotOf = fn(&[u8]) -> u16;

/// How the keys of a database are kept.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// In one table.
    Whole,
    /// In a table for each slot.
    BySlot(SlotOf),
}

/// See the module.
#[derive(Debug)]
pub(crate) enum Tables<R: Record> {
    Whole(Table<R>),
    BySlot(Box<Slots<R>>),
}

/// The tables of some slots on their way from one shard to another.
#[derive(Debug)]
pub(crate) struct Stretch<R: Record> {
    tables: Vec<(usize, Table<R>)>,
    /// An empty one that hashes as they do.
    blank: Table<R>,
}

impl<R: Record> Tables<R> {
    /// No keys. The seed keeps clients from choosing keys that collide.
    pub(crate) fn new(layout: Layout, seed: u64) -> Self {
        let table = Table::new(seed);
        match layout {
            Layout::Whole => Tables::Whole(table),
            Layout::BySlot(slot_of) => Tables::BySlot(Box::new(Slots::new(table, slot_of))),
        }
    }

    /// The same without keys.
    pub(crate) fn fresh(&self) -> Self {
        match self {
            Tables::Whole(table) => Tables::Whole(table.fresh()),
            Tables::BySlot(slots) => Tables::BySlot(Box::new(slots.fresh())),
        }
    }

    /// Number of records.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Tables::Whole(table) => table.len(),
            Tables::BySlot(slots) => slots.len(),
        }
    }

    /// Number of records with a mark.
    #[inline]
    pub(crate) fn marked(&self) -> usize {
        match self {
            Tables::Whole(table) => table.marked(),
            Tables::BySlot(slots) => slots.marked(),
        }
    }

    /// Bytes of the tables, without their records.
    pub(crate) fn memory(&self) -> usize {
        let tables: usize = self.iter().map(Table::memory).sum();
        match self {
            Tables::Whole(_) => tables,
            Tables::BySlot(slots) => tables + slots.memory(),
        }
    }

    /// Number of buckets, chained ones not counted.
    pub(crate) fn buckets(&self) -> usize {
        self.iter().map(Table::buckets).sum()
    }

    /// The tables that there are, in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Table<R>> {
        let (whole, slots) = match self {
            Tables::Whole(table) => (Some(table), None),
            Tables::BySlot(slots) => (None, Some(slots.iter())),
        };
        whole.into_iter().chain(slots.into_iter().flatten())
    }

    /// All records, table by table.
    pub(crate) fn records(&self) -> impl Iterator<Item = &R> {
        self.iter().flatten()
    }

    /// How the records are spread over the buckets of all tables; see [`Table::spread`].
    pub(crate) fn spread(&self, counted: bool) -> Spread {
        let spreads = self.iter().map(|table| table.spread(counted));
        spreads.reduce(Spread::plus).unwrap_or_default()
    }

    /// The hash by which `key` is found; good for the calls of these tables only.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        match self {
            Tables::Whole(table) => table.hash(key),
            Tables::BySlot(slots) => slots.hash(key),
        }
    }

    /// Until [`Tables::forget_foreseen`] nothing but `key` stands where it stands now, and this is its hash.
    #[inline]
    pub(crate) fn foresee(&mut self, key: &[u8], hash: u64) {
        if let Tables::BySlot(slots) = self {
            slots.foresee(key, hash);
        }
    }

    /// Ends [`Tables::foresee`].
    #[inline]
    pub(crate) fn forget_foreseen(&mut self) {
        if let Tables::BySlot(slots) = self {
            slots.forget_foreseen();
        }
    }

    /// The slot that a hash names; none where keys are not kept by slot.
    #[inline]
    pub(crate) fn slot_in(&self, hash: u64) -> Option<u16> {
        match self {
            Tables::Whole(_) => None,
            Tables::BySlot(_) => Some(slots::slot_in(hash) as u16),
        }
    }

    /// Where a record of this hash is, or would be looked for.
    #[inline]
    fn table(&self, hash: u64) -> &Table<R> {
        match self {
            Tables::Whole(table) => table,
            Tables::BySlot(slots) => slots.table(hash),
        }
    }

    /// The record of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&R> {
        self.get_hashed(self.hash(key), key)
    }

    /// As [`Tables::get`] when the hash is known.
    #[inline]
    pub(crate) fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<&R> {
        self.table(hash).get_hashed(hash, key)
    }

    /// The record of `key`, to change anything but its key. It may be replaced by a record of the same key.
    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut R> {
        self.get_mut_hashed(self.hash(key), key)
    }

    /// As [`Tables::get_mut`] when the hash is known.
    #[inline]
    pub(crate) fn get_mut_hashed(&mut self, hash: u64, key: &[u8]) -> Option<&mut R> {
        let table = match self {
            Tables::Whole(table) => table,
            Tables::BySlot(slots) => slots.table_mut(hash)?,
        };
        table.get_mut_hashed(hash, key)
    }

    /// Puts a record in whose key is not there yet; unmarked. Returns it where it stands.
    #[inline]
    pub(crate) fn insert_new(&mut self, hash: u64, record: R) -> &mut R {
        match self {
            Tables::Whole(table) => table.insert_new(hash, record),
            Tables::BySlot(slots) => slots.insert_new(hash, record),
        }
    }

    /// Takes the record of `key` out.
    #[inline]
    pub(crate) fn remove_hashed(&mut self, hash: u64, key: &[u8]) -> Option<R> {
        match self {
            Tables::Whole(table) => table.remove_hashed(hash, key),
            Tables::BySlot(slots) => slots.change(hash, |table| table.remove_hashed(hash, key))?,
        }
    }

    /// Marks the record of `key`, or takes the mark away.
    pub(crate) fn mark(&mut self, hash: u64, key: &[u8], on: bool) {
        match self {
            Tables::Whole(table) => table.mark(hash, key, on),
            Tables::BySlot(slots) => {
                slots.change(hash, |table| table.mark(hash, key, on));
            }
        }
    }

    /// As [`Table::drain_marked`], over all tables in turn; those without a mark are passed over.
    pub(crate) fn drain_marked(
        &mut self,
        start: usize,
        count: usize,
        is_over: &mut dyn FnMut(&R) -> bool,
        out: &mut Vec<R>,
    ) -> usize {
        match self {
            Tables::Whole(table) => table.drain_marked(start, count, is_over, out),
            Tables::BySlot(slots) => slots.drain_marked(start, count, is_over, out),
        }
    }

    /// As [`Table::scan`]: a record that is there from the first call to the last is visited at least once.
    pub(crate) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&R)) -> u64 {
        match self {
            Tables::Whole(table) => table.scan(cursor, visit),
            Tables::BySlot(slots) => slots.scan(cursor, visit),
        }
    }

    /// As [`Tables::scan`]; the records may be changed in anything but their key.
    pub(crate) fn scan_mut(&mut self, cursor: u64, visit: &mut dyn FnMut(&mut R)) -> u64 {
        match self {
            Tables::Whole(table) => table.scan_mut(cursor, visit),
            Tables::BySlot(slots) => slots.scan_mut(cursor, visit),
        }
    }

    /// A record chosen with equal chances.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<&R> {
        match self {
            Tables::Whole(table) => table.random(rng),
            Tables::BySlot(slots) => slots.random(rng),
        }
    }

    /// A marked record chosen with equal chances.
    pub(crate) fn random_marked(&self, rng: &mut Rng) -> Option<&R> {
        match self {
            Tables::Whole(table) => table.random_marked(rng),
            Tables::BySlot(slots) => slots.random_marked(rng),
        }
    }

    /// Asks the processor for what leads to the buckets of the table of `hash`, if there is more than one table.
    #[inline]
    pub(crate) fn prefetch_table(&self, hash: u64) {
        if let Tables::BySlot(slots) = self {
            slots.prefetch_table(hash);
        }
    }

    /// See [`Table::prefetch_bucket`].
    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        self.table(hash).prefetch_bucket(hash);
    }

    /// See [`Table::prefetch_record`].
    #[inline]
    pub(crate) fn prefetch_record(&self, hash: u64) -> bool {
        self.table(hash).prefetch_record(hash)
    }

    /// See [`Table::prefetch_chained`].
    #[inline]
    pub(crate) fn prefetch_chained(&self, hash: u64) {
        self.table(hash).prefetch_chained(hash);
    }

    /// See [`Table::prefetch_rest`].
    #[inline]
    pub(crate) fn prefetch_rest(&self, hash: u64, size: impl Fn(&R) -> usize) {
        self.table(hash).prefetch_rest(hash, size);
    }

    /// The table of a slot, if it has one; none where keys are not kept by slot.
    pub(crate) fn slot(&self, slot: u16) -> Option<&Table<R>> {
        match self {
            Tables::Whole(_) => None,
            Tables::BySlot(slots) => slots.slot(slot),
        }
    }

    /// Takes the table of a slot out.
    pub(crate) fn take_slot(&mut self, slot: u16) -> Option<Table<R>> {
        match self {
            Tables::Whole(_) => None,
            Tables::BySlot(slots) => slots.take_slot(slot.into()),
        }
    }

    /// Whether records of this hash are here, if they are anywhere in tables that [`Tables::absorb`] was given.
    pub(crate) fn covers(&self, hash: u64) -> bool {
        match self {
            Tables::Whole(_) => true,
            Tables::BySlot(slots) => slots.has_table(hash),
        }
    }

    /// Takes in the tables of slots that have none here, and hands back the rest.
    ///
    /// # Panics
    /// If they are of another layout.
    pub(crate) fn absorb(&mut self, mut other: Tables<R>) -> Tables<R> {
        match (&mut *self, &mut other) {
            (Tables::Whole(_), Tables::Whole(_)) => {}
            (Tables::BySlot(slots), Tables::BySlot(others)) => slots.absorb(others),
            _ => unreachable!("tables of one database are of one layout"),
        }
        other
    }

    /// Where to cut the slots into `count` stretches of about as many records each: the first slot of each but the first
    /// stretch. None if one would have no record, or records are not kept by slot.
    pub(crate) fn divide(&self, count: usize) -> Option<Vec<usize>> {
        match self {
            Tables::Whole(_) => None,
            Tables::BySlot(slots) => slots.divide(count),
        }
    }

    /// Takes the tables of these slots out; none where records are not kept by slot.
    pub(crate) fn take_stretch(&mut self, slots: Range<usize>) -> Option<Stretch<R>> {
        match self {
            Tables::Whole(_) => None,
            Tables::BySlot(by_slot) => Some(by_slot.take_stretch(slots)),
        }
    }

    /// Puts tables in whose slots have none here. Keys are hashed from now on as there, where the tables have come from.
    ///
    /// # Panics
    /// If a slot has a table, or records are not kept by slot.
    pub(crate) fn put_stretch(&mut self, stretch: Stretch<R>) {
        match self {
            Tables::Whole(_) => unreachable!("stretches are of tables by slot"),
            Tables::BySlot(slots) => slots.put_stretch(stretch),
        }
    }

    /// As [`Tables::absorb`], of the table of one slot.
    pub(crate) fn absorb_slot(&mut self, slot: u16, table: Table<R>) -> Option<Table<R>> {
        match self {
            Tables::Whole(_) => Some(table),
            Tables::BySlot(slots) => slots.absorb_slot(slot.into(), table),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
