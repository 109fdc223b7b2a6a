//! Memory that the kernel receives into: buffers of one size, offered to it in a ring that both sides see, taken by it as
//! bytes arrive, and offered again when the connection has done with them. Nothing belongs to a client that is silent.
#![expect(
    unsafe_code,
    reason = "memory that the kernel writes into has no safe form"
)]

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// Bytes of a buffer.
pub(super) const SIZE: usize = 16 * 1024;
/// Buffers at first. Few, so that those in use stay in the processor's cache.
const FIRST: u16 = 64;
/// Buffers at most; a power of two.
const MOST: u16 = 128;
/// Bytes of the ring in front of the buffers; whole pages.
const RING: usize = MOST as usize * size_of::<BufRingEntry>();
const MAPPED: usize = RING + MOST as usize * SIZE;
/// The only group of buffers of a ring.
pub(super) const GROUP: u16 = 0;

/// See the module.
///
/// Invariant: a number below `made` is either offered in the ring, or taken by the kernel, or held by exactly one [`Lent`].
#[derive(Debug)]
pub(super) struct Buffers {
    /// `MAPPED` bytes: first the ring, then the buffers.
    memory: NonNull<u8>,
    /// How many offers were ever made, modulo 2^16.
    tail: Cell<u16>,
    /// Buffers that were ever offered; the others have never been touched.
    made: Cell<u16>,
}

/// A buffer that the kernel has filled. Offered to it again when dropped.
#[derive(Debug)]
pub(in super::super) struct Lent {
    buffers: Rc<Buffers>,
    number: u16,
    length: u16,
}

const _: () = assert!(SIZE <= u16::MAX as usize && MOST.is_power_of_two());

impl Buffers {
    /// Maps memory and makes it known to the kernel behind `submitter`.
    ///
    /// # Errors
    /// The system gives no memory, or the kernel does not know such rings.
    ///
    /// # Safety
    /// The ring behind `submitter` is gone, with all requests in it, before the buffers are dropped.
    pub(super) unsafe fn new(submitter: &Submitter<'_>) -> io::Result<Rc<Self>> {
        // SAFETY: a new mapping that overlaps nothing.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                MAPPED,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let Some(memory) = NonNull::new(memory.cast()) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let buffers = Buffers {
            memory,
            tail: Cell::new(0),
            made: Cell::new(0),
        };
        let ring = memory.as_ptr() as u64;
        // SAFETY: the mapping is aligned to pages, holds `MOST` entries, and lives as long as the caller promises.
        unsafe { submitter.register_buf_ring_with_flags(ring, MOST, GROUP, 0)? };
        for number in 0..FIRST {
            buffers.offer(number);
        }
        buffers.made.set(FIRST);
        Ok(Rc::new(buffers))
    }

    /// Offers as many buffers again as there are; false = there may be no more.
    pub(super) fn grow(&self) -> bool {
        let made = self.made.get();
        let more = made.min(MOST - made);
        for number in made..made + more {
            self.offer(number);
        }
        self.made.set(made + more);
        more > 0
    }

    /// The kernel has filled buffer `number` with `length` bytes.
    ///
    /// # Safety
    /// The kernel has just named this buffer in a completion, and nobody else has heard of it.
    pub(super) unsafe fn lend(self: &Rc<Self>, number: u16, length: usize) -> Lent {
        debug_assert!(number < self.made.get() && length <= SIZE);
        Lent {
            buffers: self.clone(),
            number,
            length: length as u16,
        }
    }

    /// The kernel may use buffer `number`, which nobody reads or writes.
    fn offer(&self, number: u16) {
        let (tail, ring) = (self.tail.get(), self.memory.as_ptr());
        let place = usize::from(tail & (MOST - 1));
        // SAFETY: `place` is inside the ring, and the kernel does not look at an entry beyond the tail. The last two bytes
        // of an entry, which are the tail in the first one, are not touched.
        let entry = unsafe { &mut *ring.cast::<BufRingEntry>().add(place) };
        entry.set_addr(self.address(number) as u64);
        entry.set_len(SIZE as u32);
        entry.set_bid(number);
        self.tail.set(tail.wrapping_add(1));
        // SAFETY: the tail lies in the ring's first entry, is aligned, and is written by this thread only.
        let shared = unsafe {
            let tail = BufRingEntry::tail(ring.cast::<BufRingEntry>()).cast_mut();
            AtomicU16::from_ptr(tail)
        };
        shared.store(self.tail.get(), Ordering::Release);
    }

    fn address(&self, number: u16) -> *mut u8 {
        debug_assert!(number < MOST);
        // SAFETY: the buffer lies inside the mapping.
        unsafe { self.memory.as_ptr().add(RING + usize::from(number) * SIZE) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, nobody is lent a part of it (they hold an `Rc`), and the kernel has forgotten it, as
        // the caller of `new` has promised.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), MAPPED) };
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the kernel has filled so many bytes, and writes no more of them before the buffer is offered again.
        unsafe {
            std::slice::from_raw_parts(self.buffers.address(self.number), usize::from(self.length))
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.buffers.offer(self.number);
    }
}
