//! A topology as it is written and read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Member, RaftId, Shard, Topology};
use crate::id::{ClusterId, NodeId, ShardId};

/// The fields of a [`Topology`], not checked yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Image {
    cluster: ClusterId,
    current_epoch: u64,
    next_raft_id: RaftId,
    members: BTreeMap<NodeId, Member>,
    shards: BTreeMap<ShardId, Shard>,
    departed: Vec<NodeId>,
}

impl From<Topology> for Image {
    fn from(topology: Topology) -> Image {
        Image {
            cluster: topology.cluster,
            current_epoch: topology.current_epoch,
            next_raft_id: topology.next_raft_id,
            members: topology.members,
            shards: topology.shards,
            departed: topology.departed,
        }
    }
}

impl TryFrom<Image> for Topology {
    type Error = String;

    fn try_from(image: Image) -> Result<Topology, String> {
        let topology = Topology {
            cluster: image.cluster,
            current_epoch: image.current_epoch,
            next_raft_id: image.next_raft_id,
            members: image.members,
            shards: image.shards,
            departed: image.departed,
        };
        topology.check()?;
        Ok(topology)
    }
}
