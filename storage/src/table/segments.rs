//! The blocks that hold the buckets of a table: which bucket is where, and how they are allocated.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

use super::bucket::Bucket;

/// Bytes of a huge page where there are some.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// Buckets of the largest block: 64 KiB.
pub(super) const BLOCK_MAX: usize = 1 << BLOCK_SHIFT;
const BLOCK_SHIFT: u32 = 10;
/// Up to so many buckets segments have one size, 64 KiB. Allocators keep large blocks of each size in areas of their own, so
/// doubling would begin, with each doubling, another area of megabytes.
pub(super) const EVEN_UNTIL: usize = 1 << EVEN_UNTIL_SHIFT;
const EVEN_UNTIL_SHIFT: u32 = 15;
/// How many segments have that size.
pub(super) const EVEN: usize = EVEN_UNTIL / BLOCK_MAX - 1;

/// How many buckets the block of a table of `buckets` buckets holds, in use or not.
#[inline]
pub(super) fn block_of(buckets: usize) -> usize {
    buckets.next_power_of_two().min(BLOCK_MAX)
}

/// The segment of bucket `index`, which is not in the block, and the number of buckets in it before this one.
#[inline]
pub(super) fn place_of(index: usize) -> (usize, usize) {
    if index < EVEN_UNTIL {
        return ((index >> BLOCK_SHIFT) - 1, index & (BLOCK_MAX - 1));
    }
    let level = index.ilog2();
    let segment = EVEN + (level - EVEN_UNTIL_SHIFT) as usize;
    (segment, index - (1 << level))
}

/// How many buckets a segment holds.
pub(super) fn size_of_segment(segment: usize) -> usize {
    match segment.checked_sub(EVEN) {
        None => BLOCK_MAX,
        Some(doubled) => EVEN_UNTIL << doubled,
    }
}

pub(super) fn allocate<R>(count: usize) -> NonNull<Bucket<R>> {
    let layout = segment_layout::<R>(count);
    // SAFETY: the layout is not empty, and a bucket of zeros is an empty bucket.
    let buckets = unsafe { alloc::alloc_zeroed(layout) };
    let Some(allocated) = NonNull::new(buckets.cast()) else {
        alloc::handle_alloc_error(layout);
    };
    #[cfg(target_os = "linux")]
    if layout.align() == HUGE_PAGE {
        // SAFETY: whole pages of a block that is ours. The advice may be refused, and then nothing changes.
        unsafe { libc::madvise(buckets.cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    allocated
}

/// # Safety
/// `buckets` comes from [`allocate`] with the same count, and its records were taken out.
pub(super) unsafe fn release<R>(buckets: NonNull<Bucket<R>>, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(buckets.as_ptr().cast(), segment_layout::<R>(count)) };
}

/// Large segments consist of huge pages: random look-ups then miss the address cache less.
pub(super) fn segment_layout<R>(count: usize) -> Layout {
    let layout = Layout::array::<Bucket<R>>(count).expect("a table smaller than the address space");
    match layout.size() >= HUGE_PAGE {
        true => layout
            .align_to(HUGE_PAGE)
            .expect("a power of two, far below the limit"),
        false => layout,
    }
}
