//! Whose stream the files are, and another data set in place of all of them.

use std::path::Path;

use super::super::manifest::{FileKind, Manifest, Segment, Term};
use super::{Beginning, Log, LogError};
use crate::disk::Disk;

impl<D: Disk> Log<D> {
    /// Says whose stream the increments are, if that is not what the manifest says already.
    pub fn set_terms(&mut self, terms: Vec<Term>) -> Result<(), LogError> {
        if self.manifest.terms == terms {
            return Ok(());
        }
        let manifest = Manifest {
            terms,
            ..self.manifest.clone()
        };
        self.place.write_manifest(&manifest)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Another data set takes the place of all files: the snapshot at `base`, which is synced and lies on the same disk,
    /// and what follows it from there on in the stream of `terms`. The files are history.
    pub fn replace(
        &mut self,
        base: &Path,
        beginning: Beginning,
        terms: Vec<Term>,
    ) -> Result<(), LogError> {
        let seq = self.manifest.next_seq(FileKind::Base);
        let segment = Segment {
            file: format!("{}.{seq}.base.rdb", self.place.name),
            seq,
            kind: FileKind::Base,
            start_offset: None,
            preamble: 0,
        };
        let path = self.place.path(&segment.file);
        let renamed = self.place.disk.rename(base, &path);
        renamed.map_err(|error| LogError::Io("rename", base.to_owned(), error))?;
        let (increment, file) = self.place.create_increment(&self.manifest, beginning)?;
        let length = increment.preamble;
        // The names must be durable before a manifest relies on them.
        self.place.sync_dir()?;
        let old = self.manifest.base.iter().chain(&self.manifest.increments);
        let old = old.chain(&self.manifest.history).cloned();
        let history = old.map(|segment| Segment {
            kind: FileKind::History,
            ..segment
        });
        let manifest = Manifest {
            history: history.collect(),
            base: Some(segment.clone()),
            increments: vec![increment],
            terms,
        };
        self.place.write_manifest(&manifest)?;
        self.manifest = manifest;
        (self.file, self.length, self.is_dirty) = (file, length, false);
        self.earlier = self.place.length(&segment)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::Rng;
    use crate::disk::{CrashDisk, DiskFile};

    const DIR: &str = "/data/appendonlydir";
    const NAME: &str = "appendonly.aof";
    const SELECT: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n";

    fn open(disk: &CrashDisk) -> Log<CrashDisk> {
        let manifest = Log::find(disk, Path::new(DIR), NAME).expect("a sound directory");
        Log::open(disk, Path::new(DIR), NAME, manifest, Beginning::default()).expect("it opens")
    }

    fn append(log: &mut Log<CrashDisk>, bytes: &[u8]) {
        let done = log.append(bytes).expect("sound");
        done.expect("there is room");
        log.sync().expect("synced");
    }

    /// All bytes in the order in which a node reads them.
    fn read(disk: &CrashDisk) -> String {
        let manifest = Log::find(disk, Path::new(DIR), NAME).expect("a sound directory");
        let manifest = manifest.expect("a manifest");
        let mut text = String::new();
        for segment in manifest.base.iter().chain(&manifest.increments) {
            let file = disk.read(&Path::new(DIR).join(&segment.file));
            let read = file.and_then(|mut file| file.read_to_string(&mut text));
            read.expect("a file");
        }
        text
    }

    #[test]
    fn another_data_set_is_there_whole_or_not_at_all_after_a_power_loss() {
        for seed in 0..100 {
            let mut rng = Rng::new(seed);
            let disk = CrashDisk::default();
            let mut log = open(&disk);
            append(&mut log, b"old ");
            let base = Path::new(DIR).join("copy.rdb");
            let mut file = disk.create(&base).expect("a file");
            file.write_all(b"base ").expect("written");
            file.sync().expect("synced");
            assert_eq!(
                read(&disk.after_power_loss(&mut rng)),
                "old ",
                "seed {seed}"
            );
            let term = |id: &str, end| Term { id: id.into(), end };
            let terms = vec![term("a", Some(50)), term("b", None)];
            let beginning = Beginning { offset: 100, db: 5 };
            log.replace(&base, beginning, terms.clone()).expect("done");
            log.remove_history().expect("removed");
            assert_eq!(log.size(), 5 + SELECT.len() as u64);
            append(&mut log, b"new");
            let after = disk.after_power_loss(&mut rng);
            assert_eq!(
                read(&after),
                format!("base {SELECT}new"),
                "seed {seed}: a server that begins in database 0 selects that of the stream"
            );
            let manifest = open(&after).manifest().clone();
            assert_eq!(manifest.terms, terms);
            let increment = &manifest.increments[0];
            assert_eq!(increment.start_offset, Some(100));
            assert_eq!(increment.preamble, SELECT.len() as u64);
            assert!(!after.exists(&Path::new(DIR).join("appendonly.aof.1.incr.aof")));
        }
    }

    #[test]
    fn the_ids_of_the_stream_are_kept_and_written_only_when_they_change() {
        let disk = CrashDisk::default();
        let mut log = open(&disk);
        let terms = vec![Term {
            id: "a".into(),
            end: None,
        }];
        log.set_terms(terms.clone()).expect("written");
        assert_eq!(open(&disk).manifest().terms, terms);
        disk.set_sync_fails(true);
        log.set_terms(terms).expect("nothing is written");
        log.set_terms(Vec::new()).expect_err("the disk fails");
    }
}
