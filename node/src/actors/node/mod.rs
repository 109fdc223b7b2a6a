//! The root of the tree. Starts the other actors in order, hears when one of them is gone, stops the node.

mod ending;
pub mod messages;
mod scavenge;
pub mod transport;

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Addr, Arbiter, AsyncContext, Context, Handler, SpawnHandle, System};
use almandine_storage::aof::Term;
use tracing::{error, info, warn};

use self::messages::{Ending, Recovered};
use self::transport::Transport;
use super::config::ConfigActor;
use super::config::membership::Membership;
use super::config::messages::ShardRecovered;
use super::gate::{Gate, GateActor, Shown};
use super::lifeline::{Child, ChildExited, Exit, Lifeline};
use super::listener::{ListenerActor, Sockets, Worker};
use super::persistence::PersistenceActor;
use super::pubsub::PubSubActor;
use super::replication::ReplicationActor;
use super::shard::ShardActor;
use super::shard::handle::Shards;
use super::shard::messages::{Load, Serve};
use crate::journal::History;
use crate::moment::now_ms;
use crate::node::Node;
use crate::shard::loading;

/// See the module.
pub struct NodeActor {
    node: Arc<Node>,
    sockets: Option<Sockets>,
    membership: Option<Membership>,
    seed: u64,
    transport: Transport,
    config: Option<Addr<ConfigActor>>,
    /// Actors stop when nobody holds their address.
    pubsub: Option<Addr<PubSubActor>>,
    /// By number.
    shards: Vec<Addr<ShardActor>>,
    gates: Vec<Gate>,
    persistence: Option<Addr<PersistenceActor>>,
    replication: Option<Addr<ReplicationActor>>,
    listener: Option<Addr<ListenerActor>>,
    workers: Vec<Worker>,
    arbiters: Vec<Arbiter>,
    /// From the order to end until the threads stop.
    endings: Vec<Ending>,
    /// Grows when an end begins, and when it is given up.
    end_number: u64,
    /// How long others are waited for.
    end_by: Option<Instant>,
    /// Replicas are to have everything before.
    catching_up: Option<SpawnHandle>,
    is_stopping: bool,
}

impl NodeActor {
    /// A tree that stands once it is started. The sockets are bound already, so that a busy port ends the process before
    /// anything else happens. `seed` decides all dice.
    pub fn new(
        node: Arc<Node>,
        sockets: Sockets,
        membership: Option<Membership>,
        transport: Transport,
    ) -> Self {
        NodeActor {
            seed: node.seed,
            node,
            sockets: Some(sockets),
            membership,
            transport,
            config: None,
            pubsub: None,
            shards: Vec::new(),
            gates: Vec::new(),
            persistence: None,
            replication: None,
            listener: None,
            workers: Vec::new(),
            arbiters: Vec::new(),
            endings: Vec::new(),
            end_number: 0,
            end_by: None,
            catching_up: None,
            is_stopping: false,
        }
    }

    fn start_config(&mut self, me: &Addr<Self>) {
        let (node, membership) = (self.node.clone(), self.membership.take());
        let parent = me.clone().recipient();
        let arbiter = Arbiter::new();
        let actor = ConfigActor::start_in_arbiter(&arbiter.handle(), move |_| {
            ConfigActor::new(node, membership, parent)
        });
        if let Some(cluster) = &self.node.cluster {
            // Before any client comes. A second tree in one process would be a bug of the caller; the first keeps the line.
            let _ = cluster.config.set(actor.clone().recipient());
            let _ = cluster.crier.set(actor.clone().recipient());
        }
        self.config = Some(actor);
        self.arbiters.push(arbiter);
    }

    /// Worker 0 holds the subscriptions and the first shard, worker k the shard number k, if there are so many; all reach all
    /// shards.
    fn start_workers(&mut self, me: &Addr<Self>) {
        let count = self.node.params().worker_threads();
        let arbiters: Vec<Arbiter> = (0..count).map(|_| Arbiter::new()).collect();
        let Some(shards) = self.start_shards(&arbiters, me) else {
            error!("the keyspace could not be started");
            System::current().stop_with_code(1);
            return;
        };
        for arbiter in arbiters {
            let shards = shards.clone();
            arbiter.spawn_fn(move || super::listener::set_shards(Shards::from_here(shards)));
            self.add_worker(arbiter, me);
        }
        self.node.gates.set(std::mem::take(&mut self.gates));
        shards[0].do_send(Load);
        self.shards = shards;
    }

