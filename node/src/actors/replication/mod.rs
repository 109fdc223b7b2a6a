//! The links to other nodes. Started by `NodeActor` on a thread of its own once the files are read; owns the link to the
//! primary and those to the replicas; keeps the stream alive; tells the shard what was acknowledged.
//!
//! ```text
//!   primary ──stream──▶ PrimaryLinkActor ──Follow──▶ ShardActor ──▶ journal ──▶ ReplicaLinkActor ──stream──▶ replica
//!           ◀────ACK───                                                                        ◀────ACK───
//! ```
//! migration.rs sends keys to other servers (MIGRATE).
//! A link to a replica pulls from the journal as fast as its socket takes; nothing is queued for it.

pub mod messages;
mod migration;
mod primary;
mod replica;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler};
use tracing::{error, info};

use self::messages::{AskForAcknowledgements, Attach, FailOver, Migrate, RoleChanged, TermBegan};
use self::migration::Idle;
use self::primary::{Leave, PrimaryLinkActor};
use self::replica::{Disconnect, ReplicaLinkActor};
use super::lifeline::{Child, ChildExited, Exit, Lifeline};
use super::persistence::PersistenceActor;
use super::shard::ShardActor;
use super::shard::messages::{AdvanceFailover, Migrated};
use crate::journal::Id;
use crate::moment::now_ms;
use crate::node::Node;
use crate::replication::{Failover, Upstream};

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;
/// How often the links are looked after.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often a failover that waits is looked at.
const FAILOVER_POLL: Duration = Duration::from_millis(10);
/// A sign of life in the stream.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
/// Every replica answers this with what it has.
const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

/// See the module.
pub struct ReplicationActor {
    node: Arc<Node>,
    shard: Addr<ShardActor>,
    persistence: Addr<PersistenceActor>,
    primary: Option<Addr<PrimaryLinkActor>>,
    replicas: BTreeMap<u64, Addr<ReplicaLinkActor>>,
    /// When the stream had its last sign of life, Unix time in milliseconds.
    pinged_ms: i64,
    /// Since when no replica is here, Unix time in milliseconds.
    alone_since_ms: i64,
    /// The offset after the last question for acknowledgements.
    asked: u64,
    idle: Idle,
    _lifeline: Lifeline,
}

impl ReplicationActor {
    /// A node without links.
    pub fn new(
        node: Arc<Node>,
        shard: Addr<ShardActor>,
        persistence: Addr<PersistenceActor>,
        lifeline: Lifeline,
    ) -> Self {
        let now_ms = now_ms();
        ReplicationActor {
            node,
            shard,
            persistence,
            primary: None,
            replicas: BTreeMap::new(),
            pinged_ms: now_ms,
            alone_since_ms: now_ms,
            asked: 0,
            idle: Idle::default(),
            _lifeline: lifeline,
        }
    }

    /// Ends the link to the primary that was, and begins the one to the primary that is.
    fn follow(&mut self, ctx: &mut Context<Self>) {
        if let Some(link) = self.primary.take() {
            link.do_send(Leave);
        }
        let upstream = self.node.replication.upstream().clone();
        let upstream = upstream.filter(|upstream| upstream.host != Upstream::UNKNOWN);
        let Some(upstream) = upstream else { return };
        info!(
            host = upstream.host,
            port = upstream.port,
            "Connecting to MASTER"
        );
        let lifeline = Lifeline::new(Child::PrimaryLink, ctx.address().recipient());
        let link = PrimaryLinkActor::new(
            self.node.clone(),
            self.shard.clone(),
            self.persistence.clone(),
            lifeline,
        );
        self.primary = Some(link.start());
    }

    fn append(&self, request: &[u8]) -> u64 {
        let offset = self.node.journal.append(request);
        self.node.call_writer();
        offset
    }

    fn ask(&mut self) {
        let is_primary = !self.node.replication.is_replica();
        if is_primary && self.node.replication.has_replicas() {
            self.asked = self.append(GETACK);
        }
    }

    fn watch_failover(&mut self, ctx: &mut Context<Self>) {
        if let Failover::Waiting(_) = self.node.replication.failover() {
            self.shard.do_send(AdvanceFailover);
            ctx.run_later(FAILOVER_POLL, |me, ctx| me.watch_failover(ctx));
        }
    }

