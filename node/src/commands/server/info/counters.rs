//! What was counted: INFO stats, commandstats, errorstats, latencystats.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text::Text;
use crate::commands::Call;
use crate::commands::table;
use crate::pubsub::Kind;
use crate::stats::traffic::Totals;

pub(super) fn stats(call: &mut Call<'_>, text: &mut Text) {
    call.stats.gather(call.dbs);
    let traffic = call.node.traffic.totals().since(call.stats.zero.traffic);
    rates(call, text, traffic);
    keys(call, text);
    channels(call, text);
    defragmentation(text);
    replies(call, text, traffic);
    turns(call, text);
    shards(call, text);
}

/// Of a node that has several.
fn shards(call: &Call<'_>, text: &mut Text) {
    let spread = &call.node.spread;
    if spread.shards() > 1 {
        text.numbers(&[
            ("shards", spread.shards() as u64),
            ("shards_spread_count", spread.times()),
            ("shards_batches_of_others", call.stats.batches_of_others),
        ]);
    }
}

fn rates(call: &Call<'_>, text: &mut Text, traffic: Totals) {
    let (rates, counters) = (&call.stats.rates, &call.node.replication.counters);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    text.numbers(&[
        ("total_connections_received", traffic.accepted),
        ("total_commands_processed", call.stats.commands.calls()),
        ("instantaneous_ops_per_sec", rates.commands()),
        ("total_net_input_bytes", traffic.bytes_in),
        ("total_net_output_bytes", traffic.bytes_out),
        ("total_net_repl_input_bytes", count(&counters.received)),
        ("total_net_repl_output_bytes", count(&counters.sent)),
    ]);
    for (name, rate) in [
        ("instantaneous_input_kbps", rates.kilobytes_in()),
        ("instantaneous_output_kbps", rates.kilobytes_out()),
        ("instantaneous_input_repl_kbps", 0.0),
        ("instantaneous_output_repl_kbps", 0.0),
    ] {
        text.field(name, format_args!("{rate:.2}"));
    }
    text.numbers(&[
        ("rejected_connections", traffic.refused),
        ("sync_full", count(&counters.full)),
        ("sync_partial_ok", count(&counters.partial)),
        ("sync_partial_err", count(&counters.refused)),
    ]);
}

fn keys(call: &mut Call<'_>, text: &mut Text) {
    let stale = stale_percentage(call);
    let keyspace = &call.stats.keyspace;
    let excess = keyspace
        .excess_since_ms
        .map_or(0, |since| u64::try_from(call.now_ms - since).unwrap_or(0));
    text.numbers(&[("expired_subkeys", 0), ("expired_keys", keyspace.expired)]);
    text.field("expired_stale_perc", format_args!("{stale:.2}"));
    text.numbers(&[
        ("expired_time_cap_reached_count", keyspace.expiry_cut_short),
        (
            "expire_cycle_cpu_milliseconds",
            u64::try_from(keyspace.expiry_time.as_millis()).unwrap_or(u64::MAX),
        ),
        ("evicted_keys", keyspace.evicted),
        ("evicted_clients", 0),
        ("evicted_scripts", 0),
        ("total_eviction_exceeded_time", keyspace.excess_ms + excess),
        ("current_eviction_exceeded_time", excess),
        ("keyspace_hits", keyspace.hits),
        ("keyspace_misses", keyspace.misses),
    ]);
}

/// How many of some keys with a time to live are over and not yet removed.
fn stale_percentage(call: &mut Call<'_>) -> f64 {
    let (mut over, mut seen) = (0u32, 0u32);
    for db in call.dbs.iter() {
        for at in super::state::sampled_ends(db, call.rng) {
            over += u32::from(at <= call.now_ms);
            seen += 1;
        }
    }
    f64::from(over) * 100.0 / f64::from(seen.max(1))
}

