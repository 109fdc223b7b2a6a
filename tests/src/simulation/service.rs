//! What nodes do for clients, and for each other's data: the failover machine's effects are carried out, replicas copy, clients
//! write and read, and what they were promised is compared with what they find.

use std::collections::{BTreeMap, BTreeSet};

use almandine_cluster::failover::{Departed, Effect, Event, Message, Settings, Stage, Stream};
use almandine_cluster::frame::Body;
use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::machine::{self, Order};
use almandine_cluster::topology::AckMode;
use almandine_cluster::view::Verdict;

use super::data::{Copier, Packet, Upstream};
use super::keeper::{Clock, Keeper};
use super::promises::{Acked, Promises, Server};
use super::rules::Line;
use super::world::{What, World};

/// A replica that hears nothing for so long connects anew.
const STALE_MS: u64 = 1_000;
/// Between two attempts to connect, and between two words to a replica that has everything.
const AGAIN_MS: u64 = 100;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) settings: Settings,
    pub(super) promises: Promises,
    /// When the last packet of a pair arrives: streams keep their order.
    pipes: BTreeMap<(usize, usize), u64>,
    writes: u64,
    links: u64,
    /// Since when nothing goes from one host to another; from a host to itself: since when it is down.
    pub(super) cut_since: BTreeMap<(usize, usize), u64>,
    pub(super) healed_at: u64,
    /// Where an operator has forced somebody.
    pub(super) forced: BTreeSet<ShardId>,
    /// Where a member has lost its files.
    pub(super) wiped: BTreeSet<ShardId>,
}

impl Service {
    pub(super) fn note_mended(&mut self, pair: (usize, usize), now: u64) {
        self.cut_since.remove(&pair);
        self.promises.note_trouble(pair.0, now, now);
        self.promises.note_trouble(pair.1, now, now);
    }

    pub(super) fn healed(&mut self, now: u64) {
        self.healed_at = now;
    }
}

/// Around the failover machine.
impl World {
    /// From now on nodes have data, and serve clients.
    pub(super) fn serve_clients(&mut self, settings: Settings) -> Result<(), String> {
        self.service.settings = settings;
        for host in 0..self.len() {
            let clock = Clock {
                ahead: self.dice.below(1_000_000) as u64,
                rate: self.dice.below(40_001) as i64 - 20_000,
            };
            self.hosts[host].keeper = Some(Box::new(Keeper::new(clock)));
            self.changed(host)?;
        }
        Ok(())
    }

    /// Operators set parameters.
    pub(super) fn configure(&mut self, settings: Settings) {
        self.service.settings = settings;
        for host in 0..self.len() {
            self.keep(host, Event::Configure(settings));
        }
    }

    pub(super) fn keeper(&mut self, host: usize) -> Option<&mut Keeper> {
        self.hosts[host].keeper.as_deref_mut()
    }

    /// Something happens to the failover machine of a host; a broken rule is told at the next step.
    pub(super) fn keep(&mut self, host: usize, event: Event) {
        if self.hosts[host].machine.is_none() {
            return;
        }
        if let Some(keeper) = self.keeper(host) {
            keeper.inbox.push_back(event);
            let outcome = self.run_keeper(host);
            self.rules.remember(outcome);
        }
    }

    /// The machine of the host has news.
    pub(super) fn changed(&mut self, host: usize) -> Result<(), String> {
        let (now, settings) = (self.now, self.service.settings);
        let of = &mut self.hosts[host];
        let (Some(keeper), Some(machine)) = (of.keeper.as_deref_mut(), &of.machine) else {
            return Ok(());
        };
        keeper.look_at_own(now);
        keeper.note(machine, settings, now);
        for (&id, shard) in machine.topology().shards() {
            if shard.ack_mode == AckMode::Async {
                self.service.promises.weaken(id);
            }
        }
        self.run_keeper(host)
    }

    pub(super) fn host_of(&self, node: NodeId) -> Option<usize> {
        (0..self.len()).find(|&host| self.name(host) == node)
    }

    /// A message for the failover machine.
    pub(super) fn hear(
        &mut self,
        host: usize,
        line: Line,
        from: NodeId,
        message: Message,
    ) -> Result<(), String> {
        self.rules.recall()?;
        let now = self.now;
        if self.line_of(host) == Some(line)
            && let Some(keeper) = self.keeper(host)
        {
            if matches!(message, Message::HandOver(_)) {
                keeper.look_at_own(now);
            }
            keeper.inbox.push_back(Event::Received { from, message });
            return self.run_keeper(host);
        }
        Ok(())
    }

