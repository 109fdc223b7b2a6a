//! What an RDB file holds, taken into databases: the one way for files at the start, copies of a primary, and DEBUG RELOAD.

use almandine_storage::Databases;
use almandine_storage::rdb::{Entry, Item};
use tracing::{info, warn};

use crate::journal::Id;

/// A file that is being taken in, and what it has said of itself.
#[derive(Debug, Default)]
pub struct Taking {
    /// Keys whose time was up before this moment are left out, Unix time in milliseconds; none = all are taken.
    pub expired_before: Option<i64>,
    /// Whether keys that are there already are replaced instead of being an error.
    pub replaces: bool,
    /// Keys that were taken, and those that were left out.
    pub keys: (u64, u64),
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// The database that the stream has selected where it follows.
    pub stream_db: usize,
    /// The id of that stream.
    pub id: Option<Id>,
    /// Where it follows.
    pub offset: Option<u64>,
}

impl Taking {
    /// Takes the next piece.
    ///
    /// # Errors
    /// Why it does not fit in.
    pub fn take(&mut self, item: Item<'_>, dbs: &mut Databases) -> Result<(), String> {
        match item {
            Item::Entry(entry) => return self.take_entry(entry, dbs),
            Item::Aux { name, value } => self.describe(name, value),
            Item::Function(code) => self.functions.push(code.to_vec()),
            Item::SlotImport { job, .. } => warn!(
                job = %job.escape_ascii(),
                "the file was written while slots were imported: the keys of the import may be incomplete"
            ),
            Item::Sizes { .. } => {}
        }
        Ok(())
    }

    /// The id and offset of the replication stream that follows, if the file says so.
    pub fn stream(&self) -> Option<(Id, u64)> {
        self.id.zip(self.offset)
    }

    fn describe(&mut self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        match name {
            b"redis-ver" => info!("Loading RDB produced by version {text}"),
            b"valkey-ver" => info!("Loading RDB produced by Valkey version {text}"),
            b"repl-id" => self.id = text.parse().ok(),
            b"repl-offset" => self.offset = text.parse().ok(),
            b"repl-stream-db" => self.stream_db = text.parse().unwrap_or(0),
            _ => {}
        }
    }

    fn take_entry(&mut self, entry: Entry<'_>, dbs: &mut Databases) -> Result<(), String> {
        let now_ms = self.expired_before;
        if entry
            .expire_at
            .zip(now_ms)
            .is_some_and(|(at, now)| at < now)
        {
            self.keys.1 += 1;
            return Ok(());
        }
        let (count, key) = (dbs.count(), entry.key);
        let db = usize::try_from(entry.db).ok().filter(|db| *db < count);
        let Some(db) = db else {
            return Err(format!(
                "it was created with a server configured to handle more than {count} databases"
            ));
        };
        let db = &mut dbs[db];
        if self.replaces {
            db.delete(key);
        }
        if !db.load(key, entry.value, entry.expire_at, entry.usage) {
            let key = key.escape_ascii();
            return Err(format!("it holds the key '{key}' twice"));
        }
        self.keys.0 += 1;
        Ok(())
    }
}
