//! Replies that the peer has not read: how many are too many, and since when.

use std::io;
use std::sync::atomic::Ordering;
use std::task::Context as Task;

use almandine_protocol::Limits;

use super::ConnectionActor;
use crate::moment::now_ms;
use crate::params::OutputLimit;

impl ConnectionActor {
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
    pub(super) fn exceeds_limits(&self, waiting: u64) -> bool {
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
