//! A client that turns out to be a replica: its connection moves to the thread of the links.

use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tracing::warn;

use super::{ConnectionActor, State};
use crate::actors::replication::messages::Attach;
use crate::clients::Identity;

impl ConnectionActor {
    /// Hands the socket over with whatever has not been sent or looked at.
    pub(super) fn hand_over(&mut self, left: io::Result<(OwnedFd, Vec<u8>)>) {
        let (Some(attachment), Some(seat)) = (self.leaves_with.take(), self.seat.take()) else {
            return;
        };
        let Some(replicator) = self.node.replicator.get() else {
            return;
        };
        let (socket, unread) = match left {
            Ok(left) => left,
            Err(error) => return warn!(%error, "a replica cannot be served"),
        };
        self.tail.extend_from_slice(&unread);
        let client = &self.client;
        let profile = client.profile.lock();
        replicator.do_send(Attach {
            socket,
            is_unix: client.is_unix(),
            unsent: self.outbox.take(),
            unread: mem::take(&mut self.tail),
            identity: Identity {
                id: client.id,
                peer: client.peer.clone(),
                local: client.local.clone(),
                fd: client.fd.load(Ordering::Relaxed),
                worker: client.worker.load(Ordering::Relaxed),
            },
            profile: profile.unwrap_or_else(PoisonError::into_inner).clone(),
            seat,
            attachment: *attachment,
        });
        self.state = State::HandedOver;
    }
}
