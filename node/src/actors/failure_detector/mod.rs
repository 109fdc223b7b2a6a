//! Who is there: heartbeats to other nodes, leases, and who is to follow a primary that is gone. Started by `ConfigActor` beside
//! itself, on an arbiter that runs no commands: a slow command is no failure. Keeps the time for
//! [`Failover`], which decides; what it decides `ConfigActor` carries out.
//!
//! ```text
//!   ConfigActor ── Reconfigured, Heard, Linked, HandOver ──▶ Failover ── Say, Propose, Judged, HandedOver ──▶ ConfigActor
//!   the node's replication ── how its data stands ──▶            └── PauseWrites, ResumeWrites ──▶ ShardActor
//!                                                                └── authority ──▶ Cluster, which shards look at
//!   NodeActor ── Depart ──▶ ConfigActor ── Depart ──▶ Failover ── HasDeparted ──▶ NodeActor
//! ```

pub mod messages;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Recipient};
use almandine_cluster::failover::{
    Authority, Departed, Effect, Event, Failover, Message, Now, Own, Settings, Standpoint, Step,
    Stream, TwoNodePolicy,
};
use almandine_cluster::id::NodeId;
use almandine_cluster::topology::{AckMode, Address, Shard, Topology};
use tracing::info;

use self::messages::{
    Abort, Configure, Depart, Forced, HandOver, Heard, Linked, Reconfigured, WritesPaused, position,
};
use super::config::ConfigActor;
use super::config::messages::{HandedOver, Judged, Propose, Say};
use super::lifeline::Lifeline;
use super::node::messages::HasDeparted;
use super::shard::messages::{PauseWrites, ResumeWrites};
use crate::moment::now_ms;
use crate::node::Node;
use crate::replication::{LinkState, Upstream};

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(25);

/// See the module.
pub struct FailureDetectorActor {
    node: Arc<Node>,
    config: Addr<ConfigActor>,
    /// Once it is started.
    me: Option<Addr<Self>>,
    failover: Option<Failover>,
    myself: Option<NodeId>,
    standpoint: Option<Standpoint>,
    own: Option<Own>,
    /// The epoch of the shard when the primary took over whose stream this node has.
    term: u64,
    authority: Authority,
    /// Who waits to hear that somebody else leads.
    departing: Option<(u64, Recipient<HasDeparted>)>,
    _lifeline: Lifeline,
}

impl FailureDetectorActor {
    /// Tells `config` what it finds.
    pub fn new(node: Arc<Node>, config: Addr<ConfigActor>, lifeline: Lifeline) -> Self {
        FailureDetectorActor {
            node,
            config,
            me: None,
            failover: None,
            myself: None,
            standpoint: None,
            own: None,
            term: 0,
            authority: Authority::No(almandine_cluster::failover::Reason::NotPrimary),
            departing: None,
            _lifeline: lifeline,
        }
    }

    fn now(&self) -> Now {
        Now {
            ms: self.node.uptime_ms(),
            unix_ms: u64::try_from(now_ms()).unwrap_or(0),
        }
    }

    fn settings(&self) -> Settings {
        let params = self.node.params();
        Settings {
            node_timeout_ms: params.cluster_node_timeout,
            two_node_policy: match params.two_node_policy {
                "consistent" => TwoNodePolicy::Consistent,
                _ => TwoNodePolicy::PrimarySurvives,
            },
            ack_mode: match params.ack_mode {
                "durable" => AckMode::Durable,
                _ => AckMode::Async,
            },
            min_insync: params.min_insync as usize,
            isr_timeout_ms: params.isr_timeout,
            migration_barrier: params
                .cluster_allow_replica_migration
                .then_some(params.cluster_migration_barrier),
        }
    }

    fn handle_event(&mut self, event: Event) {
        let now = self.now();
        let Some(failover) = &mut self.failover else {
            return;
        };
        let effects = failover.handle(now, event);
        if failover.has_all_there_is()
            && let Some(cluster) = &self.node.cluster
        {
            cluster.set_whole(true);
        }
        for effect in effects {
            self.carry_out(effect, now);
        }
    }

