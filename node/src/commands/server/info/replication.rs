//! INFO replication: the primary above, the replicas below, the stream.

use almandine_cluster::id::NodeId;
use almandine_cluster::topology::Shard;

use super::text::Text;
use crate::cluster::Cluster;
use crate::commands::Call;
use crate::moment::now_ms;
use crate::replication::{LinkState, Upstream};

pub(super) fn replication(call: &mut Call<'_>, text: &mut Text) {
    let replication = &call.node.replication;
    let upstream = replication.upstream().clone();
    match &upstream {
        None => text.field("role", "master"),
        Some(upstream) => primary(call, upstream, text),
    }
    let replicas = replication.replicas();
    text.field("connected_slaves", replicas.len());
    if call.params.min_replicas_to_write > 0 && call.params.min_replicas_max_lag > 0 {
        text.field("min_slaves_good_slaves", replication.good());
    }
    let now_ms = now_ms();
    let picture = call.seat.picture().cloned();
    let shard = picture.as_ref().and_then(|picture| picture.own_shard());
    if let Some(shard) = shard {
        text.field("ack_mode", shard.ack_mode.name());
        text.field("insync_replicas", shard.in_sync.len());
    }
    for (number, replica) in replicas.iter().enumerate() {
        let is_in_sync = |shard: &Shard| match replica
            .node
            .is_some_and(|node| shard.in_sync.contains(&node))
        {
            true => ",insync=yes",
            false => ",insync=no",
        };
        text.field(
            &format!("slave{number}"),
            format_args!(
                "ip={},port={},state={},offset={},lag={}{}",
                replica.ip,
                replica.port,
                replica.state().name(),
                replica.acknowledged(),
                replica.lag_s(now_ms),
                shard.map_or("", is_in_sync),
            ),
        );
    }
    match &call.node.cluster {
        None => text.field("master_failover_state", replication.failover().name()),
        Some(cluster) => failovers(call, cluster, text),
    }
    stream(call, text);
}

/// In a cluster: how a planned change stands, and the last failover of this node's shard.
fn failovers(call: &Call<'_>, cluster: &Cluster, text: &mut Text) {
    let heard = cluster.heard();
    let state = match heard.hand_over_state {
        "" => "no-failover",
        state => state,
    };
    text.field("master_failover_state", state);
    let picture = call.seat.picture();
    let shard = picture.and_then(|picture| picture.topology.role(picture.myself)?.shard());
    let last = shard.and_then(|shard| heard.successions.get(&shard).copied());
    drop(heard);
    let cause = last.map_or("none", |last| last.cause.name());
    let name = |node: Option<NodeId>| node.map(NodeId::to_hex).unwrap_or_default();
    text.field("last_failover_cause", cause);
    text.field("last_failover_from", name(last.map(|last| last.from)));
    text.field("last_failover_to", name(last.map(|last| last.to)));
    text.numbers(&[
        ("last_failover_epoch", last.map_or(0, |last| last.epoch)),
        (
            "last_failover_time",
            last.map_or(0, |last| last.at_ms / 1000),
        ),
        (
            "last_failover_duration_ms",
            last.map_or(0, |last| last.took_ms),
        ),
    ]);
}

/// What a replica knows of its primary.
fn primary(call: &Call<'_>, upstream: &Upstream, text: &mut Text) {
    let now_ms = now_ms();
    let seconds = |since_ms: i64| (now_ms - since_ms).max(0) / 1000;
    let offset = call.node.journal.offset();
    let is_up = upstream.state == LinkState::Connected;
    let is_copying = upstream.state == LinkState::Sync;
    text.field("role", "slave");
    text.field("master_host", &upstream.host);
    text.field("master_port", upstream.port);
    text.field("master_link_status", if is_up { "up" } else { "down" });
    let heard = if is_up {
        seconds(upstream.heard_ms)
    } else {
        -1
    };
    text.field("master_last_io_seconds_ago", heard);
    text.field("master_sync_in_progress", u8::from(is_copying));
    text.field("slave_read_repl_offset", offset);
    text.field("slave_repl_offset", offset);
    text.numbers(&[
        ("replica_full_sync_buffer_size", 0),
        ("replica_full_sync_buffer_peak", 0),
        ("master_current_sync_attempts", upstream.attempts.0),
        ("master_total_sync_attempts", upstream.attempts.1),
    ]);
    if is_copying {
        copy(upstream, seconds(upstream.heard_ms), text);
    }
    if is_up {
        text.field("master_link_up_since_seconds", seconds(upstream.since_ms));
    } else {
        text.field("master_link_down_since_seconds", seconds(upstream.since_ms));
    }
    let down_ms = match is_up {
        true => upstream.down_ms,
        false => upstream.down_ms + now_ms - upstream.since_ms,
    };
    text.field("total_disconnect_time_sec", down_ms.max(0) / 1000);
    text.field("slave_priority", call.params.replica_priority);
    text.field("slave_read_only", u8::from(call.params.replica_read_only));
    text.field("replica_announced", u8::from(call.params.replica_announced));
}

/// How much of the copy is here; all of it is not always known.
fn copy(upstream: &Upstream, heard: i64, text: &mut Text) {
    let (total, read) = upstream.copy;
    let percent = total.filter(|total| *total > 0);
    let percent = percent.map_or(0.0, |total| read as f64 / total as f64 * 100.0);
    text.field("master_sync_total_bytes", total.unwrap_or(0));
    text.field("master_sync_read_bytes", read);
    text.field(
        "master_sync_left_bytes",
        total.map_or(-1, |total| (total - read) as i64),
    );
    text.field("master_sync_perc", format_args!("{percent:.2}"));
    text.field("master_sync_last_io_seconds_ago", heard);
}

/// The ids and the offsets; those of Redis count the bytes from 1.
fn stream(call: &Call<'_>, text: &mut Text) {
    let journal = &call.node.journal;
    let history = journal.history();
    text.field("master_replid", history.id());
    match history.previous() {
        None => text.field("master_replid2", "0".repeat(40)),
        Some((id, _)) => text.field("master_replid2", id),
    }
    text.field("master_repl_offset", journal.offset());
    let end = history.previous().map_or(-1, |(_, end)| end as i64 + 1);
    text.field("second_repl_offset", end);
    let (start, held) = journal.backlog();
    let is_active = journal.is_on();
    text.numbers(&[
        ("repl_backlog_active", u64::from(is_active)),
        ("repl_backlog_size", call.params.repl_backlog_size),
        (
            "repl_backlog_first_byte_offset",
            if is_active { start + 1 } else { 0 },
        ),
        ("repl_backlog_histlen", held as u64),
    ]);
}
