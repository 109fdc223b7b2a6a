//! One bit for each record that its owner gives a meaning.

use std::ptr::NonNull;

use super::bucket::{Bucket, MARKS_SHIFT, PLACES, Spot};
use super::{Record, Table};

impl<R: Record> Table<R> {
    /// Whether the record of `key` is marked.
    pub fn is_marked(&self, hash: u64, key: &[u8]) -> bool {
        // SAFETY: `find` returns buckets of the table.
        self.find(hash, key)
            .is_some_and(|spot| unsafe { spot.bucket.as_ref() }.is_marked(spot.place))
    }

    /// Marks the record of `key`, or takes the mark away.
    pub fn mark(&mut self, hash: u64, key: &[u8], on: bool) {
        if let Some(mut spot) = self.find(hash, key) {
            // SAFETY: as above; the loan of `self` is exclusive.
            let bucket = unsafe { spot.bucket.as_mut() };
            match (bucket.is_marked(spot.place), on) {
                (false, true) => self.marked += 1,
                (true, false) => self.marked -= 1,
                _ => return,
            }
            bucket.meta ^= 1 << (MARKS_SHIFT + spot.place as u32);
        }
    }

    /// Takes out the marked records of `count` buckets from bucket `start` on for which `is_over` is true, and returns
    /// the bucket at which to go on (0 after the last).
    pub fn drain_marked(
        &mut self,
        start: usize,
        count: usize,
        is_over: &mut dyn FnMut(&R) -> bool,
        out: &mut Vec<R>,
    ) -> usize {
        let start = if start < self.buckets() { start } else { 0 };
        let before = out.len();
        let end = (start + count).min(self.buckets());
        for index in start..end {
            let head = self.bucket(index);
            while let Some(spot) = self.find_marked(head, is_over) {
                out.push(self.take(head, spot));
            }
        }
        for _ in before..out.len() {
            self.merge_if_sparse();
        }
        if end >= self.buckets() { 0 } else { end }
    }

    fn find_marked(
        &self,
        head: NonNull<Bucket<R>>,
        is_over: &mut dyn FnMut(&R) -> bool,
    ) -> Option<Spot<R>> {
        let mut bucket = head;
        loop {
            // SAFETY: as in `find`.
            let this = unsafe { bucket.as_ref() };
            for place in 0..PLACES {
                if this.is_marked(place) && is_over(unsafe { &this.places[place].record }) {
                    return Some(Spot { bucket, place });
                }
            }
            bucket = this.child()?;
        }
    }
}
