//! Bytes that come in pieces, cut into requests.

use std::fs::File;
use std::io::{self, Read};

use almandine_protocol::{Batch, Parser};

use super::{Kept, Quarantine};
use crate::commands::Args;
use crate::replication::STREAM_LIMITS;

/// Bytes that are read at a time.
const STEP: usize = 256 << 10;

/// See the module.
#[derive(Default)]
pub(super) struct Cutter {
    parser: Parser,
    batch: Batch,
    unread: Vec<u8>,
}

/// What becomes of the requests after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    More,
    Enough,
}

impl Cutter {
    /// Hands over all requests that are whole with this piece, each with its bytes, until there are enough.
    pub(super) fn add(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(Args<'_>, &[u8]) -> io::Result<Next>,
    ) -> io::Result<Next> {
        self.unread.extend_from_slice(piece);
        loop {
            self.batch.clear();
            let parsed = self
                .parser
                .parse(&self.unread, &STREAM_LIMITS, &mut self.batch);
            let mut start = 0;
            for i in 0..self.batch.requests.len() {
                let end = self.batch.requests[i].end as usize;
                let (buffer, spans) = self.batch.slices(&self.unread, i);
                if take(Args::new(buffer, spans), &self.unread[start..end])? == Next::Enough {
                    return Ok(Next::Enough);
                }
                start = end;
            }
            if start == 0 {
                start = parsed.map_err(|error| {
                    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
                })?;
            }
            if start == 0 {
                return Ok(Next::More);
            }
            self.unread.drain(..start);
        }
    }

    /// The bytes that are no whole request, or none at all.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }
}

impl Quarantine {
    /// The requests of a file, at most `count` of those after the first `skipped` ones.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn requests(
        &self,
        kept: &Kept,
        skipped: usize,
        count: usize,
    ) -> io::Result<Vec<Vec<Vec<u8>>>> {
        let mut file = File::open(self.path(kept))?;
        let (mut cutter, mut piece) = (Cutter::default(), vec![0; STEP]);
        let (mut requests, mut number) = (Vec::new(), 0);
        while requests.len() < count {
            let length = file.read(&mut piece)?;
            if length == 0 {
                break;
            }
            cutter.add(&piece[..length], |args, _| {
                number += 1;
                if number > skipped {
                    let words = (0..args.len()).map(|i| args.at(i).to_vec());
                    requests.push(words.collect());
                }
                Ok(match requests.len() < count {
                    true => Next::More,
                    false => Next::Enough,
                })
            })?;
        }
        Ok(requests)
    }
}
