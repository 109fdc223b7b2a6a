//! The thread that syncs, so that writing goes on meanwhile. Started by `PersistenceActor` on an arbiter of its own; owns
//! nothing; tells how each sync went.

use std::fs::File;

use actix::{Actor, Context, Handler, Message, Recipient};
use almandine_storage::aof::Syncer;

use super::messages::Synced;

/// Make a file durable. Sent by `PersistenceActor`, one at a time.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Sync {
    /// The file.
    pub(super) syncer: Syncer<File>,
    /// What was written when this was sent.
    pub(super) offset: u64,
    /// How often the files had been replaced by then.
    pub(super) replaced: u64,
}

/// See the module.
pub(super) struct SyncActor {
    pub(super) tell: Recipient<Synced>,
}

impl Actor for SyncActor {
    type Context = Context<Self>;
}

impl Handler<Sync> for SyncActor {
    type Result = ();

    fn handle(&mut self, sync: Sync, _: &mut Context<Self>) {
        let Sync {
            syncer,
            offset,
            replaced,
        } = sync;
        let outcome = syncer.sync();
        self.tell.do_send(Synced {
            offset,
            replaced,
            outcome,
        });
    }
}
