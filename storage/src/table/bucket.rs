//! One cache line of a table: tags, marks, and records or the way to more of them.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::segments::allocate;

/// Places in a bucket; the last one gives way to the child pointer.
pub(super) const PLACES: usize = 7;

pub(super) const TAGS: u64 = 0x00ff_ffff_ffff_ffff;
pub(super) const LOW_BITS: u64 = 0x0001_0101_0101_0101;
pub(super) const HIGH_BITS: u64 = 0x0080_8080_8080_8080;
pub(super) const CHAINED: u64 = 1 << 63;
pub(super) const MARKS_SHIFT: u32 = 56;

#[repr(C, align(64))]
pub(super) struct Bucket<R> {
    /// Seven tags, then the byte of marks (one bit a place) and the chained bit.
    pub(super) meta: u64,
    pub(super) places: [Place<R>; PLACES],
}

pub(super) union Place<R> {
    pub(super) record: ManuallyDrop<R>,
    pub(super) child: *mut Bucket<R>,
}

/// Where a record stands.
pub(super) struct Spot<R> {
    pub(super) bucket: NonNull<Bucket<R>>,
    pub(super) place: usize,
}

impl<R> Bucket<R> {
    pub(super) fn tag(&self, place: usize) -> u8 {
        (self.meta >> (place * 8)) as u8
    }

    pub(super) fn is_marked(&self, place: usize) -> bool {
        self.meta >> (MARKS_SHIFT as usize + place) & 1 == 1
    }

    #[inline]
    pub(super) fn child(&self) -> Option<NonNull<Bucket<R>>> {
        if self.meta & CHAINED == 0 {
            return None;
        }
        // SAFETY: the chained bit says that the last place holds the child.
        NonNull::new(unsafe { self.places[PLACES - 1].child })
    }

    pub(super) fn free_place(&self) -> Option<usize> {
        let places = if self.meta & CHAINED == 0 {
            PLACES
        } else {
            PLACES - 1
        };
        (0..places).find(|place| self.tag(*place) == 0)
    }

    pub(super) fn fill(&mut self, place: usize, tag: u8, is_marked: bool, record: R) {
        debug_assert!(tag != 0 && self.tag(place) == 0);
        self.places[place].record = ManuallyDrop::new(record);
        self.meta |=
            u64::from(tag) << (place * 8) | u64::from(is_marked) << (MARKS_SHIFT as usize + place);
    }

    /// # Safety
    /// The place must hold a record.
    pub(super) unsafe fn clear(&mut self, place: usize) -> (R, bool) {
        let was_marked = self.is_marked(place);
        self.meta &= !(0xff << (place * 8) | 1 << (MARKS_SHIFT as usize + place));
        // SAFETY: the caller's promise; the tag is gone, so nobody takes it a second time.
        (
            unsafe { ManuallyDrop::take(&mut self.places[place].record) },
            was_marked,
        )
    }

    /// Hangs an empty child into the last place and moves that place's record into it.
    pub(super) fn chain(&mut self) -> NonNull<Bucket<R>> {
        let last = PLACES - 1;
        let tag = self.tag(last);
        let child = allocate::<R>(1);
        // SAFETY: only a full bucket is chained, so the last place holds a record; the child is a fresh empty bucket.
        unsafe {
            let (record, was_marked) = self.clear(last);
            (*child.as_ptr()).fill(0, tag, was_marked, record);
            self.places[last].child = child.as_ptr();
            self.meta |= CHAINED;
        }
        child
    }
}

impl<R> Spot<R> {
    /// # Safety
    /// The place holds a record and nobody changes the table during `'a`.
    pub(super) unsafe fn record<'a>(self) -> &'a R {
        unsafe { &(*self.bucket.as_ptr()).places[self.place].record }
    }

    /// # Safety
    /// As [`Spot::record`], and nobody else has a loan of the record during `'a`.
    pub(super) unsafe fn record_mut<'a>(&mut self) -> &'a mut R {
        unsafe { &mut *(&raw mut (*self.bucket.as_ptr()).places[self.place].record).cast::<R>() }
    }
}

/// The byte of the hash that a bucket keeps; the low bits choose the bucket.
#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// A word with the high bit set of each byte of `meta` that equals `tag`, and of no other.
#[inline]
pub(super) fn matches(meta: u64, tag: u8) -> u64 {
    let difference = (meta & TAGS) ^ (LOW_BITS * u64::from(tag));
    let low_seven = HIGH_BITS - LOW_BITS;
    !(((difference & low_seven) + low_seven) | difference) & HIGH_BITS
}
