//! What others tell a connection.

use std::mem;
use std::sync::atomic::Ordering;

use actix::{ActorContext, AsyncContext, Context, Handler};
use almandine_protocol::Batch;

use super::messages::{Answered, Deliver, Kill, Move};
use super::{ConnectionActor, State, end_of};
use crate::actors::shard::handle::ShardHandle;
use crate::actors::shard::messages::{BatchDone, RemoteBatch};
use crate::clients::Mailbox;
use crate::moment::now_ms;
use crate::shard::{Next, Progress, Requests, Stop};

/// A batch that goes no further.
struct Rest {
    buffer: Vec<u8>,
    batch: Batch,
    out: Vec<u8>,
    progress: Progress,
}

impl ConnectionActor {
    /// How the actor of `ctx` is reached.
    pub fn mailbox(ctx: &Context<Self>) -> Mailbox {
        Mailbox {
            deliver: ctx.address().recipient(),
            kill: ctx.address().recipient(),
            relocate: Some(ctx.address().recipient()),
        }
    }

    /// Sends the replies of a batch, and has its other requests run where they belong. None = another thread has it now.
    fn go_on(&mut self, done: BatchDone, ctx: &mut Context<Self>) -> Option<Rest> {
        let BatchDone {
            buffer,
            batch,
            first,
            session,
            mut out,
            mut progress,
            mut awaits,
        } = done;
        let mut begun = first;
        self.session = Some(session);
        loop {
            let session = self.session.as_mut()?;
            let (whole, attached) = (session.whole.clone(), session.attached.take());
            self.reply_all(&mut out, attached, awaits);
            if progress.stop != Stop::Elsewhere || self.state != State::InFlight {
                return Some(Rest {
                    buffer,
                    batch,
                    out,
                    progress,
                });
            }
            out.clear();
            let requests = Requests {
                buffer: whole.as_ref().map_or(&buffer, |whole| &whole.block),
                batch: &batch,
            };
            let is_refused = progress.done == begun;
            begun = progress.done;
            self.runs_at = self.shard_for(requests, begun, is_refused);
            let mut session = self.session.take()?;
            match self.shards.get(self.runs_at) {
                ShardHandle::There(link) => {
                    link.post(RemoteBatch {
                        buffer,
                        batch,
                        first: begun,
                        session,
                        out,
                        answer_to: ctx.address().recipient(),
                    });
                    return None;
                }
                ShardHandle::Here(shard) => {
                    (progress, awaits, _) = shard.run(requests, begun, &mut session, &mut out);
                    self.session = Some(session);
                }
            }
        }
    }

    /// Passes on what came when the connection had moved.
    pub(super) fn forward(&mut self) {
        for message in mem::take(&mut self.late) {
            self.client
                .deliver(message.bytes, message.next, message.awaits);
        }
    }
}

impl Handler<Deliver> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, message: Deliver, _: &mut Context<Self>) {
        if self.state == State::Moved {
            return self.late.push(message);
        }
        match message.next {
            Next::Nothing => self.pass_on(&message.bytes, message.awaits),
            Next::Request | Next::End => self.reply(&message.bytes, message.awaits),
        }
        if let (Some(awaits), Some(session)) = (message.awaits, &mut self.session)
            && message.next != Next::Nothing
        {
            session.written = session.written.max(awaits.offset);
        }
        match message.next {
            Next::Nothing => {}
            Next::Request => self.resume(State::Blocked),
            Next::End => {
                self.state = State::Closing;
                self.wake();
            }
        }
    }
}

impl Handler<Answered> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Answered(done): Answered, ctx: &mut Context<Self>) {
        let ShardHandle::There(link) = self.shards.get(self.runs_at).clone() else {
            return;
        };
        self.client.active_ms.store(now_ms(), Ordering::Relaxed);
        let Some(done) = self.go_on(done, ctx) else {
            return;
        };
        let session = self.session.as_mut();
        let whole = session.and_then(|session| session.whole.take());
        let used = end_of(&done.batch, done.progress.done);
        let end = end_of(&done.batch, done.batch.requests.len());
        if used < end {
            let rest = match whole {
                Some(whole) if used == 0 => whole.in_order(end),
                Some(whole) => whole.block[used..end].to_vec(),
                None => done.buffer[used..end].to_vec(),
            };
            self.tail.splice(..0, rest);
            self.parser.reset();
        }
        if self.state == State::InFlight {
            self.after(done.progress, ctx);
            if done.progress.stop == Stop::Full {
                self.state = State::Reading;
            }
        }
        self.tail_is_fresh = !self.tail.is_empty();
        link.give_back(done.buffer, done.batch, done.out);
        self.wake();
    }
}

impl Handler<Kill> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, _: Kill, ctx: &mut Context<Self>) {
        if self.state != State::Moved {
            return ctx.stop();
        }
        self.late.push(Deliver {
            bytes: Vec::new(),
            next: Next::End,
            awaits: None,
        });
    }
}

impl Handler<Move> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, order: Move, _: &mut Context<Self>) {
        if self.state != State::Leaving && self.state != State::Moved {
            self.moves_to = Some(order);
            self.wake();
        }
    }
}
