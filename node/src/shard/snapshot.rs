//! A snapshot of the shard, taken in slices between batches while it goes on being changed.
//!
//! The databases are walked one after the other; what a write saves in a database that is not the one being walked comes
//! between, behind a selection of its database. A long value is written in parts, and nothing but its next part follows one.
//! Databases that are emptied or exchanged meanwhile are in the snapshot as they were when it began.

mod output;

use std::time::{Duration, Instant};

use almandine_storage::aof::{BaseForm, MakingRequests};
use almandine_storage::rdb::{Assembly, Entries, UsageKept};
use almandine_storage::{Databases, Form};

use self::output::Output;
use super::Shard;
use crate::REDIS_VERSION;
use crate::memory;
use crate::params::Params;

/// What is done between two looks at the clock, bytes looked at.
const STEP: usize = 4 << 10;
/// Bytes that are handed out together.
const PART: usize = 64 << 10;
/// Bytes of a database that wait to be taken at which whoever would change an unsaved key waits.
const WAITING_MAX: usize = 16 << 20;

/// What a snapshot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A file of its own.
    File,
    /// The base of the append-only file; the journal is cut where it begins.
    Base(BaseForm),
    /// A replica: from the first byte on effects are collected for it.
    Replica,
}

/// A snapshot that is being taken.
#[derive(Debug)]
pub struct Snapshot {
    file: Output,
    /// The database whose long value the file ends within.
    inside: Option<usize>,
    /// Keys that were made and whose waiters would change a key that is not saved yet.
    postponed: Vec<(usize, Vec<u8>)>,
    is_discarded: bool,
}

/// What a slice has brought.
#[derive(Debug)]
pub enum Slice {
    /// A part of the file; empty while there is too little.
    Part(Vec<u8>),
    /// Its end.
    Last(Vec<u8>),
    /// Nobody wants it any more, and no trace of it is left.
    Discarded,
}

impl Shard {
    /// The keys that exist now are the snapshot. Returns the offset of the journal to which they belong: whoever reads on from
    /// there hears of the database first, from the increment or from the effects.
    ///
    /// # Panics
    /// If one is under way.
    pub fn begin_snapshot(&mut self, purpose: Purpose, now_ms: i64) -> u64 {
        assert!(self.snapshot.is_none(), "one snapshot at a time");
        if purpose == Purpose::Replica {
            self.node.journal.turn_on();
        }
        let offset = match purpose {
            Purpose::Base(_) => self.node.journal.cut(self.stream_db()),
            Purpose::File | Purpose::Replica => self.node.journal.reselect(),
        };
        let params = self.node.params();
        let file = match purpose {
            Purpose::Base(BaseForm::Requests) => Output::Requests {
                out: Vec::new(),
                selected: None,
            },
            _ => Output::Rdb(self.begin_file(&params, purpose, offset, now_ms)),
        };
        for (number, db) in self.dbs.iter_mut().enumerate() {
            if !db.is_empty() {
                let form: Box<dyn Form> = match file {
                    Output::Rdb(_) => Box::new(entries(&params)),
                    Output::Requests { .. } => Box::new(MakingRequests::default()),
                };
                db.begin_walk(number, form, WAITING_MAX);
            }
        }
        self.snapshot = Some(Snapshot {
            file,
            inside: None,
            postponed: Vec::new(),
            is_discarded: false,
        });
        offset
    }

    /// Everything before the keys, as Redis says it of its files.
    fn begin_file(&self, params: &Params, purpose: Purpose, offset: u64, now_ms: i64) -> Assembly {
        let mut file = Assembly::new(params.rdb_sum());
        file.aux("redis-ver", REDIS_VERSION);
        file.aux("redis-bits", &usize::BITS.to_string());
        file.aux("ctime", &(now_ms / 1000).to_string());
        file.aux("used-mem", &memory::used().to_string());
        if self.node.journal.is_on() {
            file.aux("repl-stream-db", &self.stream_db().to_string());
            let id = self.node.journal.history().id();
            file.aux("repl-id", &id.to_string());
            file.aux("repl-offset", &offset.to_string());
        }
        let is_base = matches!(purpose, Purpose::Base(_));
        file.aux("aof-base", if is_base { "1" } else { "0" });
        let functions = self.node.saving.lock().functions.clone();
        functions.iter().for_each(|code| file.function(code));
        for (number, db) in self.dbs.iter().enumerate() {
            if !db.is_empty() {
                file.sizes(number, db.len(), db.expires());
            }
        }
        file
    }

