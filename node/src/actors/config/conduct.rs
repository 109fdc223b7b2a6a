//! The node's part in its cluster, carried out: events go into the machine, its effects are done in their order.
//!
//! ```text
//!   ticks, wishes, frames of the bus ──▶ Machine ──▶ Persist ──▶ VaultActor ── Persisted ──┐
//!                                           ▲                                              │
//!                                           └──────────────────────────────────────────────┘
//!                                        effects: Send, Dial ──▶ BusActor
//!                                                 Changed ──▶ picture, links, BecomePrimary / FollowPrimary
//!                                                 Answer ──▶ Decided
//! ```

mod watching;

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use almandine_cluster::frame::{Body, Frame, Publish};
use almandine_cluster::id::{ClusterId, NodeId};
use almandine_cluster::machine::{Effect, Event, Machine, TICK_MS, Voters};
use almandine_cluster::record::Generation;
use almandine_cluster::topology::{Kind as NodeKind, Role, Topology};
use almandine_cluster::view::{Direction, Link};
use tracing::{debug, error, info, warn};

use super::links::Links;
use super::membership;
use super::messages::Wish;
use super::picture;
use super::wishes::{Told, Wishes};
use crate::actors::bus::BusActor;
use crate::actors::bus::codec::Kind;
use crate::actors::bus::messages::{BecomeNode, BusReport, JoinCluster, Parcel};
use crate::actors::failure_detector::FailureDetectorActor;
use crate::actors::failure_detector::messages::{Configure, Heard, Linked};
use crate::actors::shard::ShardActor;
use crate::actors::shard::messages::{BecomePrimary, Decided, FollowPrimary, Published, StandBy};
use crate::actors::vault::VaultActor;
use crate::actors::vault::messages::{Commit, Export};
use crate::cluster::Cluster;
use crate::moment::now_ms;
use crate::node::Node;
use crate::pause::{Purpose, Whom};

/// How long one [`Event::Tick`] stands for.
pub(super) const TICK: Duration = Duration::from_millis(TICK_MS);
/// How long clients of a new primary wait for it at most.
const ACCESSION_MS: i64 = 1000;
/// Ticks that are caught up with: a process that stood still for longer has not lived through that time.
const CATCH_UP: u32 = 4;

/// See the module.
pub(super) struct Conduct {
    node: Arc<Node>,
    machine: Machine,
    vault: Addr<VaultActor>,
    detector: Addr<FailureDetectorActor>,
    links: Links,
    wishes: Wishes,
    /// Once it has read its files.
    shard: Option<Addr<ShardActor>>,
    /// What the shard was told last.
    part: Option<Part>,
    deciders: Option<Deciders>,
    /// Whom the failure detector does not hear.
    silent: BTreeSet<NodeId>,
    myself: NodeId,
    cluster: ClusterId,
    /// The machine's, for all who look at it.
    topology: Arc<Topology>,
    /// The topology that the copy for people shows.
    exported: Option<Arc<Topology>>,
    ticked: Instant,
}

/// Whose word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deciders {
    generation: Generation,
    leader: Option<NodeId>,
    voters: Vec<NodeId>,
}

/// What the shard is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Primary {
        epoch: u64,
    },
    Replica(FollowPrimary),
    /// Nobody knows yet.
    Undecided,
}

impl Conduct {
    pub(super) fn new(
        node: Arc<Node>,
        machine: Machine,
        vault: Addr<VaultActor>,
        bus: Addr<BusActor>,
        detector: Addr<FailureDetectorActor>,
    ) -> Self {
        Conduct {
            myself: machine.identity().node,
            cluster: machine.identity().cluster,
            topology: Arc::new(machine.topology().clone()),
            links: Links::new(bus),
            node,
            machine,
            vault,
            detector,
            wishes: Wishes::default(),
            shard: None,
            part: None,
            deciders: None,
            silent: BTreeSet::new(),
            exported: None,
            ticked: Instant::now(),
        }
    }

    /// Nothing here happens without a cluster.
    fn shared(&self) -> Option<&Cluster> {
        self.node.cluster.as_ref()
    }

    /// The shard has read its files: from now on it is told what it is.
    pub(super) fn meet_shard(&mut self, shard: Addr<ShardActor>) {
        self.shard = Some(shard);
        self.tell_part();
    }

