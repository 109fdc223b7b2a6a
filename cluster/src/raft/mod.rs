//! The consensus: one `RawNode` of the `raft` crate with its log, driven step by step.
//!
//! ```text
//!   tick, step, propose ──▶ RawNode ──▶ Turn 1. what to persist      (store it, then call `finish`)
//!                                            2. what to send after it
//!                                            3. what is committed, applied to the state
//! ```
//!
//! Invariant: nothing is sent before what it depends on is durable, and nothing goes into the node between a turn and its
//! `finish`.

mod guard;
mod line;
mod log;
mod rank;
pub(crate) mod state;

use protobuf::Message as _;
use raft::eraftpb::{
    ConfChangeSingle, ConfChangeType, ConfChangeV2, ConfState, Entry, EntryType, HardState,
    Message, MessageType,
};
use raft::{Config, RawNode, Ready, SnapshotStatus, StateRole};

pub(crate) use self::guard::Nonsense;
pub(crate) use self::line::{Lacking, Line};
pub(crate) use self::log::Log;
pub(crate) use self::state::Answered;
use self::state::{Membership, Request, State, decode, encode};
use crate::switches::log_max;
use crate::topology::RaftId;

/// Entries and bytes beyond which the log is shortened; a quarter of it stays for those who lag behind.
const COMPACT_ABOVE: usize = 1024;
const COMPACT_ABOVE_BYTES: usize = 1 << 20;
const KEEP_BYTES: usize = 256 << 10;
const MESSAGE_MAX: u64 = 64 << 10;
const UNCOMMITTED_MAX: u64 = 1 << 20;

/// See the module.
pub(crate) struct Engine {
    node: RawNode<Log>,
    id: RaftId,
}

/// What a step has led to; [`Engine::finish`] ends it.
pub(crate) struct Turn {
    ready: Ready,
    /// To be durable before the rest happens.
    pub(crate) stored: Stored,
    messages: Vec<Message>,
}

/// The part of the log that has changed.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The log begins anew with what is applied: all entries are gone, and so is what stood before.
    pub(crate) is_restored: bool,
    pub(crate) hard: Option<HardState>,
    /// From the first of these on the log has no others.
    pub(crate) entries: Vec<Entry>,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) messages: Vec<Message>,
    pub(crate) answers: Vec<Answered>,
    /// What [`Engine::ask_index`] asked, and how far the log was decided then.
    pub(crate) indexes: Vec<(Vec<u8>, u64)>,
    /// The state is another one.
    pub(crate) has_changed: bool,
    /// Others take part in the log than before.
    pub(crate) has_new_members: bool,
    /// An entry that this version does not understand: others have applied it, and go on without this node.
    pub(crate) is_stuck: bool,
}

