//! Records chosen by dice.

use std::ptr::NonNull;

use super::bucket::{Bucket, PLACES, Spot};
use super::{Record, Table};
use crate::Rng;

impl<R: Record> Table<R> {
    /// A record chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<&R> {
        // SAFETY: `choose` returns places that hold a record, and the loan of `self` keeps it there.
        self.choose(rng, false)
            .map(|(_, spot)| unsafe { spot.record() })
    }

    /// Takes out a record chosen with equal chances.
    pub fn take_random(&mut self, rng: &mut Rng) -> Option<R> {
        let (head, spot) = self.choose(rng, false)?;
        let record = self.take(head, spot);
        self.merge_if_sparse();
        Some(record)
    }

    /// A marked record chosen with equal chances.
    pub fn random_marked(&self, rng: &mut Rng) -> Option<&R> {
        // SAFETY: as in `random`.
        self.choose(rng, true)
            .map(|(_, spot)| unsafe { spot.record() })
    }

    /// Draws a bucket and a place in the longest possible chain until there is a record: equal chances for all.
    fn choose(&self, rng: &mut Rng, marked: bool) -> Option<(NonNull<Bucket<R>>, Spot<R>)> {
        let population = if marked { self.marked } else { self.len };
        if population == 0 {
            return None;
        }
        for _ in 0..64 {
            let head = self.bucket(rng.below(self.buckets()));
            let wanted = rng.below(PLACES * self.depth as usize);
            if let Some(spot) = self.spots(head, marked).nth(wanted) {
                return Some((head, spot));
            }
        }
        self.first_from(rng.below(self.buckets()), marked)
    }

    /// The first record at or after bucket `start`, around the end if need be; for tables where few are marked.
    fn first_from(&self, start: usize, marked: bool) -> Option<(NonNull<Bucket<R>>, Spot<R>)> {
        (0..self.buckets()).find_map(|step| {
            let head = self.bucket((start + step) % self.buckets());
            Some((head, self.spots(head, marked).next()?))
        })
    }

    /// The places of a chain that hold a record, or a marked one.
    fn spots(&self, head: NonNull<Bucket<R>>, marked: bool) -> impl Iterator<Item = Spot<R>> {
        // SAFETY: buckets of one chain of the table, which is lent.
        let chain = std::iter::successors(Some(head), |bucket| unsafe { bucket.as_ref() }.child());
        chain.flat_map(move |bucket| {
            let this = unsafe { bucket.as_ref() };
            (0..PLACES)
                .filter(move |place| this.tag(*place) != 0 && (!marked || this.is_marked(*place)))
                .map(move |place| Spot { bucket, place })
        })
    }
}
