//! When a snapshot is taken, and what its end means.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use actix::{Context, Handler, Recipient};
use almandine_storage::aof::BaseForm;
use almandine_storage::disk::{Disk, RealDisk};
use tracing::{error, info};

use super::PersistenceActor;
use super::messages::{FileOrder, SaveForEnd, SavedForEnd, SnapshotWritten};
use super::snapshot_file::{GiveUp, WriteSnapshot};
use crate::actors::shard::messages::{AnswerWaiter, ReloadLog};
use crate::moment::now_ms;
use crate::node::Cause;
use crate::shard::snapshot::Purpose;

/// How often save points and the growth of the append-only file are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The error of Redis while snapshots fail.
const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
     Commands that may modify the data set are disabled, because this instance is configured to report errors during writes \
     if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
     error.";

/// What is under way and what comes next.
#[derive(Default)]
pub(super) struct Saves {
    pub(super) running: Option<Running>,
    /// Clients that wait for a snapshot while another is being taken.
    waiting: VecDeque<u64>,
    /// Who wants a last snapshot.
    end: Option<Recipient<SavedForEnd>>,
}

/// A snapshot that is being taken.
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) reason: Reason,
    temporary: PathBuf,
    is_given_up: bool,
}

/// What for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Background,
    Client(u64),
    End,
    Rewrite(BaseForm),
}

impl PersistenceActor {
    /// Save points, and what was scheduled. Called every [`LOOK`].
    pub(super) fn look_after_files(&mut self) {
        if self.saves.running.is_some() {
            return;
        }
        let (rewrites, saves) = {
            let state = self.node.saving.lock();
            (state.rewrite.is_scheduled, state.snapshot.is_scheduled)
        };
        let params = self.node.params();
        if rewrites || self.wants_log() || self.has_grown() {
            self.begin_snapshot(Reason::Rewrite(self.base_form()));
        } else if saves {
            self.begin_snapshot(Reason::Background);
        } else if self.node.saving.is_due(&params.save, now_ms()) {
            info!("a save point is reached. Saving...");
            self.begin_snapshot(Reason::Background);
        }
    }

    pub(super) fn begin_snapshot(&mut self, reason: Reason) {
        let Some(files) = self.snapshot_files.clone() else {
            return;
        };
        let (id, params) = (self.node.next_snapshot(), self.node.params());
        let order = match reason {
            Reason::Rewrite(form) => match self.base_order(id, form) {
                Ok(order) => order,
                Err(error) => return self.rewrite_failed(&error),
            },
            _ => WriteSnapshot {
                id,
                purpose: Purpose::File,
                temporary: PathBuf::from(format!("temp-{}.rdb", std::process::id())),
                name: Some(PathBuf::from(&params.dbfilename)),
                syncs_by_steps: params.rdb_save_incremental_fsync,
            },
        };
        let mut state = self.node.saving.lock();
        match reason {
            Reason::Rewrite(_) => state.rewrite.begin(),
            _ => state.snapshot.begin(),
        }
        drop(state);
        match reason {
            Reason::Background => info!("Background saving started"),
            Reason::Rewrite(_) => info!("Background append only file rewriting started"),
            Reason::End => info!("Saving the final RDB snapshot before exiting."),
            Reason::Client(_) => {}
        }
        self.saves.running = Some(Running {
            id,
            reason,
            temporary: order.temporary.clone(),
            is_given_up: false,
        });
        files.do_send(order);
    }

    /// Nobody needs the one under way any more.
    pub(super) fn give_up_snapshot(&mut self) {
        if let Some(running) = &mut self.saves.running {
            running.is_given_up = true;
        }
        self.break_snapshot_off();
    }

    /// Without the rest the one under way is worth nothing.
    pub(super) fn break_snapshot_off(&self) {
        if let (Some(running), Some(files)) = (&self.saves.running, &self.snapshot_files) {
            files.do_send(GiveUp(running.id));
        }
    }

    /// The node ends: the file of the snapshot under way goes, whoever still writes it.
    pub(super) fn remove_temporary(&mut self) {
        if let Some(running) = self.saves.running.take() {
            info!("There is a snapshot being written. It is given up.");
            // It may not be there yet, or not any more.
            let _ = RealDisk.remove(&running.temporary);
        }
    }

