//! What a `ShardActor` is told.

use std::ops::Range;
use std::sync::mpsc::Sender;

use actix::dev::MessageResponse;
use actix::{Message, Recipient};
use almandine_cluster::failover::Beat;
use almandine_cluster::frame::Publish;
use almandine_cluster::topology::{Applied, Refusal};
use almandine_protocol::Batch;
use almandine_storage::Portion;

use crate::actors::connection::messages::Answered;
use crate::actors::failure_detector::messages::WritesPaused;
use crate::journal::{Awaited, Id};
use crate::session::Session;
use crate::shard::Progress;
use crate::shard::following::{Copy, Followed};
use crate::shard::migrations::Moved;
use crate::shard::snapshot::Purpose;

/// The requests of several connections of one worker, gathered over a turn of its event loop.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ExecuteBatches(pub Vec<RemoteBatch>);

/// One read of one connection of another thread.
#[derive(Debug)]
pub struct RemoteBatch {
    /// The bytes.
    pub buffer: Vec<u8>,
    /// Where the requests stand in them.
    pub batch: Batch,
    /// The number of the first one to run.
    pub first: usize,
    /// The connection's state, lent until the answer.
    pub session: Box<Session>,
    /// Room for the replies.
    pub out: Vec<u8>,
    /// Where the answer goes.
    pub answer_to: Recipient<Answered>,
}

/// The answer to a [`RemoteBatch`]: everything lent comes back.
#[derive(Debug)]
pub struct BatchDone {
    /// The bytes of the requests.
    pub buffer: Vec<u8>,
    /// The requests.
    pub batch: Batch,
    /// As it was sent.
    pub first: usize,
    /// The connection's state.
    pub session: Box<Session>,
    /// The replies.
    pub out: Vec<u8>,
    /// How far the batch came.
    pub progress: Progress,
    /// What the replies wait for.
    pub awaits: Option<Awaited>,
}

/// Run the requests for keys of these slots from now on. Sent by the first shard to the others when it spreads the slots.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct TakeStretch {
    /// The slots.
    pub slots: Range<u16>,
    /// Their keys.
    pub portion: Portion,
}

/// Give all keys back, and run nothing more. Sent by the first shard to the others when it gathers the slots; it does
/// nothing before all have done so.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct GiveBack {
    /// Where the keys go; a shard that had none says so.
    pub to: Sender<Option<Portion>>,
}

/// A connection is over: it watches, waits for and listens to nothing any more. Sent by its `ConnectionActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Forget(pub u64);

/// Load what is on the disk. Sent by `NodeActor` once, and by the shard to itself until it is done.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Load;

/// The files are open for what comes: run requests from now on. Sent by `NodeActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Serve;

/// Answered when everything that was sent before has been run. Sent by `NodeActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Settle;

/// What a client waits for has happened elsewhere: this is the answer. Sent by `PersistenceActor` and `NodeActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct AnswerWaiter {
    /// The client.
    pub client: u64,
    /// A simple string or an error.
    pub answer: &'static [u8],
}

/// What the client has removed by FLUSHALL SYNC is free. Sent by the thread of [`Lazyfree`](crate::lazyfree::Lazyfree).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Flushed {
    /// Its number.
    pub client: u64,
}

/// Read the append-only file again in place of all keys; this client waits for it. Sent by `PersistenceActor` when it has
/// written what it knew of.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ReloadLog {
    /// Its number.
    pub client: u64,
}

/// Take a snapshot of all keys as they are now. Sent by whoever wants one; snapshots are taken one after the other, and each
/// begins when the one before has ended. `to` is told [`SnapshotPiece::Begun`] then.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct TakeSnapshot {
    /// Comes back with every part; the sender sees to it that no two are equal, see [`Node::next_snapshot`](crate::node::Node::next_snapshot).
    pub id: u64,
    /// What it is for.
    pub purpose: Purpose,
    /// Who gets it. If nobody is there any more the snapshot ends.
    pub to: Recipient<SnapshotPart>,
}

/// A part of a snapshot. Sent by `ShardActor`, in order; the receiver answers bytes with [`SnapshotTaken`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SnapshotPart {
    /// Of which snapshot.
    pub id: u64,
    /// The part.
    pub piece: SnapshotPiece,
}

