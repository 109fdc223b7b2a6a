//! Many nodes with clocks of different rates, a network that loses, delays and cuts, and a log that somebody always keeps. One
//! seed is one schedule. After every event no two nodes may act for one shard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::*;
use super::plan::{Plan, found, node, shard};
use crate::topology::Kind;
use crate::topology::tests::random::Dice;

/// A rule that is switched off, to see whether anybody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Voters promise whatever they are asked for.
    NoFence,
    /// A primary acts as long as it believes that it is one.
    NoLease,
    /// The log promotes whatever has happened since.
    AnyEpoch,
    /// What one voter says counts as if all had said it.
    NoMajority,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    pub(super) failover: Failover,
    /// Millionths that its clock is fast.
    pub(super) rate: i64,
    pub(super) offset: u64,
    pub(super) start: u64,
    pub(super) is_alive: bool,
    pub(super) frozen_at: Option<u64>,
    pub(super) backlog: Vec<Event>,
    pub(super) authority: Authority,
    pub(super) version: usize,
    pub(super) leader: Option<usize>,
    pub(super) is_current: bool,
    pub(super) electorate: Electorate,
    pub(super) verdicts: BTreeMap<NodeId, Verdict>,
    pub(super) own: Own,
    /// A client waits for its CLUSTER FAILOVER.
    pub(super) is_asked: bool,
    pub(super) outcome: Option<Result<(), Refusal>>,
    /// What CLUSTER FAILOVER ABORT was answered last.
    pub(super) aborted: Option<Result<(), Refusal>>,
    /// What it has told of failovers.
    pub(super) steps: Vec<Step>,
    /// The last failover that it has heard of.
    pub(super) succession: Option<Succession>,
    /// What came of its wish to end.
    pub(super) departed: Option<Departed>,
    /// It reads its files for long.
    pub(super) is_reading: bool,
    /// A replica copies nothing; a primary does not come to an end with its writes.
    pub(super) is_stuck: bool,
    /// How often it had something against somebody.
    pub(super) complaints: u64,
    /// It has been told to pause.
    pub(super) paused: Option<Beat>,
    /// Since when it claims its lease.
    pub(super) claims_since: Option<u64>,
    /// True times since when it hears each primary, as a voter.
    pub(super) hears_since: BTreeMap<usize, u64>,
}

impl Host {
    pub(super) fn now(&self, true_ms: u64) -> Now {
        let drift = true_ms as i64 * self.rate / 1_000_000;
        Now {
            ms: (self.offset + true_ms).saturating_add_signed(drift),
            unix_ms: 1_700_000_000_000 + true_ms,
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        self.is_alive && self.frozen_at.is_none()
    }
}

#[derive(Debug)]
pub(super) enum Happening {
    Tick {
        host: usize,
        start: u64,
    },
    Deliver {
        to: usize,
        event: Event,
    },
    /// `deposes` = whom the leader has found failed; none = the replica itself wants it.
    Commit {
        change: Change,
        deposes: Option<NodeId>,
    },
}

/// What a schedule has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) events: u64,
    pub(super) promotions: u64,
    pub(super) planned: u64,
    pub(super) moved: u64,
    pub(super) thawed: u64,
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) dice: Dice,
    pub(super) hosts: Vec<Host>,
    pub(super) queue: BTreeMap<(u64, u64), Happening>,
    pub(super) number: u64,
    pub(super) delay_max: u64,
    pub(super) loss_percent: u64,
    pub(super) cuts: BTreeSet<(usize, usize)>,
    pub(super) log: Vec<Arc<Topology>>,
    /// Who votes, as the log has it, and who is to.
    pub(super) electorate: Electorate,
    pub(super) leader: Option<usize>,
    pub(super) leaderless_at: u64,
    pub(super) stepped_at: u64,
    /// Whether the log holds proposals up, and repeats them.
    pub(super) is_log_slow: bool,
    pub(super) mutant: Option<Mutant>,
    pub(super) policy: TwoNodePolicy,
    pub(super) migration_barrier: Option<u32>,
    pub(super) seen: Seen,
    pub(super) broken: Option<String>,
    /// When a shard's successor was proposed last by the leader.
    pub(super) proposed_at: BTreeMap<ShardId, u64>,
}

/// Clients.
pub(super) const ASKS: u64 = 1;
pub(super) const ABORTS: u64 = 2;
/// Between two looks of the world at itself.
const STEP_MS: u64 = 20;