impl Stored {
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_restored && self.hard.is_none() && self.entries.is_empty()
    }

    /// Whether the log has new entries about who takes part.
    pub(crate) fn changes_members(&self) -> bool {
        let is_plain = |entry: &Entry| entry.get_entry_type() == EntryType::EntryNormal;
        !self.entries.iter().all(is_plain)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("id", &self.id)
            .field("role", &self.node.raft.state)
            .field("term", &self.node.raft.term)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Goes on with a log. The error says what is wrong with it.
    pub(crate) fn new(id: RaftId, log: Log) -> Result<Engine, String> {
        let config = Config {
            id,
            applied: log.applied(),
            election_tick: rank::ELECTION_TICKS,
            heartbeat_tick: rank::HEARTBEAT_TICKS,
            min_election_tick: rank::MIN_TICKS,
            max_election_tick: rank::MAX_TICKS,
            check_quorum: true,
            pre_vote: true,
            max_size_per_msg: MESSAGE_MAX,
            max_inflight_msgs: 64,
            max_uncommitted_size: UNCOMMITTED_MAX,
            ..Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, log, &logger).map_err(|error| error.to_string())?;
        Ok(Engine { node, id })
    }

    /// The log of a cluster of one at its very first index. A joiner needs a snapshot of it, and learns the members from that.
    pub(crate) fn first_log(id: RaftId, state: State) -> Log {
        let hard = HardState {
            term: 1,
            commit: 1,
            ..HardState::default()
        };
        let conf = ConfState {
            voters: vec![id],
            ..ConfState::default()
        };
        Log::new(hard, (1, 1), Vec::new(), 1, conf, state)
    }

    /// The log of one who has been taken in and knows nothing yet; `state` is what it shows until it does.
    pub(crate) fn empty_log(state: State) -> Log {
        let (hard, conf) = (HardState::default(), ConfState::default());
        Log::new(hard, (0, 0), Vec::new(), 0, conf, state)
    }

    pub(crate) fn id(&self) -> RaftId {
        self.id
    }

    pub(crate) fn log(&self) -> &Log {
        self.node.store()
    }

    pub(crate) fn state(&self) -> &State {
        self.node.store().state()
    }

    pub(crate) fn term(&self) -> u64 {
        self.node.raft.term
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    /// Whom this node takes for the leader; 0 = nobody.
    pub(crate) fn leader(&self) -> RaftId {
        self.node.raft.leader_id
    }

    pub(crate) fn is_voter(&self) -> bool {
        self.log().conf().voters.contains(&self.id)
    }

    /// Whether nobody else votes.
    pub(crate) fn is_sole_voter(&self) -> bool {
        self.log().conf().voters == [self.id]
    }

    /// Whether this node decides without anybody, and has applied all that it has decided.
    pub(crate) fn decides_alone(&self) -> bool {
        let raft = &self.node.raft;
        self.is_leader() && self.is_sole_voter() && raft.apply_to_current_term()
    }

    /// Asks a majority how far the log is decided. The answer, if one comes, is in [`Progress::indexes`].
    pub(crate) fn ask_index(&mut self, question: Vec<u8>) {
        self.node.read_index(question);
    }

    /// Leads at once, if nobody else votes and everything committed is applied.
    pub(crate) fn lead_if_alone(&mut self) {
        if self.is_sole_voter() && self.node.raft.state == StateRole::Follower {
            // It is refused only where it must wait, and then it is tried again at the next tick.
            let _ = self.node.campaign();
        }
    }

    pub(crate) fn tick(&mut self) {
        let (raft, conf) = (&self.node.raft, self.node.store().conf());
        let timeout = rank::timeout(&conf.voters, self.id, raft.leader_id, raft.term);
        self.node.raft.set_randomized_election_timeout(timeout);
        self.node.tick();
    }

    /// Who says a message, by its own word.
    pub(crate) fn sender(bytes: &[u8]) -> Option<RaftId> {
        let message = Message::parse_from_bytes(bytes).ok()?;
        Some(message.from)
    }

    pub(crate) fn to_bytes(message: &Message) -> Vec<u8> {
        message
            .write_to_bytes()
            .expect("memory does not refuse bytes")
    }

    /// A message of another member.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Result<(), Nonsense> {
        let message = Message::parse_from_bytes(bytes);
        let message = message.map_err(|_| Nonsense::Malformed("no message"))?;
        guard::check(&message, self.id, self.node.raft.raft_log.last_index())?;
        let is_snapshot = message.get_msg_type() == MessageType::MsgSnapshot;
        if is_snapshot && State::from_bytes(message.get_snapshot().get_data()).is_err() {
            return Err(Nonsense::Malformed("a snapshot of something else"));
        }
        // What it refuses now is said again by whoever means it.
        let _ = self.node.step(message);
        Ok(())
    }

    pub(crate) fn is_unreachable(&mut self, id: RaftId) {
        self.node.report_unreachable(id);
    }

    /// Puts a request into the log; false = not now.
    pub(crate) fn propose(&mut self, request: &Request) -> bool {
        self.is_leader() && self.node.propose(Vec::new(), encode(request)).is_ok()
    }

    /// Whether the leader may change who takes part: one change at a time, and none before it knows of those that others have
    /// made.
    pub(crate) fn may_change_members(&self) -> bool {
        let raft = &self.node.raft;
        self.is_leader()
            && !raft.has_pending_conf()
            && raft.apply_to_current_term()
            && raft.lead_transferee.is_none()
    }

    /// Puts a change of the members into the log. [`Engine::may_change_members`] has been asked.
    pub(crate) fn propose_membership(&mut self, id: RaftId, membership: &Membership) -> bool {
        let kind = match membership {
            Membership::Admit(_) | Membership::Demote(_) => ConfChangeType::AddLearnerNode,
            Membership::Promote(_) => ConfChangeType::AddNode,
            Membership::Supersede(_) | Membership::Dismiss(_) => ConfChangeType::RemoveNode,
        };
        let mut change = ConfChangeV2::default();
        let mut single = ConfChangeSingle {
            node_id: id,
            ..ConfChangeSingle::default()
        };
        single.set_change_type(kind);
        change.mut_changes().push(single);
        change.set_context(encode(membership).into());
        self.node.propose_conf_change(Vec::new(), change).is_ok()
    }

    /// Leads no more and asks for nothing: the log has been outdone by another.
    pub(crate) fn stand_back(&mut self) {
        let term = self.term();
        self.node.raft.become_follower(term, raft::INVALID_ID);
    }

    /// Lets `id` lead.
    pub(crate) fn transfer(&mut self, id: RaftId) {
        self.node.transfer_leader(id);
    }

    /// How far a member is, as the leader knows: the last index it has, and whether it was heard of lately.
    pub(crate) fn progress_of(&self, id: RaftId) -> Option<(u64, bool)> {
        let progress = self.node.raft.prs().get(id)?;
        Some((progress.matched, progress.recent_active))
    }

    /// What there is to do.
    pub(crate) fn turn(&mut self) -> Option<Turn> {
        if !self.node.has_ready() {
            return None;
        }
        let mut ready = self.node.ready();
        let mut messages = ready.take_messages();
        messages.extend(ready.take_persisted_messages());
        let log = self.node.mut_store();
        let mut stored = Stored::default();
        if ready.snapshot().get_metadata().index > 0 {
            match State::from_bytes(ready.snapshot().get_data()) {
                Ok(state) => log.restore(ready.snapshot(), state),
                // `step` has looked into it before.
                Err(unreadable) => debug_assert!(false, "{unreadable:?}"),
            }
            stored.is_restored = true;
        }
        stored.entries = ready.take_entries();
        log.append(&stored.entries);
        if let Some(hard) = ready.hs() {
            log.hard = hard.clone();
        }
        // The commit index moves with whatever else is written.
        if ready.must_sync() || !stored.is_empty() {
            stored.hard = Some(log.hard.clone());
        }
        Some(Turn {
            ready,
            stored,
            messages,
        })
    }

    /// What was to be stored is durable: everything else follows.
    pub(crate) fn finish(&mut self, turn: Turn) -> Progress {
        let Turn {
            mut ready,
            stored,
            messages,
        } = turn;
        let mut progress = Progress {
            messages,
            has_changed: stored.is_restored,
            ..Progress::default()
        };
        let read = ready.take_read_states().into_iter();
        progress.indexes = read.map(|read| (read.request_ctx, read.index)).collect();
        for entry in ready.take_committed_entries() {
            self.apply(&entry, &mut progress);
        }
        let mut light = self.node.advance_append(ready);
        if let Some(commit) = light.commit_index() {
            self.node.mut_store().hard.commit = commit;
        }
        progress.messages.extend(light.take_messages());
        for entry in light.take_committed_entries() {
            self.apply(&entry, &mut progress);
        }
        self.node.advance_apply();
        for message in &progress.messages {
            if message.get_msg_type() == MessageType::MsgSnapshot {
                // A lost one is noticed at the next heartbeat, but only if this one counts as sent.
                self.node
                    .report_snapshot(message.to, SnapshotStatus::Finish);
            }
        }
        progress
    }

    fn apply(&mut self, entry: &Entry, progress: &mut Progress) {
        match entry.get_entry_type() {
            EntryType::EntryNormal if entry.data.is_empty() => {}
            EntryType::EntryNormal => {
                let Ok(request) = decode::<Request>(&entry.data) else {
                    progress.is_stuck = true;
                    return;
                };
                let answer = self.node.mut_store().state_mut().carry_out(&request);
                progress.answers.extend(answer);
                progress.has_changed = true;
            }
            EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => {
                self.apply_membership(&entry.data, progress);
            }
        }
        self.node.mut_store().set_applied(entry.index);
    }

    fn apply_membership(&mut self, data: &[u8], progress: &mut Progress) {
        let Some((change, single, membership)) = read_membership(data) else {
            progress.is_stuck = true;
            return;
        };
        let state = self.node.mut_store().state_mut();
        let (holds, answer) = state.change_members(single.node_id, &membership);
        progress.answers.extend(answer);
        progress.has_changed = true;
        progress.has_new_members |= holds;
        // A change that does not hold counts for nobody: all nodes come to the same judgement.
        if holds && let Ok(conf) = self.node.apply_conf_change(&change) {
            self.node.mut_store().set_conf(conf);
        }
    }

    /// Shortens the log if it has grown long; the indexes of the entries that are gone.
    pub(crate) fn compact(&mut self) -> Option<std::ops::Range<u64>> {
        let log = self.node.mut_store();
        let most = log_max(COMPACT_ABOVE);
        let keep = most / 4;
        let is_long = log.len() > most + keep;
        if !is_long && log.bytes() <= COMPACT_ABOVE_BYTES {
            return None;
        }
        let gone = log.compact(keep as u64, KEEP_BYTES);
        // What is not applied yet stays, however long it is.
        (!gone.is_empty()).then_some(gone)
    }
}

/// A change of the members, as the log has it; none = this version does not understand it.
fn read_membership(data: &[u8]) -> Option<(ConfChangeV2, ConfChangeSingle, Membership)> {
    let change = ConfChangeV2::parse_from_bytes(data).ok()?;
    let membership = decode(change.get_context()).ok()?;
    match change.get_changes() {
        [single] => {
            let single = single.clone();
            Some((change, single, membership))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
