//! What a shard is given to run, and how far it came.

use almandine_protocol::Batch;

use crate::commands::Args;

/// The parsed requests of one read.
#[derive(Debug, Clone, Copy)]
pub struct Requests<'a> {
    /// The read buffer.
    pub buffer: &'a [u8],
    /// Where the requests stand in it.
    pub batch: &'a Batch,
}

/// How far a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Requests of the batch that are done.
    pub done: usize,
    /// Why it went no further.
    pub stop: Stop,
}

/// See [`Progress::stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All requests are done.
    Finished,
    /// The last one waits; its answer comes as a parcel.
    Blocked,
    /// The next one waits for the end of CLIENT PAUSE.
    Paused,
    /// The connection is to be closed once the replies are out.
    Closing,
    /// Many replies are to be sent first.
    Full,
    /// The next one is for another shard.
    Elsewhere,
}

impl<'a> Requests<'a> {
    /// Number of requests.
    pub fn len(self) -> usize {
        self.batch.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The arguments of request `i`.
    pub fn args(self, i: usize) -> Args<'a> {
        let (buffer, spans) = self.batch.slices(self.buffer, i);
        Args::new(buffer, spans)
    }

    /// Bytes of request `i` on the wire.
    #[inline]
    pub fn size(self, i: usize) -> usize {
        let end = |i: usize| self.batch.requests[i].end;
        (end(i) - i.checked_sub(1).map_or(0, end)) as usize
    }
}