    pub(super) fn tick(&mut self) {
        let due = self.ticked.elapsed().as_millis() / TICK.as_millis();
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        match due > CATCH_UP {
            true => self.ticked = Instant::now(),
            false => self.ticked += TICK * due,
        }
        for _ in 0..due.min(CATCH_UP) {
            self.handle(Event::Tick);
        }
        if due > 0 {
            let holds_keys = self.shared().is_some_and(Cluster::holds_keys);
            self.handle(Event::HoldsKeys(holds_keys));
            self.links.tidy();
        }
    }

    /// Whether this node has nobody, and waits for nobody.
    pub(super) fn is_alone(&self) -> bool {
        let is_joining = self.machine.identity().joining.is_some();
        self.machine.topology().members().len() == 1 && !is_joining
    }

    /// Somebody may be there.
    pub(super) fn meet_seeds(&mut self, seeds: Vec<(IpAddr, u16)>) {
        for (ip, bus_port) in seeds {
            let client = self.wishes.own();
            self.handle(Event::Meet {
                client,
                ip,
                bus_port,
            });
        }
    }

    pub(super) fn wish(&mut self, wish: Wish) {
        match self.wishes.begin(wish) {
            Ok(Told::Machine(event)) => self.handle(*event),
            Ok(Told::FailOver { client, force }) => self.fail_over(client, force),
            Ok(Told::AbortFailover { client }) => self.abort_failover(client),
            Err(decided) => self.tell(decided),
        }
    }

    /// A client of this node has published something. The replicas of a primary have it from its stream.
    pub(super) fn broadcast(&mut self, publish: &Publish) {
        let topology = self.machine.topology();
        let myself = self.machine.identity().node;
        let own_shard = topology.member(myself).map(|member| member.shard);
        let leads = topology.leads(myself);
        let body = Body::Publish(publish.clone());
        let hears = topology.members().iter().filter(|(node, member)| {
            let is_sibling = own_shard == Some(member.shard);
            let is_meant = match publish.is_shard {
                true => is_sibling && !leads,
                false => !(is_sibling && leads),
            };
            **node != myself && member.kind == NodeKind::Data && is_meant
        });
        let parcel = parcel(&self.machine.frame(body.clone()));
        for (&to, member) in hears {
            self.count(&body, true);
            let address = Some(&member.address);
            self.links.send(to, address, parcel.clone());
        }
    }

    pub(super) fn persisted(&mut self, number: u64) {
        self.handle(Event::Persisted { number });
    }

    pub(super) fn reconfigure(&mut self) {
        let params = self.node.params();
        self.handle(Event::Readdressed(membership::address(&params)));
        self.detector.do_send(Configure);
        self.publish();
    }

    pub(super) fn hear(&mut self, report: BusReport) {
        match report {
            BusReport::LinkUp {
                peer,
                address,
                is_dialled,
            } => {
                let peer = NodeId::new(peer);
                self.links.up(peer, address.ip());
                self.note_link(peer, Some(is_dialled));
                self.detector.do_send(Linked {
                    node: peer,
                    is_up: true,
                });
            }
            BusReport::LinkLost { peer } => {
                let peer = NodeId::new(peer);
                self.links.lost(peer);
                self.note_link(peer, None);
                self.detector.do_send(Linked {
                    node: peer,
                    is_up: false,
                });
                self.handle(Event::LinkLost { node: peer });
            }
            BusReport::Met { peer, address } => self.links.met(NodeId::new(peer), &address),
            BusReport::Unreachable { address, reason } => {
                debug!(address, reason, "nobody is met there");
                self.links.unreachable(&address);
            }
            BusReport::Received { peer, body, .. } => self.receive(NodeId::new(peer), &body),
        }
    }

    /// Who asks this node sees it. None = the link is gone, else whether we have made it.
    fn note_link(&self, peer: NodeId, is_dialled: Option<bool>) {
        let Some(cluster) = self.shared() else {
            return;
        };
        let mut heard = cluster.heard();
        heard.peers.entry(peer).or_default().is_connected = is_dialled.is_some();
        heard.links.retain(|link| link.node != peer);
        heard.links.extend(is_dialled.map(|is_dialled| Link {
            direction: match is_dialled {
                true => Direction::To,
                false => Direction::From,
            },
            node: peer,
            created_ms: u64::try_from(now_ms()).unwrap_or(0),
            is_writing: false,
            buffer_bytes: 0,
            waiting_bytes: 0,
        }));
    }