    fn carry_out(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Send { to, message } => self.config.do_send(Say { to, message }),
            Effect::Verdicts(verdicts) => {
                for (node, verdict) in &verdicts {
                    info!(%node, ?verdict, "What is thought of a node");
                }
                self.tell_peers();
                self.config.do_send(Judged);
            }
            Effect::Authority(authority) => self.tell_authority(authority),
            Effect::GiveUp => {
                self.node.journal.end_reign();
                self.node.gates.tell();
            }
            Effect::Await(replicas) => self.await_replicas(replicas),
            Effect::Propose(change) => self.config.do_send(Propose(change)),
            Effect::Step(step) => {
                let Step {
                    stage,
                    shard,
                    epoch,
                    node,
                    reason,
                } = step;
                info!(?stage, %shard, epoch, %node, reason, "Failover");
            }
            Effect::Succeeded { shard, succession } => {
                if let Some(cluster) = &self.node.cluster {
                    cluster.heard().successions.insert(shard, succession);
                }
            }
            Effect::PauseWrites { round, until_ms } => {
                let left = i64::try_from(until_ms.saturating_sub(now.ms)).unwrap_or(i64::MAX);
                let until_ms = now_ms().saturating_add(left);
                if let Some(me) = &self.me {
                    let tell = me.clone().recipient();
                    self.config.do_send(PauseWrites {
                        round,
                        until_ms,
                        tell,
                    });
                }
            }
            Effect::ResumeWrites => self.config.do_send(ResumeWrites),
            Effect::Departed(departed) => self.tell_departed(departed),
            Effect::Answer { client, outcome } => {
                self.config.do_send(HandedOver { client, outcome });
            }
        }
    }

    /// Whether the node may act as a primary is seen by shards at once; `ConfigActor` hears when that begins or ends.
    fn tell_authority(&mut self, authority: Authority) {
        if let Some(cluster) = &self.node.cluster {
            cluster.set_lease(match authority {
                Authority::Until(ms) => ms,
                Authority::No(_) => 0,
            });
        }
        let kind = |authority: Authority| match authority {
            Authority::Until(_) => None,
            Authority::No(reason) => Some(reason),
        };
        let (before, after) = (kind(self.authority), kind(authority));
        self.authority = authority;
        if before != after {
            info!(?authority, "Whether the node may act as a primary");
            self.config.do_send(Judged);
        }
    }

    /// Replies wait for these from now on: who may succeed this primary.
    fn await_replicas(&self, replicas: BTreeSet<NodeId>) {
        let names: Vec<String> = replicas.iter().map(|node| node.to_hex()).collect();
        info!(replicas = names.join(" "), "Whom acknowledgements wait for");
        let node = &self.node;
        node.replication.await_replicas(replicas, &node.journal);
        node.gates.tell();
    }

    /// How far the replicas of this primary are.
    fn look_at_stream(&mut self) {
        if self.leads() {
            let node = &self.node;
            // First they: nobody is to seem to have more than there is.
            let replicas = node.replication.confirmed();
            let offset = node.journal.offset();
            self.handle_event(Event::Streamed(Stream { offset, replicas }));
        }
    }

    fn tell_departed(&mut self, departed: Departed) {
        if let Some((number, tell)) = self.departing.take() {
            tell.do_send(HasDeparted { number, departed });
        }
    }

    fn tell_peers(&self) {
        let (Some(failover), Some(cluster)) = (&self.failover, &self.node.cluster) else {
            return;
        };
        let hears_majority = failover.hears_majority();
        let mut heard = cluster.heard();
        for (node, peer) in failover.peers() {
            heard.peers.insert(node, peer);
        }
        heard.hand_over_state = failover.hand_over_state();
        if std::mem::replace(&mut heard.hears_majority, hears_majority) != hears_majority {
            self.config.do_send(Judged);
        }
    }

    fn tick(&mut self) {
        self.look_at_own();
        self.handle_event(Event::Tick);
        self.look_at_stream();
        self.tell_peers();
    }

    fn leads(&self) -> bool {
        let standpoint = self.standpoint.as_ref().zip(self.myself);
        standpoint.is_some_and(|(standpoint, myself)| standpoint.topology.leads(myself))
    }

    /// The shard that this node is in, in the topology that says so.
    fn own_shard(&self) -> Option<(&Shard, &Topology)> {
        let topology = &self.standpoint.as_ref()?.topology;
        let shard = topology.member(self.myself?)?.shard;
        Some((topology.shards().get(&shard)?, topology))
    }

    /// Whether it is the stream of whom the log names: that of the primary before it may flow for a moment longer.
    fn names_as_primary(&self, upstream: &Upstream) -> bool {
        let own = self.own_shard();
        let primary = own.and_then(|(shard, topology)| topology.member(shard.primary));
        primary.is_some_and(|primary| {
            let Address { ip, port, .. } = &primary.address;
            *port == upstream.port && ip.is_some_and(|ip| ip.to_string() == upstream.host)
        })
    }

    /// How the node's data stands, if it has read its files.
    fn look_at_own(&mut self) {
        let Some(cluster) = &self.node.cluster else {
            return;
        };
        let Some(is_whole) = cluster.is_whole() else {
            return;
        };
        let replication = &self.node.replication;
        let is_linked = replication.upstream().as_ref().is_some_and(|upstream| {
            upstream.state == LinkState::Connected && self.names_as_primary(upstream)
        });
        let leads = !replication.is_replica() && self.leads();
        if is_linked || leads {
            self.term = self.own_shard().map_or(self.term, |(shard, _)| shard.epoch);
        }
        let params = self.node.params();
        let priority = match params.cluster_replica_no_failover {
            true => 0,
            false => params.replica_priority,
        };
        let own = Own {
            position: position(self.term, self.node.journal.offset()),
            is_linked,
            is_whole,
            priority,
        };
        if self.own != Some(own) {
            self.own = Some(own);
            self.handle_event(Event::Own(own));
        }
    }
}

