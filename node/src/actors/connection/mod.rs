//! One client. Started by `ListenerActor` on a worker's thread; owns the socket and the session; reads, has its requests
//! run by the shard, writes.
//!
//! The shard of the own thread is borrowed directly (same messages, no mailbox); the one of another thread gets the whole
//! read as one message and the session with it, so the order of commands is the same in both cases.
//!
//! ```text
//!   Reading ──batch on another thread──▶ InFlight ──Answered──▶ Reading
//!      ├──BLPOP──▶ Blocked ──Deliver{Next::Request}──▶ Reading
//!      ├──CLIENT PAUSE──▶ Paused ──timer──▶ Reading
//!      ├──Move──▶ Leaving ──▶ Moved ──▶ stopped; the connection goes on on another thread
//!      ├──PSYNC──▶ HandedOver ──▶ stopped; the connection goes on in a ReplicaLinkActor
//!      ├──QUIT, protocol error──▶ Closing ──everything sent──▶ stopped
//!      └──socket broken, too much unread──▶ Broken ──▶ stopped
//! ```

mod handover;
mod held;
mod long;
mod mail;
pub mod messages;
mod moving;
mod outbox;
mod pause;
mod replies;
mod ring;
mod scratch;
mod socket;
mod uncertain;

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Task, Poll, Waker};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context};
use almandine_protocol::{Limits, Parser, Reply};
use tracing::debug;

use self::held::Held;
use self::long::Long;
use self::messages::{Deliver, Move};
use self::outbox::Outbox;
pub use self::ring::{probe, start as start_ring};
use self::scratch::Scratch;
pub use self::socket::Socket;
use super::lifeline::Lifeline;
use super::listener::Seat;
use super::shard::handle::{ShardHandle, Shards};
use super::shard::messages::RemoteBatch;
use crate::clients::Client;
use crate::moment::now_ms;
use crate::node::Node;
use crate::pause::Paused;
use crate::replication::Attachment;
use crate::session::Session;
use crate::shard::{Progress, Requests, Stop};
use crate::stats::bump;
use crate::stats::traffic::Cell;

/// Reads of one connection before the others get their turn.
const READS_PER_TURN: usize = 4;
/// A mailbox that is full drops no message (`do_send` is unbounded); this bounds `send` only.
const MAILBOX: usize = 1024;

/// See the module.
pub struct ConnectionActor {
    node: Arc<Node>,
    shards: Shards,
    /// The shard that has the batch while the state is `InFlight`.
    runs_at: usize,
    client: Arc<Client>,
    /// At home unless the state is `InFlight`.
    session: Option<Box<Session>>,
    socket: Socket,
    parser: Parser,
    limits: Limits,
    /// Bytes read and not yet executed.
    tail: Vec<u8>,
    /// Whether the tail may hold a complete request.
    tail_is_fresh: bool,
    /// While the tail begins with a long argument.
    long: Option<Box<Long>>,
    outbox: Outbox,
    held: Held,
    state: State,
    /// Set by PSYNC: as what it goes on once all requests before are answered.
    leaves_with: Option<Box<Attachment>>,
    /// While the state is `Paused`.
    paused: Option<Paused>,
    waker: Option<Waker>,
    /// An order to go to another thread.
    moves_to: Option<Move>,
    /// What came when the state was `Moved`.
    late: Vec<Deliver>,
    /// Until the connection is handed over.
    seat: Option<Seat>,
    _lifeline: Lifeline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    InFlight,
    Blocked,
    Paused,
    /// Over once everything is sent.
    Closing,
    /// Over: the peer can be told nothing more.
    Broken,
    /// Over: a link to a replica has the connection.
    HandedOver,
    /// On the way to another thread, once the kernel has nothing more to do with the socket.
    Leaving,
    /// It goes on on another thread.
    Moved,
}

/// What a read has brought.
enum Read {
    Bytes,
    Nothing,
    Closed,
}