    /// One on each of the first threads, as many as there are to be. None = a thread has ended.
    fn start_shards(
        &mut self,
        arbiters: &[Arbiter],
        me: &Addr<Self>,
    ) -> Option<Vec<Addr<ShardActor>>> {
        let (report, hears) = std::sync::mpsc::channel();
        let (node, seed, parent) = (self.node.clone(), self.seed, me.clone());
        arbiters.first()?.spawn_fn(move || {
            let pubsub = PubSubActor::new(Lifeline::new(Child::PubSub, parent.clone().recipient()));
            let subscriptions = pubsub.local();
            let pubsub = pubsub.start();
            let lifeline = Lifeline::new(Child::Shard, parent.clone().recipient());
            let tree = parent.recipient();
            let actor = ShardActor::new(node, subscriptions, seed, tree, lifeline);
            actor.local().settle(0);
            // The receiver waits below; if it is gone, so is the node.
            let _ = report.send((pubsub, actor.start()));
        });
        let (pubsub, first) = hears.recv().ok()?;
        self.pubsub = Some(pubsub);
        let mut shards = vec![first];
        for (number, arbiter) in arbiters
            .iter()
            .enumerate()
            .take(self.node.spread.shards())
            .skip(1)
        {
            let (report, hears) = std::sync::mpsc::channel();
            let (node, parent) = (self.node.clone(), me.clone());
            // Dice of its own.
            let seed = seed.wrapping_add(number as u64);
            arbiter.spawn_fn(move || {
                let lifeline = Lifeline::new(Child::Shard, parent.clone().recipient());
                let tree = parent.recipient();
                let actor = ShardActor::beside_the_first(node, seed, tree, lifeline);
                actor.local().settle(number);
                // As above.
                let _ = report.send(actor.start());
            });
            shards.push(hears.recv().ok()?);
        }
        Some(shards)
    }

    fn add_worker(&mut self, arbiter: Arbiter, me: &Addr<Self>) {
        let transport = self.transport;
        arbiter.spawn_fn(move || transport.start_here());
        let (node, parent) = (self.node.clone(), me.clone().recipient());
        let shown = Shown::default();
        let shows = shown.clone();
        let gate = GateActor::start_in_arbiter(&arbiter.handle(), move |_| {
            GateActor::new(node, shows, Lifeline::new(Child::Gate, parent))
        });
        let gate = gate.recipient();
        self.gates.push(Gate { gate, shown });
        self.workers
            .push(Worker::new(self.workers.len(), arbiter.handle()));
        self.arbiters.push(arbiter);
    }

    /// The ids of the stream that the files hold. A primary begins a new term: replicas may have heard more of the last one
    /// than the files do. A replica asks its primary to go on.
    fn history_after(&self, found: &loading::Recovered) -> History {
        let fresh = self.node.journal.history().id();
        let known = found
            .manifest
            .as_ref()
            .and_then(|manifest| recovered(&manifest.terms));
        let Some(mut history) = known.or(found.id.map(History::new)) else {
            return History::new(fresh);
        };
        if !self.node.replication.is_replica() {
            history.begin(fresh, found.offset);
        }
        history
    }

