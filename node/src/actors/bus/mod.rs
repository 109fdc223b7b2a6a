//! The links between the nodes of a cluster. Started by `NodeActor`; owns the sockets of the bus and a `BusLinkActor` for each
//! connection; tells its owner, `ConfigActor`, who is linked and what they say. What the bodies mean is not its concern.
//!
//! ```text
//!   messages.rs ──▶ mod.rs ── one for each connection ──▶ link.rs ── bytes ──▶ codec.rs
//!                  who is kept, dialled, linked             greeting.rs: who is it, which keys
//! ```
//!
//! Connections carry frames both ways. A node that is to be kept is dialled if there is no link to it, whoever has made it; two
//! that dial each other at once have two links, of which each uses the older. A link over which nothing comes for a while is
//! closed: a node that has vanished without a word must not look like one that has nothing to say.

pub mod codec;
pub mod counters;
mod greeting;
mod link;
pub mod messages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::{
    Actor, Addr, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle, WrapFuture,
};
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, error, warn};

use self::codec::{ClusterId, Frame, Kind, LinkError, NodeId};
use self::counters::{BusCounters, Fault};
use self::link::{BusLinkActor, Carry, Close, Ended, Greeted, Origin};
use self::messages::{BecomeNode, BusReport, Forget, JoinCluster, Keep, Meet, Post};
use super::lifeline::{Child, ChildExited, Exit, Lifeline};
use super::pace::Pace;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;
/// Accepted connections that have not shown yet who they are.
const CROWD: usize = 128;
/// After an accept that failed (out of descriptors): accepting at once would spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What a bus works with.
#[derive(Debug, Clone)]
pub struct BusSettings {
    /// Who we are, at first.
    pub node: NodeId,
    /// Our cluster, at first.
    pub cluster: ClusterId,
    /// What all nodes of the cluster know, and nobody else; empty = everybody may be one.
    pub secret: Vec<u8>,
    /// The address from which we dial; empty = any.
    pub source: String,
    /// How long a connection may take until it shows who it is.
    pub greeting: Duration,
    /// After so much silence a link is closed; after a quarter of it a sign of life is sent.
    pub silence: Duration,
    /// Frames that may wait on a link.
    pub queue: usize,
}

impl BusSettings {
    /// With the usual times and bounds.
    pub fn new(node: NodeId, cluster: ClusterId, secret: Vec<u8>) -> Self {
        BusSettings {
            node,
            cluster,
            secret,
            source: String::new(),
            greeting: Duration::from_secs(2),
            silence: Duration::from_secs(4),
            queue: 1024,
        }
    }
}

/// What all links know.
#[derive(Debug)]
struct Shared {
    settings: BusSettings,
    node: Mutex<NodeId>,
    cluster: Mutex<ClusterId>,
    counters: Arc<BusCounters>,
}

