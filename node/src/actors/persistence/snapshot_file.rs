//! The thread that writes snapshots to disk, so that the append-only file never waits for one. Started by
//! `PersistenceActor` on an arbiter of its own; owns the file that is being written; asks the shard for its parts, and tells
//! how it went. A file that is not whole is removed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient};
use almandine_storage::disk::{Disk, DiskFile, RealDisk};
use tracing::warn;

use super::messages::SnapshotWritten;
use super::write_behind::WriteBehind;
use crate::actors::shard::ShardActor;
use crate::actors::shard::messages::{
    AbortSnapshot, SnapshotPart, SnapshotPiece, SnapshotTaken, TakeSnapshot,
};
use crate::shard::snapshot::Purpose;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;

/// Take a snapshot and write it into a file. Sent by `PersistenceActor`, one at a time.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub(super) struct WriteSnapshot {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    /// Where it is written.
    pub(super) temporary: PathBuf,
    /// What it is called once it is whole; none = the sender sees to it.
    pub(super) name: Option<PathBuf>,
    pub(super) syncs_by_steps: bool,
}

/// Give the snapshot up. Sent by `PersistenceActor`; the answer is a [`SnapshotWritten`] all the same.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct GiveUp(pub(super) u64);

/// See the module.
pub(super) struct SnapshotFileActor {
    shard: Addr<ShardActor>,
    tell: Recipient<SnapshotWritten>,
    current: Option<Current>,
}

struct Current {
    order: WriteSnapshot,
    file: File,
    behind: WriteBehind,
    size: u64,
    /// Of keys, before it began.
    changes: u64,
}

impl SnapshotFileActor {
    /// Writes nothing yet.
    pub(super) fn new(shard: Addr<ShardActor>, tell: Recipient<SnapshotWritten>) -> Self {
        SnapshotFileActor {
            shard,
            tell,
            current: None,
        }
    }

    fn answer(&self, id: u64, outcome: io::Result<(u64, u64)>) {
        let (outcome, changes) = match outcome {
            Ok((size, changes)) => (Ok(size), changes),
            Err(error) => (Err(error), 0),
        };
        self.tell.do_send(SnapshotWritten {
            id,
            outcome,
            changes,
        });
    }

    fn fail(&mut self, error: io::Error) {
        let Some(current) = self.current.take() else {
            return;
        };
        let id = current.order.id;
        self.shard.do_send(AbortSnapshot { id });
        if let Err(error) = RealDisk.remove(&current.order.temporary) {
            warn!(%error, file = %current.order.temporary.display(), "a file that is not whole remains");
        }
        self.answer(id, Err(error));
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        DiskFile::write_all(&mut current.file, bytes)?;
        current.size += bytes.len() as u64;
        match current.order.syncs_by_steps {
            true => current.behind.grown(&mut current.file, current.size),
            false => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        current.file.sync()?;
        if let Some(name) = &current.order.name {
            RealDisk.rename(&current.order.temporary, name)?;
            let dir = name.parent().filter(|dir| !dir.as_os_str().is_empty());
            RealDisk.sync_dir(dir.unwrap_or(Path::new(".")))?;
        }
        Ok(())
    }
}

impl Actor for SnapshotFileActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<WriteSnapshot> for SnapshotFileActor {
    type Result = ();

    fn handle(&mut self, order: WriteSnapshot, ctx: &mut Context<Self>) {
        let id = order.id;
        let file = match RealDisk.create(&order.temporary) {
            Ok(file) => file,
            Err(error) => return self.answer(id, Err(error)),
        };
        self.shard.do_send(TakeSnapshot {
            id,
            purpose: order.purpose,
            to: ctx.address().recipient(),
        });
        self.current = Some(Current {
            order,
            file,
            behind: WriteBehind::default(),
            size: 0,
            changes: 0,
        });
    }
}

impl Handler<SnapshotPart> for SnapshotFileActor {
    type Result = ();

    fn handle(&mut self, SnapshotPart { id, piece }: SnapshotPart, _: &mut Context<Self>) {
        let current = self.current.as_mut();
        let Some(current) = current.filter(|current| current.order.id == id) else {
            return;
        };
        let outcome = match piece {
            SnapshotPiece::Begun { changes, .. } => {
                current.changes = changes;
                Ok(())
            }
            SnapshotPiece::Bytes(bytes) => {
                let outcome = self.take(&bytes);
                let bytes = bytes.len();
                self.shard.do_send(SnapshotTaken { id, bytes });
                outcome
            }
            SnapshotPiece::Ended => {
                let done = (current.size, current.changes);
                let outcome = self.finish();
                if outcome.is_ok() {
                    self.current = None;
                    self.answer(id, Ok(done));
                }
                outcome
            }
            SnapshotPiece::Refused => Err(io::Error::other("the keys are not loaded yet")),
        };
        if let Err(error) = outcome {
            self.fail(error);
        }
    }
}

impl Handler<GiveUp> for SnapshotFileActor {
    type Result = ();

    fn handle(&mut self, GiveUp(id): GiveUp, _: &mut Context<Self>) {
        let current = self.current.as_ref();
        if current.is_some_and(|current| current.order.id == id) {
            self.fail(io::Error::other("it was given up"));
        }
    }
}
