//! What this node shows of the cluster.

use almandine_cluster::failover::Succession;
use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::machine::Voters;
use almandine_cluster::slot::Slot;
use almandine_cluster::view::{State, Tree, Verdict, View};
use almandine_protocol::Reply;

use super::{DISABLED, myself, named, unknown};
use crate::cluster::Heard;
use crate::commands::help::help;
use crate::commands::{Call, Fault, Outcome};

/// Shows what this node knows at this moment, and what this transaction has changed already.
pub(super) fn with_view<T>(
    call: &Call<'_>,
    show: impl FnOnce(&View<'_>, &Heard) -> T,
) -> Result<T, Fault> {
    let (cluster, picture) = (call.node.cluster.as_ref(), call.seat.picture());
    let (cluster, picture) = cluster.zip(picture).ok_or(DISABLED)?;
    let mut heard = cluster.heard();
    // Nobody else needs to tell this node how far it is.
    let own = heard.peers.entry(picture.myself).or_default();
    own.offset = call.node.journal.offset();
    let topology = call.seat.topology().unwrap_or(&picture.topology);
    let view = View {
        topology,
        ..picture.view(&heard)
    };
    Ok(show(&view, &heard))
}

pub(super) fn write(reply: &mut Reply<'_>, tree: &Tree) {
    match tree {
        Tree::Integer(number) => reply.integer(i64::try_from(*number).unwrap_or(i64::MAX)),
        Tree::Bulk(text) => reply.bulk(text.as_bytes()),
        Tree::Nil => reply.null(),
        Tree::Array(elements) => {
            reply.array(elements.len());
            elements.iter().for_each(|element| write(reply, element));
        }
        Tree::Map(pairs) => {
            reply.map(pairs.len());
            for (key, value) in pairs {
                reply.bulk(key.as_bytes());
                write(reply, value);
            }
        }
    }
}

pub(super) fn nodes(call: &mut Call<'_>) -> Outcome {
    let text = with_view(call, |view, _| view.nodes())?;
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn slots(call: &mut Call<'_>) -> Outcome {
    let tree = with_view(call, |view, _| view.slots())?;
    write(&mut call.reply, &tree);
    Ok(())
}

pub(super) fn shards(call: &mut Call<'_>) -> Outcome {
    let tree = with_view(call, |view, _| view.shards())?;
    write(&mut call.reply, &tree);
    Ok(())
}

pub(super) fn links(call: &mut Call<'_>) -> Outcome {
    let tree = with_view(call, |view, heard| view.links(heard.links.iter().copied()))?;
    write(&mut call.reply, &tree);
    Ok(())
}

pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let picture = call.seat.picture().ok_or(DISABLED)?;
    // Whoever waits for "ok" sends requests or slots then: a primary that may not act yet would refuse the requests.
    let leads = picture.topology.leads(picture.myself);
    let state = match leads && call.seat.lacks_lease() {
        true => State::Fail,
        false => picture.routing.state(),
    };
    let text = with_view(call, |view, heard| view.info(state, &heard.traffic))?;
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn replicas(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let primary = named(call.args, 2).ok_or_else(|| unknown(call.args, 2))?;
    let lines = with_view(call, |view, _| view.replicas(primary))??;
    call.reply.array(lines.len());
    for line in &lines {
        call.reply.bulk(line.as_bytes());
    }
    Ok(())
}

pub(super) fn myid(call: &mut Call<'_>) -> Outcome {
    let name = myself(call)?.to_hex();
    call.reply.bulk(name.as_bytes());
    Ok(())
}

/// A witness is in no shard, and says so by an empty name.
pub(super) fn myshardid(call: &mut Call<'_>) -> Outcome {
    let shard = with_view(call, |view, _| view.my_shard())?;
    let name = shard.map_or_else(String::new, |shard| shard.to_hex());
    call.reply.bulk(name.as_bytes());
    Ok(())
}

pub(super) fn keyslot(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let slot = u16::from(Slot::of(call.args.at(2)));
    call.reply.integer(slot.into());
    Ok(())
}

/// Nodes do not report failures to each other: one is counted if this node does not hear the other.
pub(super) fn count_failure_reports(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let node = named(call.args, 2).ok_or_else(|| unknown(call.args, 2))?;
    let count = with_view(call, |view, heard| {
        view.topology.member(node)?;
        let verdict = heard.peers.get(&node).map(|peer| peer.verdict);
        Some(verdict.unwrap_or_default() != Verdict::Reachable)
    })?;
    let count = count.ok_or_else(|| unknown(call.args, 2))?;
    call.reply.integer(count.into());
    Ok(())
}

/// Who decides, how far what is decided has come here, whom this node does not hear, and the last failovers.
pub(super) fn voters(call: &mut Call<'_>) -> Outcome {
    let picture = call.seat.picture().ok_or(DISABLED)?;
    let Voters {
        generation,
        term,
        leader,
        voters,
        learners,
        committed,
        applied,
    } = picture.voters.clone();
    let names =
        |nodes: Vec<NodeId>| Tree::Array(nodes.iter().map(|node| node.to_hex().into()).collect());
    let (suspected, failed, failovers) = with_view(call, |_, heard| {
        let thought = |verdict: Verdict| {
            let peers = heard.peers.iter();
            let peers = peers.filter(|(_, peer)| peer.verdict == verdict);
            peers.map(|(&node, _)| node).collect::<Vec<NodeId>>()
        };
        let failovers = heard.successions.iter();
        let failovers = failovers.map(|(shard, last)| failover(*shard, last));
        (
            thought(Verdict::Suspected),
            thought(Verdict::Failed),
            Tree::Array(failovers.collect()),
        )
    })?;
    let tree = Tree::Map(vec![
        ("generation", generation.counter.into()),
        ("generation-maker", generation.maker.to_hex().into()),
        ("term", term.into()),
        (
            "leader",
            leader.map_or(Tree::Nil, |leader| leader.to_hex().into()),
        ),
        ("voters", names(voters)),
        ("learners", names(learners)),
        ("committed", committed.into()),
        ("applied", applied.into()),
        ("suspected", names(suspected)),
        ("failed", names(failed)),
        ("failovers", failovers),
    ]);
    write(&mut call.reply, &tree);
    Ok(())
}

/// The last one of a shard.
fn failover(shard: ShardId, last: &Succession) -> Tree {
    Tree::Map(vec![
        ("shard", shard.to_hex().into()),
        ("cause", last.cause.name().into()),
        ("from", last.from.to_hex().into()),
        ("to", last.to.to_hex().into()),
        ("epoch", last.epoch.into()),
        ("time-ms", last.at_ms.into()),
        ("duration-ms", last.took_ms.into()),
    ])
}

pub(super) fn show_help(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    help(&mut call.reply, "CLUSTER", HELP);
    Ok(())
}

/// The lines of Redis 8.2, VOTERS, QUARANTINE, and ABORT.
const HELP: &[(&str, &[&str])] = &[
    (
        "COUNTKEYSINSLOT <slot>",
        &["Return the number of keys in <slot>."],
    ),
    (
        "GETKEYSINSLOT <slot> <count>",
        &["Return key names stored by current node in a slot."],
    ),
    ("INFO", &["Return information about the cluster."]),
    ("KEYSLOT <key>", &["Return the hash slot for <key>."]),
    ("MYID", &["Return the node id."]),
    ("MYSHARDID", &["Return the node's shard id."]),
    (
        "NODES",
        &[
            "Return cluster configuration seen by node. Output format:",
            "<id> <ip:port@bus-port[,hostname]> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
        ],
    ),
    ("REPLICAS <node-id>", &["Return <node-id> replicas."]),
    (
        "SLOTS",
        &[
            "Return information about slots range mappings. Each range is made of:",
            "start, end, master and replicas IP addresses, ports and ids",
        ],
    ),
    (
        "SLOT-STATS",
        &["Return an array of slot usage statistics for slots assigned to the current node."],
    ),
    (
        "SHARDS",
        &["Return information about slot range mappings and the nodes associated with them."],
    ),
    (
        "ADDSLOTS <slot> [<slot> ...]",
        &["Assign slots to current node."],
    ),
    (
        "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        &["Assign slots which are between <start-slot> and <end-slot> to current node."],
    ),
    ("BUMPEPOCH", &["Advance the cluster config epoch."]),
    (
        "COUNT-FAILURE-REPORTS <node-id>",
        &["Return number of failure reports for <node-id>."],
    ),
    (
        "DELSLOTS <slot> [<slot> ...]",
        &["Delete slots information from current node."],
    ),
    (
        "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        &[
            "Delete slots information which are between <start-slot> and <end-slot> from current node.",
        ],
    ),
    ("FORGET <node-id>", &["Remove a node from the cluster."]),
    (
        "FAILOVER [FORCE|TAKEOVER|ABORT]",
        &[
            "Promote current replica node to being a master.",
            "ABORT gives up the promotion that waits for the master or for this replica to catch up.",
        ],
    ),
    (
        "FLUSHSLOTS",
        &["Delete current node own slots information."],
    ),
    (
        "MEET <ip> <port> [<bus-port>]",
        &["Connect nodes into a working cluster."],
    ),
    (
        "REPLICATE <node-id>",
        &["Configure current node as replica to <node-id>."],
    ),
    (
        "RESET [HARD|SOFT]",
        &["Reset current node (default: soft)."],
    ),
    (
        "SET-CONFIG-EPOCH <epoch>",
        &["Set config epoch of current node."],
    ),
    (
        "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
        &["Set slot state."],
    ),
    (
        "SAVECONFIG",
        &["Force saving cluster configuration on disk."],
    ),
    (
        "LINKS",
        &[
            "Return information about all network links between this node and its peers.",
            "Output format is an array where each array element is a map containing attributes of a link",
        ],
    ),
    (
        "VOTERS",
        &[
            "Return who votes on changes of the cluster, who leads, how far the log has come, who is",
            "not heard, and the last failover of each shard.",
        ],
    ),
    (
        "QUARANTINE (LIST|SHOW <file> [OFFSET <n>] [COUNT <n>]|DROP <file>)",
        &[
            "What the node had and its primary had not: list the files, show requests, remove a file.",
        ],
    ),
];
