//! How much memory the process has allocated: `used_memory`, and what `maxmemory` is held against.
//!
//! Every thread counts in a cell of its own, so an allocation costs no shared atomic; a block freed by another thread makes
//! that thread's cell negative, and the sum right.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// Threads beyond this share cells; their counts are then approximate.
const CELLS: usize = 64;

#[repr(align(64))]
struct ThreadCell(AtomicIsize);

static COUNTS: [ThreadCell; CELLS] = [const { ThreadCell(AtomicIsize::new(0)) }; CELLS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Bytes asked of the allocator and not given back.
pub fn used() -> usize {
    let threads = NEXT.load(Ordering::Relaxed).min(CELLS);
    let sum: isize = COUNTS[..threads]
        .iter()
        .map(|cell| cell.0.load(Ordering::Relaxed))
        .sum();
    usize::try_from(sum).unwrap_or(0)
}

/// An allocator that counts.
#[derive(Debug)]
pub struct Counting<A>(pub A);

// SAFETY: every call goes to the inner allocator unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { self.0.realloc(block, layout, size) }
    }
}

#[inline]
fn count(bytes: isize) {
    let mut mine = MINE.get();
    if mine == usize::MAX {
        mine = NEXT.fetch_add(1, Ordering::Relaxed) % CELLS;
        MINE.set(mine);
    }
    let cell = &COUNTS[mine].0;
    // A plain add, not an atomic one: the cell has one writer (for the first 64 threads).
    cell.store(
        cell.load(Ordering::Relaxed).wrapping_add(bytes),
        Ordering::Relaxed,
    );
}