fn channels(call: &Call<'_>, text: &mut Text) {
    let pubsub = call.pubsub.borrow();
    text.numbers(&[
        (
            "pubsub_channels",
            pubsub.active(Kind::Channel).count() as u64,
        ),
        ("pubsub_patterns", pubsub.pattern_count() as u64),
        (
            "pubsubshard_channels",
            pubsub.active(Kind::Shard).count() as u64,
        ),
    ]);
}

/// This process neither forks nor moves memory about.
fn defragmentation(text: &mut Text) {
    for name in [
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ] {
        text.field(name, 0);
    }
}

fn replies(call: &Call<'_>, text: &mut Text, traffic: Totals) {
    let refused = &call.node.replication.counters.unexpected;
    let (keys, items, prefixes) = call.tracking.counts();
    text.numbers(&[
        ("tracking_total_keys", keys as u64),
        ("tracking_total_items", items as u64),
        ("tracking_total_prefixes", prefixes as u64),
        ("unexpected_error_replies", refused.load(Ordering::Relaxed)),
        (
            "total_error_replies",
            call.stats.errors.total() + traffic.protocol_errors,
        ),
        ("dump_payload_sanitizations", 0),
        ("total_reads_processed", traffic.reads),
        ("total_writes_processed", traffic.writes),
        ("io_threaded_reads_processed", traffic.threaded_reads),
        ("io_threaded_writes_processed", traffic.threaded_writes),
        (
            "client_query_buffer_limit_disconnections",
            traffic.query_limit,
        ),
        (
            "client_output_buffer_limit_disconnections",
            traffic.output_limit,
        ),
        ("reply_buffer_shrinks", 0),
        ("reply_buffer_expands", 0),
        ("acl_access_denied_auth", call.stats.auth_denied),
        ("acl_access_denied_cmd", 0),
        ("acl_access_denied_key", 0),
        ("acl_access_denied_channel", 0),
    ]);
}

/// A turn of the loop is a batch here: the shard is called, it has no loop of its own.
fn turns(call: &Call<'_>, text: &mut Text) {
    let (stats, rates) = (&call.stats, &call.stats.rates);
    text.numbers(&[
        ("eventloop_cycles", stats.meter.batches.count),
        ("eventloop_duration_sum", stats.meter.batches.micros()),
        ("eventloop_duration_cmd_sum", stats.commands.micros()),
        ("instantaneous_eventloop_cycles_per_sec", rates.batches()),
        (
            "instantaneous_eventloop_duration_usec",
            rates.micros_per_batch(),
        ),
    ]);
}

pub(super) fn commands(call: &mut Call<'_>, text: &mut Text) {
    for id in table::ids() {
        let row = call.stats.commands.row(id);
        if row.is_empty() {
            continue;
        }
        let (calls, micros) = (row.calls, row.micros());
        let each = row.micros_each();
        text.field(
            &format!("cmdstat_{}", id.command().name),
            format_args!(
                "calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                row.rejected, row.failed
            ),
        );
    }
}

/// Requests that could not be parsed were answered by the connections, with the word ERR.
pub(super) fn errors(call: &mut Call<'_>, text: &mut Text) {
    let traffic = call.node.traffic.totals().since(call.stats.zero.traffic);
    let mut errors = call.stats.errors.clone();
    if traffic.protocol_errors > 0 {
        errors.count_many("ERR", traffic.protocol_errors);
    }
    for (code, count) in errors.iter() {
        text.field(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latency(call: &mut Call<'_>, text: &mut Text) {
    if !call.params.latency_tracking {
        return;
    }
    let percentiles = &call.params.latency_tracking_info_percentiles;
    for id in table::ids() {
        let row = call.stats.commands.row(id);
        let values = percentiles.iter().filter_map(|percentile| {
            let micros = row.percentile(*percentile)?;
            Some(format!("p{percentile}={micros:.3}"))
        });
        let values: Vec<String> = values.collect();
        if row.has_times() {
            let name = format!("latency_percentiles_usec_{}", id.command().name);
            text.field(&name, values.join(","));
        }
    }
}
