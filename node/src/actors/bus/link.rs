//! One connection to another node. Started by `BusActor`, which dials or has accepted; owns the connection; tells the owner of
//! the bus what it receives, and the bus who is at the other end and how it ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, Recipient,
    WrapFuture,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;
use tokio_util::codec::{Decoder, Encoder};

use super::BusActor;
use super::codec::{Frame, Kind, LinkError, NodeId, Opener, Sealer};
use super::counters::Fault;
use super::greeting::{GREETING, Side, greeting, keys, who};
use super::messages::BusReport;
use super::{Shared, Target};
use crate::actors::dial::connect;
use crate::actors::lifeline::Lifeline;

/// Bytes that are read or written at once; a frame may be longer.
const AT_ONCE: usize = 1 << 16;

/// Send this frame, if there is room for it. Sent by `BusActor`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Carry(pub(super) Frame);

/// Close. Sent by `BusActor`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Close;

/// The other end has shown who it is. Sent by a link; nothing is read before this is handled.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Greeted {
    pub(super) link: u64,
    pub(super) peer: NodeId,
    pub(super) address: SocketAddr,
}

/// A link is over. Sent by it, last.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Ended {
    pub(super) link: u64,
    pub(super) why: LinkError,
}

/// Where a link comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// We dial.
    Dial(Target),
    /// Somebody has dialled us.
    Accepted(TcpStream),
}

/// See the module.
pub(super) struct BusLinkActor {
    number: u64,
    /// Until it is started.
    begin: Option<(Origin, Receiver<Frame>)>,
    outbox: Sender<Frame>,
    shared: Arc<Shared>,
    bus: Addr<BusActor>,
    owner: Recipient<BusReport>,
    _lifeline: Lifeline,
}

impl BusLinkActor {
    pub(super) fn new(
        number: u64,
        origin: Origin,
        shared: Arc<Shared>,
        bus: Addr<BusActor>,
        owner: Recipient<BusReport>,
        lifeline: Lifeline,
    ) -> Self {
        let (outbox, queue) = channel(shared.settings.queue);
        BusLinkActor {
            number,
            begin: Some((origin, queue)),
            outbox,
            shared,
            bus,
            owner,
            _lifeline: lifeline,
        }
    }

    fn end(&mut self, why: LinkError, ctx: &mut Context<Self>) {
        if let Some(fault) = why.fault() {
            self.shared.counters.drop_for(fault);
        }
        self.bus.do_send(Ended {
            link: self.number,
            why,
        });
        ctx.stop();
    }
}

impl Actor for BusLinkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Some((origin, queue)) = self.begin.take() else {
            return;
        };
        let wire = Wire {
            number: self.number,
            shared: self.shared.clone(),
            bus: self.bus.clone(),
            owner: self.owner.clone(),
        };
        let life = wire.live(origin, queue).into_actor(self);
        ctx.spawn(life.map(|why, me, ctx| me.end(why, ctx)));
    }
}

impl Handler<Carry> for BusLinkActor {
    type Result = ();

    fn handle(&mut self, Carry(frame): Carry, _: &mut Context<Self>) {
        match self.outbox.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.shared.counters.drop_for(Fault::Queue),
            Err(TrySendError::Closed(_)) => self.shared.counters.drop_for(Fault::NoLink),
        }
    }
}

impl Handler<Close> for BusLinkActor {
    type Result = ();

    fn handle(&mut self, _: Close, ctx: &mut Context<Self>) {
        self.end(LinkError::Closed, ctx);
    }
}

/// What carries the bytes.
struct Wire {
    number: u64,
    shared: Arc<Shared>,
    bus: Addr<BusActor>,
    owner: Recipient<BusReport>,
}

/// The receiving half.
struct Ear {
    socket: OwnedReadHalf,
    opener: Opener,
    read: BytesMut,
}

/// The sending half.
struct Mouth {
    socket: OwnedWriteHalf,
    sealer: Sealer,
    unsent: BytesMut,
}