    fn snapshot_ended(
        &mut self,
        reason: Reason,
        outcome: Result<u64, std::io::Error>,
        changes: u64,
    ) {
        let is_done = outcome.is_ok();
        {
            let mut state = self.node.saving.lock();
            state.snapshot.end(is_done);
            if is_done {
                (state.saved_ms, state.saved_changes) = (now_ms(), changes);
            }
        }
        match (outcome, reason) {
            (Ok(bytes), Reason::Background) => {
                info!(bytes, "Background saving terminated with success")
            }
            (Ok(bytes), _) => info!(bytes, "DB saved on disk"),
            (Err(error), Reason::Background) => error!(%error, "Background saving error"),
            (Err(error), _) => error!(%error, "Error trying to save the DB"),
        }
        self.refuse_or_not();
        match reason {
            Reason::Client(client) => self.shard.do_send(AnswerWaiter {
                client,
                answer: if is_done { b"+OK\r\n" } else { b"-ERR\r\n" },
            }),
            Reason::End => {
                if let Some(end) = self.saves.end.take() {
                    end.do_send(SavedForEnd(is_done));
                }
            }
            Reason::Background | Reason::Rewrite(_) => {}
        }
    }

    /// Writes are refused after a snapshot has failed, if that is wished.
    pub(super) fn refuse_or_not(&self) {
        let params = self.node.params();
        let has_failed = self.node.saving.lock().snapshot.has_failed;
        let refuses = has_failed && params.stop_writes_on_bgsave_error && !params.save.is_empty();
        let reason = refuses.then(|| MISCONF.to_owned());
        self.node.refuse_writes(Cause::Snapshot, reason);
    }
}

impl Handler<FileOrder> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, order: FileOrder, _: &mut Context<Self>) {
        match order {
            FileOrder::Reconfigure => self.reconfigure(),
            FileOrder::Reload { client } => {
                self.write_down();
                self.shard.do_send(ReloadLog { client });
            }
            FileOrder::Save { client } if self.saves.running.is_some() => {
                self.saves.waiting.push_back(client);
            }
            FileOrder::Save { client } => self.begin_snapshot(Reason::Client(client)),
            // What is scheduled begins when nothing else is under way any more.
            FileOrder::SaveInBackground => {
                self.node.saving.lock().snapshot.is_scheduled = true;
                self.look_after_files();
            }
            FileOrder::Rewrite => {
                self.node.saving.lock().rewrite.is_scheduled = true;
                self.look_after_files();
            }
        }
    }
}

impl Handler<SaveForEnd> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, SaveForEnd(tell): SaveForEnd, _: &mut Context<Self>) {
        self.saves.end = Some(tell);
        match self.saves.running {
            Some(_) => self.give_up_snapshot(),
            None => self.begin_snapshot(Reason::End),
        }
    }
}

impl Handler<SnapshotWritten> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, message: SnapshotWritten, _: &mut Context<Self>) {
        let SnapshotWritten {
            id,
            outcome,
            changes,
        } = message;
        if outcome.is_ok() {
            // Nobody may have written since the cut of a rewrite: its increment begins now.
            self.write_down();
        }
        let Some(running) = self.saves.running.take_if(|running| running.id == id) else {
            return;
        };
        match running.reason {
            // The end came first. Nothing has failed.
            Reason::Background if running.is_given_up && outcome.is_err() => {
                self.node.saving.lock().snapshot.began = None;
            }
            Reason::Rewrite(_) if running.is_given_up && outcome.is_err() => {
                self.node.saving.lock().rewrite.began = None;
                self.forget_rewrite();
            }
            Reason::Rewrite(_) => self.base_ended(outcome),
            reason => self.snapshot_ended(reason, outcome, changes),
        }
        if self.saves.running.is_some() {
            return;
        }
        if self.saves.end.is_some() {
            self.begin_snapshot(Reason::End);
        } else if let Some(client) = self.saves.waiting.pop_front() {
            self.begin_snapshot(Reason::Client(client));
        } else {
            self.look_after_files();
        }
    }
}
