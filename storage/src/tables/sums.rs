//! How many records each slot has, summed so that the one with the n-th record is found at once.
//!
//! A binary indexed tree (Fenwick 1994): node `i`, counted from 1, holds the sum of the `i & -i` slots up to and including
//! number `i - 1`. A change and a search touch 14 nodes each.

use super::SLOTS;

/// See the module.
pub(super) struct Sums(Box<[u64]>);

impl Sums {
    /// Nothing anywhere.
    pub(super) fn new() -> Self {
        Sums(vec![0; SLOTS + 1].into_boxed_slice())
    }

    /// Records of all slots.
    #[inline]
    pub(super) fn total(&self) -> usize {
        self.0[SLOTS] as usize
    }

    /// The slot has `more` records than before, or fewer.
    #[inline]
    pub(super) fn add(&mut self, slot: usize, more: isize) {
        let mut node = slot + 1;
        while node <= SLOTS {
            self.0[node] = self.0[node].wrapping_add_signed(more as i64);
            node += node & node.wrapping_neg();
        }
    }

    /// Every slot has as many records as `count` says: cheaper than to tell of each where many have changed.
    pub(super) fn recount(&mut self, count: impl Fn(usize) -> usize) {
        self.0.fill(0);
        for slot in 0..SLOTS {
            let node = slot + 1;
            self.0[node] += count(slot) as u64;
            let above = node + (node & node.wrapping_neg());
            if above <= SLOTS {
                self.0[above] += self.0[node];
            }
        }
    }

    /// The slot of record number `n`, counted from 0 through the slots in order; `n` must be below the total.
    pub(super) fn slot_of(&self, n: usize) -> usize {
        debug_assert!(n < self.total());
        let (mut left, mut slot, mut step) = (n as u64, 0, SLOTS / 2);
        while step > 0 {
            let sum = self.0[slot + step];
            if sum <= left {
                left -= sum;
                slot += step;
            }
            step /= 2;
        }
        slot
    }

    /// The first slot from `slot` on that has a record.
    pub(super) fn next(&self, slot: usize) -> Option<usize> {
        let before = self.before(slot);
        (before < self.total()).then(|| self.slot_of(before))
    }

    /// Records of the slots below `slot`.
    fn before(&self, slot: usize) -> usize {
        let (mut sum, mut node) = (0, slot);
        while node > 0 {
            sum += self.0[node];
            node &= node - 1;
        }
        sum as usize
    }

    /// Cuts the slots into `count` stretches of about as many records each; returns where each but the first begins, or none
    /// if one would have no record.
    pub(super) fn divide(&self, count: usize) -> Option<Vec<usize>> {
        let mut last = self.next(0)?;
        let mut begins = Vec::with_capacity(count);
        for stretch in 1..count {
            let begin = self.slot_of(self.total() * stretch / count);
            if begin <= last {
                return None;
            }
            begins.push(begin);
            last = begin;
        }
        Some(begins)
    }

    /// Bytes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Rng;

    #[test]
    fn sums_answer_as_a_walk_over_all_slots_would() {
        let (mut rng, mut sums) = (Rng::new(1), Sums::new());
        let mut model = BTreeMap::<usize, usize>::new();
        for step in 0..3_000 {
            let slot = match rng.below(4) {
                0 => [0, 1, SLOTS - 2, SLOTS - 1][rng.below(4)],
                _ => rng.below(SLOTS),
            };
            let held = model.entry(slot).or_default();
            let more = rng.below(5) as isize - (*held).min(2) as isize;
            *held = held.checked_add_signed(more).expect("never below 0");
            sums.add(slot, more);
            model.retain(|_, held| *held > 0);
            assert_eq!(sums.total(), model.values().sum::<usize>(), "step {step}");
            let from = rng.below(SLOTS + 1);
            let next = model.range(from..).next().map(|(slot, _)| *slot);
            assert_eq!(sums.next(from), next, "step {step}");
            let mut counted = Sums::new();
            counted.recount(|slot| model.get(&slot).copied().unwrap_or_default());
            assert_eq!(counted.0, sums.0, "step {step}");
            if sums.total() > 0 {
                let n = rng.below(sums.total());
                let mut before = 0;
                let mut held = model.iter();
                let found = held.find(|(_, held)| {
                    before += **held;
                    n < before
                });
                assert_eq!(Some(sums.slot_of(n)), found.map(|(slot, _)| *slot));
            }
        }
        for (slot, held) in model {
            sums.add(slot, -(held as isize));
        }
        assert_eq!((sums.total(), sums.next(0)), (0, None));
    }

    #[test]
    fn the_slots_are_cut_into_stretches_of_about_as_many_records() {
        let with = |records: &[(usize, isize)]| {
            let mut sums = Sums::new();
            records
                .iter()
                .for_each(|(slot, more)| sums.add(*slot, *more));
            sums
        };
        assert_eq!(with(&[]).divide(2), None);
        assert_eq!(with(&[(7, 100)]).divide(2), None, "all are in one slot");
        assert_eq!(with(&[(7, 100)]).divide(1), Some(vec![]));
        let even = with(&[(0, 10), (5, 10), (9, 10), (SLOTS - 1, 10)]);
        assert_eq!(even.divide(2), Some(vec![9]));
        assert_eq!(even.divide(4), Some(vec![5, 9, SLOTS - 1]));
        assert_eq!(even.divide(5), None);
        assert_eq!(with(&[(3, 1), (4, 90), (8, 9)]).divide(2), Some(vec![4]));
        assert_eq!(
            with(&[(3, 90), (8, 10)]).divide(2),
            None,
            "the first would have none"
        );
    }
}
