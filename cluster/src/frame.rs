//! What nodes say to each other. The bus carries the bytes; every frame names the cluster and its generation, and one of
//! another log is answered, never obeyed.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::failover;
use crate::id::{ClusterId, NodeId};
use crate::raft::state::{Request, Seat, Unreadable, decode, encode};
use crate::record::Generation;
use crate::topology::{Address, RaftId};

/// Of the format below.
pub const VERSION: u8 = 1;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub version: u8,
    pub cluster: ClusterId,
    pub generation: Generation,
    pub from: NodeId,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// CLUSTER MEET: who am I, and who of us joins the other?
    Hello(Hello),
    /// Take this node in. Whoever does not lead passes it on. `line` = it is of this cluster, and has heard of that line of it.
    Join {
        seat: Seat,
        line: Option<Generation>,
    },
    /// The node is in, under this name. `join` is that of its request.
    Accepted { raft_id: RaftId, join: u64 },
    /// The sender was taken in by others, or has left: whoever counts on it by this request of it, or by one before, must let it
    /// go.
    Elsewhere { join: u64 },
    /// Nobody has led the sender for a while: is it still a member?
    Lost { raft_id: RaftId },
    /// The receiver is no member any more.
    Removed { raft_id: RaftId },
    /// The sender's line of the cluster is higher than the receiver's, or the receiver has no part in it yet.
    Call,
    /// The receiver is no member of the higher line that it wants to be taken in by. `join` is that of its request.
    Dismissed { join: u64 },
    /// A request for the leader.
    Ask(Request),
    /// A message of the consensus (protobuf).
    Raft(#[serde(with = "bytes")] Vec<u8>),
    /// For [`crate::failover`], not for the machine.
    Failover(Box<failover::Message>),
    /// Whoever listens to the channel at the receiver is to hear this.
    Publish(Publish),
}

/// What a node says of itself when it meets another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub standing: Standing,
    pub address: Address,
    /// The receiver's address as it is seen from here: a node does not know its own before somebody tells it.
    pub you: Option<IpAddr>,
    /// The other one has said it first, and waits for this.
    pub is_answer: bool,
}

/// What decides who joins whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub members: u32,
    /// Whether it has slots or keys.
    pub holds_data: bool,
    pub epoch: u64,
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// To a channel of a shard.
    pub is_shard: bool,
    #[serde(with = "bytes")]
    pub channel: Vec<u8>,
    #[serde(with = "bytes")]
    pub message: Vec<u8>,
}

impl Body {
    /// As CLUSTER INFO counts it.
    pub fn name(&self) -> &'static str {
        match self {
            Body::Hello(_) => "meet",
            Body::Join { .. } => "join",
            Body::Accepted { .. } => "accepted",
            Body::Elsewhere { .. } => "elsewhere",
            Body::Lost { .. } => "lost",
            Body::Removed { .. } => "removed",
            Body::Ask(_) => "ask",
            Body::Raft(_) => "raft",
            Body::Dismissed { .. } => "dismissed",
            Body::Call => "call",
            Body::Failover(_) => "ping",
            Body::Publish(_) => "publish",
        }
    }
}

impl Frame {
    /// MessagePack.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// The error says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Frame, String> {
        let frame: Frame = decode(bytes).map_err(|Unreadable(reason)| reason)?;
        match frame.version {
            VERSION => Ok(frame),
            other => Err(format!("a frame of version {other}")),
        }
    }
}

/// As bytes, not as a sequence of numbers.
mod bytes {
    use std::fmt;

    use serde::de::Visitor;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }

        from.deserialize_bytes(Bytes)
    }
}