    /// CLUSTER INFO counts what has come and gone, by kind.
    fn count(&self, body: &Body, is_sent: bool) {
        if let Some(cluster) = self.shared() {
            let mut heard = cluster.heard();
            let traffic = &mut heard.traffic;
            let counts = match is_sent {
                true => &mut traffic.sent,
                false => &mut traffic.received,
            };
            let name = body.name();
            match counts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
    }

    fn receive(&mut self, peer: NodeId, bytes: &[u8]) {
        match Frame::from_bytes(bytes) {
            Ok(frame) if frame.from == peer => {
                let seen = self.links.address_of(peer);
                self.count(&frame.body, false);
                let identity = self.machine.identity();
                let is_ours =
                    (frame.cluster, frame.generation) == (identity.cluster, identity.generation);
                match frame.body {
                    Body::Failover(message) if is_ours => {
                        let from = frame.from;
                        self.detector.do_send(Heard { from, message });
                    }
                    Body::Publish(publish) if is_ours => {
                        if let Some(shard) = &self.shard {
                            shard.do_send(Published(publish));
                        }
                    }
                    _ => self.handle(Event::Received { frame, seen }),
                }
            }
            Ok(frame) => {
                warn!(%peer, from = %frame.from, "a frame under another node's name is dropped")
            }
            Err(reason) => warn!(%peer, reason, "a frame that cannot be read is dropped"),
        }
    }

    /// Does what the machine wants, and what follows from that.
    fn handle(&mut self, event: Event) {
        let effects = self.machine.handle(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        let mut has_changed = false;
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Persist { number, writes } => self.vault.do_send(Commit {
                    number,
                    changes: writes,
                }),
                Effect::Send { to, address, frame } => {
                    self.count(&frame.body, true);
                    self.links.send(to, address.as_ref(), parcel(&frame));
                }
                Effect::Dial {
                    ip,
                    bus_port,
                    frame,
                } => {
                    self.count(&frame.body, true);
                    self.links.dial(ip, bus_port, parcel(&frame));
                }
                Effect::Changed => has_changed = true,
                Effect::Answer { client, outcome } => {
                    // Whoever is told sees it, too.
                    if std::mem::take(&mut has_changed) {
                        self.change();
                    }
                    match self.wishes.go_on(client, outcome) {
                        Some(Ok(event)) => effects.extend(self.machine.handle(event)),
                        Some(Err(decided)) => self.tell(decided),
                        None => {}
                    }
                }
                Effect::Halt { reason } => {
                    error!(
                        reason,
                        "the node must not take part in its cluster any more: it stops"
                    );
                    std::process::exit(1);
                }
            }
        }
        if has_changed {
            self.change();
        }
    }

    fn tell(&self, decided: Decided) {
        if let Some(shard) = &self.shard {
            shard.do_send(decided);
        }
    }

    /// The machine wants this first; links are made to those whom the node remembers.
    pub(super) fn begin(&mut self, effects: Vec<Effect>) {
        self.carry_out(effects);
        self.change();
    }

    /// Who decides is another one: operators look for this.
    fn note_voters(&mut self) {
        let Voters {
            generation,
            term,
            leader,
            voters,
            learners,
            ..
        } = self.machine.voters();
        let deciders = Deciders {
            generation,
            leader,
            voters,
        };
        if self.deciders.as_ref() == Some(&deciders) {
            return;
        }
        let leader = leader.map_or("nobody".to_owned(), NodeId::to_hex);
        let (voters, learners) = (deciders.voters.len(), learners.len());
        let generation = generation.counter;
        info!(
            leader,
            term, generation, voters, learners, "Who decides in the cluster"
        );
        self.deciders = Some(deciders);
    }