    /// The files go on where those that were read have ended.
    fn start_persistence(&mut self, found: loading::Recovered, me: &Addr<Self>) {
        let Some(shard) = self.shards.first() else {
            return;
        };
        if let Some(cluster) = &self.node.cluster {
            // Every write was in the file before it was acknowledged.
            let has_all = self.node.params().appendonly && found.manifest.is_some();
            cluster.set_whole(cluster.is_new || has_all);
        }
        let history = self.history_after(&found);
        self.node.journal.restart(history, found.offset);
        self.node.saving.lock().loaded = found.keys;
        let lifeline = Lifeline::new(Child::Persistence, me.clone().recipient());
        let loading::Recovered { manifest, db, .. } = found;
        let node = self.node.clone();
        let actor = match PersistenceActor::new(node, manifest, db, shard.clone(), lifeline) {
            Ok(actor) => actor,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                error!(%error, cause, "the append-only file cannot be opened");
                System::current().stop_with_code(1);
                return;
            }
        };
        let arbiter = Arbiter::new();
        let actor = PersistenceActor::start_in_arbiter(&arbiter.handle(), move |_| actor);
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.files.set(actor.clone().recipient());
        let _ = self.node.flushed.set(shard.clone().recipient());
        self.persistence = Some(actor);
        self.arbiters.push(arbiter);
    }

    fn start_replication(&mut self, me: &Addr<Self>) {
        let (Some(shard), Some(persistence)) = (self.shards.first(), &self.persistence) else {
            return;
        };
        let (node, shard, persistence) = (self.node.clone(), shard.clone(), persistence.clone());
        let lifeline = Lifeline::new(Child::Replication, me.clone().recipient());
        let arbiter = Arbiter::new();
        let actor = ReplicationActor::start_in_arbiter(&arbiter.handle(), move |_| {
            ReplicationActor::new(node, shard, persistence, lifeline)
        });
        self.replication = Some(actor);
        self.arbiters.push(arbiter);
    }

    fn start_listener(&mut self, me: &Addr<Self>) {
        let Some(sockets) = &self.sockets else { return };
        let sockets = match sockets.try_clone() {
            Ok(sockets) => sockets,
            Err(error) => {
                error!(%error, "the listening sockets are lost");
                System::current().stop_with_code(1);
                return;
            }
        };
        let listener = ListenerActor::new(
            self.node.clone(),
            sockets,
            self.workers.clone(),
            me.clone().recipient(),
        );
        self.listener = Some(listener.start());
    }
}

/// The ids that a manifest holds, if they are all there.
fn recovered(terms: &[Term]) -> Option<History> {
    let (last, earlier) = terms.split_last()?;
    let earlier = earlier
        .iter()
        .map(|term| Some((term.id.parse().ok()?, term.end?)));
    let id = last.id.parse().ok().filter(|_| last.end.is_none())?;
    Some(History::restore(id, earlier.collect::<Option<_>>()?))
}

impl Actor for NodeActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let me = ctx.address();
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.stop.set(me.clone().recipient());
        self.start_config(&me);
        if let Some((host, port)) = &self.node.params().replicaof {
            self.node.replication.follow(host, *port, now_ms());
        }
        self.start_workers(&me);
        self.start_listener(&me);
        scavenge::keep_house(&self.node, ctx);
        let params = self.node.params();
        info!(
            threads = self.workers.len(),
            dir = params.dir,
            maxmemory = params.maxmemory,
            "Server initialized"
        );
    }
}

impl Handler<Recovered> for NodeActor {
    type Result = ();

    fn handle(&mut self, Recovered(found): Recovered, ctx: &mut Context<Self>) {
        self.start_persistence(found, &ctx.address());
        self.start_replication(&ctx.address());
        let Some(shard) = self.shards.first() else {
            return;
        };
        shard.do_send(Serve);
        if let Some(config) = &self.config {
            config.do_send(ShardRecovered(shard.clone()));
        }
        let kinds = self.sockets.as_ref().map(Sockets::kinds);
        for kind in kinds.into_iter().flatten() {
            info!("Ready to accept connections {kind}");
        }
    }
}

impl Handler<ChildExited> for NodeActor {
    type Result = ();

    fn handle(&mut self, ChildExited { child, exit }: ChildExited, ctx: &mut Context<Self>) {
        match (child, exit) {
            (Child::Connection(id), Exit::Panicked) => {
                error!(client = id, "a connection has panicked and is closed")
            }
            (Child::Connection(_), Exit::Stopped) => {}
            (Child::Listener, _) if !self.is_stopping => {
                warn!("the listener is gone and is started again");
                self.start_listener(&ctx.address());
            }
            _ if self.is_stopping => {}
            (child, exit) => {
                error!(?child, ?exit, "the node cannot go on without this actor");
                System::current().stop_with_code(1);
            }
        }
    }
}
