//! What is durable of the machine: few keys with a value each, written together or not at all.
//!
//! ```text
//!   i             who this node is, and which log it belongs to
//!   h             the term, the vote, the commit index (protobuf, as the consensus has it)
//!   s             the state at one index, with the members at that index and where the log begins
//!   e<index>      one entry of the log (protobuf); the index in eight bytes, the highest first
//! ```

use std::collections::BTreeMap;

use protobuf::Message as _;
use raft::eraftpb::{ConfState, Entry, HardState};
use serde::{Deserialize, Serialize};

use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::state::{State, decode, encode};
use crate::raft::{Log, Stored};
use crate::switches::{Rule, is_off};
use crate::topology::{Address, Kind, RaftId};

/// A key, and its new value; none = it goes.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// All keys with their values.
pub type Records = BTreeMap<Vec<u8>, Vec<u8>>;

const IDENTITY: &[u8] = b"i";
const HARD: &[u8] = b"h";
const STATE: &[u8] = b"s";
const ENTRY: u8 = b'e';

/// A line of history of one cluster: a forced failover begins a new one. The higher wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Generation {
    pub counter: u64,
    pub maker: NodeId,
}

/// A node asks to be taken in, until it is: others may have counted it in already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// Whom it asks.
    pub by: NodeId,
    pub address: Address,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub node: NodeId,
    pub kind: Kind,
    /// Of its own, should it lead one.
    pub shard: ShardId,
    pub cluster: ClusterId,
    pub generation: Generation,
    pub raft_id: RaftId,
    /// How often it asked to be taken in somewhere.
    pub join: u64,
    pub joining: Option<Joining>,
    /// Who took it in: the only one it knows before its log begins.
    pub sponsor: Option<Joining>,
    /// The highest line of its cluster that it has heard of, if that is not its own: the node has no part in its own any more,
    /// and asks to be taken in there.
    pub superior: Option<Generation>,
    /// How often it was started.
    pub start: u64,
}

#[derive(Serialize, Deserialize)]
struct Image {
    applied: u64,
    floor: (u64, u64),
    voters: Vec<RaftId>,
    learners: Vec<RaftId>,
    state: State,
}

/// Why records are not those of a machine. A node with such records must not take part under its old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged(pub String);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the cluster's state is damaged: {}", self.0)
    }
}

impl std::error::Error for Damaged {}

fn key(index: u64) -> Vec<u8> {
    let mut key = vec![ENTRY];
    key.extend_from_slice(&index.to_be_bytes());
    key
}

fn protobuf(message: &impl protobuf::Message) -> Vec<u8> {
    message
        .write_to_bytes()
        .expect("memory does not refuse bytes")
}

pub(crate) fn of_identity(identity: &Identity) -> Write {
    (IDENTITY.to_vec(), Some(encode(identity)))
}

/// The state as it is applied now.
pub(crate) fn of_state(log: &Log) -> Write {
    let image = Image {
        applied: log.applied(),
        floor: log.floor(),
        voters: log.conf().voters.clone(),
        learners: log.conf().learners.clone(),
        state: log.state().clone(),
    };
    (STATE.to_vec(), Some(encode(&image)))
}

pub(crate) fn of_hard(hard: &HardState) -> Write {
    let mut hard = hard.clone();
    if is_off(Rule::VotesAreKept) {
        hard.vote = 0;
    }
    (HARD.to_vec(), Some(protobuf(&hard)))
}

/// What a turn of the consensus has to keep. `held` = the indexes whose entries are durable before; it is brought up to date.
pub(crate) fn of_turn(stored: &Stored, log: &Log, held: &mut std::ops::Range<u64>) -> Vec<Write> {
    let mut writes = Vec::new();
    if stored.is_restored {
        writes.extend(without_entries(held.clone()));
        *held = log.floor().0 + 1..log.floor().0 + 1;
        writes.push(of_state(log));
    }
    if let Some(first) = stored.entries.first() {
        let end = first.index + stored.entries.len() as u64;
        writes.extend(
            stored
                .entries
                .iter()
                .map(|entry| (key(entry.index), Some(protobuf(entry)))),
        );
        writes.extend(without_entries(end..held.end));
        *held = held.start.min(first.index)..end;
    }
    writes.extend(stored.hard.as_ref().map(of_hard));
    writes
}

pub(crate) fn without_entries(indexes: std::ops::Range<u64>) -> impl Iterator<Item = Write> {
    indexes.map(|index| (key(index), None))
}

/// Who the node is and its log, with the indexes of the entries that are durable.
pub(crate) fn read(records: &Records) -> Result<(Identity, Log, std::ops::Range<u64>), Damaged> {
    let find = |name: &[u8]| {
        let missing = || Damaged(format!("record '{}' is missing", name.escape_ascii()));
        records.get(name).ok_or_else(missing)
    };
    let identity: Identity = decode(find(IDENTITY)?).map_err(|error| Damaged(error.0))?;
    let image: Image = decode(find(STATE)?).map_err(|error| Damaged(error.0))?;
    let hard = HardState::parse_from_bytes(find(HARD)?);
    let mut hard = hard.map_err(|error| Damaged(error.to_string()))?;
    let first = image.floor.0 + 1;
    let mut entries = Vec::new();
    for value in records
        .range(key(first)..=key(u64::MAX))
        .map(|(_, value)| value)
    {
        let entry = Entry::parse_from_bytes(value).map_err(|error| Damaged(error.to_string()))?;
        if entry.index != first + entries.len() as u64 {
            return Err(Damaged(format!(
                "entry {} is out of its place",
                entry.index
            )));
        }
        entries.push(entry);
    }
    let end = first + entries.len() as u64;
    // The commit index may be a write behind: everything applied was committed.
    hard.commit = hard.commit.max(image.applied);
    if image.applied < image.floor.0 || hard.commit >= end {
        return Err(Damaged(format!(
            "entries up to {} are known as committed, and the last one is {}",
            hard.commit,
            end - 1
        )));
    }
    let conf = ConfState {
        voters: image.voters,
        learners: image.learners,
        ..ConfState::default()
    };
    let log = Log::new(hard, image.floor, entries, image.applied, conf, image.state);
    Ok((identity, log, first..end))
}
