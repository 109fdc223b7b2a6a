//! From a request to its handler: Redis's order of checks, transactions, blocked clients.

use std::time::Instant;

use almandine_protocol::Reply;

use super::requests::{Progress, Requests, Stop};
use super::share::Share;
use super::{Parcel, Phase, Shard, Tracks, foreign, monitors, tracking};
use crate::commands::Fault;
use crate::commands::call::{Args, Call, Outcome};
use crate::commands::server::guard_debug;
use crate::commands::spec::{Command, Flags, Run};
use crate::commands::table::{self, CommandId};
use crate::moment::Moment;
use crate::pubsub::Kind;
use crate::session::{OwnedRequest, Queued, Replies, Session};

/// Commands that look at keys have one of these.
const LOOKS: Flags = Flags::READONLY.union(Flags::WRITE);
/// Replies of one batch beyond this are sent before the batch goes on, bytes.
const REPLIES_PER_TURN: usize = 1 << 20;

impl Shard {
    /// These bytes have come from clients, each of whom will have a turn: memory is asked for the keys of their first
    /// requests, in the first database. A wrong guess costs nothing but a prefetch.
    pub fn glance<'b>(&self, bytes: impl Iterator<Item = &'b [u8]>) {
        self.dbs[0].ask_for(bytes.filter_map(almandine_protocol::glance));
    }

    /// The requests from number `first` on are the next to run. Memory is asked for their keys: the earlier, the less
    /// [`Shard::run`] waits for them.
    #[inline]
    pub fn foresee(&mut self, requests: Requests<'_>, first: usize, session: &Session) {
        self.ahead.begin(&self.dbs[session.db], requests, first);
    }

    /// The second half of [`Shard::foresee`], some 100 ns later.
    #[inline]
    pub fn foresee_more(&mut self, session: &Session) {
        self.ahead.go_on(&self.dbs[session.db]);
    }

    /// Runs the requests from number `first` on; replies are appended to `out`. [`Shard::foresee`] comes before, and
    /// [`Shard::begin`] with the time of day that belongs to `at`.
    pub fn run(
        &mut self,
        at: Instant,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Progress {
        self.dbs.set_touches(!session.no_touch);
        if session.subscriptions > 0 && self.seat.picture.is_some() {
            self.look_at_subscriptions(session);
        }
        self.stats.meter.begin(at, first, requests.buffer.len());
        self.outgoing.begin(Some(session.id()));
        let before = out.len();
        let progress = self.run_all(requests, first, session, out);
        let bytes = requests.buffer.len() + out.len() - before;
        self.ahead.learn(progress.done - first, bytes);
        if !self.tracking.is_empty() {
            self.tell_trackers();
            out.append(self.outgoing.own());
        }
        self.outgoing.begin(None);
        self.close_run(requests, session);
        self.stats.meter.end();
        if progress.done > first {
            self.show(session);
        }
        progress
    }

    fn run_all(
        &mut self,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Progress {
        let full = out.len() + REPLIES_PER_TURN;
        for i in first..requests.len() {
            if self.share != Share::All && self.stops_before(requests.args(i), session) {
                return Progress {
                    done: i,
                    stop: Stop::Elsewhere,
                };
            }
            self.ahead.look(&self.dbs[session.db], requests, i);
            if self.seat.is_taken() {
                self.foresee_key(requests, i);
            }
            let stop = self.request(requests, i, session, out);
            if self.seat.is_taken() {
                self.dbs.forget_foreseen(0);
            }
            if !self.outgoing.own().is_empty() {
                out.append(self.outgoing.own());
            }
            match stop {
                None if out.len() > full || !session.attached.is_empty() => {
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

    /// In a cluster the key of request `i` is looked at more than once, and its slot costs more than its hash.
    #[inline]
    fn foresee_key(&mut self, requests: Requests<'_>, i: usize) {
        if let (Some(hash), Some(key)) = (self.ahead.hash(i), requests.args(i).get(1)) {
            self.dbs.foresee(0, key, hash);
        }
    }

    fn request(
        &mut self,
        requests: Requests<'_>,
        i: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Option<Stop> {
        let (args, start) = (requests.args(i), out.len());
        let (id, command) = match table::resolve_entry(args) {
            Ok(found) => found,
            Err(_) if foreign::is_http(args) => {
                self.last = None;
                self.interrupt_run(requests, session);
                self.foreign.note(session, self.now_ms);
                return Some(Stop::Closing);
            }
            Err(fault) => {
                self.last = None;
                self.refuse(None, requests, args, fault, session, out);
                return None;
            }
        };
        if let Err(fault) = self.admit(command, args, session) {
            if self.will_lead_soon(&fault) {
                return Some(Stop::Paused);
            }
            self.last = Some(id);
            self.refuse(Some(id), requests, args, fault, session, out);
            return None;
        }
        if self.is_paused(command, args, session) {
            return Some(Stop::Paused);
        }
        self.last = Some(id);
        self.has_looked |= command.flags.intersects(LOOKS) || session.transaction.is_some();
        if session.transaction.is_some() && !runs_inside_multi(command) {
            self.interrupt_run(requests, session);
            queue(session, id, args);
            Reply::new(out, session.version).simple("QUEUED");
            self.silence(session, out, start);
            return None;
        }
        let is_blocked = if self.stats.meter.joins(id, || requests.size(i)) {
            // Neither does it wait nor govern the server. The loan of the arguments goes on into the call as it stands:
            // to make it again right before the call would stall on it.
            let db = session.db;
            perform_in_sight(&mut self.call(command, args, session, out));
            debug_assert!(self.waiting.is_none(), "{} waits", command.name);
            self.settle(db, args);
            self.stats.meter.join(id, i);
            let written = out.len() - start + session.attached.len_from(start);
            if written > self.stats.meter.limits.reply {
                self.close_large(requests, written, session);
            }
            if !self.blocked.is_empty() {
                self.serve_after(requests, session);
            }
            false
        } else {
            self.execute_alone(id, requests, i, session, out)
        };
        self.silence(session, out, start);
        match (is_blocked, session.closing) {
            (true, _) => Some(Stop::Blocked),
            (false, true) => {
                self.forget(session.id());
                Some(Stop::Closing)
            }
            (false, false) => None,
        }
    }

    /// A command does not run; nobody may have its name.
    #[cold]
    fn refuse(
        &mut self,
        id: Option<CommandId>,
        requests: Requests<'_>,
        args: Args<'_>,
        fault: Fault,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) {
        self.interrupt_run(requests, session);
        session.is_asking &= session.transaction.is_some();
        let fault = self.spoil_transaction(args, fault, session);
        self.stats.rejected(id, &fault);
        let start = out.len();
        Reply::new(out, session.version).error(fault.text_bytes());
        self.silence(session, out, start);
    }

    /// Redis's order: known? arity? password? transaction? slots? memory? subscriber?
    fn admit(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        session: &mut Session,
    ) -> Result<(), Fault> {
        table::check_arity(command, args.len())?;
        let flags = command.flags;
        if flags.contains(Flags::ADMIN) {
            guard_debug(command, session, &self.params)?;
        }
        if !session.authenticated && !flags.contains(Flags::NO_AUTH) {
            return Err(Fault::new("NOAUTH Authentication required."));
        }
        if session.transaction.is_some() && flags.contains(Flags::NO_MULTI) {
            return Err(Fault::new("ERR Command not allowed inside a transaction"));
        }
        self.admit_slots(command, args, session)?;
        if self.params.maxmemory > 0 {
            self.make_room(command, session)?;
        }
        if let Some(reason) = self.node.write_refusal()
            && (writes(command, session) || command.name == "ping")
        {
            return Err(Fault::text(reason));
        }
        if self.standing.is_replica || self.lacks_replicas {
            self.refuse_writes(command, session)?;
        }
        if session.is_subscriber() && !is_for_subscribers(command) {
            return Err(Fault::text(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name
            )));
        }
        if self.standing.is_cut_off {
            self.refuse_stale(command)?;
        }
        if self.phase != Phase::Serving && !flags.contains(Flags::LOADING) {
            return Err(Fault::new("LOADING Redis is loading the dataset in memory"));
        }
        Ok(())
    }

    /// A request that is refused lets EXEC fail; an EXEC that is refused ends the transaction.
    #[cold]
    fn spoil_transaction(&mut self, args: Args<'_>, fault: Fault, session: &mut Session) -> Fault {
        if !args.is(0, "exec") {
            if let Some(transaction) = &mut session.transaction {
                transaction.aborted = true;
            }
            return fault;
        }
        session.transaction = None;
        if session.watched > 0 {
            session.watched = 0;
            session.client.profile().watched = 0;
            self.watches.unwatch(session.id());
        }
        if fault.is_redirection() {
            return fault;
        }
        let reason = fault.text_bytes();
        let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
        Fault::quoting("EXECABORT Transaction discarded because of: ", reason, "")
    }

    /// Evicts; refuses a command that may need memory where that does not help.
    fn make_room(&mut self, command: &'static Command, session: &Session) -> Result<(), Fault> {
        if self.standing.is_replica && self.params.replica_ignore_maxmemory {
            return Ok(());
        }
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

    fn is_paused(&mut self, command: &Command, args: Args<'_>, session: &Session) -> bool {
        let pause = &self.node.pause;
        pause.stops(self.now_ms, || may_write(command, session))
            || (self.holds_keys() && self.must_wait(command, args, session))
    }

    /// Runs a command that is measured alone, and everything that follows from it; says whether the client must wait.
    #[inline(never)]
    fn execute_alone(
        &mut self,
        id: CommandId,
        requests: Requests<'_>,
        i: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> bool {
        let (args, start, db) = (requests.args(i), out.len(), session.db);
        self.close_run(requests, session);
        self.show(session);
        self.stats.resume_meter();
        perform_in_sight(&mut self.call(id.command(), args, session, out));
        let mut wait = self.waiting.take();
        if !self.seat.is_idle() {
            wait = self.begin_wishes(id, session, out, start).or(wait);
        }
        if wait.is_some() && !self.migrations.is_empty() {
            self.watch_migration();
        }
        self.settle(db, args);
        if id.command().flags.contains(Flags::ADMIN) {
            // It may have taken long, and what it set holds from here on: for its own entry in the logs too.
            self.begin(Moment::now());
        }
        let written = out.len() - start + session.attached.len_from(start);
        let waiting = self.measure_alone(id, requests, i, written, wait, session);
        if !self.blocked.is_empty() {
            self.serve_after(requests, session);
        }
        let Some(waiting) = waiting else { return false };
        self.block(waiting, session);
        true
    }

    #[inline]
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
            tracking: &mut self.tracking,
            blocked: &mut self.blocked,
            migrations: &mut self.migrations,
            seat: &mut self.seat,
            pubsub: &self.pubsub,
            outgoing: &mut self.outgoing,
            stats: &mut self.stats,
        }
    }

    /// After a command: keys that expired on the way, watchers, notifications, the journal.
    pub(super) fn settle(&mut self, db: usize, args: Args<'_>) {
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
            self.tracking
                .changed(&key, &self.node.clients, &mut self.outgoing);
            self.watches.touch(db, key);
        }
        for notification in self.changes.take_notifications() {
            let (pubsub, outgoing) = (self.pubsub.borrow(), &mut self.outgoing);
            notification.publish(self.changes.classes, &mut |channel, message| {
                pubsub.publish(Kind::Channel, channel, message, &mut |client, bytes| {
                    outgoing.push(client, bytes)
                });
            });
        }
    }

    /// CLIENT REPLY OFF and SKIP.
    #[inline]
    fn silence(&self, session: &mut Session, out: &mut Vec<u8>, start: usize) {
        let next = match session.replies {
            Replies::On => return,
            Replies::Off => Replies::Off,
            Replies::SkipNext => Replies::SkipThis,
            Replies::SkipThis => Replies::On,
        };
        session.replies = next;
        session.attached.truncate(start);
        out.truncate(start);
    }

    /// The end of a batch for those who track keys.
    #[cold]
    fn tell_trackers(&mut self) {
        let (clients, outgoing) = (&self.node.clients, &mut self.outgoing);
        let most = self.params.tracking_table_max_keys;
        self.tracking.forget_beyond(most, clients, outgoing);
        self.tracking.broadcast(clients, outgoing);
    }

    /// What other connections are to get.
    pub fn take_parcels(&mut self) -> Vec<Parcel> {
        if !self.tracking.is_empty() {
            self.tell_trackers();
        }
        self.outgoing.take()
    }
}

/// Runs a command of a client, and shows it to those who watch.
pub(crate) fn perform_in_sight(call: &mut Call<'_>) {
    perform(call);
    if !call.outgoing.monitors.is_empty() {
        monitors::show(call);
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
    if call.session.tracking != Tracks::Nothing {
        tracking::note(call);
    }
    let Err(fault) = outcome else { return true };
    call.stats.failed(call.command, fault.code());
    call.reply.rewind(start);
    call.reply.error(fault.text_bytes());
    false
}

fn queue(session: &mut Session, id: CommandId, args: Args<'_>) {
    if let Some(transaction) = &mut session.transaction {
        let request = OwnedRequest::copy(args);
        transaction.memory += request.memory();
        transaction.queued.push(Queued { id, request });
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

pub(super) fn writes(command: &Command, session: &Session) -> bool {
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
                    .any(|queued| queued.id.command().flags.intersects(flags))
            }))
}

fn needs_memory(queued: &Queued) -> bool {
    queued.id.command().flags.contains(Flags::DENYOOM)
}
