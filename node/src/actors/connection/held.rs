//! Replies that wait until the journal is safe.

use std::collections::VecDeque;

use super::outbox::Chunk;
use crate::journal::{Demand, Journal};

/// Where [`Held::is_full`] begins.
const BYTES_MAX: usize = 1 << 20;
const BATCHES_MAX: usize = 64;

/// See the module. In the order of the requests.
#[derive(Debug, Default)]
pub(super) struct Held {
    replies: VecDeque<Reply>,
    bytes: usize,
}

#[derive(Debug)]
struct Reply {
    bytes: Chunk,
    demand: Demand,
    offset: u64,
}

impl Held {
    /// Whether nothing waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Whether so much waits that nothing more is executed before it has left.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > BYTES_MAX || self.replies.len() > BATCHES_MAX
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Gives up what waits.
    pub(super) fn clear(&mut self) {
        *self = Held::default();
    }

    /// `bytes` may leave when the journal does at `offset` what `demand` says, and everything before them has left.
    pub(super) fn push(&mut self, bytes: Chunk, demand: Demand, offset: u64) {
        self.bytes += bytes.len();
        self.replies.push_back(Reply {
            bytes,
            demand,
            offset,
        });
    }

    /// Whether [`Held::pop`] would return something.
    pub(super) fn may_go(&self, journal: &Journal) -> bool {
        let first = self.replies.front();
        first.is_some_and(|reply| journal.meets(reply.demand, reply.offset))
    }

    /// What may leave now.
    pub(super) fn pop(&mut self, journal: &Journal) -> Option<Chunk> {
        if !self.may_go(journal) {
            return None;
        }
        let reply = self.replies.pop_front()?;
        self.bytes -= reply.bytes.len();
        Some(reply.bytes)
    }
}
