//! What the node is: its parameters, and its part in a cluster. Started by `NodeActor` on an arbiter of its own, which runs no
//! commands; carries out what a change of parameters means outside of the shards, which read the published parameters at
//! every batch.
//!
//! ```text
//!   messages.rs ──▶ mod.rs ──▶ conduct.rs   runs the machine of the cluster and does what it says
//!                                 │     └── watching.rs    what passes between it and the failure detector
//!                                 ├── membership.rs   what it begins with
//!                                 ├── wishes.rs       what clients want of it
//!                                 ├── links.rs        to whom there are links
//!                                 └── picture.rs      what all threads see of it
//! ```
//!
//! Architecture invariant: the role of the node changes only by the messages that conduct.rs sends to the shard.

mod conduct;
mod links;
pub mod membership;
pub mod messages;
mod picture;
mod seeds;
mod wishes;

use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, AsyncContext, Context, Handler, Recipient};

use self::conduct::{Conduct, TICK};
use self::membership::Membership;
use self::messages::{
    Broadcast, HandedOver, Judged, ParametersChanged, Propose, Say, SeedsFound, ShardRecovered,
    Wish,
};
use super::bus::messages::BusReport;
use super::bus::{BusActor, BusSettings};
use super::failure_detector::FailureDetectorActor;
use super::failure_detector::messages::Depart;
use super::lifeline::{Child, ChildExited, Lifeline};
use super::persistence::messages::FileOrder;
use super::shard::messages::{PauseWrites, ResumeWrites};
use super::vault::VaultActor;
use super::vault::messages::Persisted;
use crate::node::Node;
use crate::params::{Effect, Params};

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;

/// See the module.
pub struct ConfigActor {
    node: Arc<Node>,
    /// Until it is started.
    membership: Option<Membership>,
    conduct: Option<Conduct>,
    vault: Option<Arbiter>,
    parent: Recipient<ChildExited>,
    _lifeline: Lifeline,
}

impl ConfigActor {
    /// Watches over the parameters of `node`, and over its part in the cluster if it has one.
    pub fn new(
        node: Arc<Node>,
        membership: Option<Membership>,
        parent: Recipient<ChildExited>,
    ) -> Self {
        ConfigActor {
            node,
            membership,
            conduct: None,
            vault: None,
            _lifeline: Lifeline::new(Child::Config, parent.clone()),
            parent,
        }
    }

    fn enter(&self, dir: &str) {
        if let Err(error) = std::env::set_current_dir(dir) {
            tracing::warn!(%error, dir, "the working directory cannot be entered");
        }
    }

    /// The disk has a thread of its own; the links share this one.
    fn take_part(&mut self, membership: Membership, ctx: &mut Context<Self>) {
        let Membership {
            vault,
            machine,
            effects,
            sockets,
        } = membership;
        let me = ctx.address();
        let arbiter = Arbiter::new();
        let tell = me.clone().recipient::<Persisted>();
        let lifeline = Lifeline::new(Child::Vault, self.parent.clone());
        let vault = VaultActor::start_in_arbiter(&arbiter.handle(), move |_| {
            VaultActor::new(vault, tell, lifeline)
        });
        self.vault = Some(arbiter);
        let bus = BusActor::new(
            self.bus_settings(&machine),
            sockets,
            self.node
                .cluster
                .as_ref()
                .map(|cluster| cluster.bus.clone())
                .unwrap_or_default(),
            me.clone().recipient::<BusReport>(),
            Lifeline::new(Child::Bus, self.parent.clone()),
        );
        let lifeline = Lifeline::new(Child::FailureDetector, self.parent.clone());
        let detector = FailureDetectorActor::new(self.node.clone(), me.clone(), lifeline);
        let mut conduct = Conduct::new(
            self.node.clone(),
            machine,
            vault,
            bus.start(),
            detector.start(),
        );
        conduct.begin(effects);
        self.conduct = Some(conduct);
        ctx.run_interval(TICK, |me, _| me.with_conduct(Conduct::tick));
        ctx.run_interval(seeds::AGAIN, |me, ctx| me.look_for_others(ctx.address()));
        self.look_for_others(ctx.address());
    }

