//! What a node finds on its disk when it starts, read in slices so that clients are told to wait meanwhile.
//!
//! Nothing expires while the append-only file is read: whether a key was removed when its time was up is written in it. A
//! snapshot that stands alone is read without the keys whose time is up.

mod snapshot;
pub mod taking;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use almandine_storage::aof::{BadFile, Log, LogError, Manifest, Requests, Tail, Unit};
use almandine_storage::disk::{Disk, RealDisk};
use almandine_storage::{Rng, Thresholds, rdb};
use tracing::{info, warn};

use self::snapshot::SnapshotFile;
use super::Shard;
use super::replay::Refusals;
use crate::commands::Class;
use crate::commands::call::{Args, Span};
use crate::journal::Id;
use crate::moment::{Moment, now_ms};
use crate::params::Params;
use crate::session::Session;

/// Units read between two looks at the clock.
const UNITS_PER_LOOK: usize = 64;

/// Reads the append-only file, or else the snapshot, into a shard.
#[derive(Debug)]
pub struct Loader {
    manifest: Option<Manifest>,
    /// Still to be read, the last one may have a torn tail.
    files: VecDeque<Segment>,
    current: Option<(PathBuf, Contents)>,
    session: Session,
    cuts_torn_tail: bool,
    /// Of the replication stream, after everything read.
    offset: u64,
    /// Bytes at the beginning of the current file that are none of the stream.
    preamble: u64,
    began: Instant,
    requests: u64,
    /// How snapshots are read, and what time it is for their keys.
    limits: Thresholds,
    rng: Rng,
    trust: rdb::Trust,
    now_ms: i64,
    /// Keys of snapshots that were read, and those that were not because their time was up.
    keys: (u64, u64),
    /// What the last snapshot says of the replication stream.
    stream: Option<(Id, u64)>,
    out: Vec<u8>,
    spans: Vec<Span>,
    refusals: Refusals,
}

/// A file to be read.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    start_offset: Option<u64>,
    preamble: u64,
}

/// What a file holds: a snapshot, requests, or one behind the other.
#[derive(Debug)]
enum Contents {
    Snapshot(SnapshotFile),
    Requests(Requests<Rest>),
}

/// What was read already of a file, and the file.
type Rest = Chain<Cursor<Vec<u8>>, BufReader<File>>;

/// What was found.
#[derive(Debug)]
pub struct Recovered {
    /// The files that were read.
    pub manifest: Option<Manifest>,
    /// Offset of the replication stream after the last of them.
    pub offset: u64,
    /// Whose stream that is, where a snapshot says so and nothing has come after it.
    pub id: Option<Id>,
    /// Keys of a snapshot that were read, and those that were not because their time was up.
    pub keys: (u64, u64),
    /// The database that the stream has selected there.
    pub db: usize,
}

/// Why a node cannot start from its files.
#[derive(Debug)]
pub enum LoadError {
    /// The directory.
    Log(LogError),
    /// One of the files.
    File(PathBuf, BadFile),
    /// A snapshot.
    Snapshot(PathBuf, rdb::Error),
    /// What a snapshot holds does not fit into this node.
    Unfit(PathBuf, String),
    /// Its end, where `aof-load-truncated` forbids to cut it.
    Torn(PathBuf, u64),
    /// A request that cannot be carried out: offset, and why.
    Refused(PathBuf, u64, String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Log(error) => error.fmt(f),
            LoadError::File(path, error) => write!(f, "{}: {error}", path.display()),
            LoadError::Snapshot(path, error) => write!(f, "{}: {error}", path.display()),
            LoadError::Unfit(path, reason) => write!(f, "{}: {reason}", path.display()),
            LoadError::Torn(path, good) => write!(
                f,
                "{}: unexpected end of file after {good} good bytes (aof-load-truncated is no)",
                path.display()
            ),
            LoadError::Refused(path, offset, reason) => write!(
                f,
                "{}: the request at offset {offset} was refused: {reason}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Log(error) => error.source(),
            LoadError::File(_, error) => error.source(),
            LoadError::Snapshot(_, error) => error.source(),
            LoadError::Torn(..) | LoadError::Refused(..) | LoadError::Unfit(..) => None,
        }
    }
}

