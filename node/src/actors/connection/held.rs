//! Replies that wait until the journal is safe.

use std::collections::VecDeque;

use super::outbox::Chunk;
use super::uncertain;
use crate::journal::{Awaited, Demand, Journal, Verdict};

/// Where [`Held::is_full`] begins.
const BYTES_MAX: usize = 1 << 20;
const BATCHES_MAX: usize = 64;

/// See the module. In the order of the requests.
#[derive(Debug, Default)]
pub(super) struct Held {
    batches: VecDeque<Batch>,
    bytes: usize,
}

/// What leaves together, or not at all.
#[derive(Debug)]
struct Batch {
    chunks: Vec<Chunk>,
    demand: Demand,
    /// None = nothing but its turn.
    awaited: Option<Awaited>,
    /// By the clock of the gate.
    since: u64,
}

impl Batch {
    fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    fn verdict(&self, journal: &Journal) -> Verdict {
        self.awaited.map_or(Verdict::Safe, |awaited| {
            journal.verdict(self.demand, awaited)
        })
    }
}

impl Held {
    /// Whether nothing waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether so much waits that nothing more is executed before it has left.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > BYTES_MAX || self.batches.len() > BATCHES_MAX
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Gives up what waits.
    pub(super) fn clear(&mut self) {
        *self = Held::default();
    }

    /// `chunks` may leave when the journal does what `demand` says of `awaited`, and everything before them has left.
    pub(super) fn push(
        &mut self,
        chunks: Vec<Chunk>,
        demand: Demand,
        awaited: Option<Awaited>,
        since: u64,
    ) {
        let batch = Batch {
            chunks,
            demand,
            awaited,
            since,
        };
        self.bytes += batch.len();
        self.batches.push_back(batch);
    }

    /// Whether [`Held::pop`] would return something but for its age.
    pub(super) fn may_go(&self, journal: &Journal) -> bool {
        let first = self.batches.front();
        first.is_some_and(|batch| batch.verdict(journal) != Verdict::Waits)
    }

    /// What may leave now; what waits since before `oldest` waits no longer.
    pub(super) fn pop(&mut self, journal: &Journal, oldest: u64) -> Option<Vec<Chunk>> {
        let first = self.batches.front()?;
        let verdict = match first.verdict(journal) {
            Verdict::Waits if first.since < oldest => Verdict::Uncertain,
            verdict => verdict,
        };
        if verdict == Verdict::Waits {
            return None;
        }
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.len();
        Some(match verdict {
            Verdict::Uncertain => uncertain::instead_of(batch.chunks),
            _ => batch.chunks,
        })
    }
}
