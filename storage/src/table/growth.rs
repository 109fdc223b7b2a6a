//! One bucket more, one bucket less.

use std::ptr::{self, NonNull};

use super::bucket::{Bucket, CHAINED, PLACES};
use super::segments::{allocate, place_of, release, size_of_segment};
use super::{MERGE_BELOW_QUARTERS, Record, Table, prefetch};

impl<R: Record> Table<R> {
    /// Adds one bucket and moves into it what belongs there.
    pub(super) fn split(&mut self) {
        let new = self.buckets;
        let (segment, _) = place_of(new);
        let half = self.mask as usize + 1;
        let old = new - half;
        if segment == self.segments.len() {
            let known = self.segments.iter().copied();
            self.segments = known.chain([ptr::null_mut()]).collect();
        }
        if self.segments[segment].is_null() {
            self.segments[segment] = allocate(size_of_segment(segment));
        }
        self.buckets += 1;
        let wide = self.mask << 1 | 1;
        if self.buckets == half * 2 {
            self.mask = wide;
        }
        let chain = self.unload(old);
        for (record, tag, is_marked) in chain {
            let home = (self.hash(record.key()) & wide) as usize;
            debug_assert!(home == old || home == new);
            self.add(self.bucket(home), tag, is_marked, record);
        }
    }

    /// Takes away the last bucket while the table is sparse, and moves what it held to the one it was split from.
    pub(super) fn merge_if_sparse(&mut self) {
        if self.buckets == 1 || self.len * 4 >= self.buckets * MERGE_BELOW_QUARTERS {
            return;
        }
        let last = self.buckets - 1;
        let chain = self.unload(last);
        let (segment, offset) = place_of(last);
        self.buckets = last;
        if offset == 0 {
            // SAFETY: the segment's only bucket in use is its first, which is empty now.
            unsafe { release(self.segments[segment], size_of_segment(segment)) };
            self.segments[segment] = ptr::null_mut();
        }
        if (last as u64) <= self.mask {
            self.mask >>= 1;
        }
        for (record, tag, is_marked) in chain {
            let home = self.index(self.hash(record.key()));
            self.add(self.bucket(home), tag, is_marked, record);
        }
    }

    /// Takes everything out of one bucket and frees its children. The count of records does not change.
    pub(super) fn unload(&mut self, index: usize) -> Vec<(R, u8, bool)> {
        let head = self.bucket(index);
        let mut chain = Vec::with_capacity(PLACES * 2);
        let mut bucket = Some(head);
        while let Some(mut this) = bucket {
            // SAFETY: buckets of one chain, exclusively lent.
            let this = unsafe { this.as_mut() };
            for place in 0..PLACES {
                if this.tag(place) != 0 {
                    // SAFETY: a set tag means that the place holds a record.
                    prefetch(unsafe { *(&raw const this.places[place]).cast::<*const u8>() });
                }
            }
            for place in 0..PLACES {
                let tag = this.tag(place);
                if tag != 0 {
                    // SAFETY: as above.
                    let (record, was_marked) = unsafe { this.clear(place) };
                    self.marked -= usize::from(was_marked);
                    chain.push((record, tag, was_marked));
                }
            }
            bucket = this.child();
        }
        self.free_children(head);
        chain
    }

    fn free_children(&mut self, mut head: NonNull<Bucket<R>>) {
        // SAFETY: the children are empty and linked from nowhere else.
        unsafe {
            let mut child = head.as_ref().child();
            head.as_mut().meta &= !CHAINED;
            while let Some(bucket) = child {
                child = bucket.as_ref().child();
                release(bucket.as_ptr(), 1);
                self.chained -= 1;
            }
        }
    }
}