impl Wire {
    async fn live(self, origin: Origin, queue: Receiver<Frame>) -> LinkError {
        let beginning = timeout(self.shared.settings.greeting, self.begin(origin));
        let (peer, address, ear, mouth) = match beginning.await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return error,
            Err(_) => return LinkError::Bad(Fault::Silence),
        };
        let greeted = Greeted {
            link: self.number,
            peer,
            address,
        };
        if self.bus.send(greeted).await.is_err() {
            return LinkError::Closed;
        }
        tokio::select! {
            error = self.hear(peer, ear) => error,
            error = self.speak(queue, mouth) => error,
        }
    }

    /// Both sides have said who they are and shown that they know the secret.
    async fn begin(&self, origin: Origin) -> Result<(NodeId, SocketAddr, Ear, Mouth), LinkError> {
        let settings = &self.shared.settings;
        let (side, expected, mut stream) = match origin {
            Origin::Dial(target) => {
                let to = target.parts()?;
                let stream = connect(to, &settings.source).await?;
                (Side::Dialler, target.peer, stream)
            }
            Origin::Accepted(stream) => (Side::Listener, None, stream),
        };
        stream.set_nodelay(true)?;
        let node = self.shared.node();
        let own = greeting(node)?;
        stream.write_all(&own).await?;
        let mut theirs = [0; GREETING];
        stream.read_exact(&mut theirs).await.map_err(cut_short)?;
        let peer = who(&theirs)?;
        if peer == node {
            return Err(LinkError::Bad(Fault::Itself));
        }
        if expected.is_some_and(|expected| expected != peer) {
            return Err(LinkError::Bad(Fault::Stranger));
        }
        let (send, receive) = keys(&settings.secret, side, &own, &theirs);
        let address = stream.peer_addr()?;
        let (reads, writes) = stream.into_split();
        let mut mouth = Mouth {
            socket: writes,
            sealer: Sealer::new(send),
            unsent: BytesMut::new(),
        };
        let mut ear = Ear {
            socket: reads,
            opener: Opener::new(receive),
            read: BytesMut::new(),
        };
        mouth.say(self.idle(), &self.shared)?;
        mouth.flush().await?;
        self.shared.counters.receive(ear.next().await?.body.len());
        Ok((peer, address, ear, mouth))
    }

    fn idle(&self) -> Frame {
        self.shared.frame(Kind::Idle, bytes::Bytes::new())
    }

    async fn hear(&self, peer: NodeId, mut ear: Ear) -> LinkError {
        loop {
            let frame = match timeout(self.shared.settings.silence, ear.next()).await {
                Ok(Ok(frame)) => frame,
                Ok(Err(error)) => return error,
                Err(_) => return LinkError::Bad(Fault::Silence),
            };
            if frame.kind == Kind::Member && frame.cluster != self.shared.cluster() {
                self.shared.counters.drop_for(Fault::Cluster);
                continue;
            }
            self.shared.counters.receive(frame.body.len());
            if frame.kind == Kind::Idle {
                continue;
            }
            let received = BusReport::Received {
                peer,
                cluster: frame.cluster,
                kind: frame.kind,
                body: frame.body,
            };
            if self.owner.send(received).await.is_err() {
                return LinkError::Closed;
            }
        }
    }

    /// Sends what is queued, and a sign of life when there is nothing.
    async fn speak(&self, mut queue: Receiver<Frame>, mut mouth: Mouth) -> LinkError {
        loop {
            let first = match timeout(self.shared.settings.silence / 4, queue.recv()).await {
                Ok(Some(frame)) => frame,
                Ok(None) => return LinkError::Closed,
                Err(_) => self.idle(),
            };
            let mut next = Some(first);
            while let Some(frame) = next {
                if let Err(error) = mouth.say(frame, &self.shared) {
                    return error;
                }
                next = match mouth.unsent.len() < AT_ONCE {
                    true => queue.try_recv().ok(),
                    false => None,
                };
            }
            if let Err(error) = mouth.flush().await {
                return error;
            }
        }
    }
}

impl Ear {
    async fn next(&mut self) -> Result<Frame, LinkError> {
        loop {
            if let Some(frame) = self.opener.decode(&mut self.read)? {
                return Ok(frame);
            }
            if self.read.capacity() == self.read.len() {
                self.read.reserve(AT_ONCE);
            }
            if self.socket.read_buf(&mut self.read).await? == 0 {
                let end = self.opener.decode_eof(&mut self.read)?;
                return end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

impl Mouth {
    fn say(&mut self, frame: Frame, shared: &Shared) -> Result<(), LinkError> {
        let before = self.unsent.len();
        self.sealer.encode(frame, &mut self.unsent)?;
        shared.counters.send(self.unsent.len() - before);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        Ok(self.socket.write_all_buf(&mut self.unsent).await?)
    }
}

/// A connection that ends within the greeting is one thing, one that fails another.
fn cut_short(error: io::Error) -> LinkError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => LinkError::Bad(Fault::Greeting),
        _ => LinkError::Io(error),
    }
}