impl Shared {
    fn node(&self) -> NodeId {
        *self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cluster(&self) -> ClusterId {
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frame(&self, kind: Kind, body: Bytes) -> Frame {
        Frame {
            kind,
            cluster: self.cluster(),
            body,
        }
    }
}

/// Whom to dial.
#[derive(Debug, Clone)]
struct Target {
    address: String,
    /// Who must be there; none = whoever is.
    peer: Option<NodeId>,
}

impl Target {
    fn parts(&self) -> io::Result<(&str, u16)> {
        let parts = self.address.rsplit_once(':');
        let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = parts.ok_or(io::ErrorKind::InvalidInput)?;
        Ok((host.trim_matches(['[', ']']), port))
    }
}

/// See the module.
pub struct BusActor {
    shared: Arc<Shared>,
    sockets: Vec<StdListener>,
    owner: Recipient<BusReport>,
    kept: BTreeMap<NodeId, Kept>,
    links: BTreeMap<u64, Link>,
    next_link: u64,
    _lifeline: Lifeline,
}

/// A node to which there must be a link.
#[derive(Default)]
struct Kept {
    address: String,
    pace: Pace,
    /// The attempt that is to come.
    retry: Option<SpawnHandle>,
}

struct Link {
    actor: Addr<BusLinkActor>,
    /// Whom we have dialled.
    target: Option<Target>,
    /// Who is there and since when, once it has shown it.
    up: Option<(NodeId, Instant)>,
}

/// Somebody has dialled us. Sent by the actor's own task, which accepts the next one when this is handled.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Accepted(TcpStream);

impl BusActor {
    /// Accepts on `sockets` once it is started; tells `owner` everything; counts in `counters`.
    pub fn new(
        settings: BusSettings,
        sockets: Vec<StdListener>,
        counters: Arc<BusCounters>,
        owner: Recipient<BusReport>,
        lifeline: Lifeline,
    ) -> Self {
        let (node, cluster) = (Mutex::new(settings.node), Mutex::new(settings.cluster));
        BusActor {
            shared: Arc::new(Shared {
                settings,
                node,
                cluster,
                counters,
            }),
            sockets,
            owner,
            kept: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            _lifeline: lifeline,
        }
    }

    fn listen(&self, socket: StdListener, ctx: &mut Context<Self>) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket)?;
        let me = ctx.address();
        let accepting = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // The task ends with the actor.
                        let _ = me.send(Accepted(stream)).await;
                    }
                    Err(error) => {
                        warn!(%error, "accepting on the bus");
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                }
            }
        };
        ctx.spawn(accepting.into_actor(self));
        Ok(())
    }

    fn open(&mut self, origin: Origin, ctx: &mut Context<Self>) {
        let number = self.next_link;
        self.next_link += 1;
        let target = match &origin {
            Origin::Dial(target) => Some(target.clone()),
            Origin::Accepted(_) => None,
        };
        let lifeline = Lifeline::new(Child::BusLink(number), ctx.address().recipient());
        let link = BusLinkActor::new(
            number,
            origin,
            self.shared.clone(),
            ctx.address(),
            self.owner.clone(),
            lifeline,
        );
        let link = Link {
            actor: link.start(),
            target,
            up: None,
        };
        self.links.insert(number, link);
    }

    fn links_to(&self, peer: NodeId) -> impl Iterator<Item = &Link> {
        let is_to = move |link: &&Link| link.up.is_some_and(|(there, _)| there == peer);
        self.links.values().filter(is_to)
    }

    fn is_dialling(&self, peer: NodeId) -> bool {
        let mut dialled = self.links.values().filter(|link| link.up.is_none());
        dialled.any(|link| {
            let target = link.target.as_ref();
            target.is_some_and(|target| target.peer == Some(peer))
        })
    }

    /// Dials a node that is to be kept, unless there is a link to it, or an attempt is under way or about to be.
    fn ensure(&mut self, peer: NodeId, pause: Duration, ctx: &mut Context<Self>) {
        let is_served = self.links_to(peer).next().is_some() || self.is_dialling(peer);
        let Some(kept) = self.kept.get_mut(&peer) else {
            return;
        };
        if is_served || kept.retry.is_some() {
            return;
        }
        if pause > Duration::ZERO {
            let retry = ctx.run_later(pause, move |me, ctx| {
                if let Some(kept) = me.kept.get_mut(&peer) {
                    kept.retry = None;
                    me.ensure(peer, Duration::ZERO, ctx);
                }
            });
            kept.retry = Some(retry);
            return;
        }
        let target = Target {
            address: kept.address.clone(),
            peer: Some(peer),
        };
        self.open(Origin::Dial(target), ctx);
    }

    fn link_is_gone(&mut self, number: u64, why: &LinkError, ctx: &mut Context<Self>) {
        let Some(link) = self.links.remove(&number) else {
            return;
        };
        debug!(link = number, reason = %why, "a link is over");
        let was_up = link.up.map(|(_, since)| since.elapsed());
        if let Some((peer, _)) = link.up {
            if self.links_to(peer).next().is_none() {
                self.owner.do_send(BusReport::LinkLost { peer });
            }
            self.dial_again(peer, was_up, ctx);
        } else if let Some(Target { address, peer }) = link.target {
            match peer {
                Some(peer) => self.dial_again(peer, None, ctx),
                None => self.owner.do_send(BusReport::Unreachable {
                    address,
                    reason: why.to_string(),
                }),
            }
        }
    }

    fn dial_again(&mut self, peer: NodeId, was_up: Option<Duration>, ctx: &mut Context<Self>) {
        let Some(kept) = self.kept.get_mut(&peer) else {
            return;
        };
        let pause = kept.pace.next(was_up);
        self.ensure(peer, pause, ctx);
    }
}

impl Actor for BusActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        for socket in std::mem::take(&mut self.sockets) {
            if let Err(error) = self.listen(socket, ctx) {
                error!(%error, "a socket of the bus cannot be used: nobody can dial this node there");
            }
        }
    }
}