impl Loader {
    /// Finds the files. `session` runs their requests; no client is behind it. `seed` decides the dice.
    pub fn new(params: &Params, session: Session, seed: u64) -> Result<Self, LoadError> {
        let (manifest, files) = match params.appendonly {
            true => append_only_files(params)?,
            false => (None, snapshot_file(params)),
        };
        Ok(Loader {
            files,
            manifest,
            current: None,
            session,
            cuts_torn_tail: params.aof_load_truncated,
            offset: 0,
            preamble: 0,
            began: Instant::now(),
            requests: 0,
            limits: params.thresholds(),
            rng: Rng::new(seed),
            trust: params.rdb_trust(),
            now_ms: now_ms(),
            keys: (0, 0),
            stream: None,
            out: Vec::new(),
            spans: Vec::new(),
            refusals: Refusals::default(),
        })
    }

    /// Reads for about as long as `budget`; at the end, what was found.
    pub fn step(
        &mut self,
        shard: &mut Shard,
        budget: Duration,
    ) -> Result<Option<Recovered>, LoadError> {
        let began = Instant::now();
        shard.stop_the_clock();
        while began.elapsed() < budget {
            for _ in 0..UNITS_PER_LOOK {
                if !self.is_reading()? {
                    return Ok(Some(self.recovered()));
                }
                self.read_piece(shard)?;
            }
        }
        Ok(None)
    }

    /// Opens the next file if none is open; false if there is none.
    fn is_reading(&mut self) -> Result<bool, LoadError> {
        if self.current.is_some() {
            return Ok(true);
        }
        let Some(segment) = self.files.pop_front() else {
            return Ok(false);
        };
        let Segment {
            path,
            start_offset,
            preamble,
        } = segment;
        let failed = |error| LoadError::File(path.clone(), BadFile::Io(error));
        let mut file = RealDisk.read(&path).map_err(failed)?;
        let start = file.fill_buf().map_err(failed)?;
        let is_snapshot = start.starts_with(b"REDIS") || start.starts_with(b"VALKEY");
        self.offset = start_offset.unwrap_or(self.offset);
        self.preamble = preamble;
        // As every server begins a file.
        self.session.db = 0;
        let contents = match is_snapshot || self.manifest.is_none() {
            true => Contents::Snapshot(self.open_snapshot(&path, file)?),
            false => Contents::Requests(Requests::new(Cursor::default().chain(file), 0)),
        };
        self.current = Some((path, contents));
        Ok(true)
    }

    fn read_piece(&mut self, shard: &mut Shard) -> Result<(), LoadError> {
        match self.current.take() {
            None => Ok(()),
            Some((path, Contents::Requests(requests))) => self.read_unit(path, requests, shard),
            Some((path, Contents::Snapshot(file))) => self.read_entry(path, file, shard),
        }
    }

    fn read_unit(
        &mut self,
        path: PathBuf,
        mut requests: Requests<Rest>,
        shard: &mut Shard,
    ) -> Result<(), LoadError> {
        match requests.next_unit() {
            Err(error) => return Err(LoadError::File(path, error)),
            Ok(Err(tail)) => return self.end_file(path, tail, requests.position()),
            Ok(Ok(unit)) => {
                let Self {
                    session,
                    out,
                    spans,
                    requests: count,
                    refusals,
                    ..
                } = self;
                match apply(shard, unit, session, spans, out, count) {
                    Err(reason) => return Err(LoadError::Refused(path, unit.offset, reason)),
                    Ok(None) => {}
                    Ok(Some(said)) => {
                        let (file, offset) = (path.display(), unit.offset);
                        refusals.tell(format_args!("{file}, offset {offset}"), &said);
                    }
                }
            }
        }
        self.current = Some((path, Contents::Requests(requests)));
        Ok(())
    }

    fn end_file(&mut self, path: PathBuf, tail: Tail, length: u64) -> Result<(), LoadError> {
        let good = match tail {
            Tail::Whole => length,
            Tail::Torn { good } if self.files.is_empty() && self.cuts_torn_tail => {
                warn!(
                    file = %path.display(),
                    "the end of the append-only file was not written whole: it is cut to {good} bytes"
                );
                RealDisk
                    .truncate(&path, good)
                    .map_err(|error| LoadError::File(path.clone(), BadFile::Io(error)))?;
                good
            }
            Tail::Torn { good } => return Err(LoadError::Torn(path, good)),
        };
        self.offset += good.saturating_sub(self.preamble);
        Ok(())
    }

