//! One node as all know it.

use std::net::IpAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{NodeId, ShardId};

/// A node's name in the log; never 0.
pub type RaftId = u64;

/// Whether a node holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Data,
    /// Votes, holds no data, and clients never see it.
    Witness,
}

/// Where a node is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Not known before the first contact with a peer.
    pub ip: Option<IpAddr>,
    pub port: u16,
    pub bus_port: u16,
    /// `cluster-announce-hostname`; empty = none. It stands in texts that clients split at spaces and commas, so others than
    /// [`Address::is_hostname`] are not read.
    #[serde(deserialize_with = "hostname")]
    pub hostname: String,
}

/// Bytes of the longest name, as in Redis.
const HOSTNAME_MAX: usize = 255;

impl Address {
    /// Whether the text may be a node's name.
    pub fn is_hostname(text: &str) -> bool {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        text.len() <= HOSTNAME_MAX && text.bytes().all(is_fit)
    }
}

fn hostname<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Address::is_hostname(&text) {
        true => Ok(text),
        false => Err(D::Error::custom("this is no host's name")),
    }
}

/// What a node says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    pub node: NodeId,
    /// Counts the joins of this node: a request that comes late must not remove a live member.
    pub join: u64,
    pub kind: Kind,
    pub address: Address,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub raft_id: RaftId,
    pub join: u64,
    pub kind: Kind,
    pub address: Address,
    /// The shard whose primary or replica it is; a witness is in a shard that does not exist.
    pub shard: ShardId,
}

impl Member {
    pub(super) fn new(raft_id: RaftId, shard: ShardId, admission: Admission) -> Member {
        Member {
            raft_id,
            join: admission.join,
            kind: admission.kind,
            address: admission.address,
            shard,
        }
    }
}
