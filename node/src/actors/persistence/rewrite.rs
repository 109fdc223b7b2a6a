//! Writing the append-only file anew: a snapshot becomes its base, and what is written meanwhile the increment after it.
//!
//! ```text
//!   order ──▶ the shard's moment: the journal is cut ──▶ the writer comes to the cut: a new increment begins
//!                    │
//!                    └──▶ snapshot in a temporary file ──▶ it is whole: the base is replaced, the old files go
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use almandine_storage::aof::{BaseForm, Beginning, Log, LogError, Rewrite, temporary_base};
use almandine_storage::disk::{Disk, RealDisk};
use tracing::{error, info, warn};

use super::replace::show_files;
use super::saves::Reason;
use super::snapshot_file::WriteSnapshot;
use super::{PersistenceActor, give_up, reason};
use crate::node::Cause;
use crate::saving::{Job, LogState};
use crate::shard::snapshot::Purpose;

/// After so many failures in a row a rewrite for reasons of growth is tried only once a minute, then less often.
const FAILURES_MAX: u64 = 3;
/// How soon it is tried again to begin an append-only file.
const RETRY: Duration = Duration::from_secs(5);
/// Longest pause between two of them.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

impl PersistenceActor {
    /// What is to be written as the next base.
    pub(super) fn base_order(&self, id: u64, form: BaseForm) -> io::Result<WriteSnapshot> {
        let params = self.node.params();
        let dir = Path::new(&params.appenddirname);
        RealDisk.make_dir(dir)?;
        Ok(WriteSnapshot {
            id,
            purpose: Purpose::Base(form),
            temporary: temporary_base(dir),
            name: None,
            syncs_by_steps: params.aof_rewrite_incremental_fsync,
        })
    }

    pub(super) fn base_form(&self) -> BaseForm {
        match self.node.params().aof_use_rdb_preamble {
            true => BaseForm::Rdb,
            false => BaseForm::Requests,
        }
    }

    /// Whether the file has grown enough since it was written anew.
    pub(super) fn has_grown(&self) -> bool {
        let params = self.node.params();
        let Some(log) = &self.log else { return false };
        let (size, percentage) = (log.size(), u64::from(params.auto_aof_rewrite_percentage));
        if percentage == 0 || size < params.auto_aof_rewrite_min_size.max(1) {
            return false;
        }
        let state = self.node.saving.lock();
        let base = state.log.map_or(0, |log| log.base_size).max(1);
        let growth = u128::from(size) * 100 / u128::from(base);
        growth >= u128::from(percentage) + 100 && !pauses(&state.rewrite)
    }

    /// The writer has come to the cut: everything from there on goes to a new increment.
    pub(super) fn begin_increment(&mut self, beginning: Beginning) {
        let running = self.saves.running.as_ref();
        let Some(Reason::Rewrite(form)) = running.map(|running| running.reason) else {
            // The rewrite was given up before it came so far.
            return self.without_new_log();
        };
        let begun = match &mut self.log {
            Some(log) => {
                if let Err(error) = log.sync() {
                    give_up(&error);
                }
                log.begin_rewrite(beginning, form)
            }
            None => self.open_anew(beginning, form),
        };
        match begun {
            Ok(rewrite) => {
                self.rewrite = Some(rewrite);
                show_files(&self.node, self.log.as_ref());
            }
            Err(error) if error.is_final() => give_up(&error),
            Err(error) => {
                let cause = reason(&error);
                error!(%error, cause, "the append-only file cannot be written anew");
                self.without_new_log();
                self.break_snapshot_off();
            }
        }
    }

    fn open_anew(&mut self, beginning: Beginning, form: BaseForm) -> Result<Rewrite, LogError> {
        let params = self.node.params();
        let dir = PathBuf::from(&params.appenddirname);
        let name = &params.appendfilename;
        let (log, rewrite) = Log::begin_anew(&RealDisk, &dir, name, beginning, form)?;
        self.log = Some(log);
        // Its manifest names none yet.
        self.terms = None;
        Ok(rewrite)
    }