impl World {
    pub(super) fn new(seed: u64, plan: &Plan, mutant: Option<Mutant>) -> World {
        let mut dice = Dice(seed);
        let (topology, kinds) = found(plan);
        let count = kinds.len().min(5);
        let mut world = World {
            now: 1000,
            hosts: Vec::new(),
            queue: BTreeMap::new(),
            number: 0,
            delay_max: 1 + dice.below(8),
            loss_percent: 0,
            cuts: BTreeSet::new(),
            log: vec![Arc::new(topology)],
            electorate: Electorate::settled((0..count).map(node)),
            leader: None,
            leaderless_at: 1000,
            stepped_at: 0,
            is_log_slow: false,
            mutant,
            policy: plan.policy,
            migration_barrier: Some(1),
            seen: Seen::default(),
            broken: None,
            proposed_at: BTreeMap::new(),
            dice,
        };
        for (number, kind) in kinds.into_iter().enumerate() {
            let host = world.host(number, kind);
            world.hosts.push(host);
        }
        for number in 0..world.hosts.len() {
            world.start(number);
        }
        world
    }

    fn host(&mut self, number: usize, kind: Kind) -> Host {
        let own = Own {
            position: Position::default(),
            is_linked: false,
            is_whole: true,
            priority: 100,
        };
        Host {
            node: node(number),
            kind,
            failover: Failover::new(node(number), 0, self.settings(), Now::default()),
            rate: self.dice.below(40_001) as i64 - 20_000,
            offset: self.dice.below(1_000_000),
            start: 0,
            is_alive: false,
            frozen_at: None,
            backlog: Vec::new(),
            authority: Authority::No(Reason::NotPrimary),
            version: 0,
            leader: None,
            is_current: false,
            electorate: self.electorate.clone(),
            verdicts: BTreeMap::new(),
            own,
            is_asked: false,
            outcome: None,
            aborted: None,
            departed: None,
            steps: Vec::new(),
            succession: None,
            is_reading: false,
            is_stuck: false,
            complaints: 0,
            paused: None,
            claims_since: None,
            hears_since: BTreeMap::new(),
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            two_node_policy: self.policy,
            migration_barrier: self.migration_barrier,
            ..Settings::default()
        }
    }

    pub(super) fn blame(&mut self, what: String) {
        if self.broken.is_none() {
            self.broken = Some(format!("at {}: {what}", self.now));
        }
    }

    pub(super) fn plan(&mut self, at: u64, happening: Happening) {
        self.number += 1;
        self.queue.insert((at, self.number), happening);
    }

    fn hears(&self, from: usize, to: usize) -> bool {
        !self.cuts.contains(&(from, to))
    }

    pub(super) fn is_connected(&self, one: usize, other: usize) -> bool {
        one == other || (self.hears(one, other) && self.hears(other, one))
    }

    pub(super) fn topology(&self) -> Arc<Topology> {
        self.log[self.log.len() - 1].clone()
    }

    pub(super) fn number_of(&self, node: NodeId) -> Option<usize> {
        self.hosts.iter().position(|host| host.node == node)
    }

    pub(super) fn primary(&self, of: usize) -> usize {
        let topology = self.topology();
        let primary = topology.shards()[&shard(of)].primary;
        self.number_of(primary).expect("a host")
    }

    /// Plays until then, or until a rule is broken.
    pub(super) fn run(&mut self, until: u64) {
        while self.now < until && self.broken.is_none() {
            let next = self.queue.first_key_value().map_or(until, |(key, _)| key.0);
            let next = next.min(self.stepped_at + STEP_MS).min(until);
            self.now = self.now.max(next);
            if self.now >= self.stepped_at + STEP_MS {
                self.stepped_at = self.now;
                self.step();
            }
            while let Some(entry) = self.queue.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let happening = entry.remove();
                self.happen(happening);
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick { host, start } => {
                if self.hosts[host].start != start || !self.hosts[host].is_alive {
                    return;
                }
                if self.hosts[host].is_awake() {
                    self.tell(host, Event::Tick);
                }
                let at = self.now + 22 + self.dice.below(7);
                self.plan(at, Happening::Tick { host, start });
            }
            Happening::Deliver { to, event } => self.tell(to, event),
            Happening::Commit { change, deposes } => self.commit(change, deposes),
        }
    }

