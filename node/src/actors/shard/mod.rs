//! The keyspace of the node. Started by `NodeActor` on worker 0; owns the [`Shard`], which connections of the same thread
//! borrow and connections of other threads reach by message; keeps house by timer.

pub mod handle;
pub mod messages;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use self::handle::LocalShard;
use self::messages::{BatchDone, ExecuteBatches, Forget, RemoteBatch};
use super::connection::messages::Answered;
use super::lifeline::Lifeline;
use crate::moment::{Moment, now_ms};
use crate::node::Node;
use crate::pubsub::Subscriptions;
use crate::session::Session;
use crate::shard::{Progress, Requests, Shard, Stop};

/// How often the shard looks after expiry and blocked clients.
const TICK: Duration = Duration::from_millis(10);
/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;

/// See the module.
pub struct ShardActor {
    shard: LocalShard,
    _lifeline: Lifeline,
}

impl ShardActor {
    /// An empty keyspace.
    pub fn new(
        node: Arc<Node>,
        pubsub: Rc<RefCell<Subscriptions>>,
        seed: u64,
        lifeline: Lifeline,
    ) -> Self {
        let shard = Shard::new(node, pubsub, seed);
        ShardActor {
            shard: LocalShard::new(Rc::new(RefCell::new(shard))),
            _lifeline: lifeline,
        }
    }

    /// For the connections of this thread.
    pub fn local(&self) -> LocalShard {
        self.shard.clone()
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(TICK, |me, _| {
            me.shard.with(|shard| {
                shard.begin(now_ms());
                shard.tick();
            });
        });
    }
}

impl Handler<ExecuteBatches> for ShardActor {
    type Result = ();

    fn handle(&mut self, ExecuteBatches(batches): ExecuteBatches, _: &mut Context<Self>) {
        for RemoteBatch {
            buffer,
            batch,
            mut session,
            mut out,
            answer_to,
        } in batches
        {
            let requests = Requests {
                buffer: &buffer,
                batch: &batch,
            };
            let progress = run_all(&self.shard, requests, &mut session, &mut out);
            answer_to.do_send(Answered(BatchDone {
                buffer,
                batch,
                session,
                out,
                progress,
            }));
        }
    }
}

/// Replies of a remote batch travel together, so `Full` does not interrupt it.
fn run_all(
    shard: &LocalShard,
    requests: Requests<'_>,
    session: &mut Session,
    out: &mut Vec<u8>,
) -> Progress {
    let mut progress = shard.run(Moment::now(), requests, 0, session, out);
    while progress.stop == Stop::Full {
        progress = shard.run(Moment::now(), requests, progress.done, session, out);
    }
    progress
}

impl Handler<Forget> for ShardActor {
    type Result = ();

    fn handle(&mut self, Forget(client): Forget, _: &mut Context<Self>) {
        self.shard.with(|shard| shard.forget(client));
    }
}