    /// The topology, the identity or who leads is another one.
    fn change(&mut self) {
        let identity = self.machine.identity();
        if self.myself != identity.node {
            self.myself = identity.node;
            info!(node = %identity.node, "The node has another name");
            self.links.bus().do_send(BecomeNode(identity.node.bytes()));
        }
        if self.cluster != identity.cluster {
            self.cluster = identity.cluster;
            info!(cluster = %identity.cluster, "The cluster is another one");
            self.links
                .bus()
                .do_send(JoinCluster(identity.cluster.bytes()));
        }
        self.note_voters();
        self.links.keep(&self.machine);
        self.topology = Arc::new(self.machine.topology().clone());
        self.keep_clients_waiting();
        self.publish();
        self.tell_detector();
        self.tell_part();
        self.export();
    }

    /// A replica that is named as the primary may act when the voters have confirmed it, which takes a moment.
    fn keep_clients_waiting(&self) {
        let leads = self.topology.leads(self.myself);
        if leads && matches!(self.part, Some(Part::Replica(_))) {
            let (now_ms, pause) = (now_ms(), &self.node.pause);
            let until_ms = now_ms.saturating_add(ACCESSION_MS);
            pause.begin(Purpose::Accession, until_ms, Whom::Writers, now_ms);
        }
    }

    fn publish(&self) {
        let Some(cluster) = self.shared() else {
            return;
        };
        let (topology, params) = (self.topology.clone(), self.node.params());
        let picture = picture::of(&self.machine, topology, &params, &cluster.heard());
        cluster.publish(picture);
    }

    fn part(&self) -> Part {
        let topology = self.machine.topology();
        let myself = self.machine.identity().node;
        match topology.role(myself) {
            Some(Role::Primary(shard)) if self.may_begin_to_lead() => Part::Primary {
                epoch: topology.shards()[&shard].epoch,
            },
            Some(Role::Primary(_)) => Part::Undecided,
            // It may have been named as the primary before it was killed: it would cut off what it has acknowledged since.
            Some(Role::Replica(_)) if !self.machine.is_current() => Part::Undecided,
            Some(Role::Replica(shard)) => {
                let shard = topology.shards().get(&shard);
                let primary = shard.and_then(|shard| topology.member(shard.primary));
                let place = primary.and_then(|primary| {
                    let host = primary.address.ip?.to_string();
                    Some((host, primary.address.port))
                });
                match (shard, place) {
                    (Some(shard), Some((host, port))) => Part::Replica(FollowPrimary {
                        host,
                        port,
                        epoch: shard.epoch,
                    }),
                    _ => Part::Undecided,
                }
            }
            Some(Role::Witness) | None => Part::Undecided,
        }
    }

    /// A lease that ends for a moment takes nothing back: until it is there again no client is served.
    fn may_begin_to_lead(&self) -> bool {
        let leads = matches!(self.part, Some(Part::Primary { .. }));
        let cluster = self.shared();
        leads || cluster.is_some_and(|cluster| cluster.may_lead(self.node.uptime_ms()))
    }

    fn tell_part(&mut self) {
        let Some(shard) = self.shard.clone() else {
            return;
        };
        let part = self.part();
        if self.part.as_ref() == Some(&part) {
            return;
        }
        info!(?part, "Reconfigured");
        match part.clone() {
            Part::Primary { epoch } => shard.do_send(BecomePrimary { epoch }),
            Part::Replica(follow) => shard.do_send(follow),
            Part::Undecided => shard.do_send(StandBy),
        }
        self.part = Some(part);
    }

    /// The copy for people shows what was decided last.
    fn export(&mut self) {
        let Some(cluster) = self.shared() else {
            return;
        };
        let picture = cluster.picture();
        if self.exported.as_deref() == Some(&*picture.topology) {
            return;
        }
        let text = {
            let heard = cluster.heard();
            let view = picture.view(&heard);
            format!(
                "{}vars currentEpoch {} lastVoteEpoch 0\n",
                view.nodes(),
                picture.topology.current_epoch
            )
        };
        self.exported = Some(picture.topology.clone());
        let params = self.node.params();
        let path = Path::new(&params.dir).join(&params.cluster_config_file);
        self.vault.do_send(Export { path, text });
    }
}

/// As it travels.
fn parcel(frame: &Frame) -> Parcel {
    let kind = match frame.body {
        Body::Ask(_) | Body::Raft(_) | Body::Failover(_) | Body::Publish(_) => Kind::Member,
        _ => Kind::Join,
    };
    Parcel::new(kind, frame.to_bytes())
}
