//! Which of the 16384 slots a key belongs to, and sets of slots.
//!
//! Slot = CRC16/XMODEM of the key modulo 16384; of a key with `{...}` only what stands between the first `{` and the next `}`
//! counts, unless that is nothing (the hash tags of the Redis cluster specification).

use std::fmt;
use std::ops::RangeInclusive;

use crc::{CRC_16_XMODEM, Crc, Table};
use memchr::memchr;
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

/// Slots of a cluster.
pub const SLOTS: usize = 16384;
const WORDS: usize = SLOTS / 64;

static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// One of the slots; always below [`SLOTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Slot(u16);

/// A number that is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotASlot;

impl fmt::Display for NotASlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invalid or out of range slot")
    }
}

impl std::error::Error for NotASlot {}

impl TryFrom<u16> for Slot {
    type Error = NotASlot;

    #[inline]
    fn try_from(number: u16) -> Result<Slot, NotASlot> {
        match usize::from(number) < SLOTS {
            true => Ok(Slot(number)),
            false => Err(NotASlot),
        }
    }
}

impl From<Slot> for u16 {
    fn from(slot: Slot) -> u16 {
        slot.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Slot {
    /// Of a key.
    pub fn of(key: &[u8]) -> Slot {
        Slot(CRC.checksum(hashed(key)) % SLOTS as u16)
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Slot> {
        (0..SLOTS as u16).map(Slot)
    }

    /// As an index of an array of [`SLOTS`].
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The part of a key that its slot depends on.
fn hashed(key: &[u8]) -> &[u8] {
    let tag = || {
        let open = memchr(b'{', key)?;
        let rest = &key[open + 1..];
        let close = memchr(b'}', rest)?;
        (close > 0).then(|| &rest[..close])
    };
    tag().unwrap_or(key)
}

/// A set of slots: one bit each.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotSet(Box<[u64; WORDS]>);

impl Default for SlotSet {
    fn default() -> SlotSet {
        SlotSet(Box::new([0; WORDS]))
    }
}

impl SlotSet {
    /// Every slot.
    pub fn full() -> SlotSet {
        SlotSet(Box::new([u64::MAX; WORDS]))
    }

    /// Whether it was not in before.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let word = &mut self.0[slot.index() / 64];
        let before = *word;
        *word |= 1 << (slot.index() % 64);
        *word != before
    }

    /// Whether it was in before.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let word = &mut self.0[slot.index() / 64];
        let before = *word;
        *word &= !(1 << (slot.index() % 64));
        *word != before
    }

    #[inline]
    pub fn contains(&self, slot: Slot) -> bool {
        self.0[slot.index() / 64] >> (slot.index() % 64) & 1 == 1
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// Whether no slot is in both.
    pub fn is_disjoint(&self, other: &SlotSet) -> bool {
        let mut pairs = self.0.iter().zip(other.0.iter());
        pairs.all(|(mine, theirs)| mine & theirs == 0)
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &SlotSet) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine &= !theirs;
        }
    }

    /// Puts in what is in `other`.
    pub fn unite(&mut self, other: &SlotSet) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine |= theirs;
        }
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> {
        let words = (0..).step_by(64).zip(self.0.iter());
        words.flat_map(|(first, &word)| bits(word).map(move |bit| Slot(first + bit)))
    }

    /// Maximal ranges in ascending order: the one canonical way to write a set.
    pub fn ranges(&self) -> Vec<RangeInclusive<u16>> {
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for (first, &word) in (0u16..).step_by(64).zip(self.0.iter()) {
            for (from, to) in runs(word) {
                let (from, to) = (first + from, first + to);
                match ranges.last_mut() {
                    Some(last) if *last.end() + 1 == from => *last = *last.start()..=to,
                    _ => ranges.push(from..=to),
                }
            }
        }
        ranges
    }
}

/// The places of the ones, the lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as u16;
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// The first and the last place of each run of ones, the lowest first.
fn runs(mut word: u64) -> impl Iterator<Item = (u16, u16)> {
    std::iter::from_fn(move || {
        let from = word.trailing_zeros();
        let rest = word.checked_shr(from)?;
        let end = from + rest.trailing_ones();
        word &= u64::MAX.checked_shl(end).unwrap_or(0);
        Some((from as u16, end as u16 - 1))
    })
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> SlotSet {
        let mut set = SlotSet::default();
        set.extend(slots);
        set
    }
}

