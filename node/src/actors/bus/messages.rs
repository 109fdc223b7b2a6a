//! What the `BusActor` is told, and what it tells.

use std::net::SocketAddr;

use actix::Message;
use bytes::Bytes;

use super::codec::{ClusterId, Kind, NodeId};

/// Keep a link to this node: make it now, and again whenever it breaks. Another address than before counts from the next
/// attempt on. Sent by `ConfigActor`.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Keep {
    /// Who must answer there.
    pub peer: NodeId,
    /// `host:port`; a name is resolved at every attempt.
    pub address: String,
}

/// Close the links to this node and make none any more. Sent by `ConfigActor`. It may still come by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Forget {
    /// Who.
    pub peer: NodeId,
}

/// Make a link to whoever is there, once. Sent by `ConfigActor`; answered by [`BusReport::Met`] or
/// [`BusReport::Unreachable`].
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Meet {
    /// `host:port`.
    pub address: String,
}

/// Send this to a node, if there is a link to it and room in its queue; else it is dropped and counted, as the network may
/// drop it too. Sent by `ConfigActor` and `FailureDetectorActor`.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Post {
    /// To whom.
    pub to: NodeId,
    /// Who may receive it.
    pub kind: Kind,
    /// What it says; the bus does not look.
    pub body: Bytes,
}

/// What may be sent to many: made once, cheap to clone.
#[derive(Debug, Clone)]
pub struct Parcel {
    kind: Kind,
    body: Bytes,
}

impl Parcel {
    /// For receivers of this kind.
    pub fn new(kind: Kind, body: Vec<u8>) -> Self {
        let body = body.into();
        Parcel { kind, body }
    }

    /// On its way.
    pub fn to(self, to: NodeId) -> Post {
        let Parcel { kind, body } = self;
        Post { to, kind, body }
    }
}

/// The cluster is another one from now on: frames carry this id, and only such are taken. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct JoinCluster(pub ClusterId);

/// This node has another name from now on: all links end, and are made anew under that name. Sent by `ConfigActor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct BecomeNode(pub NodeId);

/// What has happened. Sent by `BusActor` and its links. The next frame of a link is read when this one is handled.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum BusReport {
    /// The first link to a node stands. Nothing is heard of a node before.
    LinkUp {
        /// Who; it knows the secret.
        peer: NodeId,
        /// Where the connection leads: its port is that of the bus only where we have made it.
        address: SocketAddr,
        /// Whether we have made it.
        is_dialled: bool,
    },
    /// [`Meet`] has found this node, to which there may have been a link before.
    Met {
        /// Who.
        peer: NodeId,
        /// As [`Meet`] said it.
        address: String,
    },
    /// A node has said something.
    Received {
        /// Who.
        peer: NodeId,
        /// Its cluster; another one than ours only if `kind` allows it.
        cluster: ClusterId,
        /// Who may receive it.
        kind: Kind,
        /// What it said.
        body: Bytes,
    },
    /// The last link to a node is gone.
    LinkLost {
        /// Who.
        peer: NodeId,
    },
    /// [`Meet`] has failed.
    Unreachable {
        /// Where.
        address: String,
        /// Why, for people.
        reason: String,
    },
}
