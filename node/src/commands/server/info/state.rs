//! How things stand: INFO clients, persistence, keyspace.

use std::sync::atomic::{AtomicU64, Ordering};

use almandine_storage::{Db, Rng};

use super::text::Text;
use crate::commands::Call;

/// Keys with a time to live that are looked at in a database for estimates.
const TTL_SAMPLES: usize = 32;

pub(super) fn clients(call: &mut Call<'_>, text: &mut Text) {
    let all = call.node.clients.all();
    let longest = |buffer: fn(&crate::clients::Client) -> &AtomicU64| {
        let sizes = all
            .iter()
            .map(|client| buffer(client).load(Ordering::Relaxed));
        sizes.max().unwrap_or(0)
    };
    let (watching, watched) = call.watches.counts();
    text.numbers(&[
        ("connected_clients", all.len() as u64),
        ("cluster_connections", 0),
        ("maxclients", call.params.maxclients as u64),
        (
            "client_recent_max_input_buffer",
            longest(|client| &client.query_buffer),
        ),
        (
            "client_recent_max_output_buffer",
            longest(|client| &client.output_buffer),
        ),
        (
            "blocked_clients",
            (call.blocked.count() + call.node.pause.waiting()) as u64,
        ),
        ("tracking_clients", call.tracking.client_count() as u64),
        (
            "pubsub_clients",
            call.pubsub.borrow().subscriber_count() as u64,
        ),
        ("watching_clients", watching as u64),
        (
            "clients_in_timeout_table",
            call.blocked.deadline_count() as u64,
        ),
        ("total_watched_keys", watched as u64),
        ("total_blocking_keys", call.blocked.key_count() as u64),
        ("total_blocking_keys_on_nokey", 0),
    ]);
}

/// Databases without keys are left out.
pub(super) fn keyspace(call: &mut Call<'_>, text: &mut Text) {
    for number in 0..call.dbs.count() {
        let db = &call.dbs[number];
        let (keys, expires) = (db.len(), db.expires());
        if keys == 0 {
            continue;
        }
        let mean = mean_ttl(db, call.rng, call.now_ms);
        text.field(
            &format!("db{number}"),
            format_args!("keys={keys},expires={expires},avg_ttl={mean},subexpiry=0"),
        );
    }
}

/// The mean time to live of some keys, milliseconds; as in Redis, an estimate.
fn mean_ttl(db: &Db, rng: &mut Rng, now_ms: i64) -> i64 {
    let left = sampled_ends(db, rng).map(|at| (at - now_ms).max(0));
    let (sum, count) = left.fold((0i128, 0), |(sum, count), ttl| {
        (sum + i128::from(ttl), count + 1)
    });
    i64::try_from(sum / count.max(1)).unwrap_or(i64::MAX)
}

/// When the time of some keys is up, Unix time in milliseconds; one key may be drawn twice.
pub(super) fn sampled_ends(db: &Db, rng: &mut Rng) -> impl Iterator<Item = i64> {
    std::iter::from_fn(|| db.candidate(rng, true)?.expire_at).take(TTL_SAMPLES)
}
