//! The keyspace of one shard and everything that must be single-threaded beside it. Pure but for the shared [`Node`]: no
//! socket, no timer; the actors in `actors/shard` and `actors/connection` call it.
//!
//! ```text
//!   run(batch) ── dispatch.rs: checks, one handler per request
//!       │             ├── watch.rs    whose transaction must fail
//!       │             ├── tracking.rs who keeps copies of what it has read
//!       │             ├── monitors.rs who sees every command
//!       │             ├── holds.rs    who must wait because of these
//!       │             ├── migrations.rs which keys are on their way to another server
//!       │             ├── blocked.rs  who waits for which key       waiting.rs  serving them
//!       │             ├── foreign.rs  who speaks another protocol
//!       │             ├── standing.rs what a replica refuses
//!       │             ├── seat.rs     the cluster as the shard sees it
//!       │             ├── routing.rs  which requests belong elsewhere
//!       │             ├── deciding.rs who waits for a decision of the cluster
//!       │             ├── role.rs     who it follows, or leads
//!       │             ├── replay.rs  what was run before: streams and files
//!       │             ├── measure.rs  how long it takes
//!       │             ├── ahead.rs    the keys of the requests to come
//!       │             ├── share.rs    which slots it has, if the node has several shards
//!       │             ├── snapshot.rs who must not change what is being saved
//!       │             └── changes     effects for the journal, notifications
//!   follow(stream of a primary) ── following.rs
//!       └── outgoing: bytes for other connections, sent by the actor after the batch
//! ```

mod ahead;
pub mod blocked;
mod deciding;
pub mod dispatch;
pub mod following;
mod foreign;
mod holds;
pub mod housekeeping;
pub mod loading;
mod measure;
pub mod migrations;
mod monitors;
mod replay;
mod requests;
pub(crate) mod role;
mod routing;
mod seat;
pub(crate) mod share;
pub mod snapshot;
mod standing;
pub mod tracking;
pub mod waiting;
pub mod watch;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use almandine_storage::{Access, Databases, Rng, Thresholds};

use self::ahead::Ahead;
pub use blocked::{Blocked, Waiter};
pub use migrations::Migrations;
pub use monitors::Monitors;
pub use requests::{Progress, Requests, Stop};
pub use seat::Seat;
pub use tracking::{Tracking, Tracks};
pub use watch::Watches;

use crate::clients::Client;
use crate::commands::table::CommandId;
use crate::commands::{Changes, Wait};
use crate::moment::Moment;
use crate::node::Node;
use crate::params::Params;
use crate::pubsub::Subscriptions;
use crate::replication::Standing;
use crate::stats::Stats;

/// See the module.
pub struct Shard {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Arc<Params>,
    pub(crate) thresholds: Thresholds,
    pub(crate) dbs: Databases,
    pub(crate) changes: Changes,
    pub(crate) rng: Rng,
    pub(crate) now_ms: i64,
    pub(crate) watches: Watches,
    pub(crate) tracking: Tracking,
    pub(crate) blocked: Blocked,
    pub(crate) migrations: Migrations,
    /// Its place in the cluster.
    seat: Seat,
    /// Whether everything is with it that is the node's, or only keys of slots.
    is_first: bool,
    share: share::Share,
    pub(crate) pubsub: Rc<RefCell<Subscriptions>>,
    pub(crate) outgoing: Outgoing,
    pub(crate) waiting: Option<Wait>,
    pub(crate) phase: Phase,
    /// As it was when the batch began.
    standing: Standing,
    /// Whether there are too few replicas for writes.
    lacks_replicas: bool,
    /// The stream of the primary.
    following: following::Following,
    refusals: replay::Refusals,
    /// How often readers of the journal had begun when the effects last named their database.
    reselections: u64,
    /// The command of the request that was run or refused last; none if it named none.
    last: Option<CommandId>,
    ahead: Ahead,
    /// The offset after what this batch has handed to the journal already.
    journalled: Option<u64>,
    /// The journal's when the batch began.
    reign: u64,
    /// Whether the batch has looked at keys.
    has_looked: bool,
    pub(crate) housekeeping: housekeeping::Housekeeping,
    pub(crate) stats: Stats,
    /// While one is being taken.
    snapshot: Option<snapshot::Snapshot>,
    foreign: foreign::Foreign,
}