/// See [`SnapshotPart`].
#[derive(Debug)]
pub enum SnapshotPiece {
    /// The moment has come that the snapshot shows.
    Begun {
        /// The offset of the journal at that moment: the effects after it are not in the snapshot, and begin with their
        /// database.
        offset: u64,
        /// How many keys there are.
        keys: u64,
        /// How many keys were changed since the start.
        changes: u64,
    },
    /// Bytes of the file.
    Bytes(Vec<u8>),
    /// The file is whole.
    Ended,
    /// There will be none: the keys are not loaded yet.
    Refused,
}

/// So many bytes of a snapshot have left their receiver: more may come. Sent by the receiver.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SnapshotTaken {
    /// Of which snapshot.
    pub id: u64,
    /// Bytes.
    pub bytes: usize,
}

/// Nobody wants this snapshot any more: no part of it comes after those that are under way. Sent by the receiver.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct AbortSnapshot {
    /// Which.
    pub id: u64,
}

/// Go on with the snapshot. Sent by the shard to itself, after others have had their turn.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Walk;

/// A migration is over. Sent by `ReplicationActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Migrated {
    /// Which.
    pub ticket: u64,
    /// What has come of it.
    pub moved: Moved,
}

/// A piece of the primary's stream: whole requests. Sent by the link to the primary.
#[derive(Debug, Message)]
#[rtype(result = "FollowDone")]
pub struct Follow {
    /// How often the role had changed when the link began.
    pub changes: u64,
    /// The bytes.
    pub buffer: Vec<u8>,
    /// Where the requests stand in them.
    pub batch: Batch,
}

/// The answer to [`Follow`].
#[derive(Debug, MessageResponse)]
pub struct FollowDone {
    /// To be used again.
    pub batch: Batch,
    /// What came of it.
    pub outcome: Result<Followed, FollowError>,
}

/// Why the shard does not do what a link to a primary wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowError {
    /// The node has another role by now.
    Outdated,
    /// A request was refused.
    Refused(String),
}

/// The primary goes on where the journal stands, perhaps under another id. Sent by the link to the primary.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), FollowError>")]
pub struct ContinueStream {
    /// As in [`Follow`].
    pub changes: u64,
    /// The id.
    pub id: Option<Id>,
}

/// Remove everything, a copy is about to be loaded. Sent by the link to the primary, which sends [`Adopt`] or
/// [`GiveCopyUp`] next.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), FollowError>")]
pub struct MakeRoom {
    /// As in [`Follow`].
    pub changes: u64,
}

/// Here is the copy. Sent by the link to the primary.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), FollowError>")]
pub struct Adopt {
    /// As in [`Follow`].
    pub changes: u64,
    /// All data.
    pub copy: Box<Copy>,
}

/// There will be no copy. Sent by the link to the primary.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), FollowError>")]
pub struct GiveCopyUp {
    /// As in [`Follow`].
    pub changes: u64,
}

/// A failover waits: see whether its time has come. Sent by `ReplicationActor`, again and again.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct AdvanceFailover;

/// The replica that was asked to lead has answered. Sent by the link to it.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), FollowError>")]
pub struct EndFailover {
    /// As in [`Follow`].
    pub changes: u64,
    /// Whether it does.
    pub leads: bool,
}

/// Replicas have acknowledged something for which clients may wait. Sent by their links.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Acknowledged;

/// What a command wanted of the cluster is done, or refused. Sent by `ConfigActor`, once for each
/// [`Wish`](crate::actors::config::messages::Wish).
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Decided {
    /// Of which wish.
    pub ticket: u64,
    /// What came of it; of several orders the last.
    pub outcome: Result<Applied, Refusal>,
}

/// The node leads its shard from now on, by this decision. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct BecomePrimary {
    /// Of the shard of the cluster.
    pub epoch: u64,
}

/// The node follows this primary from now on, by this decision. Sent by `ConfigActor`.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct FollowPrimary {
    /// Where its clients are served.
    pub host: String,
    /// See `host`.
    pub port: u16,
    /// Of the shard of the cluster.
    pub epoch: u64,
}

/// Nobody knows yet whom the node follows: it presents itself as a replica without a primary. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StandBy;

/// Begin no write until then. Sent by `FailureDetectorActor` through `ConfigActor`; answered to `tell` when none is under way
/// any more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct PauseWrites {
    /// Comes back with the answer.
    pub round: Beat,
    /// Unix time in milliseconds.
    pub until_ms: i64,
    /// Who waits for it.
    pub tell: Recipient<WritesPaused>,
}

/// Writes go on. Sent by `FailureDetectorActor` through `ConfigActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ResumeWrites;

/// A client of another node has published this. Sent by `ConfigActor`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Published(pub Publish);
