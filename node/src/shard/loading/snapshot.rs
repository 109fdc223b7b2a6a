//! Reading a snapshot: a file of its own, or the beginning of the append-only file.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use almandine_storage::aof::Requests;
use almandine_storage::rdb::{Entry, Item, Reader};
use tracing::{info, warn};

use super::{Contents, LoadError, Loader};
use crate::journal::Id;
use crate::shard::Shard;

/// See the module.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    reader: Reader<BufReader<File>>,
    id: Option<Id>,
    offset: Option<u64>,
    /// The database that the stream has selected where it follows.
    stream_db: usize,
}

impl SnapshotFile {
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
}

impl Loader {
    /// Reads the first line of a snapshot.
    pub(super) fn open_snapshot(
        &mut self,
        path: &Path,
        file: BufReader<File>,
    ) -> Result<SnapshotFile, LoadError> {
        let reader = Reader::new(file, &self.limits, &mut self.rng, self.verify);
        Ok(SnapshotFile {
            reader: reader.map_err(|error| LoadError::Snapshot(path.to_owned(), error))?,
            id: None,
            offset: None,
            stream_db: 0,
        })
    }

    /// The next piece of a snapshot; behind its end requests may follow.
    pub(super) fn read_entry(
        &mut self,
        path: PathBuf,
        mut file: SnapshotFile,
        shard: &mut Shard,
    ) -> Result<(), LoadError> {
        let item = file.reader.next_item();
        match item.map_err(|error| LoadError::Snapshot(path.clone(), error))? {
            Some(Item::Entry(entry)) => {
                if let Err(reason) = self.take_entry(entry, shard) {
                    return Err(LoadError::Unfit(path, reason));
                }
            }
            Some(Item::Aux { name, value }) => {
                let (name, value) = (name.to_vec(), value.to_vec());
                file.describe(&name, &value);
            }
            Some(Item::Function(code)) => {
                shard.node.saving.lock().functions.push(code.to_vec());
            }
            Some(Item::SlotImport { job, .. }) => warn!(
                job = %job.escape_ascii(),
                "the file was written while slots were imported: the keys of the import may be incomplete"
            ),
            Some(Item::Sizes { .. }) => {}
            None => {
                self.stream = file.id.zip(file.offset);
                // The file of a replica goes on wherever the stream of its primary stands.
                self.session.db = file.stream_db.min(shard.dbs.count() - 1);
                let at = file.reader.offset();
                let (rest, source) = file.reader.into_rest();
                if self.manifest.is_some() {
                    let requests = Requests::new(Cursor::new(rest).chain(source), at);
                    self.current = Some((path, Contents::Requests(requests)));
                }
                return Ok(());
            }
        }
        self.current = Some((path, Contents::Snapshot(file)));
        Ok(())
    }

    fn take_entry(&mut self, entry: Entry<'_>, shard: &mut Shard) -> Result<(), String> {
        // The requests behind a base may still be about a key whose time is up.
        let is_alone = self.manifest.is_none();
        if is_alone && entry.expire_at.is_some_and(|at| at < self.now_ms) {
            self.expired += 1;
            return Ok(());
        }
        let (count, key) = (shard.dbs.count(), entry.key);
        let db = usize::try_from(entry.db).ok().filter(|db| *db < count);
        let Some(db) = db else {
            return Err(format!(
                "it was created with a server configured to handle more than {count} databases"
            ));
        };
        let db = &mut shard.dbs[db];
        if !db.load(key, entry.value, entry.expire_at, entry.usage) {
            let key = key.escape_ascii();
            return Err(format!("it holds the key '{key}' twice"));
        }
        self.keys += 1;
        Ok(())
    }
}
