//! The thread beside the shard that stores a copy, or builds databases of it.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use almandine_storage::Databases;
use almandine_storage::rdb::Reader;
use tokio::sync::mpsc;
use tracing::warn;

use super::LinkError;
use crate::moment::now_ms;
use crate::node::Node;
use crate::shard::loading::taking::Taking;

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Store the pieces in this file.
    Store(File),
    /// Build databases.
    Load(Plan),
}

/// Of what databases are built.
#[derive(Debug)]
pub(super) enum Plan {
    /// This file.
    File(PathBuf),
    /// The pieces as they come, which are stored here as well.
    Pieces(Option<File>),
}

/// Databases, and what was said of them.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The keys.
    pub(super) dbs: Databases,
    /// The database that the stream has selected.
    pub(super) stream_db: usize,
}

/// The pieces of a copy one after the other.
#[derive(Debug)]
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    kept: Option<BufWriter<File>>,
}

impl Pieces {
    /// Those that come from `receiver`.
    pub(super) fn new(receiver: mpsc::Receiver<Vec<u8>>) -> Self {
        Pieces {
            receiver,
            piece: Vec::new(),
            at: 0,
            kept: None,
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Some(piece) = self.receiver.blocking_recv() else {
                return Ok(0);
            };
            if let Some(file) = &mut self.kept {
                file.write_all(&piece)?;
            }
            (self.piece, self.at) = (piece, 0);
        }
        let count = into.len().min(self.piece.len() - self.at);
        into[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Work {
    /// Does it.
    pub(super) fn run(self, mut pieces: Pieces, node: &Node) -> Result<Option<Loaded>, LinkError> {
        match self {
            Work::Store(mut file) => {
                io::copy(&mut pieces, &mut file)
                    .and_then(|_| file.sync_data())
                    .map_err(LinkError::Disk)?;
                Ok(None)
            }
            Work::Load(Plan::File(path)) => {
                let file = File::open(&path).map_err(LinkError::Disk)?;
                load(file, node).map(Some)
            }
            Work::Load(Plan::Pieces(kept)) => {
                pieces.kept = kept.map(BufWriter::new);
                let loaded = load(&mut pieces, node)?;
                if let Some(file) = pieces.kept.take() {
                    let file = file.into_inner().map_err(io::IntoInnerError::into_error);
                    file.and_then(|file| file.sync_data())
                        .map_err(LinkError::Disk)?;
                }
                Ok(Some(loaded))
            }
        }
    }
}

/// Builds databases of an RDB file. Keys whose time is up are loaded as well: the primary says when they go.
fn load(source: impl Read, node: &Node) -> Result<Loaded, LinkError> {
    let params = node.params();
    let mut rng = almandine_storage::Rng::new(node.seed ^ now_ms() as u64);
    let mut dbs = node.empty_databases(rng.bits());
    dbs.set_now(0, params.access(now_ms(), rng.bits() as u32));
    let limits = params.thresholds();
    let foreign = |error: almandine_storage::rdb::Error| LinkError::Foreign(described(&error));
    let reader = Reader::new(source, &limits, &mut rng, params.rdb_trust());
    let (mut reader, mut taking) = (reader.map_err(foreign)?, Taking::default());
    while let Some(item) = reader.next_item().map_err(foreign)? {
        taking.take(item, &mut dbs).map_err(LinkError::Foreign)?;
    }
    for code in &taking.functions {
        warn!(
            library = library(code),
            "a library of functions is not kept: there are none here"
        );
    }
    let stream_db = taking.stream_db;
    Ok(Loaded { dbs, stream_db })
}

/// How a library calls itself in its first line: `#!lua name=NAME`.
fn library(code: &[u8]) -> String {
    let line = code.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace);
    let name = words.find_map(|word| word.strip_prefix(b"name="));
    name.unwrap_or(line).escape_ascii().to_string()
}

/// The error and its cause.
fn described(error: &almandine_storage::rdb::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_called_by_its_name() {
        assert_eq!(library(b"#!lua name=mylib\nredis.call()"), "mylib");
        assert_eq!(library(b"#!lua engine=x name=a\xff"), "a\\xff");
        assert_eq!(library(b"what?"), "what?");
    }
}