    pub(super) fn tell(&mut self, number: usize, event: Event) {
        let true_ms = self.now;
        let host = &mut self.hosts[number];
        if !host.is_alive {
            return;
        }
        if host.frozen_at.is_some() {
            host.backlog.push(event);
            return;
        }
        self.seen.events += 1;
        let now = host.now(true_ms);
        for effect in host.failover.handle(now, event) {
            self.obey(number, effect);
        }
        self.note_hearing(number);
    }

    fn obey(&mut self, number: usize, effect: Effect) {
        match effect {
            Effect::Send { to, message } => self.send(number, to, message),
            Effect::Verdicts(changed) => {
                let host = &mut self.hosts[number];
                let bad = changed
                    .iter()
                    .filter(|(_, verdict)| *verdict != Verdict::Reachable);
                host.complaints += bad.count() as u64;
                host.verdicts.extend(changed);
            }
            Effect::Authority(authority) => {
                self.hosts[number].authority = authority;
                self.check_alone(number);
            }
            // Here nobody waits for acknowledgements; see tests/in_sync.rs.
            Effect::GiveUp | Effect::Await(_) => {}
            Effect::Propose(change) => self.propose(number, change),
            Effect::PauseWrites { round, .. } => self.hosts[number].paused = Some(round),
            Effect::ResumeWrites => self.hosts[number].paused = None,
            Effect::Step(step) => self.hosts[number].steps.push(step),
            Effect::Succeeded { succession, .. } => {
                self.hosts[number].succession = Some(succession);
            }
            Effect::Departed(departed) => self.hosts[number].departed = Some(departed),
            Effect::Answer { client, outcome } if client == ABORTS => {
                self.hosts[number].aborted = Some(outcome);
            }
            Effect::Answer { outcome, .. } => {
                let host = &mut self.hosts[number];
                host.is_asked = false;
                host.outcome = Some(outcome);
            }
        }
    }

    fn send(&mut self, from: usize, to: NodeId, message: Message) {
        let Some(to) = self.number_of(to) else { return };
        let is_lost = self.dice.below(100) < self.loss_percent;
        if is_lost || !self.hears(from, to) || !self.hosts[to].is_alive {
            return;
        }
        let (sender, receiver) = (self.hosts[from].node, self.hosts[to].node);
        let delay = 1 + self.dice.below(self.delay_max);
        if self.mutant == Some(Mutant::NoFence)
            && let Message::Fence(fence) = message
        {
            let silence_ms = 0;
            let (from, message) = (receiver, Message::Fenced(Fenced { fence, silence_ms }));
            let at = self.now + delay;
            let event = Event::Received { from, message };
            let back = self.number_of(sender).expect("a host");
            return self.plan(at, Happening::Deliver { to: back, event });
        }
        let says_yes = match &message {
            Message::Fenced(_) => true,
            Message::Pong(pong) => pong.is_extended,
            _ => false,
        };
        if self.mutant == Some(Mutant::NoMajority) && says_yes {
            let voters: Vec<NodeId> = self.electorate.all().collect();
            for from in voters.into_iter().filter(|&voter| voter != receiver) {
                let message = message.clone();
                let event = Event::Received { from, message };
                self.plan(self.now + delay, Happening::Deliver { to, event });
            }
        }
        let from = sender;
        let event = Event::Received { from, message };
        self.plan(self.now + delay, Happening::Deliver { to, event });
    }

    /// Whether the host acts as a primary, or could.
    pub(super) fn acts(&self, number: usize) -> Option<ShardId> {
        let host = &self.hosts[number];
        let Some(Role::Primary(led)) = self.log[host.version].role(host.node) else {
            return None;
        };
        let is_given = host.authority.is_given(host.now(self.now).ms);
        let acts = match self.mutant {
            Some(Mutant::NoLease) => host.is_current,
            _ => is_given,
        };
        (host.is_alive && acts).then_some(led)
    }

    pub(super) fn check_alone(&mut self, number: usize) {
        let Some(shard) = self.acts(number) else {
            return;
        };
        let mut others = (0..self.hosts.len()).filter(|&other| other != number);
        if let Some(other) = others.find(|&other| self.acts(other) == Some(shard)) {
            self.blame(format!("hosts {number} and {other} act for one shard"));
        }
        if self.mutant == Some(Mutant::NoLease) {
            return;
        }
        let topology = self.topology();
        let is_better = |host: &Host| {
            let member = topology.member(host.node);
            host.own.is_whole && member.is_some_and(|member| member.shard == shard)
        };
        if !self.hosts[number].own.is_whole && self.hosts.iter().any(is_better) {
            self.blame(format!("host {number} acts without its data"));
        }
    }
}
