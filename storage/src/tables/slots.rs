//! A table for each slot that has keys.

use std::fmt;
use std::ops::Range;

use super::sums::Sums;
use super::{SLOT_BITS, SLOTS, SlotOf, Stretch};
use crate::table::{Record, prefetch};
use crate::{Rng, Table};

/// Where the slot stands in a hash: between the bits that choose a bucket and those that choose a place in it.
const SHIFT: u32 = 56 - SLOT_BITS;

/// See the module.
pub(crate) struct Slots<R: Record> {
    places: Box<[Place<R>; SLOTS]>,
    /// Stands for every slot without a table; all tables hash as it does. Always empty.
    blank: Table<R>,
    slot_of: SlotOf,
    /// The key of the request that runs.
    foreseen: Foreseen,
    /// Records of each slot, ...
    records: Sums,
    /// ... and marked ones.
    marks: Sums,
}

/// A key by where it stands, and its hash: until it is forgotten, nothing else stands there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Foreseen {
    address: usize,
    len: usize,
    hash: u64,
}

impl Foreseen {
    #[inline]
    fn is(&self, key: &[u8]) -> bool {
        (self.address, self.len) == (key.as_ptr().addr(), key.len())
    }
}

/// A place of its own in the cache, so that one line says all of a table.
#[repr(align(64))]
struct Place<R: Record>(Option<Table<R>>);

impl<R: Record> fmt::Debug for Slots<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("len", &self.len())
            .field("tables", &self.iter().count())
            .finish_non_exhaustive()
    }
}

/// The slot that a hash names.
#[inline]
pub(super) fn slot_in(hash: u64) -> usize {
    (hash >> SHIFT) as usize % SLOTS
}

impl<R: Record> Slots<R> {
    /// No table; `blank` is an empty one.
    pub(super) fn new(blank: Table<R>, slot_of: SlotOf) -> Self {
        const {
            assert!(size_of::<Place<R>>() == 64, "a place is one cache line");
        }
        let places: Box<[Place<R>]> = (0..SLOTS).map(|_| Place(None)).collect();
        let places = places.try_into();
        Slots {
            places: places.unwrap_or_else(|_| unreachable!("as many as there are slots")),
            blank,
            slot_of,
            foreseen: Foreseen::default(),
            records: Sums::new(),
            marks: Sums::new(),
        }
    }

    pub(super) fn fresh(&self) -> Self {
        Slots::new(self.blank.fresh(), self.slot_of)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.records.total()
    }

    #[inline]
    pub(super) fn marked(&self) -> usize {
        self.marks.total()
    }

    /// Bytes of what is there without a table.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.places)
            + self.blank.memory()
            + self.records.memory()
            + self.marks.memory()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Table<R>> {
        self.places.iter().filter_map(|place| place.0.as_ref())
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        if self.foreseen.is(key) {
            debug_assert_eq!(self.foreseen.hash, self.compute(key));
            return self.foreseen.hash;
        }
        self.compute(key)
    }

    /// See [`Tables::foresee`](super::Tables::foresee).
    #[inline]
    pub(super) fn foresee(&mut self, key: &[u8], hash: u64) {
        self.foreseen = Foreseen {
            address: key.as_ptr().addr(),
            len: key.len(),
            hash,
        };
    }

    #[inline]
    pub(super) fn forget_foreseen(&mut self) {
        self.foreseen = Foreseen::default();
    }

    #[inline]
    fn compute(&self, key: &[u8]) -> u64 {
        let slot = u64::from((self.slot_of)(key));
        debug_assert!(slot < SLOTS as u64);
        const OTHERS: u64 = !((SLOTS as u64 - 1) << SHIFT);
        self.blank.hash(key) & OTHERS | slot << SHIFT
    }

    #[inline]
    pub(super) fn table(&self, hash: u64) -> &Table<R> {
        let place = &self.places[slot_in(hash)];
        place.0.as_ref().unwrap_or(&self.blank)
    }

    #[inline]
    pub(super) fn table_mut(&mut self, hash: u64) -> Option<&mut Table<R>> {
        self.places[slot_in(hash)].0.as_mut()
    }

    #[inline]
    pub(super) fn prefetch_table(&self, hash: u64) {
        prefetch((&raw const self.places[slot_in(hash)]).cast());
    }

    pub(super) fn has_table(&self, hash: u64) -> bool {
        self.places[slot_in(hash)].0.is_some()
    }

    pub(super) fn slot(&self, slot: u16) -> Option<&Table<R>> {
        self.places.get(usize::from(slot))?.0.as_ref()
    }

    pub(super) fn insert_new(&mut self, hash: u64, record: R) -> &mut R {
        let slot = slot_in(hash);
        self.records.add(slot, 1);
        let table = &mut self.places[slot].0;
        let table = table.get_or_insert_with(|| self.blank.fresh());
        table.insert_new(hash, record)
    }

    /// Lets `change` take records out of the table of a slot or mark them; nothing if it has none.
    pub(super) fn change<T>(
        &mut self,
        hash: u64,
        change: impl FnOnce(&mut Table<R>) -> T,
    ) -> Option<T> {
        self.change_slot(slot_in(hash), change)
    }

    fn change_slot<T>(
        &mut self,
        slot: usize,
        change: impl FnOnce(&mut Table<R>) -> T,
    ) -> Option<T> {
        let place = &mut self.places[slot].0;
        let table = place.as_mut()?;
        let (records, marks) = (table.len(), table.marked());
        let outcome = change(table);
        let more = |now: usize, before: usize| now as isize - before as isize;
        let (more_records, more_marks) = (more(table.len(), records), more(table.marked(), marks));
        if table.is_empty() {
            *place = None;
        }
        if more_records != 0 {
            self.records.add(slot, more_records);
        }
        if more_marks != 0 {
            self.marks.add(slot, more_marks);
        }
        Some(outcome)
    }

