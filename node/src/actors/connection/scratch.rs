//! Buffers of a thread, lent to the connection whose turn it is: ten thousand idle connections hold none.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use almandine_protocol::Batch;

/// Bytes of the read buffer.
pub(super) const READ_BUFFER: usize = 64 * 1024;
/// A reply buffer that grew beyond this is given back to the allocator.
const KEPT_REPLIES: usize = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What one read brings.
    pub(super) read: Vec<u8>,
    /// The requests in it.
    pub(super) batch: Batch,
    /// Their replies.
    pub(super) out: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Option<Box<Scratch>>> = const { RefCell::new(None) };
}

/// Gives the buffers back when dropped.
pub(super) struct Loan(Option<Box<Scratch>>);

impl Scratch {
    /// The thread's buffers.
    pub(super) fn borrow() -> Loan {
        let mut scratch = SCRATCH.with(RefCell::take).unwrap_or_default();
        if scratch.read.is_empty() {
            scratch.read = vec![0; READ_BUFFER];
        }
        Loan(Some(scratch))
    }

    /// Lets go of memory that one large reply has taken.
    pub(super) fn trim(&mut self) {
        if self.out.capacity() > KEPT_REPLIES {
            self.out = Vec::new();
        }
    }
}

impl Deref for Loan {
    type Target = Scratch;
    fn deref(&self) -> &Scratch {
        self.0.as_deref().expect("taken only by drop")
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut Scratch {
        self.0.as_deref_mut().expect("taken only by drop")
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        SCRATCH.with(|place| *place.borrow_mut() = self.0.take());
    }
}
