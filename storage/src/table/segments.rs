//! The blocks that hold the buckets of a table: which bucket is where, and how they are allocated.

use std::alloc::{self, Layout};

use super::bucket::Bucket;

/// Bytes of a huge page where there are some.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// Between these two numbers of buckets segments have one size, 64 KiB. Allocators keep large blocks of each size in areas of
/// their own, so doubling would begin, with each doubling, another area of megabytes.
pub(super) const EVEN_FROM: usize = 1 << EVEN_SHIFT;
pub(super) const EVEN_SHIFT: u32 = 10;
pub(super) const EVEN_UNTIL: usize = 1 << 15;
/// Segments that doubling takes to [`EVEN_FROM`] buckets, and how many more there are than if it went on.
pub(super) const EVEN_FIRST: usize = EVEN_SHIFT as usize + 1;
pub(super) const EVEN_MORE: usize =
    EVEN_UNTIL / EVEN_FROM - 1 - (EVEN_UNTIL.ilog2() - EVEN_SHIFT) as usize;

/// The segment of bucket `index`, and the number of buckets in it before this one.
#[inline]
pub(super) fn place_of(index: usize) -> (usize, usize) {
    if (EVEN_FROM..EVEN_UNTIL).contains(&index) {
        let segment = EVEN_FIRST - 1 + (index >> EVEN_SHIFT);
        return (segment, index & (EVEN_FROM - 1));
    }
    let doubled = (usize::BITS - index.leading_zeros()) as usize;
    let first = (1 << doubled) >> 1;
    let more = if index < EVEN_FROM { 0 } else { EVEN_MORE };
    (doubled + more, index - first)
}

/// How many buckets a segment holds.
pub(super) fn size_of_segment(segment: usize) -> usize {
    match segment {
        0 => 1,
        1..EVEN_FIRST => 1 << (segment - 1),
        _ if segment - EVEN_FIRST < EVEN_UNTIL / EVEN_FROM - 1 => EVEN_FROM,
        _ => 1 << (segment - EVEN_MORE - 1),
    }
}

pub(super) fn allocate<R>(count: usize) -> *mut Bucket<R> {
    let layout = segment_layout::<R>(count);
    // SAFETY: the layout is not empty, and a bucket of zeros is an empty bucket.
    let buckets = unsafe { alloc::alloc_zeroed(layout) };
    if buckets.is_null() {
        alloc::handle_alloc_error(layout);
    }
    #[cfg(target_os = "linux")]
    if layout.align() == HUGE_PAGE {
        // SAFETY: whole pages of a block that is ours. The advice may be refused, and then nothing changes.
        unsafe { libc::madvise(buckets.cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    buckets.cast()
}

/// # Safety
/// `buckets` comes from [`allocate`] with the same count, and its records were taken out.
pub(super) unsafe fn release<R>(buckets: *mut Bucket<R>, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(buckets.cast(), segment_layout::<R>(count)) };
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
