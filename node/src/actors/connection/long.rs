//! A long argument on its way. It is read into a block that it begins, so that a command that keeps it keeps the block, and
//! nobody else waits while a hundred megabytes are copied.
//!
//! ```text
//!   read          *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n [first bytes]
//!                 [----------- before ----------------------]
//!   tail then     [argument ...]                              grows until it is complete
//!   tail at last  [argument \r\n | before]                     is run; the value is the first part of the block
//! ```

use std::io;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use actix::Context;
use almandine_protocol::HalfRead;

use super::scratch::Scratch;
use super::{ConnectionActor, State};
use crate::session::Whole;

/// Arguments from this length on, bytes; also the most that may precede one in its request.
const LONG: usize = 64 * 1024;
/// So many of its bytes have come when it gets a block of its own. Ten thousand who never send more cost what they have sent.
const BEGUN: usize = LONG / 2;
/// When this part of an argument has come, the rest of it gets its place at once. Until then the place is doubled again and
/// again: a length that is only announced costs nothing. From then on it costs addresses, and memory only as far as bytes come.
const TRUSTED: usize = 64;
/// Room for what follows the argument in its request: as a part of its length, and at most so many bytes.
const AFTER: (usize, usize) = (32, 64 * 1024);

/// See the module.
pub(super) struct Long {
    /// What precedes the argument in its request.
    before: Vec<u8>,
    /// Bytes of the argument.
    length: usize,
    /// Whether all of it is there, and `before` behind it.
    has_come: bool,
    /// What was read beyond the argument and is not in the tail yet.
    surplus: Vec<u8>,
}

impl ConnectionActor {
    /// Whether the tail is the beginning of a long argument, and nothing else.
    pub(super) fn awaits_long(&self) -> bool {
        self.long.as_ref().is_some_and(|long| !long.has_come)
    }

    /// If the tail ends within a long argument, from now on it begins with it.
    #[inline]
    pub(super) fn begin_long(&mut self) {
        if let Some(HalfRead { at, length }) = self.parser.half_read()
            && length >= LONG
            && at <= LONG
            && self.tail.len() >= at + BEGUN
            && self.long.is_none()
            && self.state == State::Reading
        {
            let argument = self.tail.split_off(at);
            self.long = Some(Box::new(Long {
                before: std::mem::replace(&mut self.tail, argument),
                length,
                has_come: false,
                surplus: Vec::new(),
            }));
        }
    }

    /// Appends to the argument what has come of it.
    pub(super) fn read_long(&mut self, task: &mut Task<'_>) -> Poll<io::Result<usize>> {
        let Some(long) = &mut self.long else {
            return Poll::Pending;
        };
        let complete = long.length + 2;
        let room = complete + long.before.len() + AFTER.1.min(long.length / AFTER.0);
        let (has, may_have) = (self.tail.len(), self.tail.capacity());
        if has == may_have {
            let doubled = room.min(2 * has);
            let wanted = if has < room / TRUSTED { doubled } else { room };
            self.tail.reserve_exact(wanted - has);
        }
        let wants = (complete - has).min(self.tail.capacity() - has);
        let outcome = self.socket.read_into(&mut self.tail, wants, task);
        if self.tail.len() >= complete {
            long.surplus = self.tail.split_off(complete);
            self.tail.extend_from_slice(&long.before);
            long.has_come = true;
            self.parser.put_first();
        }
        outcome
    }

    /// Runs the request that the tail begins with, and those behind it.
    pub(super) fn execute_long(&mut self, ctx: &mut Context<Self>) {
        let Some(mut long) = self.long.take() else {
            return;
        };
        let block = Arc::new(std::mem::take(&mut self.tail));
        let whole = Whole {
            block: block.clone(),
            length: long.length,
            before: long.before.len(),
        };
        if let Some(session) = &mut self.session {
            session.whole = Some(whole.clone());
        }
        let used = self.execute(&block, &mut Scratch::borrow(), ctx);
        if let Some(session) = &mut self.session {
            session.whole = None;
        }
        let newer = std::mem::take(&mut self.tail);
        debug_assert!(newer.is_empty());
        self.tail_is_fresh = !long.surplus.is_empty();
        if used > 0 {
            self.tail = block[used..].to_vec();
            self.tail_is_fresh |= !self.tail.is_empty();
            self.tail.append(&mut long.surplus);
        } else if self.state == State::Reading {
            // Arguments are still to come.
            drop(whole);
            self.tail = Arc::try_unwrap(block).unwrap_or_else(|block| block.to_vec());
            self.tail.append(&mut long.surplus);
            self.long = Some(long);
        } else {
            // It waits for the end of a pause, and will be read as if it came then.
            self.tail = whole.in_order(block.len());
            self.tail.append(&mut long.surplus);
        }
    }
}