    pub(super) fn line_of(&self, host: usize) -> Option<Line> {
        let identity = self.hosts[host].machine.as_ref()?.identity();
        Some((identity.cluster, identity.generation))
    }

    /// One event after the other: what follows from an effect waits for the effects before.
    fn run_keeper(&mut self, host: usize) -> Result<(), String> {
        let now = self.now;
        loop {
            let Some(keeper) = self.keeper(host).filter(|keeper| !keeper.is_busy) else {
                return Ok(());
            };
            let time = keeper.clock.now(now);
            let (Some((_, failover)), Some(event)) =
                (&mut keeper.failover, keeper.inbox.pop_front())
            else {
                return Ok(());
            };
            let standpoint = match &event {
                Event::Changed(standpoint) => Some(standpoint.clone()),
                _ => None,
            };
            let effects = failover.handle(time, event);
            keeper.data.is_whole |= failover.has_all_there_is();
            keeper.is_busy = true;
            if let Some(standpoint) = standpoint {
                let acted = keeper.acts(now);
                keeper.learn(&standpoint, now);
                let goes_on = keeper.led().is_some();
                if let Some(shard) = acted.filter(|_| !goes_on) {
                    self.note_deposed(host, shard);
                }
                self.leave_others(host);
            }
            for effect in effects {
                self.obey(host, effect)?;
            }
            if let Some(keeper) = self.keeper(host) {
                keeper.is_busy = false;
            }
        }
    }

    /// It copies from nobody but its primary.
    fn leave_others(&mut self, host: usize) {
        let keeper = self.hosts[host].keeper.as_ref();
        let primary = keeper.and_then(|keeper| keeper.followed());
        let primary = primary.and_then(|primary| self.host_of(primary));
        if let Some(keeper) = self.keeper(host) {
            keeper.data.upstream.take_if(|up| Some(up.host) != primary);
        }
    }

    fn obey(&mut self, host: usize, effect: Effect) -> Result<(), String> {
        let Some(keeper) = self.hosts[host].keeper.as_deref_mut() else {
            return Ok(());
        };
        match effect {
            Effect::Send { to, message } => {
                if let Some(machine) = &self.hosts[host].machine {
                    let frame = machine.frame(Body::Failover(Box::new(message)));
                    let address = None;
                    self.carry(host, machine::Effect::Send { to, address, frame });
                }
            }
            Effect::Verdicts(_) => return self.tell_who_is_silent(host),
            Effect::Authority(authority) => {
                keeper.authority = authority;
                keeper.leads |= keeper.acts(self.now).is_some();
                return self.check_alone(host);
            }
            Effect::GiveUp => keeper.data.give_up(),
            Effect::Await(replicas) => {
                keeper.data.wait_for(replicas);
                self.acknowledge(host);
            }
            Effect::Propose(change) => {
                self.check_hand_over(host, &change)?;
                self.note_proposal(host, &change);
                let client = self.client();
                let order = Order::Change(change);
                return self.event(host, machine::Event::Propose { client, order });
            }
            Effect::PauseWrites { round, until_ms } => {
                keeper.paused_until = Some(until_ms);
                keeper.look_at_own(self.now);
                let position = keeper.position();
                keeper.inbox.push_back(Event::Paused { round, position });
            }
            Effect::ResumeWrites => keeper.paused_until = None,
            Effect::Departed(Departed::Replaced(_)) => self.crash(host, 1_000),
            Effect::Step(step) => {
                self.seen.failovers += u64::from(step.stage == Stage::InCharge);
            }
            Effect::Answer { outcome, .. } => self.seen.done += u64::from(outcome.is_ok()),
            // Replicas may copy from it before a client comes: what it has not, they need not have either.
            Effect::Succeeded { .. } => return self.read(host).map(drop),
            Effect::Departed(_) => {}
        }
        Ok(())
    }