impl ConnectionActor {
    /// A connection that begins to read once it is started.
    pub fn new(
        node: Arc<Node>,
        shards: Shards,
        socket: Socket,
        session: Box<Session>,
        seat: Seat,
        lifeline: Lifeline,
    ) -> Self {
        ConnectionActor {
            limits: node.params().limits(),
            node,
            shards,
            runs_at: 0,
            client: session.client.clone(),
            session: Some(session),
            socket,
            parser: Parser::default(),
            tail: Vec::new(),
            tail_is_fresh: false,
            long: None,
            outbox: Outbox::default(),
            held: Held::default(),
            state: State::Reading,
            leaves_with: None,
            paused: None,
            waker: None,
            moves_to: None,
            late: Vec::new(),
            seat: Some(seat),
            _lifeline: lifeline,
        }
    }

    /// Reads and executes until the socket has nothing more or something must be waited for. Ready = the connection is over.
    fn turn(&mut self, ctx: &mut Context<Self>, task: &mut Task<'_>) -> Poll<()> {
        remember(&mut self.waker, task);
        for _ in 0..READS_PER_TURN {
            self.release();
            if !self.outbox.is_empty() && self.flush(task).is_err() {
                return Poll::Ready(());
            }
            self.show_buffers();
            if self.may_move() {
                self.state = State::Leaving;
            }
            match self.state {
                State::Broken | State::HandedOver | State::Moved => return Poll::Ready(()),
                State::Leaving if self.is_all_sent() => {
                    let Poll::Ready(left) = self.socket.poll_leave(task) else {
                        return Poll::Pending;
                    };
                    self.move_away(left);
                }
                State::Closing if self.held.is_empty() && self.leaves_with.is_some() => {
                    let Poll::Ready(left) = self.socket.poll_leave(task) else {
                        return Poll::Pending;
                    };
                    self.hand_over(left);
                    return Poll::Ready(());
                }
                State::Closing if self.outbox.is_empty() && self.held.is_empty() => {
                    return self.socket.poll_drained(task);
                }
                State::Closing | State::InFlight | State::Leaving => return Poll::Pending,
                _ if self.held.is_full() => return Poll::Pending,
                State::Reading if self.tail_is_fresh => self.execute_tail(ctx),
                State::Reading | State::Blocked | State::Paused => match self.read(ctx, task) {
                    Read::Bytes => {}
                    Read::Nothing => return Poll::Pending,
                    Read::Closed => return Poll::Ready(()),
                },
            }
        }
        go_on_after_others(task);
        Poll::Pending
    }