    fn recovered(&mut self) -> Recovered {
        let seconds = self.began.elapsed().as_secs_f64();
        let ((keys, expired), requests, is_log) =
            (self.keys, self.requests, self.manifest.is_some());
        let id = match (self.stream, is_log) {
            (Some((id, offset)), false) => {
                self.offset = offset;
                Some(id)
            }
            _ => None,
        };
        if is_log {
            info!(keys, requests, seconds, "DB loaded from append only file");
        } else if keys + expired > 0 {
            info!(keys, expired, seconds, "DB loaded from disk");
        }
        Recovered {
            manifest: self.manifest.take(),
            offset: self.offset,
            id,
            keys: self.keys,
            db: self.session.db,
        }
    }
}

/// The files of the append-only directory. A file of the versions before there was one moves into it.
fn append_only_files(params: &Params) -> Result<(Option<Manifest>, VecDeque<Segment>), LoadError> {
    let (dir, name) = (Path::new(&params.appenddirname), &params.appendfilename);
    if Log::upgrade(&RealDisk, dir, name).map_err(LoadError::Log)? {
        info!(
            "the append-only file '{name}' has become the base of '{}'",
            dir.display()
        );
    }
    let manifest = Log::find(&RealDisk, dir, name).map_err(LoadError::Log)?;
    let named = manifest.iter();
    let named = named.flat_map(|manifest| manifest.base.iter().chain(&manifest.increments));
    let files = named.map(|segment| Segment {
        path: dir.join(&segment.file),
        start_offset: segment.start_offset,
        preamble: segment.preamble,
    });
    let files = files.collect();
    Ok((manifest, files))
}

/// Whether there may be something to read.
pub fn has_files(params: &Params) -> bool {
    params.appendonly || !snapshot_file(params).is_empty()
}

fn snapshot_file(params: &Params) -> VecDeque<Segment> {
    let path = PathBuf::from(&params.dbfilename);
    let is_there = !params.dbfilename.is_empty() && RealDisk.exists(&path);
    let file = is_there.then_some(Segment {
        path,
        start_offset: None,
        preamble: 0,
    });
    file.into_iter().collect()
}

/// Carries the requests of a unit out. Returns with what the last one was refused that was.
///
/// # Errors
/// Why one of them cannot be.
fn apply(
    shard: &mut Shard,
    unit: &Unit,
    session: &mut Session,
    spans: &mut Vec<Span>,
    out: &mut Vec<u8>,
    count: &mut u64,
) -> Result<Option<Vec<u8>>, String> {
    let mut refused = None;
    for request in unit.requests() {
        spans.clear();
        for word in request {
            let end = u32::try_from(word.end).map_err(|_| "a transaction of over 4 GiB")?;
            let start = u32::try_from(word.start).map_err(|_| "a transaction of over 4 GiB")?;
            spans.push(Span { start, end });
        }
        let replayed = shard.replay(Args::new(unit.bytes(), spans), session, out);
        let replayed = replayed.map_err(|reason| String::from_utf8_lossy(&reason).into_owned())?;
        refused = replayed.or(refused);
        *count += 1;
    }
    Ok(refused)
}

impl Shard {
    /// Forgets everything and reads the append-only file, which must hold all effects (DEBUG LOADAOF).
    ///
    /// # Errors
    /// Why it cannot be read; what was read before is here.
    pub fn reload_log(&mut self) -> Result<(), LoadError> {
        // What is read stands in the stream already.
        let effects = self.changes.effects.take();
        self.dbs.iter_mut().for_each(|db| drop(db.take_all()));
        self.node.saving.lock().functions.clear();
        let seed = self.rng.bits();
        let loader = Loader::new(&self.node.params(), Session::internal(), seed);
        let loaded = loader.and_then(|mut loader| loader.step(self, Duration::MAX));
        self.changes.effects = effects;
        self.begin(Moment::now());
        loaded.map(drop)
    }

    /// Time stands still at its beginning: nothing expires.
    fn stop_the_clock(&mut self) {
        self.now_ms = now_ms();
        let access = self.access();
        self.now_ms = 0;
        self.dbs.set_now(0, access);
        self.changes.begin(Class::empty(), false);
    }
}