    /// The machine hears of it, as `ConfigActor` tells it.
    fn tell_who_is_silent(&mut self, host: usize) -> Result<(), String> {
        let Some(keeper) = self.keeper(host) else {
            return Ok(());
        };
        let Some((_, failover)) = &keeper.failover else {
            return Ok(());
        };
        let peers = failover.peers().into_iter();
        let silent = peers.filter(|(_, peer)| peer.verdict != Verdict::Reachable);
        let silent: BTreeSet<NodeId> = silent.map(|(node, _)| node).collect();
        let before = std::mem::replace(&mut keeper.silent, silent.clone());
        for &node in before.symmetric_difference(&silent) {
            let is_silent = silent.contains(&node);
            self.event(host, machine::Event::Silent { node, is_silent })?;
        }
        Ok(())
    }

    /// Some time has passed.
    pub(super) fn look_after(&mut self, host: usize) -> Result<(), String> {
        let now = self.now;
        let Some(keeper) = self.keeper(host) else {
            return Ok(());
        };
        keeper.look_at_own(now);
        keeper.inbox.push_back(Event::Tick);
        self.run_keeper(host)?;
        if let Some(keeper) = self.keeper(host)
            && keeper.led().is_some()
        {
            keeper.inbox.push_back(Event::Streamed(Stream {
                offset: keeper.data.log.len() as u64,
                replicas: keeper.data.confirmed(),
            }));
            self.run_keeper(host)?;
        }
        self.copy(host);
        self.stream(host);
        self.serve(host)
    }
}

/// Streams.
impl World {
    fn pass(&mut self, from: usize, to: usize, packet: Packet) {
        if self.cuts.contains_key(&(from, to)) {
            return;
        }
        let spread = if self.is_rough { 120 } else { 4 };
        let at = self.now + 1 + self.dice.below(spread) as u64;
        let last = self.service.pipes.entry((from, to)).or_default();
        *last = at.max(*last);
        let delay = *last - self.now;
        let of = |host: usize| (host, self.hosts[host].life);
        let what = What::Flow(of(to), of(from), packet);
        self.at(delay, what);
    }

    /// A replica connects to its primary.
    fn copy(&mut self, host: usize) {
        let now = self.now;
        let Some(keeper) = self.keeper(host) else {
            return;
        };
        let is_stale = |up: &mut Upstream| now >= up.heard_at + STALE_MS;
        keeper.data.upstream.take_if(is_stale);
        let is_due = now >= keeper.reads_until && now >= keeper.attached_at + AGAIN_MS;
        let primary = keeper.followed();
        if keeper.data.is_linked() || !is_due {
            return;
        }
        let Some(primary) = primary.and_then(|primary| self.host_of(primary)) else {
            return;
        };
        self.service.links += 1;
        let link = self.service.links;
        if let Some(keeper) = self.keeper(host) {
            keeper.attached_at = now;
            if keeper.data.upstream.is_none() {
                keeper.data.upstream = Some(Upstream {
                    host: primary,
                    link,
                    is_linked: false,
                    copies_until: None,
                    heard_at: now,
                });
                self.pass(host, primary, Packet::Attach { link });
            }
        }
    }

    /// A primary tells its replicas what it has.
    fn stream(&mut self, host: usize) {
        let now = self.now;
        let Some(keeper) = self.keeper(host).filter(|keeper| keeper.leads) else {
            return;
        };
        let log = keeper.data.log.clone();
        let is_due = |copier: &Copier| {
            let is_same = |(sent, at): (usize, u64)| sent == log.len() && now < at + AGAIN_MS;
            !copier.sent.is_some_and(is_same)
        };
        let mut due = Vec::new();
        for copier in keeper.data.copiers.values_mut() {
            if is_due(copier) {
                copier.sent = Some((log.len(), now));
                due.push((copier.host, copier.link));
            }
        }
        for (to, link) in due {
            let log = log.clone();
            self.pass(host, to, Packet::Stream { link, log });
        }
    }