    fn disconnect_replicas(&self) {
        for link in self.replicas.values() {
            link.do_send(Disconnect);
        }
    }

    fn heartbeat(&mut self) {
        self.idle.close_old();
        let (params, now_ms) = (self.node.params(), now_ms());
        if params.min_replicas_to_write > 0 {
            let replication = &self.node.replication;
            replication.count_good(params.min_replicas_max_lag, now_ms);
        }
        let has_replicas = self.node.replication.has_replicas();
        if has_replicas || !self.node.journal.is_on() {
            self.alone_since_ms = now_ms;
        }
        if self.node.replication.is_replica() || self.node.replication.is_failing_over() {
            return;
        }
        if has_replicas
            && now_ms - self.pinged_ms >= i64::from(params.repl_ping_replica_period) * 1000
        {
            self.pinged_ms = now_ms;
            self.append(PING);
        }
        let alone_ms = u64::try_from(now_ms - self.alone_since_ms).unwrap_or(0);
        let ttl_ms = params.repl_backlog_ttl.saturating_mul(1000);
        if ttl_ms == 0 || alone_ms <= ttl_ms {
            return;
        }
        self.node.replication.expect_nobody();
        if !params.appendonly {
            info!("the replication backlog is given up, no replica has come for long");
            let id = Id::new(self.node.seed ^ now_ms as u64);
            self.node.journal.turn_off(id);
        }
    }
}

impl Actor for ReplicationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.replicator.set(ctx.address());
        ctx.run_interval(HEARTBEAT, |me, _| me.heartbeat());
        self.follow(ctx);
    }
}

impl Handler<RoleChanged> for ReplicationActor {
    type Result = ();

    /// The replicas come back and learn the new id, or find that they need a copy.
    fn handle(&mut self, _: RoleChanged, ctx: &mut Context<Self>) {
        self.follow(ctx);
        if !self.node.replication.is_replica() {
            self.disconnect_replicas();
        }
    }
}

impl Handler<TermBegan> for ReplicationActor {
    type Result = ();

    fn handle(&mut self, _: TermBegan, _: &mut Context<Self>) {
        self.disconnect_replicas();
    }
}

impl Handler<AskForAcknowledgements> for ReplicationActor {
    type Result = ();

    /// One question at the end of the stream is enough for all who wait by then.
    fn handle(&mut self, _: AskForAcknowledgements, _: &mut Context<Self>) {
        if !self.node.replication.is_failing_over() {
            self.ask();
        }
    }
}

impl Handler<FailOver> for ReplicationActor {
    type Result = ();

    /// This question is the last word of the stream: whoever has heard it has everything.
    fn handle(&mut self, _: FailOver, ctx: &mut Context<Self>) {
        self.ask();
        self.watch_failover(ctx);
    }
}

impl Handler<Migrate> for ReplicationActor {
    type Result = ();

    fn handle(&mut self, order: Migrate, _: &mut Context<Self>) {
        let (idle, shard, ticket) = (self.idle.clone(), self.shard.clone(), order.ticket);
        actix_rt::spawn(async move {
            let moved = migration::migrate(idle, order).await;
            shard.do_send(Migrated { ticket, moved });
        });
    }
}

impl Handler<Attach> for ReplicationActor {
    type Result = ();

    fn handle(&mut self, attach: Attach, ctx: &mut Context<Self>) {
        let id = attach.identity.id;
        let lifeline = Lifeline::new(Child::ReplicaLink(id), ctx.address().recipient());
        let link = ReplicaLinkActor::open(attach, self.node.clone(), self.shard.clone(), lifeline);
        match link {
            Ok(link) => {
                self.replicas.insert(id, link);
            }
            Err(error) => error!(%error, "the connection of a replica cannot be used"),
        }
    }
}

impl Handler<ChildExited> for ReplicationActor {
    type Result = ();

    fn handle(&mut self, ChildExited { child, exit }: ChildExited, ctx: &mut Context<Self>) {
        if exit == Exit::Panicked {
            error!(?child, "a link has panicked");
        }
        match child {
            Child::ReplicaLink(id) => {
                self.replicas.remove(&id);
                self.node.replication.remove(id);
            }
            Child::PrimaryLink if exit == Exit::Panicked => {
                // It may have left the data half copied.
                self.follow(ctx);
            }
            _ => {}
        }
    }
}
