//! A connection goes on on another thread: a new actor there has its socket, its session and its client.
//!
//! ```text
//!   Reading ──Move, nothing under way──▶ Leaving ──the kernel lets go──▶ Moved ──nobody knows it any more──▶ stopped
//!                                                                          └──▶ on the other thread: Reading
//! ```
//!
//! Whoever has to tell the client something reaches the old actor until the new one has taken its place in [`Client`]; what
//! came to the old one after it had left is passed on.
//!
//! [`Client`]: crate::clients::Client

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use actix::{Actor, Recipient};
use tracing::warn;

use super::messages::Move;
use super::{ConnectionActor, Socket, State};
use crate::actors::lifeline::{Child, ChildExited, Lifeline};
use crate::actors::listener::Seat;
use crate::actors::shard::handle::Shards;
use crate::node::Node;
use crate::session::Session;

/// What goes.
struct Luggage {
    node: Arc<Node>,
    socket: OwnedFd,
    session: Box<Session>,
    unread: Vec<u8>,
    parent: Recipient<ChildExited>,
    /// The number of the other thread.
    worker: usize,
}

impl ConnectionActor {
    /// Whether an order to move can be carried out: nothing is under way, and nobody is about to tell the client anything.
    pub(super) fn may_move(&self) -> bool {
        self.moves_to.is_some()
            && self.state == State::Reading
            && self.tail.is_empty()
            && self.long.is_none()
            && self.is_all_sent()
            && self
                .session
                .as_ref()
                .is_some_and(|session| session.is_plain())
    }

    /// Whether the client has all that it was to be told.
    pub(super) fn is_all_sent(&self) -> bool {
        self.outbox.is_empty() && self.held.is_empty()
    }

    /// Leaves with `left`: the socket, and what has come of it meanwhile.
    pub(super) fn move_away(&mut self, left: io::Result<(OwnedFd, Vec<u8>)>) {
        let Some(Move { worker, parent }) = self.moves_to.take() else {
            return;
        };
        let (socket, unread) = match left {
            Ok(left) => left,
            Err(error) => {
                warn!(%error, "a connection stays on its thread");
                self.state = State::Reading;
                return;
            }
        };
        let Some(session) = self.session.take() else {
            return;
        };
        let luggage = Luggage {
            node: self.node.clone(),
            socket,
            session,
            unread,
            parent,
            worker: worker.number(),
        };
        self.state = State::Moved;
        self.seat = None;
        if !worker
            .seat()
            .run(move |shards, seat| luggage.arrive(shards, seat))
        {
            warn!("a connection is dropped, its thread has ended");
        }
    }
}

impl Luggage {
    fn arrive(self, shards: Shards, seat: Seat) {
        let Luggage {
            node,
            socket,
            session,
            unread,
            parent,
            worker,
        } = self;
        let client = session.client.clone();
        let fd = socket.as_raw_fd();
        let socket = match client.is_unix() {
            true => Socket::unix(socket.into()),
            false => Socket::tcp(socket.into()),
        };
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                warn!(%error, "a connection could not be moved to its thread");
                client.settle(worker, -1, None);
                node.clients.remove(client.id);
                shards.forget(client.id);
                return;
            }
        };
        let lifeline = Lifeline::new(Child::Connection(client.id), parent);
        ConnectionActor::create(|ctx| {
            client.settle(worker, fd, Some(ConnectionActor::mailbox(ctx)));
            let mut actor = ConnectionActor::new(node, shards, socket, session, seat, lifeline);
            actor.tail_is_fresh = !unread.is_empty();
            actor.tail = unread;
            actor
        });
    }
}
