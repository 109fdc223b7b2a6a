//! The link to a replica. Started by `ReplicationActor` when a connection has said PSYNC; owns that connection; sends the
//! stream as the journal has it, and hears what was acknowledged.
//!
//! ```text
//!   PSYNC ──journal reaches back──▶ +CONTINUE ──────────────────────┐
//!     └──it does not──▶ +FULLRESYNC ──▶ copy.rs ──first ACK──▶ stream.rs
//! ```
//! lag.rs: what becomes of a replica that is too slow for either.

mod copy;
mod lag;
mod socket;
mod stream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, Recipient,
    WrapFuture,
};
use tracing::{info, warn};

use self::lag::Lag;
use self::socket::Socket;
use super::messages::Attach;
use crate::actors::connection::messages::{Deliver, Kill};
use crate::actors::lifeline::Lifeline;
use crate::actors::listener::Seat;
use crate::actors::shard::ShardActor;
use crate::actors::shard::messages::SnapshotPart;
use crate::clients::{Client, Mailbox, Peer};
use crate::journal::{Id, OutOfReach, Recollection};
use crate::node::Node;
use crate::replication::{Attachment, Replica, ReplicaState, Start};
use crate::stats::bump;

/// Close. Sent by `ReplicationActor`: the replica comes back and learns how things stand.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Disconnect;

/// See the module.
pub(super) struct ReplicaLinkActor {
    link: Option<Link>,
    parts: copy::Sender,
    _lifeline: Lifeline,
}

/// What the link works with.
pub(super) struct Link {
    node: Arc<Node>,
    shard: Addr<ShardActor>,
    replica: Arc<Replica>,
    client: Arc<Client>,
    socket: Socket,
    /// To be sent before anything else.
    unsent: Vec<u8>,
    /// Received and not looked at.
    unread: Vec<u8>,
    attachment: Attachment,
    parts: copy::Receiver,
    /// Where the shard sends a snapshot.
    snapshots: Recipient<SnapshotPart>,
    _seat: Seat,
}

/// Why a link has ended.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The connection.
    Io(io::Error),
    /// Nothing came for too long.
    Silence,
    /// More of the stream waits for it than `client-output-buffer-limit` allows, and no file has it.
    TooSlow,
    /// The stream that it follows is not ours any more.
    Restarted,
    /// There can be no copy now.
    NoCopy,
    /// It wanted a copy and has it.
    Served,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Io(error) => write!(f, "{error}"),
            LinkError::Silence => write!(f, "timeout: nothing was acknowledged"),
            LinkError::TooSlow => write!(f, "it is too slow for client-output-buffer-limit"),
            LinkError::Restarted => write!(f, "the stream is another one now"),
            LinkError::NoCopy => write!(f, "no copy can be taken now"),
            LinkError::Served => write!(f, "it has the copy that it wanted"),
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        LinkError::Io(error)
    }
}

impl ReplicaLinkActor {
    /// The connection that `attach` hands over.
    pub(super) fn open(
        attach: Attach,
        node: Arc<Node>,
        shard: Addr<ShardActor>,
        lifeline: Lifeline,
    ) -> io::Result<Addr<Self>> {
        let mut identity = attach.identity;
        let socket = Socket::open(attach.socket, attach.is_unix)?;
        identity.fd = socket.as_raw_fd();
        let announced = &attach.attachment.announced;
        let from = identity.peer.parse::<SocketAddr>();
        let from = from.map_or_else(|_| identity.peer.clone(), |peer| peer.ip().to_string());
        let ip = announced.ip.clone().unwrap_or(from);
        let replica = Arc::new(Replica::new(
            identity.id,
            ip,
            announced.port,
            announced.node,
        ));
        replica.hear(crate::moment::now_ms());
        node.replication.add(replica.clone());
        let (sender, parts) = copy::channel();
        Ok(ReplicaLinkActor::create(|ctx| {
            let mailbox = Mailbox {
                deliver: ctx.address().recipient(),
                kill: ctx.address().recipient(),
                relocate: None,
            };
            let client = Arc::new(Client::new(identity, Some(mailbox)));
            *client.profile() = attach.profile;
            client.profile().peer = Peer::Replica;
            node.clients.add(client.clone());
            ReplicaLinkActor {
                link: Some(Link {
                    node,
                    shard,
                    replica,
                    client,
                    socket,
                    unsent: attach.unsent,
                    unread: attach.unread,
                    attachment: attach.attachment,
                    parts,
                    snapshots: ctx.address().recipient(),
                    _seat: attach.seat,
                }),
                parts: sender,
                _lifeline: lifeline,
            }
        }))
    }
}

