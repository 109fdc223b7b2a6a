//! The log in memory, as the consensus reads it. It holds what is on disk or on its way there; nothing reads the disk again
//! before the next start.

use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Storage, StorageError};

use super::state::State;
use crate::switches::{Rule, is_off};

/// See the module.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) hard: HardState,
    /// Index and term of what stands before the first entry.
    floor: (u64, u64),
    entries: Vec<Entry>,
    /// What the entries hold.
    bytes: usize,
    /// Everything below is of one and the same index.
    applied: u64,
    conf: ConfState,
    state: State,
}

impl Log {
    /// A log that goes on after `floor`, with what is known at `applied`.
    pub(crate) fn new(
        hard: HardState,
        floor: (u64, u64),
        entries: Vec<Entry>,
        applied: u64,
        conf: ConfState,
        state: State,
    ) -> Log {
        Log {
            hard,
            floor,
            bytes: entries.iter().map(weight).sum(),
            entries,
            applied,
            conf,
            state,
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    pub(crate) fn conf(&self) -> &ConfState {
        &self.conf
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn hard(&self) -> &HardState {
        &self.hard
    }

    pub(crate) fn commit(&self) -> u64 {
        self.hard.commit
    }

    pub(crate) fn floor(&self) -> (u64, u64) {
        self.floor
    }

    pub(super) fn last(&self) -> u64 {
        self.floor.0 + self.entries.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is not applied yet.
    pub(super) fn tail(&self) -> &[Entry] {
        let start = self.position(self.applied + 1).unwrap_or(0);
        self.entries.get(start..).unwrap_or_default()
    }

    /// Entries from their first index on are these from now on.
    pub(super) fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        let keep = self.position(first.index).unwrap_or(0);
        let lost = self.entries.get(keep..).unwrap_or_default();
        self.bytes -= lost.iter().map(weight).sum::<usize>();
        self.bytes += entries.iter().map(weight).sum::<usize>();
        self.entries.truncate(keep);
        self.entries.extend_from_slice(entries);
    }

    /// Nothing before the snapshot is known any more.
    pub(super) fn restore(&mut self, snapshot: &Snapshot, state: State) {
        let metadata = snapshot.get_metadata();
        self.floor = (metadata.index, metadata.term);
        self.entries.clear();
        self.bytes = 0;
        self.applied = metadata.index;
        self.conf = metadata.get_conf_state().clone();
        self.hard.commit = self.hard.commit.max(metadata.index);
        self.state = state;
    }

    pub(super) fn set_applied(&mut self, index: u64) {
        self.applied = index;
    }

    pub(super) fn set_conf(&mut self, conf: ConfState) {
        self.conf = conf;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets applied entries, but not the last ones: at most so many, of so many bytes. Returns the indexes that are gone.
    pub(super) fn compact(&mut self, keep: u64, keep_bytes: usize) -> std::ops::Range<u64> {
        let first = self.floor.0 + 1;
        let mut floor = match is_off(Rule::CompactionKeepsTheRest) {
            true => self.last(),
            false => self.applied,
        };
        let end = floor;
        let mut bytes = 0;
        while floor > self.floor.0 && end - floor < keep {
            bytes += self.entry(floor).map_or(0, weight);
            if bytes > keep_bytes {
                break;
            }
            floor -= 1;
        }
        if let Some(term) = self.term_of(floor) {
            let gone = self.entries.drain(..(floor - self.floor.0) as usize);
            self.bytes -= gone.map(|entry| weight(&entry)).sum::<usize>();
            self.floor = (floor, term);
        }
        first..self.floor.0 + 1
    }

    fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(self.position(index)?)
    }

    fn position(&self, index: u64) -> Option<usize> {
        let position = index.checked_sub(self.floor.0 + 1)?;
        usize::try_from(position).ok()
    }

    pub(super) fn term_of(&self, index: u64) -> Option<u64> {
        if index == self.floor.0 {
            return Some(self.floor.1);
        }
        self.entry(index).map(|entry| entry.term)
    }
}

/// Bytes of an entry, with what surrounds it.
fn weight(entry: &Entry) -> usize {
    entry.data.len() + entry.context.len() + size_of::<Entry>()
}

impl Storage for Log {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard.clone(), self.conf.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let low = self.position(low).ok_or(StorageError::Compacted)?;
        let high = self.position(high).ok_or(StorageError::Compacted)?;
        let entries = self.entries.get(low..high);
        let mut entries = entries.ok_or(StorageError::Unavailable)?.to_vec();
        raft::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index < self.floor.0 {
            return Err(StorageError::Compacted.into());
        }
        Ok(self.term_of(index).ok_or(StorageError::Unavailable)?)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.floor.0 + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last())
    }

    /// Made of what is applied now: the receiver must be in it.
    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let mut members = self.conf.voters.iter().chain(&self.conf.learners);
        let term = self.term_of(self.applied);
        let (Some(term), true) = (term, members.any(|&member| member == to)) else {
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        };
        if self.applied < request_index {
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        }
        let mut snapshot = Snapshot::default();
        snapshot.set_data(self.state.to_bytes().into());
        let metadata = snapshot.mut_metadata();
        metadata.index = self.applied;
        metadata.term = term;
        metadata.set_conf_state(self.conf.clone());
        Ok(snapshot)
    }
}