    pub(super) fn flow(
        &mut self,
        (host, life): (usize, u64),
        (from, of): (usize, u64),
        packet: Packet,
    ) -> Result<(), String> {
        self.rules.recall()?;
        let is_there = |host: usize, life| {
            let of = &self.hosts[host];
            of.machine.is_some() && of.life == life
        };
        if !is_there(host, life) || !is_there(from, of) {
            return Ok(());
        }
        let (now, node) = (self.now, self.name(from));
        let (rewinds, copy) = (self.dice.below(2) == 0, self.dice.below(400) as u64);
        let Some(keeper) = self.keeper(host) else {
            return Ok(());
        };
        match packet {
            Packet::Attach { link } if keeper.leads && keeper.data.is_whole => {
                let copier = Copier {
                    host: from,
                    link,
                    confirmed: None,
                    sent: None,
                };
                keeper.data.copiers.insert(node, copier);
                self.stream(host);
            }
            Packet::Attach { .. } => {}
            Packet::Stream { link, log } => {
                let is_own = |up: &Upstream| (up.host, up.link) == (from, link);
                let is_own = keeper.data.upstream.as_ref().is_some_and(is_own);
                if is_own && keeper.data.take(&log, rewinds, now + copy, now) {
                    let offset = log.len();
                    self.pass(host, from, Packet::Confirm { link, offset });
                }
            }
            Packet::Confirm { link, offset } => {
                keeper.data.note_confirmed(node, link, offset);
                self.acknowledge(host);
            }
        }
        Ok(())
    }
}

/// Clients.
impl World {
    /// Somebody reads what was written; the shard, if there is one that is served here.
    fn read(&mut self, host: usize) -> Result<Option<ShardId>, String> {
        let (now, line) = (self.now, self.line_of(host));
        let Some(keeper) = self.hosts[host].keeper.as_deref_mut() else {
            return Ok(None);
        };
        let (Some(shard), Some(line)) = (keeper.acts(now), line) else {
            return Ok(None);
        };
        let epoch = keeper.shard(shard).map_or(0, |shard| shard.epoch);
        let server = Server { host, line, epoch };
        keeper.served_at = Some(now);
        keeper.leads = true;
        let promises = &mut self.service.promises;
        let told = |reason| format!("at {now} ms, host {host}: {reason}");
        let follows = |other| self.rules.follows(line, other);
        promises
            .check(shard, server, &keeper.data.log, follows)
            .map_err(told)?;
        Ok(Some(shard))
    }

    /// Somebody reads, and writes.
    fn serve(&mut self, host: usize) -> Result<(), String> {
        let (now, least) = (self.now, self.service.settings.min_insync);
        let (Some(shard), Some(keeper)) =
            (self.read(host)?, self.hosts[host].keeper.as_deref_mut())
        else {
            return Ok(());
        };
        if keeper.takes_writes(shard, least, now) && self.dice.below(3) > 0 {
            self.service.writes += 1;
            keeper.data.append(self.service.writes);
        }
        self.acknowledge(host);
        self.check_alone(host)?;
        self.check_heard(host)
    }

    /// Who copies from a host, by both ends of the link: one end may not know yet that there is none any more.
    fn copiers_of(&self, host: usize) -> BTreeSet<usize> {
        let keeper = |host: usize| self.hosts[host].keeper.as_deref();
        let copiers = keeper(host)
            .into_iter()
            .flat_map(|keeper| keeper.data.copiers.values());
        let is_linked = |copier: &&Copier| {
            let upstream = keeper(copier.host).and_then(|keeper| keeper.data.upstream.as_ref());
            let is_it = |up: &Upstream| up.is_linked && (up.host, up.link) == (host, copier.link);
            copier.confirmed.is_some() && upstream.is_some_and(is_it)
        };
        copiers
            .filter(is_linked)
            .map(|copier| copier.host)
            .collect()
    }

    /// Clients hear what is safe by now.
    fn acknowledge(&mut self, host: usize) {
        let (now, line) = (self.now, self.line_of(host));
        let Some(keeper) = self.hosts[host].keeper.as_deref_mut() else {
            return;
        };
        let (Some(id), Some(line)) = (keeper.led(), line) else {
            return;
        };
        let mode = keeper.shard(id).map(|shard| shard.ack_mode);
        // As soon as operators want less, less is promised.
        let is_wanted = self.service.settings.ack_mode == AckMode::Durable;
        let is_durable = mode == Some(AckMode::Durable) && is_wanted;
        let acknowledged = keeper.data.acknowledge();
        let copiers = self.copiers_of(host);
        for write in acknowledged {
            let acked = Acked {
                at: now,
                by: host,
                line,
                is_durable,
                copiers: copiers.clone(),
            };
            self.service.promises.acknowledge(id, write, acked);
        }
    }
}
