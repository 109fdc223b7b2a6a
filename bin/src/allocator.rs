//! The allocator of the process, and what it can be asked.
#![expect(
    unsafe_code,
    reason = "mimalloc is written in C, and the calls of the system have no safe form in std"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{CStr, c_char, c_long, c_void};

use almandine_node::node::Allocator;
use libmimalloc_sys as mimalloc;

/// Every block is aligned so without being asked.
const NATURAL_ALIGN: usize = 8;

/// mimalloc, asked for an alignment only where it must be: its aligned calls cannot extend a page of small blocks, and take
/// a larger block from another one instead, which costs time and up to a fifth of the memory.
#[derive(Debug)]
pub(crate) struct Mimalloc;

// SAFETY: blocks of `mi_malloc` are aligned for a machine word, whatever their size; everything else goes on unchanged.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = match layout.align() <= NATURAL_ALIGN {
            true => unsafe { mimalloc::mi_malloc(layout.size()) },
            false => unsafe { mimalloc::mi_malloc_aligned(layout.size(), layout.align()) },
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = match layout.align() <= NATURAL_ALIGN {
            true => unsafe { mimalloc::mi_zalloc(layout.size()) },
            false => unsafe { mimalloc::mi_zalloc_aligned(layout.size(), layout.align()) },
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        unsafe { mimalloc::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let block = block.cast();
        let block = match layout.align() <= NATURAL_ALIGN {
            true => unsafe { mimalloc::mi_realloc(block, size) },
            false => unsafe { mimalloc::mi_realloc_aligned(block, size, layout.align()) },
        };
        block.cast()
    }
}

/// From now on all pages of this process are small ones. The system zeroes a page when it is first touched, and a huge one all at
/// once: on a virtual machine whose host must find that memory first it takes milliseconds, in which nobody is served while a
/// table grows or a long argument comes.
pub(crate) fn use_small_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: it concerns memory that comes from now on, and changes no byte of any.
    if unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!("clients may wait while the system zeroes huge pages: {error}");
    }
}

/// `mi_option_purge_delay` of mimalloc.h, which the crate does not name.
const PURGE_DELAY: mimalloc::mi_option_t = 15;
/// mimalloc says one second.
const PURGE_DELAY_MS: c_long = 10_000;

/// What was freed is kept for ten seconds, as jemalloc does, unless the environment says otherwise (`MIMALLOC_PURGE_DELAY`): a
/// busy node wants it again, and each page that comes anew from the system costs more than what is written to it.
pub(crate) fn keep_what_was_freed() {
    // SAFETY: the call stores a number, and an option that mimalloc does not know is ignored.
    unsafe { mimalloc::mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}

/// For the node.
pub(crate) fn mimalloc() -> Allocator {
    // SAFETY: the call only returns a constant: 10000 major + 100 minor + patch, or 100 major + 10 minor + patch before 3.3.
    let version = unsafe { mimalloc::mi_version() };
    Allocator {
        name: format!("mimalloc-{}", spell(version)),
        report: Some(report),
        purge,
    }
}

fn spell(version: i32) -> String {
    let base = if version < 10_000 { 10 } else { 100 };
    let (major, minor) = (version / (base * base), version / base % base);
    format!("{major}.{minor}.{}", version % base)
}

fn purge() {
    // SAFETY: the call may be made at any time; it frees only what nobody uses.
    unsafe { mimalloc::mi_collect(true) }
}

/// The statistics that mimalloc prints for people.
fn report() -> String {
    let mut text = Vec::<u8>::new();
    // SAFETY: `collect` gets the pointer back, and only until the call returns.
    unsafe { mimalloc::mi_stats_print_out(Some(collect), (&raw mut text).cast()) };
    String::from_utf8_lossy(&text).into_owned()
}

unsafe extern "C" fn collect(piece: *const c_char, text: *mut c_void) {
    if piece.is_null() || text.is_null() {
        return;
    }
    // SAFETY: mimalloc passes a text that ends with a zero, and the pointer that `report` gave it.
    let (piece, text) = unsafe { (CStr::from_ptr(piece), &mut *text.cast::<Vec<u8>>()) };
    text.extend_from_slice(piece.to_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_spelled_with_points() {
        assert_eq!(spell(227), "2.2.7");
        assert_eq!(spell(30_204), "3.2.4");
    }

    #[test]
    fn what_was_freed_is_kept_for_ten_seconds() {
        // SAFETY: the call reads a number.
        let delay = || unsafe { mimalloc::mi_option_get(PURGE_DELAY) };
        let (name, one_second) = ("MIMALLOC_PURGE_DELAY", 1000);
        let asked = std::env::var(name).ok().and_then(|text| text.parse().ok());
        // It is the option that is meant.
        assert_eq!(delay(), asked.unwrap_or(one_second));
        keep_what_was_freed();
        assert_eq!(delay(), asked.unwrap_or(PURGE_DELAY_MS));
    }

    #[test]
    fn the_allocator_tells_of_itself() {
        let allocator = mimalloc();
        assert!(
            allocator.name.len() > "mimalloc-0.0".len(),
            "{}",
            allocator.name
        );
        (allocator.purge)();
        let report = allocator.report.expect("mimalloc reports")();
        assert!(report.contains("peak"), "{report}");
    }
}