impl Actor for FailureDetectorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.me = Some(ctx.address());
        ctx.run_interval(TICK, |me, _| me.tick());
    }
}

impl Handler<Reconfigured> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, reconfigured: Reconfigured, _: &mut Context<Self>) {
        let Reconfigured {
            myself,
            start,
            standpoint,
        } = reconfigured;
        if self.myself != Some(myself) {
            self.myself = Some(myself);
            self.own = None;
            let (settings, now) = (self.settings(), self.now());
            // It has a new name, and nobody to wait for.
            self.await_replicas(BTreeSet::new());
            self.failover = Some(Failover::new(myself, start, settings, now));
        }
        self.standpoint = Some(standpoint.clone());
        // Whoever is named as the primary may be throwing away what it has at this moment.
        self.look_at_own();
        self.handle_event(Event::Changed(standpoint));
    }
}

impl Handler<Heard> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, Heard { from, message }: Heard, _: &mut Context<Self>) {
        let message = *message;
        if matches!(message, Message::HandOver(_)) {
            // Whether it has all that the other one names is a matter of this moment, and so is what it throws away.
            self.look_at_own();
        }
        self.handle_event(Event::Received { from, message });
    }
}

impl Handler<Linked> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, Linked { node, is_up }: Linked, _: &mut Context<Self>) {
        self.handle_event(match is_up {
            true => Event::LinkUp { node },
            false => Event::LinkLost { node },
        });
    }
}

impl Handler<HandOver> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, HandOver { client }: HandOver, _: &mut Context<Self>) {
        self.look_at_own();
        self.handle_event(Event::Wish { client });
    }
}

impl Handler<Forced> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, Forced { is_takeover }: Forced, _: &mut Context<Self>) {
        self.handle_event(Event::Forced { is_takeover });
    }
}

impl Handler<Abort> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, Abort { client }: Abort, _: &mut Context<Self>) {
        self.handle_event(Event::Abort { client });
    }
}

impl Handler<Depart> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, order: Depart, _: &mut Context<Self>) {
        match order {
            Depart::Begin {
                number,
                patience_ms,
                tell,
            } => {
                self.departing = Some((number, tell));
                match self.failover {
                    Some(_) => self.handle_event(Event::Depart { patience_ms }),
                    None => self.tell_departed(Departed::Idle),
                }
            }
            Depart::GiveUp => {
                self.departing = None;
                self.handle_event(Event::Stay);
            }
        }
    }
}

impl Handler<WritesPaused> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, WritesPaused { round, offset }: WritesPaused, _: &mut Context<Self>) {
        // It may have begun to lead after the last look.
        self.look_at_own();
        let position = position(self.term, offset);
        self.handle_event(Event::Paused { round, position });
    }
}

impl Handler<Configure> for FailureDetectorActor {
    type Result = ();

    fn handle(&mut self, _: Configure, _: &mut Context<Self>) {
        self.handle_event(Event::Configure(self.settings()));
    }
}
