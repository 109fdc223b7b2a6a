//! Look-ups that are yet to come: what they will need is asked of memory meanwhile.

use std::ptr::NonNull;

use super::bucket::{Bucket, matches, tag};
use super::{Record, Table, prefetch};

/// Bytes of a record that are asked for; at most one line more than the first.
const RECORD_PREFETCHED: usize = 48;
/// Bytes that come from memory together.
const LINE: usize = 64;
/// Of larger records the processor fetches the rest itself, as it goes through them.
const REST_MAX: usize = 1536;

impl<R: Record> Table<R> {
    /// Asks the processor for the bucket of `hash`, to be there some 100 ns later.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        prefetch(self.bucket(self.index(hash)).as_ptr().cast());
    }

    /// Asks the processor for the records that may be the one of `hash`. Cheap once the bucket is there. If there is none,
    /// for the bucket that is chained to it; true = once that is there, [`Table::prefetch_chained`] goes on.
    #[inline]
    pub fn prefetch_record(&self, hash: u64) -> bool {
        let bucket = self.bucket(self.index(hash));
        if prefetch_matches(bucket, hash) {
            return false;
        }
        // SAFETY: a bucket of the table.
        let child = unsafe { bucket.as_ref() }.child();
        if let Some(child) = child {
            prefetch(child.as_ptr().cast());
        }
        child.is_some()
    }

    /// Goes on where [`Table::prefetch_record`] has found nothing but a chained bucket.
    #[inline]
    pub fn prefetch_chained(&self, hash: u64) {
        // SAFETY: a bucket of the table.
        let bucket = unsafe { self.bucket(self.index(hash)).as_ref() };
        if let Some(child) = bucket.child() {
            prefetch_matches(child, hash);
        }
    }

    /// Asks the processor for the rest of a large record, of which `size` tells the bytes. Cheap once its beginning is there,
    /// as [`Table::prefetch_record`] has asked; nothing is done for records of chained buckets.
    #[inline]
    pub fn prefetch_rest(&self, hash: u64, size: impl Fn(&R) -> usize) {
        // SAFETY: a bucket of the table.
        let bucket = unsafe { self.bucket(self.index(hash)).as_ref() };
        let hits = matches(bucket.meta, tag(hash));
        if hits == 0 {
            return;
        }
        let place = &raw const bucket.places[(hits.trailing_zeros() / 8) as usize];
        // SAFETY: places whose tag is set hold a record, which is a pointer to its block.
        let (start, size) = unsafe { (*place.cast::<*const u8>(), size(&*place.cast::<R>())) };
        for at in (LINE..size.min(REST_MAX)).step_by(LINE) {
            prefetch(start.wrapping_add(at));
        }
    }
}

/// Asks the processor for the records of one bucket of a table that may be the one of `hash`; says whether there is any.
#[inline]
fn prefetch_matches<R>(bucket: NonNull<Bucket<R>>, hash: u64) -> bool {
    // SAFETY: the callers' bucket lives; places whose tag is set hold a record.
    unsafe {
        let mut hits = matches(bucket.as_ref().meta, tag(hash));
        let has_any = hits != 0;
        while hits != 0 {
            let place = (hits.trailing_zeros() / 8) as usize;
            let record = &raw const bucket.as_ref().places[place];
            let start = *record.cast::<*const u8>();
            prefetch(start);
            // A small record may lie across two lines.
            prefetch(start.wrapping_add(RECORD_PREFETCHED - 1));
            hits &= hits - 1;
        }
        has_any
    }
}