/// How far the shard has come since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It reads what is on the disk; clients are asked to wait.
    Loading,
    /// It has removed everything to make room for a copy; clients are asked to wait.
    Emptied,
    /// It runs requests.
    Serving,
}

/// Bytes beside the replies, in order: for other connections, and for the one whose batch runs.
#[derive(Debug, Default)]
pub struct Outgoing {
    parcels: Vec<Parcel>,
    /// Whose batch runs.
    running: Option<u64>,
    /// Messages for it; they follow the reply to the request that has caused them.
    own: Vec<u8>,
    /// Who sees every command.
    pub(crate) monitors: Monitors,
}

/// What one connection is to get.
#[derive(Debug)]
pub struct Parcel {
    /// Whom.
    pub client: Arc<Client>,
    /// Encoded in its version.
    pub bytes: Vec<u8>,
    /// What follows.
    pub next: Next,
}

/// What a connection does when it has got a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was a message.
    Nothing,
    /// It was the answer to a blocked command: the next request.
    Request,
    /// It ends.
    End,
}

impl Outgoing {
    /// From now on the batch of `client` runs, or none.
    fn begin(&mut self, client: Option<u64>) {
        debug_assert!(self.own.is_empty(), "messages are lost");
        self.running = client;
    }

    /// Whose batch runs.
    pub fn running(&self) -> Option<u64> {
        self.running
    }

    /// Where messages for the connection whose batch runs are written.
    pub fn own(&mut self) -> &mut Vec<u8> {
        &mut self.own
    }

    /// A message.
    pub fn push(&mut self, client: &Arc<Client>, bytes: &[u8]) {
        if self.running == Some(client.id) {
            self.own.extend_from_slice(bytes);
            return;
        }
        match self.parcels.last_mut() {
            Some(last) if last.client.id == client.id && last.next == Next::Nothing => {
                last.bytes.extend_from_slice(bytes)
            }
            _ => self.parcels.push(Parcel {
                client: client.clone(),
                bytes: bytes.to_vec(),
                next: Next::Nothing,
            }),
        }
    }

    /// The answer to a blocked command.
    pub fn unblock(&mut self, client: &Arc<Client>, bytes: Vec<u8>) {
        self.parcels.push(Parcel {
            client: client.clone(),
            bytes,
            next: Next::Request,
        });
    }

    /// The answer to a blocked command, and the end of the connection.
    pub fn send_off(&mut self, client: &Arc<Client>, bytes: Vec<u8>) {
        self.parcels.push(Parcel {
            client: client.clone(),
            bytes,
            next: Next::End,
        });
    }

    /// Takes what is to be sent.
    pub fn take(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.parcels)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }
}

impl Shard {
    /// An empty keyspace. `seed` decides all its dice.
    pub fn new(node: Arc<Node>, pubsub: Rc<RefCell<Subscriptions>>, seed: u64) -> Self {
        let params = node.params();
        Shard {
            thresholds: params.thresholds(),
            dbs: node.empty_databases(seed),
            changes: Changes::default(),
            rng: Rng::new(seed),
            now_ms: 0,
            watches: Watches::default(),
            tracking: Tracking::default(),
            blocked: Blocked::default(),
            migrations: Migrations::default(),
            seat: Seat::of(&node),
            is_first: true,
            share: share::Share::All,
            pubsub,
            outgoing: Outgoing::default(),
            waiting: None,
            phase: Phase::Serving,
            standing: Standing::default(),
            lacks_replicas: false,
            following: following::Following::default(),
            refusals: replay::Refusals::default(),
            reselections: 0,
            last: None,
            ahead: Ahead::default(),
            journalled: None,
            reign: 0,
            has_looked: false,
            housekeeping: housekeeping::Housekeeping::default(),
            stats: Stats::new(&params),
            snapshot: None,
            foreign: foreign::Foreign::default(),
            params,
            node,
        }
    }

