//! A shard of the node. Started by `NodeActor`, number k on worker k; owns the [`Shard`], which connections of the same thread
//! borrow and connections of other threads reach by message; keeps house by timer. The others have slots only while the first
//! one spreads them (sharing.rs).

mod following;
pub mod handle;
pub mod messages;
mod reload;
mod sharing;
mod snapshots;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use tracing::error;

use self::handle::LocalShard;
use self::messages::{
    AnswerWaiter, BatchDone, Decided, ExecuteBatches, Flushed, Forget, Load, Migrated, RemoteBatch,
    Serve, Settle,
};
use self::snapshots::Snapshots;
use super::connection::messages::Answered;
use super::lifeline::Lifeline;
use super::node::messages::Recovered;
use crate::moment::Moment;
use crate::node::Node;
use crate::pubsub::Subscriptions;
use crate::session::Session;
use crate::shard::loading::{self, Loader};
use crate::shard::{Requests, Shard};

/// How often the shard looks after expiry and blocked clients.
const TICK: Duration = Duration::from_millis(10);
/// How long the shard reads files before others get their turn.
const LOAD_SLICE: Duration = Duration::from_millis(20);
/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;

/// See the module.
pub struct ShardActor {
    node: Arc<Node>,
    shard: LocalShard,
    /// While it reads.
    loader: Option<Loader>,
    snapshots: Snapshots,
    is_first: bool,
    /// Whom it tells what was found.
    tree: Recipient<Recovered>,
    _lifeline: Lifeline,
}

impl ShardActor {
    /// An empty keyspace.
    pub fn new(
        node: Arc<Node>,
        pubsub: Rc<RefCell<Subscriptions>>,
        seed: u64,
        tree: Recipient<Recovered>,
        lifeline: Lifeline,
    ) -> Self {
        let mut shard = Shard::new(node.clone(), pubsub, seed);
        // Until the tree stands: a command may give orders to any part of it.
        shard.make_clients_wait();
        node.saving.set_loading(loading::has_files(&node.params()));
        ShardActor {
            shard: LocalShard::new(node.clone(), shard),
            node,
            loader: None,
            snapshots: Snapshots::default(),
            is_first: true,
            tree,
            _lifeline: lifeline,
        }
    }

    /// A shard beside the first, which runs what concerns the slots that it is given.
    pub fn beside_the_first(
        node: Arc<Node>,
        seed: u64,
        tree: Recipient<Recovered>,
        lifeline: Lifeline,
    ) -> Self {
        let shard = Shard::new(node.clone(), Rc::default(), seed).beside_the_first();
        ShardActor {
            shard: LocalShard::new(node.clone(), shard),
            node,
            loader: None,
            snapshots: Snapshots::default(),
            is_first: false,
            tree,
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
        match self.is_first {
            true => drop(ctx.run_interval(TICK, |me, _| me.keep_house())),
            false => Self::keep_house_beside(ctx),
        }
    }
}

impl Handler<ExecuteBatches> for ShardActor {
    type Result = ();

    fn handle(&mut self, ExecuteBatches(batches): ExecuteBatches, _: &mut Context<Self>) {
        for RemoteBatch {
            buffer,
            batch,
            first,
            mut session,
            mut out,
            answer_to,
        } in batches
        {
            let whole = session.whole.clone();
            let requests = Requests {
                buffer: whole.as_ref().map_or(&buffer, |whole| &whole.block),
                batch: &batch,
            };
            // One turn only: where the replies are many, the connection looks first whether the client reads them.
            let (progress, awaits, _) = self.shard.run(requests, first, &mut session, &mut out);
            answer_to.do_send(Answered(BatchDone {
                buffer,
                batch,
                first,
                session,
                out,
                progress,
                awaits,
            }));
        }
    }
}

impl Handler<Load> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Load, ctx: &mut Context<Self>) {
        let loader = match self.loader.take() {
            Some(loader) => Ok(loader),
            None => Loader::new(&self.node.params(), Session::internal(), self.node.seed),
        };
        let outcome = loader.and_then(|mut loader| {
            let (outcome, _) = self.shard.with(|shard| loader.step(shard, LOAD_SLICE));
            outcome.map(|found| (loader, found))
        });
        match outcome {
            Ok((_, Some(found))) => {
                self.shard.with(|shard| shard.follow_in(found.db));
                self.tree.do_send(Recovered(found));
            }
            Ok((loader, None)) => {
                self.loader = Some(loader);
                let me = ctx.address();
                // Those who ask meanwhile are told to wait.
                actix_rt::spawn(async move {
                    tokio::task::yield_now().await;
                    me.do_send(Load);
                });
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                error!(%error, cause, "the data on the disk cannot be loaded: the node does not start");
                std::process::exit(1);
            }
        }
    }
}

impl Handler<Serve> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Serve, _: &mut Context<Self>) {
        let (changes, _) = self.shard.with(|shard| {
            shard.serve_clients();
            shard.change_count()
        });
        // What was read is not to be saved again.
        self.node.saving.lock().saved_changes = changes;
        self.node.saving.set_changes(changes);
        self.node.saving.set_loading(false);
    }
}

impl Handler<Migrated> for ShardActor {
    type Result = ();

    fn handle(&mut self, Migrated { ticket, moved }: Migrated, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.finish_migration(ticket, moved);
        });
    }
}

impl Handler<Forget> for ShardActor {
    type Result = ();

    fn handle(&mut self, Forget(client): Forget, _: &mut Context<Self>) {
        self.shard.forget(client);
    }
}

impl Handler<AnswerWaiter> for ShardActor {
    type Result = ();

    fn handle(&mut self, AnswerWaiter { client, answer }: AnswerWaiter, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.release(client, answer.to_vec());
        });
    }
}

impl Handler<Flushed> for ShardActor {
    type Result = ();

    fn handle(&mut self, Flushed { client }: Flushed, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.end_flush(client);
        });
    }
}

impl Handler<Decided> for ShardActor {
    type Result = ();

    fn handle(&mut self, decided: Decided, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.decide(decided);
        });
    }
}

impl Handler<Settle> for ShardActor {
    type Result = ();

    /// Nothing is run by another shard any more either, when its slots are here.
    fn handle(&mut self, _: Settle, _: &mut Context<Self>) {
        self.shard.gather();
    }
}
