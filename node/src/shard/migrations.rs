//! Keys on their way to another server (MIGRATE): nobody changes them until it has answered.

use std::collections::HashMap;

use almandine_protocol::Reply;

use super::Shard;
use crate::session::{OwnedRequest, Session};

/// Stands for a migration among those who watch keys; ids of clients count from 1.
const WATCHERS: u64 = 1 << 63;

/// The migrations that are under way.
#[derive(Debug, Default)]
pub struct Migrations {
    running: HashMap<u64, Migration>,
    last: u64,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Who waits for it.
    pub client: u64,
    /// The number of the database.
    pub db: usize,
    /// The keys, in the order in which the other server answers.
    pub keys: Vec<Vec<u8>>,
    /// They stay here, too.
    pub copies: bool,
}

/// What has come of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whether the other server has taken the key, for the first keys; it has said nothing of the others.
    pub taken: Vec<bool>,
    /// What the client is told, if not all went well.
    pub error: Option<String>,
}

impl Migrations {
    /// Whether nothing is under way.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Keys leave; returns the ticket of the migration.
    pub fn begin(&mut self, migration: Migration) -> u64 {
        self.last += 1;
        self.running.insert(self.last, migration);
        self.last
    }

    /// Whether a key is under way.
    pub fn holds(&self, db: usize, key: &[u8]) -> bool {
        let mut running = self.running.values();
        running.any(|migration| migration.db == db && migration.keys.iter().any(|held| held == key))
    }
}

impl Shard {
    /// The keys of migrations that begin in this batch are watched: a change that nobody could hold back (a blocked command
    /// that is served, a key that expires) must not be lost.
    pub(super) fn watch_migration(&mut self) {
        let ticket = self.migrations.last;
        if let Some(migration) = self.migrations.running.get(&ticket) {
            for key in &migration.keys {
                self.watches.watch(WATCHERS | ticket, migration.db, key);
            }
            self.changes.watched = true;
        }
    }

    /// The other server has answered, or cannot be reached: keys that it has taken are removed, the client is told.
    pub fn finish_migration(&mut self, ticket: u64, moved: Moved) {
        let Some(migration) = self.migrations.running.remove(&ticket) else {
            return;
        };
        let has_changed = self.watches.unwatch(WATCHERS | ticket);
        let Moved { taken, mut error } = moved;
        let gone = migration.keys.iter().zip(taken);
        let gone: Vec<&[u8]> = gone
            .filter(|(_, taken)| *taken)
            .map(|(key, _)| key.as_slice())
            .collect();
        if has_changed && !gone.is_empty() && !migration.copies {
            let reason = "ERR a key was changed while it was on its way: it is on both servers";
            error.get_or_insert_with(|| reason.to_owned());
        } else if !gone.is_empty() && !migration.copies {
            self.remove_moved(migration.db, &gone);
        }
        let mut answer = Vec::new();
        if let Some(waiter) = self.blocked.get(migration.client) {
            let mut reply = Reply::new(&mut answer, waiter.session.version);
            match &error {
                Some(text) => reply.error(text.as_bytes()),
                None => reply.ok(),
            }
            self.release(migration.client, answer);
        }
    }

    fn remove_moved(&mut self, db: usize, keys: &[&[u8]]) {
        let words = [&[b"DEL".as_slice()], keys].concat();
        let request = OwnedRequest::new(words.into_iter());
        let mut session = Session::internal();
        session.db = db;
        // DEL refuses nothing.
        let _ = self.replay(request.args(), &mut session, &mut Vec::new());
    }
}
