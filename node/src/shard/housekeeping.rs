//! What a shard does by itself: keys whose time is up, clients that have waited long enough, room for new keys.

use super::Shard;
use crate::commands::Class;

/// Where the expiry cycle stands.
#[derive(Debug, Default)]
pub struct Housekeeping {
    #[expect(dead_code, reason = "the cycle follows")]
    next_db: usize,
}

impl Shard {
    /// Removes keys whose time is up, and answers clients that have waited long enough. Called every few milliseconds.
    pub fn tick(&mut self) {
        self.time_out_waiters();
        self.note_expired();
        self.tell();
    }

    /// When [`Shard::tick`] has something to do for blocked clients, Unix time in milliseconds.
    pub fn next_deadline(&self) -> Option<i64> {
        self.blocked.next_deadline()
    }

    fn time_out_waiters(&mut self) {
        for client in self.blocked.overdue(self.now_ms) {
            let mut answer = Vec::new();
            if let Some(waiter) = self.blocked.get(client) {
                let version = waiter.blocking.session.version;
                waiter.wait.on_timeout.answer(&mut almandine_protocol::Reply::new(&mut answer, version));
            }
            self.release(client, answer);
        }
    }

    /// Journals and tells what look-ups have found expired.
    pub(super) fn note_expired(&mut self) {
        for (db, keys) in self.dbs.iter_mut().enumerate() {
            for key in keys.drain_expired() {
                self.changes.removed(db, &key, Class::EXPIRED, "expired");
            }
        }
    }

    /// Makes room where `maxmemory` is exceeded; false if there is none to be made.
    pub(super) fn evict(&mut self) -> bool {
        true
    }
}