    /// Begins a batch: time and parameters stand still until the next call.
    pub fn begin(&mut self, now: Moment) {
        (self.reign, self.has_looked) = (self.node.journal.reign(), false);
        // What follows from new parameters, or from a new picture, must follow for all slots: see `must_gather`.
        let is_spread = self.is_spread();
        if !is_spread && self.node.params_changed(&self.params) {
            self.params = self.node.params();
            self.thresholds = self.params.thresholds();
            self.stats.configure(&self.params);
        }
        // After the parameters: they say how accesses are remembered.
        self.set_now(now.ms);
        let is_watched = !self.watches.is_empty() || !self.tracking.is_empty();
        self.changes
            .begin(self.params.notify_keyspace_events, is_watched);
        self.look_at_standing();
        if self.standing.is_replica {
            self.stop_collecting();
        } else if self.node.journal.is_on() {
            self.collect_effects();
        }
        // After the effects: what goes with a slot is journalled.
        if !is_spread && self.seat.is_outdated(&self.node) {
            self.look_at_picture();
        }
        self.look_at_lease(now.at);
    }

    /// What a replica changes by itself is no part of the stream. What it has changed as a primary in this very batch is.
    fn stop_collecting(&mut self) {
        let Some(effects) = &self.changes.effects else {
            return;
        };
        if let Some(db) = effects.db() {
            self.follow_in(db);
        }
        self.journalled = self.journal();
        self.changes.effects = None;
    }

    fn collect_effects(&mut self) {
        let reselections = self.node.journal.reselections();
        let begins = std::mem::replace(&mut self.reselections, reselections) != reselections;
        let effects = self.changes.effects.get_or_insert_default();
        if begins {
            effects.reselect();
        }
    }

    /// The reign of the journal in which the batch began.
    pub fn reign(&self) -> u64 {
        self.reign
    }

    /// The same if the batch has looked at keys and what is there may not be confirmed yet.
    pub fn seen_reign(&self) -> Option<u64> {
        (self.has_looked && self.node.journal.awaits_replicas()).then_some(self.reign)
    }

    /// Hands the effects collected since the last call to the journal; returns the offset after them, if there were any.
    pub fn journal(&mut self) -> Option<u64> {
        let effects = self.changes.effects.as_mut();
        let offset = effects
            .filter(|effects| !effects.is_empty())
            .map(|effects| {
                let offset = self.node.journal.append(effects.bytes());
                effects.clear();
                offset
            })
            .or(self.journalled.take());
        if self.blocked.acknowledgement_count() > 0 {
            self.set_awaited_offset(offset.unwrap_or_else(|| self.node.journal.offset()));
        }
        offset
    }

    /// Whether it does.
    pub fn is_serving(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// Until [`Shard::serve_clients`] clients are asked to wait.
    pub fn make_clients_wait(&mut self) {
        self.phase = Phase::Loading;
    }

    /// From now on requests are run.
    pub fn serve_clients(&mut self) {
        self.phase = Phase::Serving;
    }

    fn set_now(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        let access = self.access();
        self.dbs.set_now(now_ms, access);
    }

    /// How accesses are remembered under the policy in force.
    fn access(&mut self) -> Access {
        let dice = match self.params.maxmemory_policy.is_lfu() {
            true => self.rng.bits() as u32,
            false => 0,
        };
        self.params.access(self.now_ms, dice)
    }

    /// The connection of `client` is over.
    pub fn forget(&mut self, client: u64) {
        self.watches.unwatch(client);
        self.tracking.disable(client);
        self.outgoing.monitors.remove(client);
        self.pubsub.borrow_mut().drop_client(client);
        if let Some(waiter) = self.blocked.remove(client) {
            waiter.stop_waiting(&mut self.dbs);
        }
    }
}
