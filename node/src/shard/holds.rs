//! Requests that must wait because of the keys they change: those of a snapshot that are not saved yet, and those on their
//! way to another server.

use super::Shard;
use crate::commands::spec::{Command, Flags};
use crate::commands::{Args, keys};
use crate::session::Session;

impl Shard {
    /// Whether there may be keys that nobody may change now.
    #[inline]
    pub(super) fn holds_keys(&self) -> bool {
        self.is_saving() || !self.migrations.is_empty()
    }

    /// Whether a request must wait: keys that it changes are long and not written whole into the snapshot, or so much was
    /// written for others that the walk must go on first, or they are migrating.
    #[cold]
    pub(super) fn must_wait(
        &mut self,
        command: &Command,
        args: Args<'_>,
        session: &Session,
    ) -> bool {
        let transaction = session.transaction.as_ref();
        let Some(transaction) = transaction.filter(|_| command.name == "exec") else {
            return self.holds_keys_of(command, args, session.db);
        };
        let (mut db, mut is_held) = (session.db, false);
        for queued in &transaction.queued {
            let (command, args) = (queued.id.command(), queued.request.args());
            if command.name == "select" {
                let number = args.integer(1).ok().and_then(|n| usize::try_from(n).ok());
                db = number.filter(|n| *n < self.dbs.count()).unwrap_or(db);
            }
            is_held |= self.holds_keys_of(command, args, db);
        }
        is_held
    }

    fn holds_keys_of(&mut self, command: &Command, args: Args<'_>, db: usize) -> bool {
        if !command.flags.contains(Flags::WRITE) {
            return false;
        }
        // FLUSHALL and SWAPDB change every key.
        let mut is_held = command.keys.is_empty() && !self.migrations.is_empty();
        let (keyspace, migrations) = (&mut self.dbs[db], &self.migrations);
        // A request whose keys cannot be told is refused by its handler.
        let _ = keys::each(command, args, |key| {
            let Some(key) = args.get(key.at) else { return };
            is_held |= keyspace.must_wait(key) || migrations.holds(db, key);
        });
        is_held
    }
}