    fn read(&mut self, ctx: &mut Context<Self>, task: &mut Task<'_>) -> Read {
        if self.tail.is_empty() && self.state == State::Reading && self.long.is_none() {
            return self.read_and_execute(ctx, task);
        }
        let limit = match self.is_authenticated() {
            true => {
                usize::try_from(self.node.params().client_query_buffer_limit).unwrap_or(usize::MAX)
            }
            false => Limits::UNAUTHENTICATED_QUERY,
        };
        if self.tail.len() >= limit {
            debug!(
                client = self.client.id,
                bytes = self.tail.len(),
                "closing client that reached max query buffer length"
            );
            self.traffic().query_too_long();
            return Read::Closed;
        }
        match self.read_more(task) {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Ok(0) | Err(_)) => Read::Closed,
            Poll::Ready(Ok(count)) => {
                self.count_read(count);
                self.client.active_ms.store(now_ms(), Ordering::Relaxed);
                self.tail_is_fresh = !self.awaits_long();
                Read::Bytes
            }
        }
    }

    /// Appends to the tail. Half a request holds no more memory than has arrived of it, or ten thousand clients who never
    /// finish theirs would hold much; only a long argument of which much has come is read into its place at once.
    fn read_more(&mut self, task: &mut Task<'_>) -> Poll<io::Result<usize>> {
        if self.awaits_long() {
            return self.read_long(task);
        }
        let wants = self.parser.wants().unwrap_or(0);
        if wants > scratch::READ_BUFFER {
            return self.socket.read_into(&mut self.tail, wants, task);
        }
        let mut scratch = Scratch::borrow();
        let outcome = self.socket.poll_read(&mut scratch.read, task);
        outcome.map_ok(|bytes| {
            self.tail.extend_from_slice(&bytes);
            bytes.len()
        })
    }

    /// The common case: nothing is left over from the last read, so the thread's own buffer serves.
    fn read_and_execute(&mut self, ctx: &mut Context<Self>, task: &mut Task<'_>) -> Read {
        let mut scratch = Scratch::borrow();
        let mut room = std::mem::take(&mut scratch.read);
        let outcome = match self.socket.poll_read(&mut room, task) {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Err(_)) => Read::Closed,
            Poll::Ready(Ok(bytes)) if bytes.is_empty() => Read::Closed,
            Poll::Ready(Ok(bytes)) => {
                self.count_read(bytes.len());
                let used = self.execute(&bytes, &mut scratch, ctx);
                self.tail.extend_from_slice(&bytes[used..]);
                self.begin_long();
                Read::Bytes
            }
        };
        scratch.read = room;
        outcome
    }

    fn execute_tail(&mut self, ctx: &mut Context<Self>) {
        self.tail_is_fresh = false;
        if self.long.is_some() {
            return self.execute_long(ctx);
        }
        let tail = std::mem::take(&mut self.tail);
        let used = self.execute(&tail, &mut Scratch::borrow(), ctx);
        let newer = std::mem::replace(&mut self.tail, tail);
        debug_assert!(newer.is_empty());
        self.tail.drain(..used);
        if self.tail.capacity() > scratch::READ_BUFFER.max(4 * self.tail.len())
            || self.tail.is_empty()
        {
            self.tail.shrink_to_fit();
        }
        self.begin_long();
    }

    /// Runs the complete requests at the beginning of `bytes`; returns how many bytes are done with.
    fn execute(&mut self, bytes: &[u8], scratch: &mut Scratch, ctx: &mut Context<Self>) -> usize {
        let mut used = 0;
        while self.state == State::Reading {
            scratch.batch.clear();
            let limits = if self.is_authenticated() {
                self.limits
            } else {
                self.limits.unauthenticated()
            };
            let parsed = self
                .parser
                .parse(&bytes[used..], &limits, &mut scratch.batch);
            if !scratch.batch.requests.is_empty() {
                let done = self.run(&bytes[used..], scratch, ctx);
                used += done;
                if self.state != State::Reading {
                    self.parser.reset();
                    return used;
                }
                if parsed.is_ok() {
                    if used == bytes.len() {
                        return used;
                    }
                    if let Some(session) = &mut self.session {
                        // What follows stands elsewhere in the block.
                        session.whole = None;
                    }
                    continue;
                }
            }
            match parsed {
                Ok(0) => return used,
                Ok(skipped) => used += skipped,
                Err(error) => {
                    self.traffic().protocol_error();
                    let mut reply = Vec::new();
                    Reply::new(&mut reply, self.version()).error(&error.text());
                    self.reply(&reply, None);
                    self.state = State::Closing;
                    return bytes.len();
                }
            }
        }
        used
    }

    /// Runs one batch; returns the bytes of the requests that are done.
    fn run(&mut self, bytes: &[u8], scratch: &mut Scratch, ctx: &mut Context<Self>) -> usize {
        let (mut done, mut is_refused) = (0, false);
        let (stop, now) = loop {
            let requests = Requests {
                buffer: bytes,
                batch: &scratch.batch,
            };
            let number = self.shard_for(requests, done, is_refused);
            let ShardHandle::Here(shard) = self.shards.get(number) else {
                return self.send_away(bytes, scratch, (number, done), ctx);
            };
            let shard = shard.clone();
            let Some(mut session) = self.session.take() else {
                return 0;
            };
            scratch.out.clear();
            let (progress, awaits, now) = shard.run(requests, done, &mut session, &mut scratch.out);
            is_refused = progress.done == done;
            done = progress.done;
            let attached = session.attached.take();
            // What may wait for the client depends on who it is.
            self.session = Some(session);
            self.reply_all(&mut scratch.out, attached, awaits);
            let goes_on = matches!(progress.stop, Stop::Full | Stop::Elsewhere);
            if !goes_on || self.state == State::Broken {
                break (progress.stop, now);
            }
        };
        scratch.trim();
        self.client.active_ms.store(now.ms, Ordering::Relaxed);
        self.after(Progress { done, stop }, ctx);
        end_of(&scratch.batch, done)
    }

    /// The number of the shard that runs request `i`. One that another shard has refused goes to the first, which knows.
    #[inline]
    fn shard_for(&self, requests: Requests<'_>, i: usize, is_refused: bool) -> usize {
        match &self.session {
            Some(session) if !is_refused => self.shards.number(&self.node, requests, i, session),
            _ => 0,
        }
    }

    /// The shard `number` lives on another thread: the whole batch goes there, the session with it. The requests before number
    /// `first` have been run.
    fn send_away(
        &mut self,
        bytes: &[u8],
        scratch: &mut Scratch,
        (number, first): (usize, usize),
        ctx: &mut Context<Self>,
    ) -> usize {
        let ShardHandle::There(link) = self.shards.get(number) else {
            return 0;
        };
        let Some(session) = self.session.take() else {
            return 0;
        };
        let end = end_of(&scratch.batch, scratch.batch.requests.len());
        let mut parts = link.parts();
        if session.whole.is_none() {
            parts.buffer.extend_from_slice(&bytes[..end]);
        }
        std::mem::swap(&mut parts.batch, &mut scratch.batch);
        link.post(RemoteBatch {
            buffer: parts.buffer,
            batch: parts.batch,
            first,
            session,
            out: parts.out,
            answer_to: ctx.address().recipient(),
        });
        (self.state, self.runs_at) = (State::InFlight, number);
        end
    }

    fn after(&mut self, progress: Progress, ctx: &mut Context<Self>) {
        if self.state == State::Broken {
            return;
        }
        let session = self.session.as_mut();
        if let Some(attachment) = session.and_then(|session| session.attachment.take()) {
            self.leaves_with = Some(attachment);
        }
        self.state = match progress.stop {
            Stop::Finished | Stop::Full | Stop::Elsewhere => State::Reading,
            Stop::Blocked => State::Blocked,
            Stop::Closing => State::Closing,
            Stop::Paused => self.begin_pause(ctx),
        };
    }

    /// Goes on with what has been read, if the connection is still in `state`.
    fn resume(&mut self, state: State) {
        if self.state == state {
            self.state = State::Reading;
            self.tail_is_fresh = true;
            self.wake();
        }
    }

    fn is_authenticated(&self) -> bool {
        self.session
            .as_ref()
            .is_none_or(|session| session.authenticated)
    }

    fn version(&self) -> almandine_protocol::Version {
        self.session
            .as_ref()
            .map(|session| session.version)
            .unwrap_or_default()
    }

    fn count_read(&self, bytes: usize) {
        bump(&self.client.bytes_in, bytes as u64);
        self.traffic().read(bytes as u64);
    }

    fn traffic(&self) -> &Cell {
        self.node
            .traffic
            .of(self.client.worker.load(Ordering::Relaxed))
    }

    /// Others see what waits to be parsed and to be sent.
    fn show_buffers(&self) {
        for (shown, bytes) in [
            (&self.client.query_buffer, self.tail.len()),
            (&self.client.output_buffer, self.outbox.len()),
        ] {
            if shown.load(Ordering::Relaxed) != bytes as u64 {
                shown.store(bytes as u64, Ordering::Relaxed);
            }
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// Keeps the waker of `task`, unless it is the one that is kept.
fn remember(kept: &mut Option<Waker>, task: &Task<'_>) {
    match kept {
        Some(known) => known.clone_from(task.waker()),
        None => *kept = Some(task.waker().clone()),
    }
}

/// Wakes `task` when the thread has looked who else has something for it: merely woken, it would have its turn dozens of times
/// before.
fn go_on_after_others(task: &mut Task<'_>) {
    let others = pin!(tokio::task::yield_now());
    let is_over = others.poll(task).is_ready();
    debug_assert!(!is_over);
}

/// Drives [`ConnectionActor::turn`] whenever the socket or a message wakes it.
struct Pump;

impl ActorFuture<ConnectionActor> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut ConnectionActor,
        ctx: &mut Context<ConnectionActor>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        let turn = actor.turn(ctx, task);
        // Who has moved stays until nobody sends it anything.
        if turn.is_ready() && actor.state != State::Moved {
            ctx.stop();
        }
        turn
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.spawn(Pump);
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        if self.state == State::Moved {
            return self.forward();
        }
        if self.state != State::HandedOver {
            self.node.clients.remove(self.client.id);
        }
        self.shards.forget(self.client.id);
    }
}

/// Where request number `done` of a batch begins.
fn end_of(batch: &almandine_protocol::Batch, done: usize) -> usize {
    done.checked_sub(1)
        .and_then(|last| batch.requests.get(last))
        .map_or(0, |request| request.end as usize)
}