    /// As [`Table::drain_marked`]. The low bits of where to go on say the slot, the others the bucket.
    pub(super) fn drain_marked(
        &mut self,
        start: usize,
        count: usize,
        is_over: &mut dyn FnMut(&R) -> bool,
        out: &mut Vec<R>,
    ) -> usize {
        let (mut slot, mut bucket, mut left) = (start % SLOTS, start / SLOTS, count);
        while left > 0 {
            let Some(next) = self.marks.next(slot) else {
                return 0;
            };
            if next != slot {
                (slot, bucket) = (next, 0);
            }
            let passed = self.change_slot(slot, |table| {
                let ahead = table.buckets().saturating_sub(bucket).max(1);
                bucket = table.drain_marked(bucket, left, is_over, out);
                ahead
            });
            left = left.saturating_sub(passed.unwrap_or(left));
            if bucket == 0 {
                slot += 1;
            }
        }
        if slot == SLOTS {
            return 0;
        }
        bucket * SLOTS + slot
    }

    pub(super) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&R)) -> u64 {
        let Some((slot, within)) = self.position(cursor) else {
            return 0;
        };
        let table = self.places[slot].0.as_ref();
        let next = table.map_or(0, |table| table.scan(within, visit));
        self.cursor(slot, next)
    }

    pub(super) fn scan_mut(&mut self, cursor: u64, visit: &mut dyn FnMut(&mut R)) -> u64 {
        let Some((slot, within)) = self.position(cursor) else {
            return 0;
        };
        let table = self.places[slot].0.as_mut();
        let next = table.map_or(0, |table| table.scan_mut(within, visit));
        self.cursor(slot, next)
    }

    /// The slot at which a scan goes on, and the cursor within its table; none at the end.
    fn position(&self, cursor: u64) -> Option<(usize, u64)> {
        let slot = cursor as usize % SLOTS;
        let next = self.records.next(slot)?;
        let within = if next == slot { cursor >> SLOT_BITS } else { 0 };
        Some((next, within))
    }

    /// The cursor of `within` in the table of a slot, or of the next slot behind it.
    fn cursor(&self, slot: usize, within: u64) -> u64 {
        match within {
            0 => self.records.next(slot + 1).map_or(0, |slot| slot as u64),
            _ => within << SLOT_BITS | slot as u64,
        }
    }

    pub(super) fn random(&self, rng: &mut Rng) -> Option<&R> {
        self.weighed(&self.records, rng)?.random(rng)
    }

    pub(super) fn random_marked(&self, rng: &mut Rng) -> Option<&R> {
        self.weighed(&self.marks, rng)?.random_marked(rng)
    }

    /// The table of a slot chosen by dice, with the chances that `sums` gives it.
    fn weighed(&self, sums: &Sums, rng: &mut Rng) -> Option<&Table<R>> {
        if sums.total() == 0 {
            return None;
        }
        self.places[sums.slot_of(rng.below(sums.total()))]
            .0
            .as_ref()
    }

    pub(super) fn take_slot(&mut self, slot: usize) -> Option<Table<R>> {
        let table = self.places.get_mut(slot)?.0.take()?;
        self.records.add(slot, -(table.len() as isize));
        self.marks.add(slot, -(table.marked() as isize));
        Some(table)
    }

    pub(super) fn absorb(&mut self, others: &mut Slots<R>) {
        let mut next = others.records.next(0);
        while let Some(slot) = next {
            if self.places[slot].0.is_none()
                && let Some(table) = others.take_slot(slot)
            {
                self.absorb_slot(slot, table);
            }
            next = others.records.next(slot + 1);
        }
    }

    /// Hands the table back if the slot has one.
    pub(super) fn absorb_slot(&mut self, slot: usize, table: Table<R>) -> Option<Table<R>> {
        let place = &mut self.places[slot].0;
        if place.is_some() {
            return Some(table);
        }
        self.records.add(slot, table.len() as isize);
        self.marks.add(slot, table.marked() as isize);
        *place = Some(table);
        None
    }

    /// See [`Tables::divide`](super::Tables::divide).
    pub(super) fn divide(&self, count: usize) -> Option<Vec<usize>> {
        self.records.divide(count)
    }

    /// See [`Tables::take_stretch`](super::Tables::take_stretch).
    pub(super) fn take_stretch(&mut self, slots: Range<usize>) -> Stretch<R> {
        let places = self.places[slots.clone()].iter_mut();
        let tables = slots.zip(places);
        let tables = tables.filter_map(|(slot, place)| Some((slot, place.0.take()?)));
        let stretch = Stretch {
            tables: tables.collect(),
            blank: self.blank.fresh(),
        };
        self.recount();
        stretch
    }

    /// See [`Tables::put_stretch`](super::Tables::put_stretch).
    pub(super) fn put_stretch(&mut self, stretch: Stretch<R>) {
        if self.len() == 0 {
            self.blank = stretch.blank;
        }
        for (slot, table) in stretch.tables {
            let before = self.places[slot].0.replace(table);
            assert!(before.is_none(), "slot {slot} has been in two places");
        }
        self.recount();
    }

    fn recount(&mut self) {
        let (places, blank) = (&self.places, &self.blank);
        let table = |slot: usize| places[slot].0.as_ref().unwrap_or(blank);
        self.records.recount(|slot| table(slot).len());
        self.marks.recount(|slot| table(slot).marked());
    }
}
