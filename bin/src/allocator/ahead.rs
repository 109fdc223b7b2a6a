//! Memory is made ready before it is needed.
//!
//! The system zeroes a page when it is first touched, and a huge page all at once: on a virtual machine that takes
//! milliseconds, and the thread that touches it serves nobody meanwhile. So the allocator gets an area of ours. It says
//! when it begins with another part of it, and a thread that serves nobody touches the next huge page.
//!
//! ```text
//!   allocator ── begins with these bytes ──▶ commit() ── where the next huge page is ──▶ WANTED ──▶ thread
//! ```

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

use almandine_node::stats::process::preempt_nobody;

const HUGE_PAGE: usize = 2 << 20;
/// Bytes of an area, of which little exists before it is used. The allocator takes none of twice the size; when half of one
/// is in use there is another.
const AREA: usize = 8 << 30;

/// Addresses of huge pages that are needed next; 0 = none. A mailbox that allocates nothing, as it is the allocator that
/// posts: what comes when it is full is forgotten, and then whoever needs the page waits for it.
static WANTED: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static THREAD: OnceLock<Thread> = OnceLock::new();

unsafe extern "C" {
    /// Gives the allocator an area. `libmimalloc_sys` does not declare it. Source: mimalloc.h of version 3.
    fn mi_manage_memory(
        start: *mut c_void,
        size: usize,
        is_committed: bool,
        is_pinned: bool,
        is_zero: bool,
        numa_node: i32,
        is_exclusive: bool,
        commit: extern "C" fn(bool, *mut c_void, usize, *mut bool, *mut c_void) -> bool,
        commit_arg: *mut c_void,
        arena: *mut *mut c_void,
    ) -> bool;
}

/// From now on the allocator takes its memory from areas of ours, which are made ready ahead.
///
/// # Errors
/// The system has no such area (a limit of the address space) or no such thread. All goes on then as if nothing was asked.
pub(crate) fn prepare() -> io::Result<()> {
    let area = add_area()?;
    let thread = thread::Builder::new().name("pages".to_owned());
    let touching = thread.spawn(move || touch_what_is_wanted(area))?;
    THREAD.get_or_init(|| touching.thread().clone());
    Ok(())
}

fn add_area() -> io::Result<Range<usize>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: new pages of zeros, where the system chooses, ours and never unmapped. The advice may be refused; then pages are
    // small.
    let (area, is_taken) = unsafe {
        let area = libc::mmap(ptr::null_mut(), AREA, access, kind, -1, 0);
        if area == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        libc::madvise(area, AREA, libc::MADV_HUGEPAGE);
        let (arg, arena) = (ptr::null_mut(), ptr::null_mut());
        let is_taken = mi_manage_memory(
            area, AREA, false, false, true, -1, false, commit, arg, arena,
        );
        (area.addr(), is_taken)
    };
    if is_taken {
        Ok(area..area + AREA)
    } else {
        Err(io::Error::other("the allocator does not take it"))
    }
}

/// The allocator begins with these bytes of the area, or has no more use for what is in them.
extern "C" fn commit(
    begins: bool,
    start: *mut c_void,
    size: usize,
    is_zero: *mut bool,
    _: *mut c_void,
) -> bool {
    if !begins {
        // SAFETY: nobody uses these bytes any more, and whoever does again finds zeros.
        return unsafe { libc::madvise(start, size, libc::MADV_DONTNEED) == 0 };
    }
    if !is_zero.is_null() {
        // SAFETY: where the allocator wants to know it. Some of the bytes may have been in use before.
        unsafe { *is_zero = false };
    }
    let end = start.addr() + size;
    // Whoever goes through a huge page in parts asks once.
    if start.addr().next_multiple_of(HUGE_PAGE) < end
        && let Some(thread) = THREAD.get()
    {
        let slot = NEXT.fetch_add(1, Ordering::Relaxed) % WANTED.len();
        WANTED[slot].store(end.next_multiple_of(HUGE_PAGE), Ordering::Relaxed);
        thread.unpark();
    }
    true
}

fn touch_what_is_wanted(mut area: Range<usize>) {
    // Not as an idle thread, which would serve clients even better: a process that is killed ends, and its sockets close, when
    // the last of its threads has had a turn, and an idle one on a busy machine has its turn after a second.
    preempt_nobody();
    loop {
        for wanted in &WANTED {
            let page = wanted.swap(0, Ordering::Relaxed);
            if page == 0 {
                continue;
            }
            // SAFETY: it changes no byte, wherever this is: pages that are there stay as they are, and where nothing is
            // mapped, behind the end of an area, or where the system does not know the advice, nothing happens.
            unsafe {
                let page = ptr::without_provenance_mut(page);
                libc::madvise(page, HUGE_PAGE, libc::MADV_POPULATE_WRITE);
            }
            // Without another area the allocator finds memory itself.
            if area.contains(&page) && page - area.start > AREA / 2 {
                area = add_area().unwrap_or_default();
            }
        }
        thread::park();
    }
}
