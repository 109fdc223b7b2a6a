//! Reading a snapshot: a file of its own, or the beginning of the append-only file.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use almandine_storage::aof::Requests;
use almandine_storage::rdb::Reader;

use super::taking::Taking;
use super::{Contents, LoadError, Loader};
use crate::shard::Shard;

/// See the module.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    reader: Reader<BufReader<File>>,
    taking: Taking,
}

impl Loader {
    /// Reads the first line of a snapshot.
    pub(super) fn open_snapshot(
        &mut self,
        path: &Path,
        file: BufReader<File>,
    ) -> Result<SnapshotFile, LoadError> {
        let reader = Reader::new(file, &self.limits, &mut self.rng, self.trust);
        // The requests behind a base may still be about a key whose time is up.
        let is_alone = self.manifest.is_none();
        Ok(SnapshotFile {
            reader: reader.map_err(|error| LoadError::Snapshot(path.to_owned(), error))?,
            taking: Taking {
                expired_before: is_alone.then_some(self.now_ms),
                ..Taking::default()
            },
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
        let item = item.map_err(|error| LoadError::Snapshot(path.clone(), error))?;
        if let Some(item) = item {
            if let Err(reason) = file.taking.take(item, &mut shard.dbs) {
                return Err(LoadError::Unfit(path, reason));
            }
            self.current = Some((path, Contents::Snapshot(file)));
            return Ok(());
        }
        let SnapshotFile { reader, taking } = file;
        self.stream = taking.stream();
        self.keys.0 += taking.keys.0;
        self.keys.1 += taking.keys.1;
        shard.node.saving.lock().functions.extend(taking.functions);
        // The file of a replica goes on wherever the stream of its primary stands.
        self.session.db = taking.stream_db.min(shard.dbs.count() - 1);
        let at = reader.offset();
        let (rest, source) = reader.into_rest();
        if self.manifest.is_some() {
            let requests = Requests::new(Cursor::new(rest).chain(source), at);
            self.current = Some((path, Contents::Requests(requests)));
        }
        Ok(())
    }
}
