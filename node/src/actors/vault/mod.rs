//! The state of the cluster on the disk. Started on an arbiter of its own, whose thread waits for the disk so that no other has
//! to; owns the vault; tells whoever sent a commit when it is durable.
//!
//! Commits that have come while the disk was busy become one: the disk is asked once, and all are answered in order.
//!
//! If the vault fails, the process ends: a promise that is not on the disk must not be spoken, and a sync that has failed once
//! says nothing when it is tried again.

pub mod messages;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::mem;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use almandine_storage::vault::{Change, Vault, VaultError, export};
use tracing::{error, warn};

use self::messages::{Commit, Export, Persisted};
use super::lifeline::Lifeline;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;
/// A disk that takes longer delays votes.
const SLOW: Duration = Duration::from_secs(1);

/// See the module.
pub struct VaultActor {
    vault: Vault,
    tell: Recipient<Persisted>,
    /// Commits that have come and are not written.
    waiting: Vec<u64>,
    /// Their changes, in order.
    changes: Vec<Change>,
    has_ballast: bool,
    _lifeline: Lifeline,
}

impl VaultActor {
    /// Keeps `vault`; tells `tell` of every commit.
    pub fn new(vault: Vault, tell: Recipient<Persisted>, lifeline: Lifeline) -> Self {
        VaultActor {
            has_ballast: vault.has_ballast(),
            vault,
            tell,
            waiting: Vec::new(),
            changes: Vec::new(),
            _lifeline: lifeline,
        }
    }

    fn write_down(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let changes = mem::take(&mut self.changes);
        let began = Instant::now();
        if let Err(error) = self.vault.commit(&changes) {
            give_up(&error);
        }
        let took = began.elapsed();
        if took > SLOW {
            let milliseconds = took.as_millis() as u64;
            warn!(
                milliseconds,
                "the disk is slow to save the state of the cluster"
            );
        }
        if self.has_ballast && !self.vault.has_ballast() {
            self.has_ballast = false;
            error!("the disk is full: the state of the cluster was saved in the room kept for it");
        }
        for number in self.waiting.drain(..) {
            self.tell.do_send(Persisted { number });
        }
    }
}

/// What the disk holds is not known any more.
fn give_up(error: &VaultError) -> ! {
    let cause = error.source().map(ToString::to_string);
    error!(%error, cause, "the state of the cluster cannot be saved: the node stops");
    std::process::exit(1);
}

impl Actor for VaultActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

/// Write what has come. Sent by the actor to itself: it is handled after everything that is in the mailbox already.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
struct WriteDown;

impl Handler<Commit> for VaultActor {
    type Result = ();

    fn handle(&mut self, commit: Commit, ctx: &mut Context<Self>) {
        assert!(
            self.waiting.last().is_none_or(|last| *last < commit.number),
            "commits come in order"
        );
        if self.waiting.is_empty() {
            ctx.notify(WriteDown);
        }
        self.waiting.push(commit.number);
        self.changes.extend(commit.changes);
    }
}

impl Handler<WriteDown> for VaultActor {
    type Result = ();

    fn handle(&mut self, _: WriteDown, _: &mut Context<Self>) {
        self.write_down();
    }
}

impl Handler<Export> for VaultActor {
    type Result = ();

    fn handle(&mut self, Export { path, text }: Export, _: &mut Context<Self>) {
        // The copy must not know more than the vault.
        self.write_down();
        if let Err(error) = export(&path, &text) {
            let path = path.display();
            warn!(%error, %path, "the readable copy of the state of the cluster cannot be written");
        }
    }
}