impl Link {
    async fn run(mut self) {
        let (ip, port) = (self.replica.ip.clone(), self.replica.port);
        match self.serve().await {
            Ok(never) => match never {},
            Err(reason @ (LinkError::Restarted | LinkError::Served | LinkError::NoCopy)) => {
                info!(ip, port, %reason, "Connection with replica closed");
            }
            Err(reason) => warn!(ip, port, %reason, "Connection with replica lost"),
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, LinkError> {
        if let Start::At(id, offset) = self.attachment.start {
            match self.join(id, offset) {
                Ok((id, behind)) => {
                    self.node
                        .replication
                        .counters
                        .partial
                        .fetch_add(1, Ordering::Relaxed);
                    info!(
                        ip = self.replica.ip,
                        offset,
                        from_file = behind.is_some(),
                        "Partial resynchronization request accepted"
                    );
                    let reply = match self.attachment.announced.takes_id {
                        true => format!("+CONTINUE {id}\r\n"),
                        false => "+CONTINUE\r\n".to_owned(),
                    };
                    self.unsent.extend_from_slice(reply.as_bytes());
                    self.replica
                        .acknowledge(offset, None, crate::moment::now_ms());
                    self.replica.enter(ReplicaState::Online);
                    return stream::send(self, offset, Lag::new(behind)).await;
                }
                Err(reason) => {
                    self.node
                        .replication
                        .counters
                        .refused
                        .fetch_add(1, Ordering::Relaxed);
                    let reason = match reason {
                        OutOfReach::Stranger => "its stream is not ours",
                        OutOfReach::Gone => "neither backlog nor file reach back so far",
                    };
                    info!(ip = self.replica.ip, %id, offset, reason, "Partial resynchronization not possible");
                }
            }
        }
        self.node
            .replication
            .counters
            .full
            .fetch_add(1, Ordering::Relaxed);
        let (offset, lag) = copy::send(self).await?;
        self.replica.enter(ReplicaState::Online);
        info!(
            ip = self.replica.ip,
            "Synchronization with replica succeeded"
        );
        stream::send(self, offset, lag).await
    }

    /// The replica has the stream of `id` up to `offset`: it goes on there, with the backlog or else with the file.
    fn join(&self, id: Id, offset: u64) -> Result<(Id, Option<Recollection>), OutOfReach> {
        let journal = &self.node.journal;
        match journal.attach(self.replica.id, id, offset) {
            Ok(id) => Ok((id, None)),
            Err(OutOfReach::Gone) => {
                let (id, behind) = journal.recollect(id, offset).ok_or(OutOfReach::Gone)?;
                Ok((id, Some(behind)))
            }
            Err(reason) => Err(reason),
        }
    }
}

impl Link {
    fn count_sent(&self, bytes: usize) {
        bump(&self.client.bytes_out, bytes as u64);
        let counters = &self.node.replication.counters;
        counters.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.node.journal.detach(self.replica.id);
        self.node.gates.tell();
        self.node.clients.remove(self.client.id);
        self.node.replication.remove(self.replica.id);
    }
}

impl Actor for ReplicaLinkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(link) = self.link.take() {
            let ends = link.run().into_actor(self).map(|(), _, ctx| ctx.stop());
            ctx.spawn(ends);
        }
    }
}

impl Handler<Disconnect> for ReplicaLinkActor {
    type Result = ();

    fn handle(&mut self, _: Disconnect, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Kill> for ReplicaLinkActor {
    type Result = ();

    fn handle(&mut self, _: Kill, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Deliver> for ReplicaLinkActor {
    type Result = ();

    /// A replica subscribes to nothing and waits for nothing.
    fn handle(&mut self, _: Deliver, _: &mut Context<Self>) {}
}
