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
use crate::journal::{Awaited, Demand, Verdict};
use crate::moment::now_ms;
use crate::params::OutputLimit;
use crate::stats::bump;

/// Replies of a batch beyond this leave in the buffer in which they were written, bytes.
const OWN_FROM: usize = 1 << 20;

impl ConnectionActor {
    /// Sends replies once the journal is safe as `awaits` says, behind those that wait already.
    pub(super) fn reply(&mut self, bytes: &[u8], awaits: Option<Awaited>) {
        if bytes.is_empty() {
            return;
        }
        let demand = self.demand(awaits);
        if self.may_send(demand, awaits) {
            return self.send(bytes);
        }
        self.hold(vec![Chunk::Own(bytes.to_vec())], demand, awaits);
    }

    /// A message of a channel, which is no reply: it waits its turn, and for the append-only file.
    pub(super) fn pass_on(&mut self, bytes: &[u8], awaits: Option<Awaited>) {
        let is_over = awaits.is_some_and(|awaited| awaited.reign != self.node.journal.reign());
        self.reply(bytes, awaits.filter(|_| !is_over));
    }

    /// As [`ConnectionActor::reply`]: a batch's replies with the long values that belong into them. Nothing long is copied.
    pub(super) fn reply_all(
        &mut self,
        bytes: &mut Vec<u8>,
        attached: Vec<(usize, Shared)>,
        awaits: Option<Awaited>,
    ) {
        let demand = self.demand(awaits);
        let may_send = self.may_send(demand, awaits);
        let (mut held, mut taken) = (Vec::new(), 0);
        for (position, value) in attached {
            let (before, value) = (&bytes[taken..position], Chunk::Shared(value));
            taken = position;
            if may_send {
                self.send(before);
                self.send_chunk(value);
            } else {
                held.extend([Chunk::Own(before.to_vec()), value]);
            }
        }
        let is_long = bytes.len() - taken > OWN_FROM;
        bytes.drain(..taken);
        match (may_send, is_long) {
            (true, false) => self.send(bytes),
            (true, true) => self.send_chunk(Chunk::Own(std::mem::take(bytes))),
            (false, false) => held.push(Chunk::Own(bytes.to_vec())),
            (false, true) => held.push(Chunk::Own(std::mem::take(bytes))),
        }
        if held.iter().any(|chunk| !chunk.is_empty()) {
            self.hold(held, demand, awaits);
        }
    }

    fn send_chunks(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            self.send_chunk(chunk);
        }
    }

    fn demand(&self, awaits: Option<Awaited>) -> Demand {
        match awaits {
            Some(_) => self.node.params().durability(),
            None => Demand::Nothing,
        }
    }

    fn may_send(&self, demand: Demand, awaits: Option<Awaited>) -> bool {
        let is_safe = |awaited| self.node.journal.verdict(demand, awaited) == Verdict::Safe;
        self.held.is_empty() && awaits.is_none_or(is_safe)
    }

    fn hold(&mut self, chunks: Vec<Chunk>, demand: Demand, awaits: Option<Awaited>) {
        // Without, nothing but their turn is waited for.
        let now = Awaited {
            offset: 0,
            reign: self.node.journal.reign(),
        };
        let since = gate::wait(awaits.unwrap_or(now), self.waker.as_ref());
        self.held.push(chunks, demand, awaits, since);
        // It may have become safe a moment ago.
        if self.held.may_go(&self.node.journal) {
            self.wake();
        }
        self.bound_replies();
    }

    /// Sends the replies for which the journal is safe by now, and says of those that wait too long that they are uncertain.
    pub(super) fn release(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let oldest = match self.node.journal.awaits_replicas() {
            true => gate::oldest(self.node.params().ack_timeout),
            false => 0,
        };
        while let Some(chunks) = self.held.pop(&self.node.journal, oldest) {
            self.send_chunks(chunks);
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
