//! A key and a value in one thin heap block: a field of a hash, a member of a set, a member and its score.
//!
//! ```text
//! | key length u32 | value length u32 | key bytes | value bytes |
//! ```
#![expect(
    unsafe_code,
    reason = "one pointer instead of three per member of a collection"
)]

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::{fmt, slice};

use crate::table::Record;

const HEADER: usize = 8;

/// See the module. One pointer wide.
#[repr(transparent)]
pub struct Pair(NonNull<u8>);

/// A second handle to a [`Pair`], for an index beside the table that owns it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PairRef(NonNull<u8>);

// SAFETY: the block is owned by the pair alone.
unsafe impl Send for Pair {}
// SAFETY: a shared pair can only be read.
unsafe impl Sync for Pair {}
// SAFETY: as for the pair it points to, whose owner also owns the index.
unsafe impl Send for PairRef {}

impl Pair {
    /// Copies both.
    ///
    /// # Panics
    /// When one of them is longer than 4 GiB; the protocol lets none above 512 MiB in.
    pub fn new(key: &[u8], value: &[u8]) -> Self {
        let lengths = (u32::try_from(key.len()), u32::try_from(value.len()));
        let (Ok(key_len), Ok(value_len)) = lengths else {
            panic!("a member beyond 4 GiB")
        };
        let layout = layout(key.len(), value.len());
        // SAFETY: the layout is at least the header; all of the block is written before anybody reads it.
        unsafe {
            let Some(block) = NonNull::new(alloc::alloc(layout)) else {
                alloc::handle_alloc_error(layout)
            };
            let start = block.as_ptr();
            start.cast::<u32>().write(key_len);
            start.cast::<u32>().add(1).write(value_len);
            start
                .add(HEADER)
                .copy_from_nonoverlapping(key.as_ptr(), key.len());
            start
                .add(HEADER + key.len())
                .copy_from_nonoverlapping(value.as_ptr(), value.len());
            Pair(block)
        }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        // SAFETY: the block is alive and as long as its header says.
        unsafe { slice::from_raw_parts(self.0.as_ptr().add(HEADER), self.lengths().0) }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        let (key, value) = self.lengths();
        // SAFETY: as above.
        unsafe { slice::from_raw_parts(self.0.as_ptr().add(HEADER + key), value) }
    }

    /// The value, to be changed without changing its length.
    #[inline]
    pub fn value_mut(&mut self) -> &mut [u8] {
        let (key, value) = self.lengths();
        // SAFETY: as above, exclusively lent.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().add(HEADER + key), value) }
    }

    /// Another value: in place where it has the same length, else in a new block.
    pub fn set_value(&mut self, value: &[u8]) {
        if value.len() == self.value().len() {
            self.value_mut().copy_from_slice(value);
        } else {
            *self = Pair::new(self.key(), value);
        }
    }

    /// Bytes of its block.
    pub fn memory(&self) -> usize {
        let (key, value) = self.lengths();
        layout(key, value).size()
    }

    /// A handle for an index.
    pub fn handle(&self) -> PairRef {
        PairRef(self.0)
    }

    #[inline]
    fn lengths(&self) -> (usize, usize) {
        // SAFETY: the block begins with its two lengths and is aligned for them.
        unsafe {
            let lengths = self.0.as_ptr().cast::<u32>();
            (lengths.read() as usize, lengths.add(1).read() as usize)
        }
    }
}

impl PairRef {
    /// The key of the pair.
    ///
    /// # Safety
    /// The pair must be alive, and its block the one it had when the handle was taken, for all of `'a`.
    pub unsafe fn key<'a>(self) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe {
            let length = self.0.as_ptr().cast::<u32>().read() as usize;
            slice::from_raw_parts(self.0.as_ptr().add(HEADER), length)
        }
    }
}

// SAFETY: one non-null pointer, and nothing changes the key of a pair.
unsafe impl Record for Pair {
    #[inline]
    fn key(&self) -> &[u8] {
        Pair::key(self)
    }
}

impl Clone for Pair {
    fn clone(&self) -> Self {
        Pair::new(self.key(), self.value())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let (key, value) = self.lengths();
        // SAFETY: allocated with this layout, and never used again.
        unsafe { alloc::dealloc(self.0.as_ptr(), layout(key, value)) };
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} => {}",
            self.key().escape_ascii(),
            self.value().escape_ascii()
        )
    }
}

impl fmt::Debug for PairRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairRef")
    }
}

fn layout(key: usize, value: usize) -> Layout {
    let size = (HEADER + key + value).next_multiple_of(8);
    Layout::from_size_align(size, 8).expect("two lengths of 32 bits fit the address space")
}
