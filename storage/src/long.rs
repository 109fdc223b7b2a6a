//! Long strings, which nobody copies who only wants to keep or to read them.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes that several may hold: the key, the request that has brought them, replies on their way.
#[derive(Debug, Clone)]
pub struct Shared {
    block: Arc<Vec<u8>>,
    /// How many of the first bytes of the block count; what follows is the rest of the request that has brought them.
    len: usize,
}

/// The bytes of a string that does not fit into the block of its key.
#[derive(Debug)]
pub(crate) enum Long {
    Own(Vec<u8>),
    Shared(Shared),
}

impl Shared {
    /// What a block may hold beyond the bytes is at most this part of them.
    const EXCESS: usize = 16;

    /// The first `len` bytes of a block, if it holds hardly more than these.
    pub fn beginning_of(block: &Arc<Vec<u8>>, len: usize) -> Option<Self> {
        let is_tight = len <= block.len() && block.capacity() - len <= len / Self::EXCESS;
        is_tight.then(|| Shared {
            block: block.clone(),
            len,
        })
    }

    /// The bytes as a vector, to be changed; copied only if somebody else holds them.
    fn into_vec(self) -> Vec<u8> {
        match Arc::try_unwrap(self.block) {
            Ok(mut bytes) => {
                bytes.truncate(self.len);
                bytes
            }
            Err(block) => block[..self.len].to_vec(),
        }
    }
}

impl Deref for Shared {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.block[..self.len]
    }
}

impl Long {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Long::Own(bytes) => bytes,
            Long::Shared(bytes) => bytes,
        }
    }

    /// The bytes for somebody who holds them as long as he likes.
    pub(crate) fn share(&mut self) -> Shared {
        let shared = match self {
            Long::Shared(bytes) => return bytes.clone(),
            Long::Own(bytes) => Shared {
                len: bytes.len(),
                block: Arc::new(std::mem::take(bytes)),
            },
        };
        *self = Long::Shared(shared.clone());
        shared
    }

    /// Lets `edit` change the bytes; who holds them elsewhere keeps what he has.
    pub(crate) fn edit<T>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut bytes = match std::mem::replace(self, Long::Own(Vec::new())) {
            Long::Own(bytes) => bytes,
            Long::Shared(bytes) => bytes.into_vec(),
        };
        let outcome = edit(&mut bytes);
        *self = Long::Own(bytes);
        outcome
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Long::Own(bytes) => bytes.capacity(),
            Long::Shared(bytes) => bytes.block.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_keeps_what_he_was_given() {
        let mut long = Long::Own(vec![b'x'; 1000]);
        let address = long.as_slice().as_ptr();
        let reader = long.share();
        assert_eq!(reader.as_ptr(), address, "nothing was copied");
        long.edit(|bytes| bytes.push(b'y'));
        assert_eq!((reader.len(), long.as_slice().len()), (1000, 1001));
        assert!(reader.iter().all(|byte| *byte == b'x'));
    }

    #[test]
    fn bytes_that_nobody_reads_any_more_are_changed_in_place() {
        let mut block = Vec::with_capacity(1010);
        block.extend_from_slice(&[b'x'; 1000]);
        block.extend_from_slice(b"\r\nrest");
        let block = Arc::new(block);
        let address = block.as_ptr();
        let mut long = Long::Shared(Shared::beginning_of(&block, 1000).expect("hardly more"));
        drop((block, long.share()));
        let seen = long.edit(|bytes| (bytes.as_ptr(), bytes.len()));
        assert_eq!(seen, (address, 1000));
        assert_eq!(long.as_slice(), [b'x'; 1000]);
    }

    #[test]
    fn a_block_that_holds_much_else_is_not_kept() {
        let block = Arc::new(vec![0; 1000]);
        assert!(Shared::beginning_of(&block, 1001).is_none());
        assert!(Shared::beginning_of(&block, 990).is_some());
        assert!(Shared::beginning_of(&block, 500).is_none());
    }
}
