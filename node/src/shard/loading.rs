//! What a node finds on its disk when it starts, read in slices so that clients are told to wait meanwhile.
//!
//! Nothing expires while it is read: whether a key was removed when its time was up is written in the file.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use almandine_storage::Access;
use almandine_storage::aof::{BadFile, Log, LogError, Manifest, Requests, Tail, Unit};
use almandine_storage::disk::{Disk, RealDisk};
use tracing::{info, warn};

use super::Shard;
use super::dispatch::perform;
use crate::commands::call::{Args, Span};
use crate::commands::{Class, table};
use crate::params::Params;
use crate::session::Session;

/// Units read between two looks at the clock.
const UNITS_PER_LOOK: usize = 64;

/// Reads the files of the append-only directory into a shard.
#[derive(Debug)]
pub struct Loader {
    manifest: Option<Manifest>,
    /// Still to be read, the last one may have a torn tail.
    files: VecDeque<Increment>,
    current: Option<(PathBuf, Requests<BufReader<File>>)>,
    session: Session,
    cuts_torn_tail: bool,
    /// Of the replication stream, after everything read.
    offset: u64,
    began: Instant,
    requests: u64,
    out: Vec<u8>,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Increment {
    path: PathBuf,
    start_offset: Option<u64>,
}

/// What was found.
#[derive(Debug)]
pub struct Recovered {
    /// The files that were read.
    pub manifest: Option<Manifest>,
    /// Offset of the replication stream after the last of them.
    pub offset: u64,
}

/// Why a node cannot start from its files.
#[derive(Debug)]
pub enum LoadError {
    /// The directory.
    Log(LogError),
    /// One of the files.
    File(PathBuf, BadFile),
    /// Its end, where `aof-load-truncated` forbids to cut it.
    Torn(PathBuf, u64),
    /// A request that cannot be carried out: offset, and the error reply.
    Refused(PathBuf, u64, String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Log(error) => error.fmt(f),
            LoadError::File(path, error) => write!(f, "{}: {error}", path.display()),
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
            LoadError::Torn(..) | LoadError::Refused(..) => None,
        }
    }
}

impl Loader {
    /// Finds the files. `session` runs their requests; no client is behind it.
    pub fn new(params: &Params, session: Session) -> Result<Self, LoadError> {
        let dir = Path::new(&params.appenddirname);
        let manifest = match params.appendonly {
            true => Log::find(&RealDisk, dir, &params.appendfilename).map_err(LoadError::Log)?,
            false => None,
        };
        let named = manifest
            .iter()
            .flat_map(|manifest| manifest.base.iter().chain(&manifest.increments));
        let files = named.map(|segment| Increment {
            path: dir.join(&segment.file),
            start_offset: segment.start_offset,
        });
        Ok(Loader {
            files: files.collect(),
            manifest,
            current: None,
            session,
            cuts_torn_tail: params.aof_load_truncated,
            offset: 0,
            began: Instant::now(),
            requests: 0,
            out: Vec::new(),
            spans: Vec::new(),
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
                self.read_unit(shard)?;
            }
        }
        Ok(None)
    }

    /// Opens the next file if none is open; false if there is none.
    fn is_reading(&mut self) -> Result<bool, LoadError> {
        if self.current.is_some() {
            return Ok(true);
        }
        let Some(Increment { path, start_offset }) = self.files.pop_front() else {
            return Ok(false);
        };
        let file = RealDisk.read(&path);
        let file = file.map_err(|error| LoadError::File(path.clone(), BadFile::Io(error)))?;
        self.offset = start_offset.unwrap_or(self.offset);
        self.session.db = 0;
        self.current = Some((path, Requests::new(file, 0)));
        Ok(true)
    }

    fn read_unit(&mut self, shard: &mut Shard) -> Result<(), LoadError> {
        let Some((path, mut requests)) = self.current.take() else {
            return Ok(());
        };
        match requests.next_unit() {
            Err(error) => return Err(LoadError::File(path, error)),
            Ok(Err(tail)) => return self.end_file(path, tail, requests.position()),
            Ok(Ok(unit)) => {
                let Self {
                    session,
                    out,
                    spans,
                    requests: count,
                    ..
                } = self;
                if let Err(reason) = apply(shard, unit, session, spans, out, count) {
                    return Err(LoadError::Refused(path, unit.offset, reason));
                }
            }
        }
        self.current = Some((path, requests));
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
        self.offset += good;
        Ok(())
    }

    fn recovered(&mut self) -> Recovered {
        if self.manifest.is_some() {
            info!(
                requests = self.requests,
                seconds = self.began.elapsed().as_secs_f64(),
                "DB loaded from append only file"
            );
        }
        Recovered {
            manifest: self.manifest.take(),
            offset: self.offset,
        }
    }
}

/// Carries the requests of a unit out; an error reply refuses it.
fn apply(
    shard: &mut Shard,
    unit: &Unit,
    session: &mut Session,
    spans: &mut Vec<Span>,
    out: &mut Vec<u8>,
    count: &mut u64,
) -> Result<(), String> {
    for request in unit.requests() {
        spans.clear();
        for word in request {
            let end = u32::try_from(word.end).map_err(|_| "a transaction of over 4 GiB")?;
            let start = u32::try_from(word.start).map_err(|_| "a transaction of over 4 GiB")?;
            spans.push(Span { start, end });
        }
        shard.apply(Args::new(unit.bytes(), spans), session, out)?;
        *count += 1;
    }
    Ok(())
}

impl Shard {
    /// Time stands still at its beginning: nothing expires.
    fn stop_the_clock(&mut self) {
        self.now_ms = 0;
        self.dbs.set_now(0, Access::default());
        self.changes.begin(Class::empty(), false);
    }

    /// Runs a request that has been run before: no checks but those that keep the data whole, and nobody is told.
    ///
    /// # Errors
    /// What the command has answered.
    fn apply(
        &mut self,
        args: Args<'_>,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let command = table::resolve(args).map(|id| id.command());
        let command = command
            .and_then(|command| table::check_arity(command, args.len()).map(|()| command))
            .map_err(|fault| String::from_utf8_lossy(fault.text_bytes()).into_owned())?;
        out.clear();
        let db = session.db;
        let is_done = perform(&mut self.call(command, args, session, out));
        self.changes.settle(db, args);
        self.changes.touched.clear();
        self.changes.notifications.clear();
        if is_done {
            return Ok(());
        }
        Err(String::from_utf8_lossy(out.trim_ascii()).into_owned())
    }
}
