//! The files of the node. Started by `NodeActor` on a thread of its own, which may wait for the disk; owns the append-only
//! file; tells the gates how far the journal is safe; decides when a snapshot is taken and when the append-only file is
//! written anew.
//!
//! ```text
//!   shards ──WriteDown──▶ PersistenceActor ──write(2)──▶ increment
//!                              │  ▲
//!                    Advanced  │  └──Synced── SyncActor ──fdatasync(2), once a second
//!                              ▼
//!                         GateActors: held replies leave
//!
//!   saves.rs ──WriteSnapshot──▶ SnapshotFileActor ◀──parts── ShardActor       rewrite.rs: a snapshot becomes the base
//!       ▲                              │
//!       └───────SnapshotWritten────────┘
//! ```
//! All that was appended while one write was under way is written by the next: the busier the node, the larger the groups.

pub mod messages;
mod replace;
mod rewrite;
mod saves;
mod snapshot_file;
mod sync;
mod write_behind;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, AsyncContext, Context, Handler};
use almandine_storage::aof::{Beginning, Log, LogError, Manifest, Rewrite};
use almandine_storage::disk::RealDisk;
use tracing::{error, info, warn};

use self::messages::{Finish, Synced, WriteDown};
use self::saves::Saves;
use self::snapshot_file::SnapshotFileActor;
use self::sync::{Sync, SyncActor};
use super::lifeline::Lifeline;
use super::shard::ShardActor;
use crate::journal::{Demand, Taken};
use crate::node::{Cause, Node};
use crate::params::Fsync;
use crate::saving::LogState;
use crate::stats::process;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;
/// How often the file is synced with `everysec`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How long until a write that the disk had no room for is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// A buffer that grew beyond this is given back to the allocator, bytes.
const BUFFER_KEPT: usize = 4 << 20;

/// See the module.
pub struct PersistenceActor {
    node: Arc<Node>,
    log: Option<Log<RealDisk>>,
    syncer: Option<Addr<SyncActor>>,
    /// Taken from the journal and not written yet.
    buffer: Vec<u8>,
    /// The offset after the buffer.
    buffer_end: u64,
    /// Whether the disk had no room for the buffer.
    is_stuck: bool,
    is_syncing: bool,
    saves: Saves,
    /// A rewrite whose increment is begun.
    rewrite: Option<Rewrite>,
    shard: Addr<ShardActor>,
    snapshot_files: Option<Addr<SnapshotFileActor>>,
    /// Whether all files are about to be replaced.
    is_suspended: bool,
    /// How often they were.
    replaced: u64,
    /// How often the journal had changed its ids when the manifest was told.
    terms: Option<u64>,
    sync_thread: Arbiter,
    snapshot_thread: Arbiter,
    _lifeline: Lifeline,
}

impl PersistenceActor {
    /// Opens the append-only file if there is to be one. `found` is the manifest of what was loaded; the journal stands at the
    /// offset after it, where the stream has selected `db`.
    pub fn new(
        node: Arc<Node>,
        found: Option<Manifest>,
        db: usize,
        shard: Addr<ShardActor>,
        lifeline: Lifeline,
    ) -> Result<Self, LogError> {
        let params = node.params();
        let mut log = match params.appendonly {
            true => Some(Log::open(
                &RealDisk,
                Path::new(&params.appenddirname),
                &params.appendfilename,
                found,
                Beginning {
                    offset: node.journal.offset(),
                    db,
                },
            )?),
            false => None,
        };
        let terms = match &mut log {
            Some(log) => replace::first_terms(&node, log)?,
            None => None,
        };
        if let Some(log) = &log
            && let Err(error) = replace::recall(&node, log)
        {
            warn!(%error, "the end of the append-only file cannot be read again for replicas");
        }
        node.journal.set_written(log.is_some());
        let size = log.as_ref().map(Log::size);
        node.saving.lock().log = size.map(|size| LogState {
            size,
            base_size: size,
            is_stuck: false,
        });
        Ok(PersistenceActor {
            node,
            log,
            syncer: None,
            buffer: Vec::new(),
            buffer_end: 0,
            is_stuck: false,
            is_syncing: false,
            saves: Saves::default(),
            rewrite: None,
            shard,
            snapshot_files: None,
            is_suspended: false,
            replaced: 0,
            terms,
            sync_thread: Arbiter::new(),
            snapshot_thread: Arbiter::new(),
            _lifeline: lifeline,
        })
    }

    fn write_down(&mut self) {
        self.node.journal.answer_call();
        if self.is_suspended {
            return;
        }
        if !self.note_terms() {
            return;
        }
        loop {
            if self.buffer.is_empty() {
                match self.node.journal.take_unwritten(&mut self.buffer) {
                    Taken::Bytes(end) => self.buffer_end = end,
                    Taken::Cut(beginning) => {
                        self.begin_increment(beginning);
                        match self.note_terms() {
                            true => continue,
                            false => return,
                        }
                    }
                }
            }
            if self.buffer.is_empty() {
                return self.go_on();
            }
            if !self.write_buffer() {
                return;
            }
        }
    }

