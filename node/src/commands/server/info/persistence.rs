//! INFO persistence: snapshots and the append-only file.

use super::text::Text;
use crate::commands::Call;
use crate::saving::Job;

pub(super) fn persistence(call: &mut Call<'_>, text: &mut Text) {
    let state = call.node.saving.lock().clone();
    text.numbers(&[
        ("loading", u64::from(call.node.saving.is_loading())),
        ("async_loading", 0),
        // There is no copy of the memory that a child would keep.
        ("current_cow_peak", 0),
        ("current_cow_size", 0),
        ("current_cow_size_age", 0),
    ]);
    text.field("current_fork_perc", "0.00");
    let changes = call.changes.total.saturating_sub(state.saved_changes);
    text.numbers(&[
        ("current_save_keys_processed", 0),
        ("current_save_keys_total", 0),
        ("rdb_changes_since_last_save", changes),
        (
            "rdb_bgsave_in_progress",
            u64::from(state.snapshot.began.is_some()),
        ),
    ]);
    text.field("rdb_last_save_time", state.saved_ms / 1000);
    text.field("rdb_last_bgsave_status", status(state.snapshot.has_failed));
    text.field("rdb_last_bgsave_time_sec", last(&state.snapshot));
    text.field("rdb_current_bgsave_time_sec", current(&state.snapshot));
    let (loaded, expired) = state.loaded;
    text.numbers(&[
        ("rdb_saves", state.snapshot.count - state.snapshot.failed),
        ("rdb_last_cow_size", 0),
        ("rdb_last_load_keys_expired", expired),
        ("rdb_last_load_keys_loaded", loaded),
        ("aof_enabled", u64::from(state.log.is_some())),
        (
            "aof_rewrite_in_progress",
            u64::from(state.rewrite.began.is_some()),
        ),
        ("aof_rewrite_scheduled", u64::from(state.rewrite.is_late())),
    ]);
    text.field("aof_last_rewrite_time_sec", last(&state.rewrite));
    text.field("aof_current_rewrite_time_sec", current(&state.rewrite));
    text.field(
        "aof_last_bgrewrite_status",
        status(state.rewrite.has_failed),
    );
    text.numbers(&[
        ("aof_rewrites", state.rewrite.count),
        ("aof_rewrites_consecutive_failures", state.rewrite.failures),
    ]);
    let log = state.log.unwrap_or_default();
    text.field("aof_last_write_status", status(log.is_stuck));
    text.numbers(&[
        ("aof_last_cow_size", 0),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
    if state.log.is_some() {
        text.numbers(&[
            ("aof_current_size", log.size),
            ("aof_base_size", log.base_size),
            ("aof_pending_rewrite", 0),
            (
                "aof_buffer_length",
                call.node.journal.unwritten_len() as u64,
            ),
            ("aof_pending_bio_fsync", 0),
            ("aof_delayed_fsync", 0),
        ]);
    }
}

fn status(has_failed: bool) -> &'static str {
    if has_failed { "err" } else { "ok" }
}

/// Seconds that the last one took; -1 = there was none.
fn last(job: &Job) -> i64 {
    job.took.map_or(-1, |took| took.as_secs() as i64)
}

/// Seconds since the one under way began; -1 = there is none.
fn current(job: &Job) -> i64 {
    job.began
        .map_or(-1, |began| began.elapsed().as_secs() as i64)
}
