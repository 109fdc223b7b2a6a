//! One bucket more, one bucket less.

use std::ptr::{self, NonNull};

use super::bucket::{Bucket, CHAINED, PLACES};
use super::segments::{BLOCK_MAX, allocate, block_of, place_of, release, size_of_segment};
use super::{MERGE_BELOW_QUARTERS, Record, Table, prefetch};

/// More would take 256 GiB.
const BUCKETS_MAX: u32 = u32::MAX;

impl<R: Record> Table<R> {
    /// Adds one bucket and moves into it what belongs there.
    pub(super) fn split(&mut self) {
        assert!(self.buckets < BUCKETS_MAX, "memory is not so large");
        let new = self.buckets();
        let half = self.mask as usize + 1;
        let old = new - half;
        self.make_room(new);
        self.buckets += 1;
        let wide = u64::from(self.mask) << 1 | 1;
        if self.buckets() == half * 2 {
            self.mask = self.mask << 1 | 1;
        }
        let chain = self.unload(old);
        for (record, tag, is_marked) in chain {
            let home = (self.hash(record.key()) & wide) as usize;
            debug_assert!(home == old || home == new);
            self.add(self.bucket(home), tag, is_marked, record);
        }
    }

    /// Memory for bucket `new`, the next one.
    fn make_room(&mut self, new: usize) {
        if new < BLOCK_MAX {
            if block_of(new) == new {
                self.move_block(new, block_of(new + 1));
            }
            return;
        }
        let (segment, _) = place_of(new);
        if segment == self.segments.len() {
            let known = self.segments.iter().copied();
            self.segments = known.chain([ptr::null_mut()]).collect();
        }
        if self.segments[segment].is_null() {
            self.segments[segment] = allocate(size_of_segment(segment)).as_ptr();
        }
    }

    /// Bucket `last`, which was the last one, is empty and not counted any more.
    fn give_room_back(&mut self, last: usize) {
        if last < BLOCK_MAX {
            if block_of(last) == last {
                self.move_block(block_of(last + 1), last);
            }
            return;
        }
        let (segment, offset) = place_of(last);
        if offset == 0
            && let Some(empty) = NonNull::new(self.segments[segment])
        {
            // SAFETY: the segment's only bucket in use was its first, which is empty now.
            unsafe { release(empty, size_of_segment(segment)) };
            self.segments[segment] = ptr::null_mut();
        }
    }

    /// The block has another size; the buckets that both sizes have move, the others are empty.
    fn move_block(&mut self, old_size: usize, new_size: usize) {
        let block = allocate(new_size);
        // SAFETY: both blocks hold so many buckets; what they own is in the new one only, as the old one is just released.
        unsafe {
            let count = old_size.min(new_size);
            ptr::copy_nonoverlapping(self.block.as_ptr(), block.as_ptr(), count);
            release(self.block, old_size);
        }
        self.block = block;
    }

    /// Takes away the last bucket while the table is sparse, and moves what it held to the one it was split from.
    pub(super) fn merge_if_sparse(&mut self) {
        if self.buckets == 1 || self.len * 4 >= self.buckets() * MERGE_BELOW_QUARTERS {
            return;
        }
        let last = self.buckets() - 1;
        let chain = self.unload(last);
        self.buckets -= 1;
        self.give_room_back(last);
        if self.buckets <= self.mask {
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
                release(bucket, 1);
                self.chained -= 1;
            }
        }
    }
}
