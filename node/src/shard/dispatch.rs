//! From a request to its handler: Redis's order of checks, transactions, blocked clients.

use almandine_protocol::{Batch, Reply};

use super::blocked::Waiter;
use super::{Parcel, Phase, Shard};
use crate::commands::call::{Args, Call, Outcome, Wait};
use crate::commands::spec::{Command, Flags, Run};
use crate::commands::{Fault, table};
use crate::node::now_ms;
use crate::pubsub::Kind;
use crate::session::{OwnedRequest, Queued, Replies, Session};

/// Replies of one batch beyond this are sent before the batch goes on, bytes.
const REPLIES_PER_TURN: usize = 1 << 20;

/// The parsed requests of one read.
#[derive(Debug, Clone, Copy)]
pub struct Requests<'a> {
    /// The read buffer.
    pub buffer: &'a [u8],
    /// Where the requests stand in it.
    pub batch: &'a Batch,
}

/// How far a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Requests of the batch that are done.
    pub done: usize,
    /// Why it went no further.
    pub stop: Stop,
}

/// See [`Progress::stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All requests are done.
    Finished,
    /// The last one waits; its answer comes as a parcel.
    Blocked,
    /// The next one waits for the end of CLIENT PAUSE.
    Paused,
    /// The connection is to be closed once the replies are out.
    Closing,
    /// Many replies are to be sent first.
    Full,
}

/// A command that waits, with all that is needed to run it again.
#[derive(Debug, Clone)]
pub struct Blocking {
    /// Its entry.
    pub command: &'static Command,
    /// Its arguments.
    pub request: OwnedRequest,
    /// The connection as it was when it began to wait; it changes nothing while it waits.
    pub session: Session,
}

impl<'a> Requests<'a> {
    /// Number of requests.
    pub fn len(self) -> usize {
        self.batch.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The arguments of request `i`.
    pub fn args(self, i: usize) -> Args<'a> {
        let (buffer, spans) = self.batch.slices(self.buffer, i);
        Args::new(buffer, spans)
    }
}

/// How many requests ahead the bucket of a key is asked of memory, and its entry.
const BUCKET_AHEAD: usize = 16;
const ENTRY_AHEAD: usize = 8;

/// Brings the keys of the requests to come into the cache while the ones before them run: random keys cost two cache
/// misses each, and misses that overlap cost little.
struct Ahead {
    /// Hashes of the keys of requests `..buckets`, where they have one, by their number modulo the window.
    hashes: [Option<u64>; BUCKET_AHEAD],
    /// The requests before this one have asked for their bucket, ...
    buckets: usize,
    /// ... and those before this one for their entry too.
    entries: usize,
    last: usize,
}

impl Ahead {
    /// A batch of one request has nothing to look ahead to.
    fn new(first: usize, last: usize) -> Self {
        let last = if last - first > 1 { last } else { first };
        Ahead {
            hashes: [None; BUCKET_AHEAD],
            buckets: first,
            entries: first,
            last,
        }
    }

    /// Called before request `i` runs.
    #[inline]
    fn look(&mut self, shard: &Shard, requests: Requests<'_>, db: usize, i: usize) {
        let db = &shard.dbs[db];
        while self.buckets < self.last.min(i + BUCKET_AHEAD) {
            // Nearly every command has its key behind its name; a wrong guess costs nothing but a prefetch.
            let key = requests.args(self.buckets).get(1);
            let hash = key.map(|key| db.hash_of(key));
            if let Some(hash) = hash {
                db.prefetch_bucket(hash);
            }
            self.hashes[self.buckets % BUCKET_AHEAD] = hash;
            self.buckets += 1;
        }
        while self.entries < self.buckets.min(i + ENTRY_AHEAD) {
            if let Some(hash) = self.hashes[self.entries % BUCKET_AHEAD] {
                db.prefetch_entry(hash);
            }
            self.entries += 1;
        }
    }
}