impl Extend<Slot> for SlotSet {
    fn extend<I: IntoIterator<Item = Slot>>(&mut self, slots: I) {
        for slot in slots {
            self.insert(slot);
        }
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

/// As its ranges: few numbers for what clusters have.
impl Serialize for SlotSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ranges = self.ranges();
        serializer.collect_seq(ranges.iter().map(|range| (range.start(), range.end())))
    }
}

/// Only what [`SlotSet::ranges`] writes is read: a hostile peer cannot name the same slots again and again.
impl<'de> Deserialize<'de> for SlotSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SlotSet, D::Error> {
        deserializer.deserialize_seq(Ranges)
    }
}

struct Ranges;

impl<'de> Visitor<'de> for Ranges {
    type Value = SlotSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("maximal ranges of slots in ascending order")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ranges: A) -> Result<SlotSet, A::Error> {
        let mut set = SlotSet::default();
        let mut last: Option<Slot> = None;
        while let Some((from, to)) = ranges.next_element::<(Slot, Slot)>()? {
            let is_apart = last.is_none_or(|last| last.0 + 1 < from.0);
            if to < from || !is_apart {
                return Err(A::Error::invalid_value(Unexpected::Seq, &self));
            }
            set.extend((from.0..=to.0).map(Slot));
            last = Some(to);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number: u16) -> Slot {
        Slot::try_from(number).expect("a slot")
    }

    #[test]
    fn slots_of_keys_are_those_of_redis() {
        let known: &[(&[u8], u16)] = &[
            (b"", 0),
            (b"123456789", 12739),
            (b"foo", 12182),
            (b"foo{bar}x", 5061),
            (b"bar", 5061),
        ];
        for &(key, number) in known {
            assert_eq!(Slot::of(key), slot(number), "{key:?}");
        }
    }

    #[test]
    fn only_the_first_tag_counts_and_only_if_it_is_not_empty() {
        assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"user1000"));
        assert_eq!(Slot::of(b"foo{bar}{zap}"), Slot::of(b"bar"));
        assert_eq!(Slot::of(b"foo{{bar}}zap"), Slot::of(b"{bar"));
        assert_ne!(Slot::of(b"foo{}{bar}"), Slot::of(b"bar"));
        assert_ne!(Slot::of(b"foo{bar"), Slot::of(b"bar"));
    }

    #[test]
    fn a_set_is_its_ranges() {
        let slots = [0, 1, 2, 63, 64, 65, 100, 16383].map(slot);
        let mut set: SlotSet = slots.into_iter().collect();
        assert_eq!(set.ranges(), [0..=2, 63..=65, 100..=100, 16383..=16383]);
        assert_eq!(set.len(), 8);
        let bytes = rmp_serde::to_vec(&set).expect("bytes");
        assert_eq!(
            rmp_serde::from_slice::<SlotSet>(&bytes).expect("a set"),
            set
        );
        assert!(set.remove(slot(64)) && !set.remove(slot(64)));
        assert!(set.insert(slot(64)) && !set.insert(slot(64)));
        let mut rest = SlotSet::full();
        rest.subtract(&set);
        assert_eq!(rest.ranges(), [3..=62, 66..=99, 101..=16382]);
        assert!(rest.is_disjoint(&set) && !rest.is_disjoint(&SlotSet::full()));
        rest.unite(&set);
        assert_eq!(rest, SlotSet::full());
        assert_eq!(SlotSet::full().ranges(), [0..=16383]);
        assert!(SlotSet::default().is_empty() && SlotSet::default().ranges().is_empty());
    }

    #[test]
    fn hostile_numbers_are_no_slots() {
        let bytes = rmp_serde::to_vec(&[(0u16, 16384u16)]).expect("bytes");
        assert!(rmp_serde::from_slice::<SlotSet>(&bytes).is_err());
        assert_eq!(Slot::try_from(16384), Err(NotASlot));
    }

    #[test]
    fn a_set_is_read_only_as_it_is_written() {
        let wrong: [&[(u16, u16)]; 4] = [
            &[(5, 4)],
            &[(0, 3), (3, 5)],
            &[(0, 3), (4, 5)],
            &[(8, 9), (0, 3)],
        ];
        for ranges in wrong {
            let bytes = rmp_serde::to_vec(ranges).expect("bytes");
            assert!(
                rmp_serde::from_slice::<SlotSet>(&bytes).is_err(),
                "{ranges:?}"
            );
        }
    }
}
