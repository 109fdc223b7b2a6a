//! Bytes of any length behind one thin pointer.
//!
//! ```text
//! | length u32 little endian, these four bytes included | bytes |
//! ```
//! This is how Redis's listpacks begin, so one can be kept and copied out as it stands. The size of the block follows from
//! the length alone: small steps that an allocator would take anyway, so that most edits need no new block.
#![expect(
    unsafe_code,
    reason = "one pointer instead of three per packed collection"
)]

use std::alloc::{self, Layout};
use std::ops::Range;
use std::ptr::NonNull;
use std::{fmt, slice};

const HEADER: usize = 4;
const ALIGN: usize = 4;

/// See the module. One pointer wide.
#[repr(transparent)]
pub struct Blob(NonNull<u8>);

// SAFETY: the block is owned by the blob alone.
unsafe impl Send for Blob {}
// SAFETY: a shared blob can only be read.
unsafe impl Sync for Blob {}

impl Blob {
    /// Copies `bytes`, length not included.
    ///
    /// # Panics
    /// When they are as long as 4 GiB.
    pub fn from_slice(bytes: &[u8]) -> Self {
        let total = HEADER + bytes.len();
        let layout = layout(total);
        // SAFETY: the layout has room for the header and the bytes, and is never empty.
        unsafe {
            let Some(block) = NonNull::new(alloc::alloc(layout)) else {
                alloc::handle_alloc_error(layout)
            };
            let mut blob = Blob(block);
            blob.set_total(total);
            block
                .add(HEADER)
                .as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            blob
        }
    }

    /// The bytes, without the length.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.as_raw()[HEADER..]
    }

    /// The bytes, without the length.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the block is as long as its header says, which is not lent out; the loan is exclusive.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().add(HEADER), self.total() - HEADER) }
    }

    /// The length in little endian, and the bytes.
    #[inline]
    pub fn as_raw(&self) -> &[u8] {
        // SAFETY: the block is as long as its header says.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), self.total()) }
    }

    /// Number of bytes, without the length.
    #[inline]
    pub fn len(&self) -> usize {
        self.total() - HEADER
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `bytes` in place of `range` (positions in [`Blob::as_slice`]).
    ///
    /// # Panics
    /// When the range is not within the bytes, or the result is as long as 4 GiB.
    pub fn splice(&mut self, range: Range<usize>, bytes: &[u8]) {
        let old = self.total();
        assert!(
            range.start <= range.end && range.end <= old - HEADER,
            "a range within the blob"
        );
        let tail = HEADER + range.end..old;
        let new = old - range.len() + bytes.len();
        if new > old {
            self.resize(new);
        }
        // SAFETY: the block holds both the old and the new length here; the tail is moved before its old place is used.
        unsafe {
            let start = self.0.as_ptr().add(HEADER + range.start);
            if bytes.len() != range.len() {
                let from = self.0.as_ptr().add(tail.start);
                start.add(bytes.len()).copy_from(from, tail.len());
            }
            start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        if new < old {
            self.resize(new);
        }
    }

    /// Bytes of the block.
    pub fn memory(&self) -> usize {
        rounded(self.total())
    }

    /// Another length; what is beyond it is lost, what is new is not written yet (the only caller writes it at once).
    fn resize(&mut self, total: usize) {
        let (old, new) = (layout(self.total()), layout(total));
        if old.size() != new.size() {
            // SAFETY: allocated with the old layout; the new size is not 0 and was checked by `layout`.
            let block = unsafe { alloc::realloc(self.0.as_ptr(), old, new.size()) };
            let Some(block) = NonNull::new(block) else {
                alloc::handle_alloc_error(new)
            };
            self.0 = block;
        }
        self.set_total(total);
    }

    #[inline]
    fn total(&self) -> usize {
        // SAFETY: the block begins with its length and is aligned for it.
        u32::from_le(unsafe { self.0.cast::<u32>().read() }) as usize
    }

    fn set_total(&mut self, total: usize) {
        let total = u32::try_from(total).expect("a blob below 4 GiB");
        // SAFETY: as above.
        unsafe { self.0.cast::<u32>().write(total.to_le()) };
    }
}

impl Clone for Blob {
    fn clone(&self) -> Self {
        Blob::from_slice(self.as_slice())
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and never used again.
        unsafe { alloc::dealloc(self.0.as_ptr(), layout(self.total())) };
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_slice().escape_ascii())
    }
}

/// Sizes of blocks: multiples of 8 up to 64, of 16 up to 128, then four to each doubling.
#[inline]
fn rounded(total: usize) -> usize {
    if total <= 64 {
        return total.next_multiple_of(8);
    }
    total.next_multiple_of(((total - 1).next_power_of_two() / 8).max(16))
}

#[inline]
fn layout(total: usize) -> Layout {
    assert!(u32::try_from(total).is_ok(), "a blob below 4 GiB");
    Layout::from_size_align(rounded(total), ALIGN).expect("below 8 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn splicing_does_what_it_does_to_a_vector() {
        for seed in 0..40 {
            let mut rng = Rng::new(seed);
            let (mut blob, mut model) = (Blob::from_slice(b""), Vec::new());
            for step in 0..400 {
                let start = rng.below(model.len() + 1);
                let most = if rng.below(8) == 0 { 300 } else { 12 };
                let end = (start + rng.below(most)).min(model.len());
                let bytes = vec![step as u8; rng.below(most)];
                blob.splice(start..end, &bytes);
                model.splice(start..end, bytes);
                assert_eq!(blob.as_slice(), model, "seed {seed} step {step}");
                assert!(
                    blob.memory() >= blob.len() + 4
                        && blob.memory() <= (blob.len() + 4) * 5 / 4 + 8
                );
            }
            let total = (model.len() as u32 + 4).to_le_bytes();
            assert_eq!(blob.clone().as_raw(), [&total, model.as_slice()].concat());
            blob.as_mut_slice().fill(7);
            assert!(blob.as_slice().iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    #[should_panic(expected = "a range within the blob")]
    fn a_range_beyond_the_end_is_refused() {
        Blob::from_slice(b"abc").splice(2..4, b"");
    }
}