impl Shard {
    /// Runs the requests from number `first` on; replies are appended to `out`. [`Shard::begin`] comes before.
    pub fn run(
        &mut self,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Progress {
        let full = out.len() + REPLIES_PER_TURN;
        self.dbs.set_touches(!session.no_touch);
        let mut ahead = Ahead::new(first, requests.len());
        for i in first..requests.len() {
            ahead.look(self, requests, session.db, i);
            let args = requests.args(i);
            let stop = self.request(args, session, out);
            match stop {
                None if out.len() > full => {
                    return Progress {
                        done: i + 1,
                        stop: Stop::Full,
                    };
                }
                None => {}
                Some(Stop::Paused) => {
                    return Progress {
                        done: i,
                        stop: Stop::Paused,
                    };
                }
                Some(stop) => return Progress { done: i + 1, stop },
            }
        }
        Progress {
            done: requests.len(),
            stop: Stop::Finished,
        }
    }

    fn request(
        &mut self,
        args: Args<'_>,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Option<Stop> {
        let start = out.len();
        let command = match self.admit(args, session) {
            Ok(command) => command,
            Err(fault) => {
                if let Some(transaction) = &mut session.transaction {
                    transaction.aborted = true;
                }
                Reply::new(out, session.version).error(fault.0.as_bytes());
                self.silence(session, out, start);
                return None;
            }
        };
        if self.is_paused(command, session) {
            return Some(Stop::Paused);
        }
        if session.transaction.is_some() && !runs_inside_multi(command) {
            queue(session, command, args);
            Reply::new(out, session.version).simple("QUEUED");
            self.silence(session, out, start);
            return None;
        }
        let wait = self.execute(command, args, session, out);
        self.silence(session, out, start);
        if let Some(wait) = wait {
            self.block(command, args, session, wait);
            return Some(Stop::Blocked);
        }
        if session.closing {
            Some(Stop::Closing)
        } else {
            None
        }
    }

    /// Redis's order: known? arity? password? transaction? memory? subscriber?
    fn admit(&mut self, args: Args<'_>, session: &Session) -> Result<&'static Command, Fault> {
        let command = table::resolve(args)?.command();
        table::check_arity(command, args.len())?;
        let flags = command.flags;
        if !session.authenticated && !flags.contains(Flags::NO_AUTH) {
            return Err(Fault::new("NOAUTH Authentication required."));
        }
        if session.transaction.is_some() && flags.contains(Flags::NO_MULTI) {
            return Err(Fault::new("ERR Command not allowed inside a transaction"));
        }
        if self.params.maxmemory > 0 {
            self.make_room(command, session)?;
        }
        if let Some(reason) = self.node.write_refusal()
            && (writes(command, session) || command.name == "ping")
        {
            return Err(Fault::text(reason));
        }
        if session.is_subscriber() && !is_for_subscribers(command) {
            return Err(Fault::text(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name
            )));
        }
        if self.phase != Phase::Serving && !flags.contains(Flags::LOADING) {
            return Err(Fault::new("LOADING Redis is loading the dataset in memory"));
        }
        Ok(command)
    }

    /// Evicts; refuses a command that may need memory where that does not help.
    fn make_room(&mut self, command: &'static Command, session: &Session) -> Result<(), Fault> {
        let has_room = self.evict();
        let needs_room = command.flags.contains(Flags::DENYOOM)
            || (command.name == "exec"
                && session
                    .transaction
                    .as_ref()
                    .is_some_and(|t| t.queued.iter().any(needs_memory)));
        if needs_room && !has_room {
            return Err(Fault::new(
                "OOM command not allowed when used memory > 'maxmemory'.",
            ));
        }
        Ok(())
    }

    fn is_paused(&self, command: &'static Command, session: &Session) -> bool {
        self.node
            .pause
            .stops(self.now_ms, || may_write(command, session))
    }

    /// Runs one command and everything that follows from it. Returns what the client must wait for.
    fn execute(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Option<Wait> {
        let db = session.db;
        perform(&mut self.call(command, args, session, out));
        let wait = self.waiting.take();
        self.settle(db, args);
        if command.flags.contains(Flags::ADMIN) {
            self.set_now(now_ms());
        }
        if !self.blocked.is_empty() {
            self.serve();
        }
        wait
    }

    pub(super) fn call<'b>(
        &'b mut self,
        command: &'static Command,
        args: Args<'b>,
        session: &'b mut Session,
        out: &'b mut Vec<u8>,
    ) -> Call<'b> {
        Call {
            command,
            args,
            reply: Reply::new(out, session.version),
            dbs: &mut self.dbs,
            db: session.db,
            changes: &mut self.changes,
            thresholds: &self.thresholds,
            now_ms: self.now_ms,
            rng: &mut self.rng,
            waiting: &mut self.waiting,
            in_exec: false,
            session,
            node: &self.node,
            params: &self.params,
            watches: &mut self.watches,
            blocked: &mut self.blocked,
            pubsub: &self.pubsub,
            outgoing: &mut self.outgoing,
        }
    }

    /// After a command: keys that expired on the way, watchers, notifications, the journal.
    fn settle(&mut self, db: usize, args: Args<'_>) {
        self.note_expired();
        if self.changes.is_quiet() {
            return;
        }
        self.changes.settle(db, args);
        self.tell();
    }

    /// Hands watchers and listeners what [`super::Changes`] has collected.
    pub(super) fn tell(&mut self) {
        for (db, key) in self.changes.touched.drain(..) {
            self.watches.touch(db, key);
        }
        for notification in std::mem::take(&mut self.changes.notifications) {
            let (pubsub, outgoing) = (self.pubsub.borrow(), &mut self.outgoing);
            notification.publish(self.changes.classes, &mut |channel, message| {
                pubsub.publish(Kind::Channel, channel, message, &mut |client, bytes| {
                    outgoing.push(client, bytes)
                });
            });
        }
    }

