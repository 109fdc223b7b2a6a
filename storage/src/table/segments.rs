//! The blocks that hold the buckets of a table: which bucket is where, and how they are allocated.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

use super::bucket::Bucket;

/// Buckets of the largest block, and of a small segment: 64 KiB.
pub(super) const BLOCK_MAX: usize = 1 << BLOCK_SHIFT;
const BLOCK_SHIFT: u32 = 10;
/// Buckets of a large segment: 2 MiB. Larger tables have large segments only, beyond as many
/// buckets in small ones. No segment is larger: allocators keep large blocks of each size in areas of their own, and whoever
/// asks for many megabytes at once waits until the system has zeroed them.
pub(super) const LARGE: usize = 1 << LARGE_SHIFT;
const LARGE_SHIFT: u32 = 15;
/// How many segments are small.
pub(super) const SMALL_SEGMENTS: usize = LARGE / BLOCK_MAX - 1;
/// Large segments begin with a page of the system.
const PAGE: usize = 4096;

/// How many buckets the block of a table of `buckets` buckets holds, in use or not.
#[inline]
pub(super) fn block_of(buckets: usize) -> usize {
    buckets.next_power_of_two().min(BLOCK_MAX)
}

/// The segment of bucket `index`, which is not in the block, and the number of buckets in it before this one.
#[inline]
pub(super) fn place_of(index: usize) -> (usize, usize) {
    if index < LARGE {
        return ((index >> BLOCK_SHIFT) - 1, index & (BLOCK_MAX - 1));
    }
    let segment = SMALL_SEGMENTS + (index >> LARGE_SHIFT) - 1;
    (segment, index & (LARGE - 1))
}

/// How many buckets a segment holds.
pub(super) fn size_of_segment(segment: usize) -> usize {
    if segment < SMALL_SEGMENTS {
        BLOCK_MAX
    } else {
        LARGE
    }
}

pub(super) fn allocate<R>(count: usize) -> NonNull<Bucket<R>> {
    let layout = segment_layout::<R>(count);
    // SAFETY: the layout is not empty, and a bucket of zeros is an empty bucket.
    let buckets = unsafe { alloc::alloc_zeroed(layout) };
    let Some(allocated) = NonNull::new(buckets.cast()) else {
        alloc::handle_alloc_error(layout);
    };
    allocated
}

/// # Safety
/// `buckets` comes from [`allocate`] with the same count, and its records were taken out.
pub(super) unsafe fn release<R>(buckets: NonNull<Bucket<R>>, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(buckets.as_ptr().cast(), segment_layout::<R>(count)) };
}

fn segment_layout<R>(count: usize) -> Layout {
    let layout = Layout::array::<Bucket<R>>(count).expect("a table smaller than the address space");
    match count {
        LARGE => layout
            .align_to(PAGE)
            .expect("a power of two, far below the limit"),
        _ => layout,
    }
}