    fn bus_settings(&self, machine: &almandine_cluster::machine::Machine) -> BusSettings {
        let params = self.node.params();
        let identity = machine.identity();
        BusSettings {
            source: params.bind_source_addr.clone(),
            ..BusSettings::new(
                identity.node.bytes(),
                identity.cluster.bytes(),
                params.cluster_secret.as_bytes().to_vec(),
            )
        }
    }

    fn with_conduct(&mut self, work: impl FnOnce(&mut Conduct)) {
        if let Some(conduct) = &mut self.conduct {
            work(conduct);
        }
    }

    fn look_for_others(&self, me: Addr<Self>) {
        let seeds = self.node.params().cluster_seeds.clone();
        if seeds.is_empty() || !self.conduct.as_ref().is_some_and(Conduct::is_alone) {
            return;
        }
        actix_rt::spawn(async move { me.do_send(SeedsFound(seeds::resolve(seeds).await)) });
    }
}

/// Tools set parameters that do nothing here; the operator shall know.
fn warn_if_inert(name: &str) {
    if let Some((param, _)) = Params::find(name.as_bytes())
        && let Effect::Inert(why) = param.effect
    {
        tracing::warn!("'{name}' has no effect: {why}");
    }
}

impl Actor for ConfigActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.config.set(ctx.address().recipient());
        if let Some(membership) = self.membership.take() {
            self.take_part(membership, ctx);
        }
    }
}

impl Handler<ParametersChanged> for ConfigActor {
    type Result = ();

    fn handle(&mut self, ParametersChanged(names): ParametersChanged, _: &mut Context<Self>) {
        tracing::info!(parameters = names.join(" "), "parameters changed");
        let params = self.node.params();
        for name in &names {
            match name.as_str() {
                "loglevel" => (self.node.origin.set_log_level)(params.loglevel),
                "dir" => self.enter(&params.dir),
                "repl-backlog-size" | "client-output-buffer-limit" => {
                    self.node.journal.resize(params.journal_bounds());
                }
                name => warn_if_inert(name),
            }
        }
        self.with_conduct(Conduct::reconfigure);
        // Files may begin, end, or be made durable in another way.
        if let Some(files) = self.node.files.get() {
            files.do_send(FileOrder::Reconfigure);
        }
    }
}

impl Handler<ShardRecovered> for ConfigActor {
    type Result = ();

    fn handle(&mut self, ShardRecovered(shard): ShardRecovered, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.meet_shard(shard));
    }
}

impl Handler<Wish> for ConfigActor {
    type Result = ();

    fn handle(&mut self, wish: Wish, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.wish(wish));
    }
}

impl Handler<Persisted> for ConfigActor {
    type Result = ();

    fn handle(&mut self, Persisted { number }: Persisted, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.persisted(number));
    }
}

impl Handler<BusReport> for ConfigActor {
    type Result = ();

    fn handle(&mut self, report: BusReport, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.hear(report));
    }
}

impl Handler<SeedsFound> for ConfigActor {
    type Result = ();

    fn handle(&mut self, SeedsFound(seeds): SeedsFound, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.meet_seeds(seeds));
    }
}

impl Handler<Say> for ConfigActor {
    type Result = ();

    fn handle(&mut self, say: Say, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.say(say));
    }
}

impl Handler<Propose> for ConfigActor {
    type Result = ();

    fn handle(&mut self, Propose(change): Propose, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.propose(change));
    }
}

impl Handler<Judged> for ConfigActor {
    type Result = ();

    fn handle(&mut self, _: Judged, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.judged());
    }
}

impl Handler<HandedOver> for ConfigActor {
    type Result = ();

    fn handle(&mut self, outcome: HandedOver, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.handed_over(outcome));
    }
}

impl Handler<PauseWrites> for ConfigActor {
    type Result = ();

    fn handle(&mut self, pause: PauseWrites, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.pause_writes(pause));
    }
}

impl Handler<ResumeWrites> for ConfigActor {
    type Result = ();

    fn handle(&mut self, _: ResumeWrites, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.resume_writes());
    }
}

impl Handler<Depart> for ConfigActor {
    type Result = ();

    fn handle(&mut self, order: Depart, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.depart(order));
    }
}

impl Handler<Broadcast> for ConfigActor {
    type Result = ();

    fn handle(&mut self, Broadcast(publish): Broadcast, _: &mut Context<Self>) {
        self.with_conduct(|conduct| conduct.broadcast(&publish));
    }
}