    fn block(&mut self, command: &'static Command, args: Args<'_>, session: &Session, wait: Wait) {
        for key in &wait.keys {
            self.dbs[session.db].wait_for(key);
        }
        session.client.profile().blocked = true;
        let blocking = Blocking {
            command,
            request: OwnedRequest::copy(args),
            session: session.clone(),
        };
        self.blocked.add(session.id(), Waiter { blocking, wait });
    }

    /// Gives keys that were made to those who wait for them, first come, first served. Serving one may make another key.
    pub(super) fn serve(&mut self) {
        loop {
            let ready: Vec<(usize, Vec<u8>)> = self
                .dbs
                .iter_mut()
                .enumerate()
                .flat_map(|(db, keys)| keys.drain_ready().into_iter().map(move |key| (db, key)))
                .collect();
            if ready.is_empty() {
                return;
            }
            for (db, key) in ready {
                for client in self.blocked.queue(db, &key) {
                    if !self.dbs[db].contains(&key) {
                        break;
                    }
                    self.serve_one(client);
                }
            }
        }
    }

    fn serve_one(&mut self, client: u64) {
        let Some(waiter) = self.blocked.get(client) else {
            return;
        };
        let Blocking {
            command,
            request,
            mut session,
        } = waiter.blocking.clone();
        let mut out = Vec::new();
        let db = session.db;
        perform(&mut self.call(command, request.args(), &mut session, &mut out));
        if self.waiting.take().is_some() {
            return;
        }
        self.settle(db, request.args());
        self.release(client, out);
    }

    /// A blocked client gets its answer.
    pub(super) fn release(&mut self, client: u64, mut answer: Vec<u8>) {
        let Some(waiter) = self.blocked.remove(client) else {
            return;
        };
        waiter.stop_waiting(&mut self.dbs);
        let session = &waiter.blocking.session;
        if matches!(session.replies, Replies::Off | Replies::SkipThis) {
            answer.clear();
        }
        session.client.profile().blocked = false;
        self.outgoing.unblock(&session.client, answer);
    }

    /// CLIENT REPLY OFF and SKIP.
    fn silence(&self, session: &mut Session, out: &mut Vec<u8>, start: usize) {
        match session.replies {
            Replies::On => {}
            Replies::Off => out.truncate(start),
            Replies::SkipNext => {
                out.truncate(start);
                session.replies = Replies::SkipThis;
            }
            Replies::SkipThis => {
                out.truncate(start);
                session.replies = Replies::On;
            }
        }
    }

    /// What other connections are to get.
    pub fn take_parcels(&mut self) -> Vec<Parcel> {
        self.outgoing.take()
    }
}

/// Runs the handler; a refusal takes back what it had written.
pub(crate) fn perform(call: &mut Call<'_>) -> bool {
    let start = call.reply.position();
    let outcome: Outcome = match call.command.run {
        Run::Shard(run)
        | Run::Session(run)
        | Run::Node(run)
        | Run::EveryShard(run)
        | Run::ContainerOr(run, _) => run(call),
        Run::Container(_) => Err(Fault::arity(call.command.name)),
    };
    let Err(fault) = outcome else { return true };
    call.reply.rewind(start);
    call.reply.error(fault.0.as_bytes());
    false
}

fn queue(session: &mut Session, command: &'static Command, args: Args<'_>) {
    if let Some(transaction) = &mut session.transaction {
        transaction.queued.push(Queued {
            command,
            request: OwnedRequest::copy(args),
        });
    }
}

fn runs_inside_multi(command: &Command) -> bool {
    matches!(
        command.name,
        "exec" | "discard" | "multi" | "watch" | "quit" | "reset"
    )
}

fn is_for_subscribers(command: &Command) -> bool {
    matches!(
        command.name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "psubscribe"
            | "punsubscribe"
            | "quit"
            | "reset"
    )
}

fn may_write(command: &Command, session: &Session) -> bool {
    has_any(command, session, Flags::WRITE.union(Flags::MAY_REPLICATE))
}

fn writes(command: &Command, session: &Session) -> bool {
    has_any(command, session, Flags::WRITE)
}

/// Whether the command, or one of those that EXEC is to run, has one of these flags.
fn has_any(command: &Command, session: &Session, flags: Flags) -> bool {
    command.flags.intersects(flags)
        || (command.name == "exec"
            && session.transaction.as_ref().is_some_and(|transaction| {
                let queued = &transaction.queued;
                queued
                    .iter()
                    .any(|queued| queued.command.flags.intersects(flags))
            }))
}

fn needs_memory(queued: &Queued) -> bool {
    queued.command.flags.contains(Flags::DENYOOM)
}
