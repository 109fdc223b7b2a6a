//! What a node shows of its cluster, from what the machine, the failure detector and the parameters say.

use std::sync::Arc;

use almandine_cluster::machine::Machine;
use almandine_cluster::topology::{AckMode, Shard, Topology};
use almandine_cluster::view::{Coverage, Preferred, Standing, View, WhenDown};

use crate::cluster::{Heard, Picture};
use crate::params::Params;

/// Voters that need each other: with fewer no majority can be lost.
const QUORUM_FROM: usize = 3;

/// `topology` = that of `machine`.
pub(super) fn of(
    machine: &Machine,
    topology: Arc<Topology>,
    params: &Params,
    heard: &Heard,
) -> Picture {
    let myself = machine.identity().node;
    let preferred = preferred(params);
    let voters = machine.voters();
    let standing = match voters.voters.len() < QUORUM_FROM || heard.hears_majority {
        true => Standing::Majority,
        false => Standing::Minority,
    };
    let coverage = match params.cluster_require_full_coverage {
        true => Coverage::Full,
        false => Coverage::Partial,
    };
    let view = View {
        topology: &topology,
        myself,
        peers: &heard.peers,
        preferred,
    };
    let when_down = WhenDown {
        allow_reads: params.cluster_allow_reads_when_down,
        allow_shard_pubsub: params.cluster_allow_pubsubshard_when_down,
    };
    let routing = view.routing(view.state(standing, coverage), when_down);
    let own = topology.member(myself).map(|member| member.shard);
    let own = own.and_then(|shard| topology.shards().get(&shard));
    let is_durable = |shard: &&Shard| shard.ack_mode == AckMode::Durable;
    // The primary is one of them.
    let in_sync_count = own.filter(is_durable).map(|shard| shard.in_sync.len() + 1);
    Picture {
        in_sync_count,
        myself,
        topology,
        routing,
        preferred,
        voters,
    }
}

fn preferred(params: &Params) -> Preferred {
    match params.cluster_preferred_endpoint_type {
        "hostname" => Preferred::Hostname,
        "unknown-endpoint" => Preferred::Unknown,
        _ => Preferred::Ip,
    }
}
