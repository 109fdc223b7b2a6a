//! The role changes: the node follows another one, leads, or hands its place over. What REPLICAOF and FAILOVER do, and what
//! a failover does by itself once its time has come.

use almandine_protocol::Reply;
use almandine_storage::{Databases, Rng};
use tracing::info;

use super::{Blocked, Outgoing, Shard};
use crate::actors::replication::messages::RoleChanged;
use crate::commands::{Call, Changes};
use crate::journal::Id;
use crate::node::Node;
use crate::params::Params;
use crate::pause::{FOR_EVER_MS, Purpose, Whom};
use crate::replication::{Failover, Plan, Step, Upstream};
use crate::session::Replies;
use crate::stats::Stats;

/// What a change of the role touches.
pub(crate) struct RoleChange<'a> {
    node: &'a Node,
    dbs: &'a mut Databases,
    changes: &'a mut Changes,
    blocked: &'a mut Blocked,
    outgoing: &'a mut Outgoing,
    stats: &'a mut Stats,
    rng: &'a mut Rng,
    now_ms: i64,
}

impl Shard {
    /// Hands the place over, or gives that up, if it is time to.
    pub fn advance_failover(&mut self) {
        let replication = &self.node.replication;
        let Failover::Waiting(plan) = replication.failover() else {
            return;
        };
        let offset = self.node.journal.offset();
        match plan.step(&replication.replicas(), offset, self.now_ms) {
            Step::Wait => {}
            // What they remove in the end must be in the stream.
            Step::HandOver(..) if !self.migrations.is_empty() => {}
            Step::HandOver(host, port) => self.role_change().hand_over(host, port),
            Step::GiveUp => self
                .role_change()
                .abort_failover("Replica never caught up before timeout"),
        }
    }

    /// The replica that was asked to lead does so, or refuses.
    pub fn end_failover(&mut self, leads: bool) {
        match leads {
            true => drop(self.role_change().clear_failover()),
            false => self
                .role_change()
                .abort_failover("Failover target rejected psync request"),
        }
    }

    /// By a decision of the cluster.
    pub fn become_primary(&mut self) {
        self.await_no_copy();
        self.role_change().lead();
    }

    /// By a decision of the cluster.
    pub fn follow_primary(&mut self, host: &str, port: u16) {
        let is_known = {
            let upstream = self.node.replication.upstream();
            upstream
                .as_ref()
                .is_some_and(|known| known.host == host && known.port == port)
        };
        if !is_known {
            self.await_no_copy();
            self.role_change().follow(host, port);
        }
    }

    /// Clients begin no write until then. False: keys are on their way to another server still, which will remove them.
    pub fn pause_writes(&mut self, until_ms: i64) -> bool {
        let pause = &self.node.pause;
        pause.begin(Purpose::Failover, until_ms, Whom::Writers, self.now_ms);
        self.migrations.is_empty()
    }

    /// A replica, of a primary that is not known yet.
    pub fn stand_by(&mut self) {
        self.await_no_copy();
        self.role_change().follow(Upstream::UNKNOWN, 0);
    }

    fn role_change(&mut self) -> RoleChange<'_> {
        RoleChange {
            node: &self.node,
            dbs: &mut self.dbs,
            changes: &mut self.changes,
            blocked: &mut self.blocked,
            outgoing: &mut self.outgoing,
            stats: &mut self.stats,
            rng: &mut self.rng,
            now_ms: self.now_ms,
        }
    }
}

impl<'a> RoleChange<'a> {
    /// On behalf of a client.
    pub(crate) fn of(call: &'a mut Call<'_>) -> Self {
        RoleChange {
            node: call.node,
            dbs: call.dbs,
            changes: call.changes,
            blocked: call.blocked,
            outgoing: call.outgoing,
            stats: call.stats,
            rng: call.rng,
            now_ms: call.now_ms,
        }
    }

    /// The node is a replica from now on. Clients that wait in a blocking command wait for what only a primary can give them.
    pub(crate) fn follow(&mut self, host: &str, port: u16) {
        if !self.node.replication.is_replica() {
            self.release_blocked();
        }
        self.node.replication.follow(host, port, self.now_ms);
        self.tell(Some((host.to_owned(), port)));
    }

    /// The node is a primary from now on: a new term of the stream begins.
    pub(crate) fn lead(&mut self) {
        if !self.node.replication.lead() {
            return;
        }
        self.node.journal.begin_term(Id::new(self.rng.bits()));
        if self.node.journal.is_on() {
            // What follows in this very batch is ours to journal already.
            self.changes.effects.get_or_insert_default();
        }
        self.tell(None);
    }

    /// Writes wait until a replica has everything.
    pub(crate) fn begin_failover(&mut self, plan: Plan) {
        info!(?plan, "FAILOVER requested");
        self.node.replication.set_failover(Failover::Waiting(plan));
        let pause = &self.node.pause;
        pause.begin(Purpose::Failover, FOR_EVER_MS, Whom::Writers, self.now_ms);
    }

    fn hand_over(&mut self, host: String, port: u16) {
        info!(host, port, "Failover target is synced, failing over");
        let in_progress = Failover::InProgress(host.clone(), port);
        self.node.replication.set_failover(in_progress);
        self.follow(&host, port);
    }

    fn clear_failover(&mut self) -> Failover {
        let failover = self.node.replication.set_failover(Failover::None);
        self.node.pause.end(Purpose::Failover);
        failover
    }

    /// It has come to nothing: the node leads, as before.
    pub(crate) fn abort_failover(&mut self, reason: &str) {
        let failover = self.clear_failover();
        let state = failover.name();
        info!(state, reason, "Failover aborted");
        if let Failover::InProgress(..) = failover {
            self.lead();
        }
    }

    /// CONFIG GET and CONFIG REWRITE know of it, the files do, and the links follow.
    fn tell(&mut self, replicaof: Option<(String, u16)>) {
        self.node.call_writer();
        // In a cluster it is no parameter: the cluster says it again at the next start.
        if self.node.cluster.is_none() {
            self.node.publish(Params {
                replicaof,
                ..Params::clone(&self.node.params())
            });
        }
        if let Some(replicator) = self.node.replicator.get() {
            replicator.do_send(RoleChanged);
        }
    }

    fn release_blocked(&mut self) {
        const REASON: &[u8] = b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
        for client in self.blocked.who_wait_for_data() {
            let Some(waiter) = self.blocked.remove(client) else {
                continue;
            };
            waiter.stop_waiting(self.dbs);
            let mut answer = Vec::new();
            if matches!(waiter.session.replies, Replies::On) {
                Reply::new(&mut answer, waiter.session.version).error(REASON);
            }
            waiter.book(self.stats, answer.len(), Some("UNBLOCKED"), self.now_ms);
            self.outgoing.send_off(&waiter.session.client, answer);
        }
        self.node
            .replication
            .set_waiting(self.blocked.acknowledgement_count());
    }
}
