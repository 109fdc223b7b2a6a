//! The link to the primary. Started by `ReplicationActor` for each primary that the node follows; owns the connection;
//! hands the stream to the shard and says how far it has come; begins anew whenever the connection breaks.
//!
//! ```text
//!   connect ──▶ handshake.rs ──▶ suffix.rs ──▶ PSYNC ──+CONTINUE──▶ stream.rs
//!      ▲                                          └──+FULLRESYNC──▶ copy.rs ──▶ stream.rs
//!      └──────────────────────── whatever goes wrong ───────────────────────────────┘
//! ```

mod connection;
mod copy;
mod handshake;
mod load;
mod stream;
mod suffix;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, MailboxError,
    Message, WrapFuture,
};
use tracing::{error, info, warn};

use self::connection::Connection;
use self::handshake::Answer;
use crate::actors::lifeline::Lifeline;
use crate::actors::pace::Pace;
use crate::actors::persistence::PersistenceActor;
use crate::actors::replication::messages::TermBegan;
use crate::actors::shard::ShardActor;
use crate::actors::shard::messages::{ContinueStream, EndFailover, FollowError};
use crate::moment::now_ms;
use crate::node::Node;
use crate::replication::{Failover, LinkState};

/// How long until the next attempt where it would fail for the same reason.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// How a primary refuses to be made one.
const LEADS_ALREADY: &str = "can't be sent to a master";

/// The node follows this primary no more. Sent by `ReplicationActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Leave;

/// See the module.
pub(super) struct PrimaryLinkActor {
    link: Option<Link>,
    _lifeline: Lifeline,
}

/// What the attempts share.
pub(super) struct Link {
    node: Arc<Node>,
    shard: Addr<ShardActor>,
    persistence: Addr<PersistenceActor>,
    /// How often the role had changed when this link began.
    changes: u64,
    /// Since when the link is up.
    up_since: Cell<Option<Instant>>,
    handover: Cell<Handover>,
}

/// How far the replica is that is asked to lead in a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handover {
    /// It was not asked.
    Unasked,
    /// It was, and the connection has broken before it could answer.
    Unanswered,
    /// It says that it leads already: it had heard the question whose answer was lost.
    Done,
}

/// Why a link has ended.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The connection.
    Io(io::Error),
    /// Nothing came for too long.
    Silence,
    /// The primary cannot serve us now.
    NotNow(String),
    /// The primary said what it should not.
    Refused(String),
    /// A request of the stream, or a key of the copy, that cannot be ours.
    Foreign(String),
    /// The disk.
    Disk(io::Error),
    /// The disk, where what only this node has must be set aside first.
    Quarantine(io::Error),
    /// CLIENT KILL.
    Killed,
    /// The role has changed.
    Outdated,
    /// The node ends.
    Ending,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Io(error) => write!(f, "{error}"),
            LinkError::Silence => write!(f, "timeout: no data nor PING received"),
            LinkError::NotNow(reply) => write!(f, "the primary is not ready: {reply}"),
            LinkError::Refused(reply) => write!(f, "unexpected reply: {reply}"),
            LinkError::Foreign(what) => write!(f, "the data of the primary cannot be held: {what}"),
            LinkError::Disk(error) => write!(f, "the copy cannot be stored: {error}"),
            LinkError::Quarantine(error) => {
                write!(f, "what only this node has cannot be set aside: {error}")
            }
            LinkError::Killed => write!(f, "the connection was killed"),
            LinkError::Outdated => write!(f, "the role has changed"),
            LinkError::Ending => write!(f, "the node ends"),
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        LinkError::Io(error)
    }
}

impl From<MailboxError> for LinkError {
    fn from(_: MailboxError) -> Self {
        LinkError::Ending
    }
}

impl From<FollowError> for LinkError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Outdated => LinkError::Outdated,
            FollowError::Refused(reason) => LinkError::Foreign(reason),
        }
    }
}

