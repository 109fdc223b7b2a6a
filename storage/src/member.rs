//! A member of a large set: its bytes in one thin heap block.
//!
//! ```text
//! | length u8, below 255 | bytes |          | 255 | length u32 | bytes |
//! ```
#![expect(
    unsafe_code,
    reason = "one pointer and one byte beside the member itself"
)]

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::{fmt, slice};

use crate::table::Record;

const LONG: u8 = 255;

/// See the module. One pointer wide.
#[repr(transparent)]
pub struct Member(NonNull<u8>);

// SAFETY: the block is owned by the member alone.
unsafe impl Send for Member {}
// SAFETY: nothing changes a member.
unsafe impl Sync for Member {}

impl Member {
    /// Copies the bytes.
    ///
    /// # Panics
    /// When they are longer than 4 GiB; the protocol lets none above 512 MiB in.
    pub fn new(bytes: &[u8]) -> Self {
        let layout = layout(bytes.len());
        // SAFETY: the layout covers the length and the bytes, and is never empty.
        unsafe {
            let Some(block) = NonNull::new(alloc::alloc(layout)) else {
                alloc::handle_alloc_error(layout)
            };
            let start = block.as_ptr();
            if bytes.len() < usize::from(LONG) {
                start.write(bytes.len() as u8);
            } else {
                let length = u32::try_from(bytes.len()).expect("a member within 4 GiB");
                start.write(LONG);
                start.add(1).cast::<u32>().write_unaligned(length);
            }
            start
                .add(header(bytes.len()))
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Member(block)
        }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let length = self.length();
        // SAFETY: the block holds as many bytes as it says.
        unsafe { slice::from_raw_parts(self.0.as_ptr().add(header(length)), length) }
    }

    /// Bytes of its block.
    pub fn memory(&self) -> usize {
        layout(self.length()).size()
    }

    #[inline]
    fn length(&self) -> usize {
        // SAFETY: the block begins with its length in one of the two forms.
        unsafe {
            match self.0.as_ptr().read() {
                LONG => self.0.as_ptr().add(1).cast::<u32>().read_unaligned() as usize,
                short => usize::from(short),
            }
        }
    }
}

// SAFETY: one non-null pointer, and nothing changes the bytes.
unsafe impl Record for Member {
    #[inline]
    fn key(&self) -> &[u8] {
        self.bytes()
    }
}

impl Clone for Member {
    fn clone(&self) -> Self {
        Member::new(self.bytes())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and never used again.
        unsafe { alloc::dealloc(self.0.as_ptr(), layout(self.length())) };
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes().escape_ascii())
    }
}

#[inline]
fn header(length: usize) -> usize {
    if length < usize::from(LONG) { 1 } else { 5 }
}

fn layout(length: usize) -> Layout {
    // Allocators round to 8 anyway; said here, it is counted.
    let size = (header(length) + length).next_multiple_of(8);
    Layout::from_size_align(size, 1).expect("a length of 32 bits fits the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_every_length_come_back() {
        for length in [0, 1, 7, 8, 253, 254, 255, 256, 65_536, 1 << 20] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let member = Member::new(&bytes);
            assert_eq!(member.clone().bytes(), bytes, "{length}");
            assert!((length + 1..length + 16).contains(&member.memory()));
        }
        assert_eq!(Member::new(b"member:0001234").memory(), 16);
    }
}