    /// The snapshot is in its temporary file, or not.
    pub(super) fn base_ended(&mut self, outcome: io::Result<u64>) {
        if let Err(error) = outcome {
            return self.rewrite_failed(&error);
        }
        let (Some(rewrite), Some(log)) = (self.rewrite.take(), &mut self.log) else {
            return self.rewrite_failed(&io::Error::other("no increment could be begun"));
        };
        if let Err(error) = log.finish_rewrite(&rewrite) {
            if error.is_final() {
                give_up(&error);
            }
            let said = format!("{error}: {}", reason(&error).unwrap_or_default());
            return self.rewrite_failed(&io::Error::other(said));
        }
        let size = log.size();
        remove_history(log);
        show_files(&self.node, self.log.as_ref());
        let mut state = self.node.saving.lock();
        state.rewrite.end(true);
        state.log = Some(LogState {
            size,
            base_size: size,
            is_stuck: self.is_stuck,
        });
        drop(state);
        info!(bytes = size, "Background AOF rewrite finished successfully");
        if !self.node.params().appendonly {
            self.end_log();
        }
    }

    pub(super) fn rewrite_failed(&mut self, error: &io::Error) {
        error!(%error, "Background AOF rewrite terminated with error");
        self.node.saving.lock().rewrite.end(false);
        self.forget_rewrite();
    }

    /// The rewrite is over without a new base; the increment that it has begun counts.
    pub(super) fn forget_rewrite(&mut self) {
        self.rewrite = None;
        if !self.has_base() {
            // What was appended since the cut belongs to no base.
            self.log = None;
        }
        show_files(&self.node, self.log.as_ref());
        self.without_new_log();
        self.node.gates.tell();
    }

    fn without_new_log(&self) {
        if self.log.is_none() {
            self.node.journal.set_written(false);
        }
    }

    /// Whether the append-only file is whole: the first rewrite makes it so where it is begun while the node runs.
    pub(super) fn has_base(&self) -> bool {
        self.node.saving.lock().log.is_some()
    }

    /// Whether there shall be an append-only file that is not there yet.
    pub(super) fn wants_log(&self) -> bool {
        let state = self.node.saving.lock();
        let may_try = |ended: Instant| ended.elapsed() > RETRY;
        let is_missing = state.log.is_none() && self.node.params().appendonly;
        is_missing && (state.rewrite.failures == 0 || state.rewrite.ended.is_none_or(may_try))
    }

    /// There shall be none any more: what there is stays as it is.
    pub(super) fn end_log(&mut self) {
        self.write_down();
        if let Some(log) = &mut self.log
            && let Err(error) = log.sync()
        {
            give_up(&error);
        }
        if self.is_stuck {
            warn!("what the disk had no room for is not in the append-only file, which ends");
            self.is_stuck = false;
            self.buffer.clear();
            self.node.refuse_writes(Cause::Log, None);
        }
        let running = self.saves.running.as_ref();
        if running.is_some_and(|running| matches!(running.reason, Reason::Rewrite(_))) {
            self.give_up_snapshot();
        }
        info!("the append-only file ends");
        self.rewrite = None;
        self.log = None;
        show_files(&self.node, None);
        self.node.saving.lock().log = None;
        self.node.journal.set_written(false);
        self.node.gates.tell();
    }
}

/// What does not count any more goes, now or after the next rewrite.
pub(super) fn remove_history(log: &mut Log<RealDisk>) {
    if let Err(error) = log.remove_history() {
        if error.is_final() {
            give_up(&error);
        }
        let cause = reason(&error);
        warn!(%error, cause, "files that do not count any more remain");
    }
}

/// After several failures the next try waits: one minute, two, four, ... as in Redis.
fn pauses(rewrite: &Job) -> bool {
    let Some(beyond) = rewrite.failures.checked_sub(FAILURES_MAX) else {
        return false;
    };
    let minutes = 1_u64 << beyond.min(6);
    let pause = Duration::from_secs(60 * minutes).min(PAUSE_MAX);
    rewrite.ended.is_some_and(|ended| ended.elapsed() < pause)
}