impl PrimaryLinkActor {
    /// A link that is made once it is started.
    pub(super) fn new(
        node: Arc<Node>,
        shard: Addr<ShardActor>,
        persistence: Addr<PersistenceActor>,
        lifeline: Lifeline,
    ) -> Self {
        PrimaryLinkActor {
            link: Some(Link {
                changes: node.replication.changes(),
                node,
                shard,
                persistence,
                up_since: Cell::new(None),
                handover: Cell::new(Handover::Unasked),
            }),
            _lifeline: lifeline,
        }
    }
}

impl Link {
    async fn run(self) {
        let mut pace = Pace::default();
        loop {
            let reason = match self.attempt().await {
                Ok(never) => match never {},
                Err(reason) => reason,
            };
            let was_up = self.up_since.take().map(|since| since.elapsed());
            self.enter(LinkState::Connect);
            let pause = match &reason {
                LinkError::Outdated | LinkError::Ending => return,
                LinkError::Foreign(_) | LinkError::Disk(_) | LinkError::Quarantine(_) => {
                    error!(%reason, "the primary cannot be followed");
                    LONG_PAUSE
                }
                LinkError::NotNow(_) => {
                    info!(%reason, "the primary will be asked again");
                    pace.next(None)
                }
                _ => {
                    warn!(%reason, "Connection with master lost");
                    pace.next(was_up)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// From the connection to its end.
    async fn attempt(&self) -> Result<std::convert::Infallible, LinkError> {
        self.enter(LinkState::Connecting);
        let mut connection = Connection::open(&self.node).await?;
        self.enter(LinkState::Handshake);
        handshake::introduce(&mut connection, &self.node).await?;
        suffix::set_aside(self, &mut connection).await?;
        match self.ask(&mut connection).await? {
            Answer::Continue(id) => {
                let (changes, offset) = (self.changes, self.node.journal.offset());
                let terms = self.node.journal.term_changes();
                self.shard.send(ContinueStream { changes, id }).await??;
                if self.node.journal.term_changes() != terms
                    && let Some(replicator) = self.node.replicator.get()
                {
                    replicator.do_send(TermBegan);
                }
                info!(
                    offset,
                    "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization"
                );
            }
            Answer::Copy(id, offset) => {
                info!(%id, offset, "Full resync from master");
                copy::receive(self, &mut connection, id, offset).await?;
                info!("MASTER <-> REPLICA sync: Finished with success");
            }
        }
        self.enter(LinkState::Connected);
        self.up_since.set(Some(Instant::now()));
        stream::follow(self, &mut connection).await
    }

    /// Asks for the stream. In a failover this is where the place is handed over.
    async fn ask(&self, connection: &mut Connection) -> Result<Answer, LinkError> {
        if !matches!(self.node.replication.failover(), Failover::InProgress(..)) {
            return handshake::ask(connection, &self.node, false).await;
        }
        let is_told = self.handover.get() == Handover::Done;
        let answer = handshake::ask(connection, &self.node, !is_told).await;
        let leads = match &answer {
            Ok(_) => true,
            Err(LinkError::Refused(text))
                if self.handover.get() == Handover::Unanswered && text.contains(LEADS_ALREADY) =>
            {
                self.handover.set(Handover::Done);
                return answer;
            }
            Err(LinkError::Refused(_) | LinkError::NotNow(_)) => false,
            // It may have heard us.
            Err(_) => {
                self.handover.set(Handover::Unanswered);
                return answer;
            }
        };
        let changes = self.changes;
        self.shard.send(EndFailover { changes, leads }).await??;
        answer
    }

    fn enter(&self, state: LinkState) {
        self.node.replication.link(self.changes, state, now_ms());
    }

    /// Something came from the primary.
    fn heard(&self) {
        if let Some(upstream) = self.node.replication.upstream().as_mut() {
            upstream.heard_ms = now_ms();
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.node.params().repl_timeout))
    }
}

impl Actor for PrimaryLinkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(link) = self.link.take() {
            let ends = link.run().into_actor(self).map(|(), _, ctx| ctx.stop());
            ctx.spawn(ends);
        }
    }
}

impl Handler<Leave> for PrimaryLinkActor {
    type Result = ();

    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
