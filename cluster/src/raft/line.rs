//! A new line of history: what one node makes of its log when no majority answers any more.

use std::collections::BTreeSet;

use raft::eraftpb::{ConfChangeType, ConfState, Entry, EntryType, HardState};

use super::state::{Answered, Membership, Order, Request, decode};
use super::{Engine, Log, read_membership};
use crate::id::{NodeId, ShardId};
use crate::switches::{Rule, is_off};
use crate::topology::{Change, RaftId, Refusal};

/// Why something may have been decided that is not in this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// The node does not vote, or soon not any more.
    NoVoter,
    /// Others are enough to decide.
    Voters(usize),
}

/// A log that goes on from another.
pub(crate) struct Line {
    pub(crate) raft_id: RaftId,
    pub(crate) log: Log,
    /// What became of requests that were not decided before.
    pub(crate) answers: Vec<Answered>,
}

/// An entry that nobody has applied yet.
enum Tail {
    Nothing,
    Request(Request),
    Membership(RaftId, ConfChangeType, Membership),
}

fn read(entry: &Entry) -> Result<Tail, Refusal> {
    let strange = || {
        let text = "ERR The cluster's log has an entry that this version does not understand";
        Refusal(text.to_owned())
    };
    match entry.get_entry_type() {
        EntryType::EntryNormal if entry.data.is_empty() => Ok(Tail::Nothing),
        EntryType::EntryNormal => {
            let request = decode(&entry.data).map_err(|_| strange())?;
            Ok(Tail::Request(request))
        }
        EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => {
            let (_, single, membership) = read_membership(&entry.data).ok_or_else(strange)?;
            let kind = single.get_change_type();
            Ok(Tail::Membership(single.node_id, kind, membership))
        }
    }
}

impl Engine {
    /// Those who vote now, and after each change of them that this log holds and is not applied here yet.
    fn each_electorate(&self, mut visit: impl FnMut(&BTreeSet<RaftId>)) -> Result<(), Refusal> {
        let log = self.log();
        let mut voters: BTreeSet<RaftId> = log.conf().voters.iter().copied().collect();
        visit(&voters);
        for entry in log.tail() {
            if let Tail::Membership(id, kind, _) = read(entry)? {
                match kind {
                    ConfChangeType::AddNode => voters.insert(id),
                    ConfChangeType::AddLearnerNode | ConfChangeType::RemoveNode => {
                        voters.remove(&id)
                    }
                };
                visit(&voters);
            }
        }
        Ok(())
    }

    /// Who will vote when all that this log holds is decided.
    pub(crate) fn coming_voters(&self) -> Vec<RaftId> {
        let mut coming = Vec::new();
        // What cannot be read stops the node where it is applied; until then the voters are those before it.
        let _ = self.each_electorate(|voters| coming = voters.iter().copied().collect());
        coming
    }

    /// The failovers in this log that are not applied here yet: who is to lead which shard. Any of them may be decided.
    pub(crate) fn coming_primaries(&self) -> Vec<(ShardId, NodeId)> {
        let failover = |tail: Tail| {
            let Tail::Request(Request {
                order: Order::Change(change),
                ..
            }) = tail
            else {
                return None;
            };
            match change {
                Change::Promote {
                    shard, candidate, ..
                }
                | Change::TakeOver {
                    shard, candidate, ..
                } => Some((shard, candidate)),
                _ => None,
            }
        };
        // What cannot be read stops the node where it is applied.
        let tail = self.log().tail().iter();
        tail.filter_map(|entry| failover(read(entry).ok()?))
            .collect()
    }

    /// Whether something may have been decided that is not in this log. Two voters decide only together, so each has all of
    /// it, although perhaps without knowing yet that it is decided; of more voters some do without the rest. The members may
    /// be others by an entry that is not applied here yet.
    pub(crate) fn may_lack(&self) -> Result<Option<Lacking>, Refusal> {
        if is_off(Rule::ForceLosesNothing) {
            return Ok(None);
        }
        let (mut most, mut is_voter) = (0, true);
        self.each_electorate(|voters| {
            most = most.max(voters.len());
            is_voter &= voters.contains(&self.id());
        })?;
        Ok(match (is_voter, most) {
            (false, _) => Some(Lacking::NoVoter),
            (true, 0..=2) => None,
            (true, more) => Some(Lacking::Voters(more)),
        })
    }

    /// A line that begins with all that is in this log: its whole tail counts as decided, because a leader that is gone may
    /// have told a client so. From there on `node`, this one with its last `join`, decides alone; and it leads its shard.
    pub(crate) fn new_line(
        &self,
        node: NodeId,
        join: u64,
        is_takeover: bool,
    ) -> Result<Line, Refusal> {
        let log = self.log();
        let mut state = log.state().clone();
        let mut answers = Vec::new();
        let tail = match is_off(Rule::TailsAreKept) {
            true => &[],
            false => log.tail(),
        };
        for entry in tail {
            match read(entry)? {
                Tail::Nothing => {}
                Tail::Request(request) => answers.extend(state.carry_out(&request)),
                Tail::Membership(id, _, membership) => {
                    answers.extend(state.change_members(id, &membership).1);
                }
            }
        }
        state.begin_line(node, join, is_takeover)?;
        let gone = || Refusal("ERR The cluster has let this node go".to_owned());
        let raft_id = state.topology.member(node).ok_or_else(gone)?.raft_id;
        // A node that has been taken in and has got nothing yet shows what it knew before, and goes on from that.
        let index = log.last().max(1);
        let term = log.term_of(log.last()).unwrap_or(0).max(1);
        let hard = HardState {
            term: log.hard().term.max(term),
            commit: index,
            ..HardState::default()
        };
        let conf = ConfState {
            voters: vec![raft_id],
            ..ConfState::default()
        };
        Ok(Line {
            raft_id,
            log: Log::new(hard, (index, term), Vec::new(), index, conf, state),
            answers,
        })
    }
}
