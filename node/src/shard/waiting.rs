//! Serving the clients that wait in a blocking command.

use std::time::Duration;

use almandine_protocol::Reply;
use almandine_storage::Kind;

use super::Shard;
use super::blocked::Waiter;
use super::dispatch::perform;
use super::requests::Requests;
use crate::commands::call::Wait;
use crate::commands::table::CommandId;
use crate::session::{OwnedRequest, Replies, Session};
use crate::stats::{Done, Stats};

/// A command that waits, with all that is needed to run it again.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number.
    pub id: CommandId,
    /// Its arguments.
    pub request: OwnedRequest,
    /// Bytes of the request on the wire.
    pub request_bytes: usize,
    /// Time it has taken so far; waiting is not counted.
    pub took: Duration,
    /// What it waits for.
    pub wait: Wait,
}

impl Waiter {
    /// Counts the command: it has its answer of `reply_bytes`, an error with the code word `failed` or none.
    pub fn book(&self, stats: &mut Stats, reply_bytes: usize, failed: Option<&str>, now_ms: i64) {
        let Waiting {
            id,
            request,
            request_bytes,
            took,
            ..
        } = &self.waiting;
        if let Some(code) = failed {
            stats.failed(id.command(), code);
        }
        stats.executed(Done {
            id: *id,
            args: request.args(),
            client: &self.session.client,
            took: *took,
            request_bytes: *request_bytes,
            reply_bytes,
            now_ms,
        });
    }
}

impl Shard {
    pub(super) fn block(&mut self, waiting: Waiting, session: &Session) {
        for key in &waiting.wait.keys {
            self.dbs[session.db].wait_for(key);
        }
        let mut profile = session.client.profile();
        profile.blocked = true;
        profile.blocked_memory = waiting.request.memory();
        drop(profile);
        let session = session.clone();
        self.blocked.add(session.id(), Waiter { waiting, session });
        self.count_awaiting();
    }

    /// Links tell of acknowledgements while somebody waits for them.
    fn count_awaiting(&self) {
        let count = self.blocked.acknowledgement_count();
        self.node.replication.set_waiting(count);
    }

    /// What was not journalled yet when clients began to wait for it ends at `offset`, or was nothing.
    pub(super) fn set_awaited_offset(&mut self, offset: u64) {
        for client in self.blocked.who_wait_for_acknowledgements() {
            if let Some(waiter) = self.blocked.get_mut(client)
                && let Some(wanted) = &mut waiter.waiting.wait.acknowledgements
            {
                wanted.offset.get_or_insert(offset);
            }
        }
    }

    /// Answers those who have waited for acknowledgements that are here now.
    pub fn serve_acknowledged(&mut self) {
        for client in self.blocked.who_wait_for_acknowledgements() {
            let wait = self.blocked.get(client).map(|waiter| &waiter.waiting.wait);
            let wanted = wait.and_then(|wait| wait.acknowledgements);
            if wanted.is_some_and(|wanted| wanted.are_here(&self.node)) {
                self.time_out(client);
            }
        }
    }

    /// A command of a batch may have made keys for which others wait: it is not charged with their time.
    pub(super) fn serve_after(&mut self, requests: Requests<'_>, session: &Session) {
        let ready = self.ready_keys();
        if !ready.is_empty() {
            self.interrupt_run(requests, session);
            self.serve(ready);
        }
    }

    /// Gives keys that were made to those who wait for them, first come, first served. Serving one may make another key.
    pub(super) fn serve(&mut self, mut ready: Vec<(usize, Vec<u8>)>) {
        while !ready.is_empty() {
            for (db, key) in ready {
                for client in self.blocked.queue(db, &key) {
                    let Some(kind) = self.dbs[db].kind(&key) else {
                        break;
                    };
                    if self.must_postpone(client) {
                        self.postpone(db, &key);
                        break;
                    }
                    self.serve_one(client, kind);
                }
            }
            ready = self.ready_keys();
        }
    }

    /// As [`Shard::serve_after`], where no command of a client has made them.
    pub(super) fn serve_ready(&mut self) {
        if !self.blocked.is_empty() {
            let ready = self.ready_keys();
            self.serve(ready);
        }
    }

    fn ready_keys(&mut self) -> Vec<(usize, Vec<u8>)> {
        self.dbs
            .iter_mut()
            .enumerate()
            .flat_map(|(db, keys)| keys.drain_ready().into_iter().map(move |key| (db, key)))
            .collect()
    }

    /// Whether the command of a blocked client would change what is being saved: the destination of BLMOVE.
    fn must_postpone(&mut self, client: u64) -> bool {
        if !self.is_saving() {
            return false;
        }
        let Some(waiter) = self.blocked.get(client) else {
            return false;
        };
        let (id, request) = (waiter.waiting.id, waiter.waiting.request.clone());
        let session = waiter.session.clone();
        self.must_wait(id.command(), request.args(), &session)
    }

    /// Runs the command of a blocked client again if it waits for a value of `kind`.
    fn serve_one(&mut self, client: u64, kind: Kind) {
        let waiter = self.blocked.get(client);
        let Some(waiter) = waiter.filter(|waiter| waiter.waiting.wait.kind == kind) else {
            return;
        };
        let (id, request) = (waiter.waiting.id, waiter.waiting.request.clone());
        let mut session = waiter.session.clone();
        let (mut out, db, began) = (Vec::new(), session.db, self.stats.now());
        perform(&mut self.call(id.command(), request.args(), &mut session, &mut out));
        let took = self.stats.now().saturating_duration_since(began);
        if let Some(waiter) = self.blocked.get_mut(client) {
            waiter.waiting.took += took;
        }
        if self.waiting.take().is_some() {
            return;
        }
        self.settle(db, request.args());
        self.release(client, out);
    }

    /// A client has waited long enough, or has what it waited for.
    pub(super) fn time_out(&mut self, client: u64) {
        let mut answer = Vec::new();
        if let Some(waiter) = self.blocked.get(client) {
            let mut reply = Reply::new(&mut answer, waiter.session.version);
            match waiter.waiting.wait.acknowledgements {
                None => reply.null_array(),
                Some(wanted) => wanted.answer(&self.node, &mut reply),
            }
        }
        self.release(client, answer);
    }

    /// What this client has flushed is free. Its answer waits for the journal, which had the flush long ago, as that of any
    /// write does.
    pub fn end_flush(&mut self, client: u64) {
        if self.node.journal.is_on() {
            self.journalled = Some(self.node.journal.offset());
        }
        self.release(client, b"+OK\r\n".to_vec());
    }

    /// A blocked client gets its answer.
    pub fn release(&mut self, client: u64, answer: Vec<u8>) {
        self.release_as(client, answer, None);
    }

    /// The same; `failed` = the code word if the answer is an error that is to be counted.
    pub(super) fn release_as(&mut self, client: u64, mut answer: Vec<u8>, failed: Option<&str>) {
        let Some(waiter) = self.blocked.remove(client) else {
            return;
        };
        waiter.stop_waiting(&mut self.dbs);
        self.count_awaiting();
        if matches!(waiter.session.replies, Replies::Off | Replies::SkipThis) {
            answer.clear();
        }
        waiter.book(&mut self.stats, answer.len(), failed, self.now_ms);
        self.outgoing.unblock(&waiter.session.client, answer);
    }
}
