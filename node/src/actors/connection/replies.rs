//! Replies on their way: held back until the journal is safe, sent, left unread; how many are too many, and since when.

use std::io;
use std::sync::atomic::Ordering;
use std::task::Context as Task;

use almandine_protocol::Limits;
use almandine_storage::Shared;
use tracing::debug;

use super::outbox::Chunk;
use super::{ConnectionActor, State};
use crate::actors::gate;
use crate::journal::Demand;
use crate::moment::now_ms;
use crate::params::OutputLimit;
use crate::stats::bump;

/// Replies of a batch beyond this leave in the buffer in which they were written, bytes.
const OWN_FROM: usize = 1 << 20;

impl ConnectionActor {
    /// Sends replies once the journal is safe up to `awaits`, behind those that wait already.
    pub(super) fn reply(&mut self, bytes: &[u8], awaits: Option<u64>) {
        if bytes.is_empty() {
            return;
        }
        let (demand, offset) = self.demand(awaits);
        if self.may_send(demand, offset) {
            return self.send(bytes);
        }
        self.hold(Chunk::Own(bytes.to_vec()), demand, offset);
    }

    /// As [`ConnectionActor::reply`]: a batch's replies with the long values that belong into them. Nothing long is copied.
    pub(super) fn reply_all(
        &mut self,
        bytes: &mut Vec<u8>,
        attached: Vec<(usize, Shared)>,
        awaits: Option<u64>,
    ) {
        let mut sent = 0;
        for (position, value) in attached {
            self.reply(&bytes[sent..position], awaits);
            self.reply_chunk(Chunk::Shared(value), awaits);
            sent = position;
        }
        if bytes.len() - sent > OWN_FROM {
            bytes.drain(..sent);
            self.reply_chunk(Chunk::Own(std::mem::take(bytes)), awaits);
        } else {
            self.reply(&bytes[sent..], awaits);
        }
    }

    fn reply_chunk(&mut self, chunk: Chunk, awaits: Option<u64>) {
        let (demand, offset) = self.demand(awaits);
        if self.may_send(demand, offset) {
            return self.send_chunk(chunk);
        }
        self.hold(chunk, demand, offset);
    }

    fn demand(&self, awaits: Option<u64>) -> (Demand, u64) {
        match awaits {
            Some(offset) => (self.node.params().durability(), offset),
            None => (Demand::Nothing, 0),
        }
    }

    fn may_send(&self, demand: Demand, offset: u64) -> bool {
        self.held.is_empty() && self.node.journal.meets(demand, offset)
    }

    fn hold(&mut self, chunk: Chunk, demand: Demand, offset: u64) {
        self.held.push(chunk, demand, offset);
        self.await_journal(offset);
        self.bound_replies();
    }

    /// Sends the replies for which the journal is safe by now.
    pub(super) fn release(&mut self) {
        while let Some(chunk) = self.held.pop(&self.node.journal) {
            self.send_chunk(chunk);
        }
    }

    /// Has this connection woken when the journal is safe up to `offset`. It may have become so a moment ago: then at once.
    fn await_journal(&self, offset: u64) {
        if let Some(waker) = &self.waker {
            gate::wait(offset, waker.clone());
        }
        if self.held.may_go(&self.node.journal) {
            self.wake();
        }
    }

    /// Writes at once if nothing waits before it.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.state == State::Broken {
            return;
        }
        self.count_written(bytes.len());
        let is_whole = self.outbox.send(&self.socket, bytes);
        self.look_at_outbox(is_whole);
    }

    /// As [`ConnectionActor::send`], without a copy.
    fn send_chunk(&mut self, chunk: Chunk) {
        if chunk.is_empty() || self.state == State::Broken {
            return;
        }
        self.count_written(chunk.len());
        let is_whole = self.outbox.send_chunk(&self.socket, chunk);
        self.look_at_outbox(is_whole);
    }

    fn count_written(&self, bytes: usize) {
        bump(&self.client.bytes_out, bytes as u64);
        self.traffic().wrote(bytes as u64);
    }

    fn look_at_outbox(&mut self, is_whole: bool) {
        if !is_whole {
            self.break_off();
        } else if !self.outbox.is_empty() {
            self.bound_replies();
            self.wake();
        }
    }

    /// Closes a client that leaves too many replies unread, or whose replies are too many to be held back.
    fn bound_replies(&mut self) {
        let waiting = (self.outbox.len() + self.held.len()) as u64;
        self.show_buffers();
        if self.exceeds_limits(waiting) {
            debug!(
                client = self.client.id,
                bytes = waiting,
                "closing client that does not read its replies"
            );
            self.traffic().output_too_long();
            self.break_off();
        }
    }

    /// What waits to be sent is given up.
    fn break_off(&mut self) {
        self.outbox.clear();
        self.held.clear();
        self.state = State::Broken;
        self.wake();
    }

    /// Writes on what waits.
    pub(super) fn flush(&mut self, task: &mut Task<'_>) -> io::Result<()> {
        let before = self.outbox.len();
        self.outbox.flush(&mut self.socket, task)?;
        if self.outbox.len() < before {
            self.client.active_ms.store(now_ms(), Ordering::Relaxed);
            self.note_backlog(self.output_limit());
        }
        Ok(())
    }

    /// Whether the connection must be closed because this many bytes of replies wait.
    fn exceeds_limits(&self, waiting: u64) -> bool {
        let limit = self.output_limit();
        self.note_backlog(limit);
        (limit.hard > 0 && waiting > limit.hard)
            || (!self.is_authenticated() && waiting > Limits::UNAUTHENTICATED_OUTPUT)
    }

    fn output_limit(&self) -> OutputLimit {
        let is_subscribed = self.client.profile().is_subscribed();
        self.node.params().output_limit(is_subscribed)
    }

    /// Remembers since when more than the soft limit waits; the listener looks after those for whom it is too long.
    fn note_backlog(&self, limit: OutputLimit) {
        let is_over = limit.soft > 0 && self.outbox.len() as u64 > limit.soft;
        let since = &self.client.backlog_since_ms;
        match (is_over, since.load(Ordering::Relaxed)) {
            (true, 0) => since.store(now_ms(), Ordering::Relaxed),
            (true, _) | (false, 0) => {}
            (false, _) => since.store(0, Ordering::Relaxed),
        }
    }
}