    /// The disk has no room: what waits is tried again later, and nothing more may come.
    fn rest(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.is_stuck, true) {
            warn!(%error, "the append-only file cannot be written: writes are refused until it can");
        }
        let reason = format!("MISCONF Errors writing to the AOF file: {}", cause(error));
        self.node.refuse_writes(Cause::Log, Some(reason));
        self.show_log();
    }

    fn go_on(&mut self) {
        if std::mem::take(&mut self.is_stuck) {
            info!("the append-only file can be written again");
            self.node.refuse_writes(Cause::Log, None);
            self.show_log();
        }
    }

    /// False if the disk has no room; it is tried again later.
    fn write_buffer(&mut self) -> bool {
        let Some(log) = &mut self.log else {
            self.buffer = Vec::new();
            return true;
        };
        let written = log
            .append(&self.buffer)
            .unwrap_or_else(|error| give_up(&error));
        if let Err(error) = written {
            self.rest(&error);
            return false;
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT);
        let is_synced = self.node.params().durability() == Demand::Synced;
        if is_synced && let Err(error) = log.sync() {
            give_up(&error);
        }
        self.advance(self.buffer_end, is_synced);
        self.go_on();
        self.show_log();
        true
    }

    /// INFO shows how large the file is.
    fn show_log(&self) {
        let Some(log) = &self.log else { return };
        if let Some(shown) = &mut self.node.saving.lock().log {
            (shown.size, shown.is_stuck) = (log.size(), self.is_stuck);
        }
    }

    fn advance(&self, offset: u64, is_synced: bool) {
        self.node.journal.advance(offset, is_synced);
        self.node.gates.tell();
    }

    fn begin_sync(&mut self) {
        let (written, synced) = self.node.journal.watermarks();
        let params = self.node.params();
        let rests = params.no_appendfsync_on_rewrite && self.saves.running.is_some();
        let is_wanted = params.appendfsync == Fsync::EverySecond && !rests;
        if self.is_syncing || written == synced || !is_wanted {
            return;
        }
        let (Some(log), Some(actor)) = (&self.log, &self.syncer) else {
            return;
        };
        let syncer = log.syncer().unwrap_or_else(|error| give_up(&error));
        self.is_syncing = true;
        actor.do_send(Sync {
            syncer,
            offset: written,
            replaced: self.replaced,
        });
    }
}

/// What the system says of an error, as other servers quote it: without its number.
fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((cause, _)) => cause.to_owned(),
        None => text,
    }
}

/// Why the system has failed.
fn reason(error: &LogError) -> Option<String> {
    std::error::Error::source(error).map(ToString::to_string)
}

/// What the file holds is not known any more: nothing may be acknowledged from here on.
fn give_up(error: &LogError) -> ! {
    let cause = reason(error);
    error!(%error, cause, "the append-only file is lost: the node stops");
    std::process::exit(1);
}

impl Actor for PersistenceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        // Where it shares a processor with a shard, it writes what a whole round of clients has asked for and not what one has.
        process::preempt_nobody();
        let tell = ctx.address().recipient();
        let thread = self.sync_thread.handle();
        self.syncer = Some(SyncActor::start_in_arbiter(&thread, |_| SyncActor { tell }));
        let (shard, tell) = (self.shard.clone(), ctx.address().recipient());
        let thread = self.snapshot_thread.handle();
        let files = move |_: &mut Context<_>| SnapshotFileActor::new(shard, tell);
        self.snapshot_files = Some(SnapshotFileActor::start_in_arbiter(&thread, files));
        ctx.run_interval(saves::LOOK, |me, _| me.look_after_files());
        ctx.run_interval(SYNC_INTERVAL, |me, _| me.begin_sync());
        ctx.run_interval(RETRY, |me, _| {
            if me.is_stuck {
                me.write_down();
            }
        });
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.writer.set(ctx.address().recipient());
        // Effects may have been appended before anybody could be called.
        self.write_down();
    }
}

impl Handler<WriteDown> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, _: WriteDown, _: &mut Context<Self>) {
        self.write_down();
    }
}

impl PersistenceActor {
    /// What replies wait for may have become less; there may be an append-only file to begin or to end.
    fn reconfigure(&mut self) {
        let params = self.node.params();
        if params.durability() == Demand::Synced
            && let Some(log) = &mut self.log
        {
            if let Err(error) = log.sync() {
                give_up(&error);
            }
            let (written, _) = self.node.journal.watermarks();
            self.node.journal.advance(written, true);
        }
        if !params.appendonly && self.has_base() {
            self.end_log();
        }
        self.look_after_files();
        self.refuse_or_not();
        self.node.gates.tell();
    }
}

impl Handler<Finish> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, _: Finish, _: &mut Context<Self>) {
        self.write_down();
        if let Some(log) = &mut self.log {
            info!("Calling fsync() on the AOF file.");
            if let Err(error) = log.sync() {
                give_up(&error);
            }
        }
        self.remove_temporary();
    }
}

impl Handler<Synced> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, synced: Synced, _: &mut Context<Self>) {
        self.is_syncing = false;
        match synced.outcome {
            // Those files are no more.
            _ if synced.replaced != self.replaced => {}
            Ok(()) => self.advance(synced.offset, true),
            Err(error) => give_up(&error),
        }
    }
}