impl Handler<Accepted> for BusActor {
    type Result = ();

    fn handle(&mut self, Accepted(stream): Accepted, ctx: &mut Context<Self>) {
        let is_waiting = |link: &&Link| link.up.is_none() && link.target.is_none();
        if self.links.values().filter(is_waiting).count() >= CROWD {
            self.shared.counters.drop_for(Fault::Crowd);
            return;
        }
        self.open(Origin::Accepted(stream), ctx);
    }
}

impl Handler<Greeted> for BusActor {
    type Result = ();

    fn handle(&mut self, greeted: Greeted, _: &mut Context<Self>) {
        let Greeted {
            link: number,
            peer,
            address,
        } = greeted;
        let is_first = self.links_to(peer).next().is_none();
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        link.up = Some((peer, Instant::now()));
        let dialled = link.target.clone();
        if is_first {
            self.owner.do_send(BusReport::LinkUp {
                peer,
                address,
                is_dialled: dialled.is_some(),
            });
        }
        if let Some(Target {
            address,
            peer: None,
        }) = dialled
        {
            self.owner.do_send(BusReport::Met { peer, address });
        }
    }
}

impl Handler<Ended> for BusActor {
    type Result = ();

    fn handle(&mut self, Ended { link, why }: Ended, ctx: &mut Context<Self>) {
        self.link_is_gone(link, &why, ctx);
    }
}

impl Handler<ChildExited> for BusActor {
    type Result = ();

    fn handle(&mut self, ChildExited { child, exit }: ChildExited, ctx: &mut Context<Self>) {
        let Child::BusLink(number) = child else {
            return;
        };
        if exit == Exit::Panicked {
            error!(
                link = number,
                "a link of the bus has panicked and is closed"
            );
        }
        // One that has told why it ends is not known any more.
        self.link_is_gone(number, &LinkError::Closed, ctx);
    }
}

impl Handler<Keep> for BusActor {
    type Result = ();

    fn handle(&mut self, Keep { peer, address }: Keep, ctx: &mut Context<Self>) {
        let kept = self.kept.entry(peer).or_default();
        if kept.address != address {
            kept.address = address;
            // What was learned of the old address is worth nothing, and it need not be waited for.
            kept.pace = Pace::default();
            if let Some(retry) = kept.retry.take() {
                ctx.cancel_future(retry);
            }
        }
        self.ensure(peer, Duration::ZERO, ctx);
    }
}

impl Handler<Forget> for BusActor {
    type Result = ();

    fn handle(&mut self, Forget { peer }: Forget, ctx: &mut Context<Self>) {
        if let Some(retry) = self.kept.remove(&peer).and_then(|kept| kept.retry) {
            ctx.cancel_future(retry);
        }
        for link in self.links.values() {
            let dialled = link.target.as_ref().and_then(|target| target.peer);
            if link.up.map(|(there, _)| there).or(dialled) == Some(peer) {
                link.actor.do_send(Close);
            }
        }
    }
}

impl Handler<Meet> for BusActor {
    type Result = ();

    fn handle(&mut self, Meet { address }: Meet, ctx: &mut Context<Self>) {
        let target = Target {
            address,
            peer: None,
        };
        self.open(Origin::Dial(target), ctx);
    }
}

impl Handler<Post> for BusActor {
    type Result = ();

    fn handle(&mut self, Post { to, kind, body }: Post, _: &mut Context<Self>) {
        if body.len() > codec::BODY_MAX {
            self.shared.counters.drop_for(Fault::Length);
            return;
        }
        match self.links_to(to).next() {
            Some(link) => link.actor.do_send(Carry(self.shared.frame(kind, body))),
            None => self.shared.counters.drop_for(Fault::NoLink),
        }
    }
}

impl Handler<BecomeNode> for BusActor {
    type Result = ();

    /// Others know the links by the name that was said when they were made.
    fn handle(&mut self, BecomeNode(node): BecomeNode, _: &mut Context<Self>) {
        *(self.shared.node.lock()).unwrap_or_else(PoisonError::into_inner) = node;
        for link in self.links.values() {
            link.actor.do_send(Close);
        }
    }
}

impl Handler<JoinCluster> for BusActor {
    type Result = ();

    fn handle(&mut self, JoinCluster(cluster): JoinCluster, _: &mut Context<Self>) {
        let shared = &self.shared.cluster;
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = cluster;
    }
}