    /// How many keys there are.
    pub fn key_count(&self) -> u64 {
        self.dbs.iter().map(|db| db.len() as u64).sum()
    }

    /// How many keys were changed since the start.
    pub fn change_count(&self) -> u64 {
        self.changes.total
    }

    /// How many batches of requests were run since the start.
    pub fn batch_count(&self) -> u64 {
        self.stats.meter.batches.count
    }

    /// Whether somebody waits for the snapshot to come further.
    pub fn snapshot_is_awaited(&self) -> bool {
        self.dbs.iter().any(|db| db.walk_is_urgent())
    }

    /// Whether a snapshot is being taken.
    #[inline]
    pub fn is_saving(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Goes on for about as long as `budget`; none if no snapshot is being taken.
    pub fn walk_snapshot(&mut self, budget: Duration) -> Option<Slice> {
        let (began, mut snapshot) = (Instant::now(), self.snapshot.take()?);
        let is_over = loop {
            if !snapshot.step(&mut self.dbs) {
                break true;
            }
            if began.elapsed() >= budget {
                break false;
            }
        };
        if is_over {
            return Some(self.end_snapshot(snapshot));
        }
        let part = match snapshot.file.len() >= PART {
            true => snapshot.file.take(),
            false => Vec::new(),
        };
        let postponed = std::mem::take(&mut snapshot.postponed);
        self.snapshot = Some(snapshot);
        self.serve(postponed);
        Some(Slice::Part(part))
    }

    fn end_snapshot(&mut self, snapshot: Snapshot) -> Slice {
        for db in self.dbs.iter_mut() {
            // What was emptied meanwhile was counted when it was.
            self.node.lazyfree.discard(db.end_walk(), 0);
        }
        self.serve(snapshot.postponed);
        match snapshot.is_discarded {
            true => Slice::Discarded,
            false => Slice::Last(snapshot.file.finish()),
        }
    }

    /// Nobody wants the snapshot any more: it is still walked to its end, where [`Slice::Discarded`] comes.
    pub fn discard_snapshot(&mut self) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.is_discarded = true;
            self.dbs.iter_mut().for_each(|db| db.discard_walk());
        }
    }

    /// The waiters for a key are served once the snapshot lets them change what they would change.
    pub(super) fn postpone(&mut self, db: usize, key: &[u8]) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.postponed.push((db, key.to_vec()));
        }
    }
}

impl Snapshot {
    /// A little more; false once everything is there.
    fn step(&mut self, dbs: &mut Databases) -> bool {
        let Some(index) = self.choose(dbs) else {
            return false;
        };
        dbs[index].walk_some(STEP);
        self.collect(dbs, index);
        for index in 0..dbs.count() {
            if self.inside.is_none() && dbs[index].has_saved() {
                self.collect(dbs, index);
            }
        }
        true
    }

    /// Whose turn it is: nothing but its rest may follow half a value; then those for whom somebody waits; then in order.
    fn choose(&self, dbs: &Databases) -> Option<usize> {
        let all = || dbs.iter().enumerate();
        let is_inside = self
            .inside
            .and_then(|inside| all().find(|(_, db)| db.walk_number() == Some(inside)));
        let chosen = is_inside
            .or_else(|| all().find(|(_, db)| db.walk_is_urgent()))
            .or_else(|| all().find(|(_, db)| !db.walk_is_over()));
        chosen.map(|(index, _)| index)
    }

    fn collect(&mut self, dbs: &mut Databases, index: usize) {
        let db = &mut dbs[index];
        let Some(number) = db.walk_number() else {
            return;
        };
        let saved = db.take_saved();
        self.inside = db.is_inside_value().then_some(number);
        if !saved.is_empty() && !self.is_discarded {
            self.file.entries(number, &saved);
        }
    }
}

fn entries(params: &Params) -> Entries {
    let usage = match params.maxmemory_policy.remembers() {
        true => UsageKept::Yes,
        false => UsageKept::No,
    };
    Entries::new(params.rdb_compression(), usage)
}

#[cfg(test)]
mod tests;
