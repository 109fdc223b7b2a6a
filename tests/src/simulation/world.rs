//! Time, machines, disks and the network between them. What goes wrong with them is in trouble.rs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};

use almandine_cluster::frame::{Body, Frame};
use almandine_cluster::id::NodeId;
use almandine_cluster::machine::{Effect, Event, Founder, Machine, Order, TICK_MS};
use almandine_cluster::record::{Records, Write};
use almandine_cluster::topology::{Address, Kind, Topology};
use almandine_storage::Rng;

use super::Seen;
use super::data::Packet;
use super::keeper::Keeper;
use super::rules::Rules;
use super::service::Service;

/// One machine with what belongs to it.
pub(super) struct Host {
    pub(super) machine: Option<Machine>,
    pub(super) disk: Records,
    /// Counts the starts: what was meant for an earlier one is lost.
    pub(super) life: u64,
    frames: u64,
    /// Whether the disk has something to write.
    pub(super) is_writing: bool,
    /// The process stands still until then.
    pub(super) frozen_until: u64,
    /// What else belongs to a node, in a world with data.
    pub(super) keeper: Option<Box<Keeper>>,
}

/// What happens at a moment.
pub(super) enum What {
    Tick(usize, u64),
    Arrive(usize, Frame),
    /// Something about data, for this life of a host, from this life of another.
    Flow((usize, u64), (usize, u64), Packet),
    /// The disk has written.
    Durable(usize, u64, u64, Vec<Write>),
    Start(usize),
    Mend(Vec<(usize, usize)>),
    Smooth,
}

/// See the module.
pub(super) struct World {
    pub(super) now: u64,
    order: u64,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) what: BTreeMap<u64, What>,
    pub(super) hosts: Vec<Host>,
    pub(super) dice: Rng,
    /// From whom to whom nothing arrives, and how often that was said.
    pub(super) cuts: BTreeMap<(usize, usize), usize>,
    pub(super) is_rough: bool,
    pub(super) is_peace: bool,
    /// Whether the bytes of frames are counted.
    is_weighed: bool,
    clients: u64,
    pub(super) service: Service,
    pub(super) rules: Rules,
    pub(super) seen: Seen,
}

/// What a machine tells of itself is what it will be if it dies now.
fn check_disk(disk: &Records, address: Address, machine: &Machine) -> Result<(), String> {
    let durable = Machine::recover(disk, address, 0).map_err(|damaged| damaged.to_string())?;
    let line = |machine: &Machine| {
        let identity = machine.identity();
        (identity.cluster, identity.generation)
    };
    match line(&durable.0) == line(machine) {
        true => Ok(()),
        false => Err("it tells of a log that its disk does not have".to_owned()),
    }
}

/// Whether an event is a message of the consensus of another line.
fn is_strange(machine: &Machine, event: &Event) -> bool {
    let Event::Received { frame, .. } = event else {
        return false;
    };
    let identity = machine.identity();
    matches!(frame.body, Body::Raft(_))
        && (frame.cluster, frame.generation) != (identity.cluster, identity.generation)
}

const SEEN_AT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) fn address(host: usize) -> Address {
    Address {
        ip: None,
        port: 1000 + host as u16,
        bus_port: host as u16,
        hostname: String::new(),
    }
}

pub(super) fn name(host: usize) -> NodeId {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(
        &(host as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[12..].copy_from_slice(&(host as u64).to_be_bytes());
    NodeId::new(bytes)
}

impl World {
    pub(super) fn new(seed: u64, kinds: &[Kind]) -> World {
        let mut world = World {
            now: 0,
            order: 0,
            queue: BinaryHeap::new(),
            what: BTreeMap::new(),
            hosts: Vec::new(),
            dice: Rng::new(seed ^ 0x5eed),
            cuts: BTreeMap::new(),
            is_rough: false,
            is_peace: false,
            is_weighed: false,
            clients: 0,
            service: Service::default(),
            rules: Rules::default(),
            seen: Seen::default(),
        };
        for (host, &kind) in kinds.iter().enumerate() {
            let (machine, effects) = Machine::found(Founder {
                node: name(host),
                kind,
                address: address(host),
                seed: world.dice.bits(),
            });
            world.hosts.push(Host {
                machine: Some(machine),
                disk: Records::new(),
                life: 0,
                frames: 0,
                is_writing: false,
                frozen_until: 0,
                keeper: None,
            });
            // A founder's first records are written before it counts as founded.
            world.found(host, effects);
        }
        world
    }

    fn found(&mut self, host: usize, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Persist { number, writes } = effect {
                self.write(host, writes);
                let machine = self.hosts[host].machine.as_mut();
                let more = machine.map(|machine| machine.handle(Event::Persisted { number }));
                self.found(host, more.unwrap_or_default());
            }
        }
        if self
            .what
            .values()
            .all(|what| !matches!(what, What::Tick(of, _) if *of == host))
        {
            let first = self.dice.below(TICK_MS as usize) as u64;
            self.at(first, What::Tick(host, 0));
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            lines: self.rules.lines(),
            acknowledged: self.service.promises.acknowledged,
            lost: self.service.promises.lost,
            ..self.seen
        }
    }

    /// From now on the bytes of frames are counted.
    pub(super) fn weigh(&mut self) {
        self.is_weighed = true;
    }

    /// Frames that each host has sent.
    pub(super) fn traffic(&self) -> Vec<u64> {
        self.hosts.iter().map(|host| host.frames).collect()
    }

    pub(super) fn client(&mut self) -> u64 {
        self.clients += 1;
        self.clients
    }

    /// The name that the host began with.
    pub(super) fn name(&self, host: usize) -> NodeId {
        name(host)
    }

    pub(super) fn node(&self, host: usize) -> Option<NodeId> {
        let machine = self.hosts[host].machine.as_ref()?;
        Some(machine.identity().node)
    }

    pub(super) fn topology(&self, host: usize) -> Option<&Topology> {
        Some(self.hosts[host].machine.as_ref()?.topology())
    }

    pub(super) fn members_of(&self, host: usize) -> usize {
        let machine = self.hosts[host].machine.as_ref();
        machine.map_or(0, |machine| machine.topology().members().len())
    }

    pub(super) fn at(&mut self, delay: u64, what: What) {
        self.order += 1;
        self.queue.push(Reverse((self.now + delay, self.order)));
        self.what.insert(self.order, what);
    }

    pub(super) fn run_for(&mut self, time: u64) -> Result<(), String> {
        let end = self.now + time;
        while self.now < end {
            self.step()?;
        }
        Ok(())
    }

    /// The next thing happens.
    pub(super) fn step(&mut self) -> Result<(), String> {
        let Some(Reverse((at, order))) = self.queue.pop() else {
            return Err("nothing happens any more".to_owned());
        };
        self.now = at;
        let Some(what) = self.what.remove(&order) else {
            return Ok(());
        };
        if let Some(thaw) = self.stands_still(&what) {
            self.at(thaw, what);
            return Ok(());
        }
        self.happen(what)
    }

    fn happen(&mut self, what: What) -> Result<(), String> {
        match what {
            What::Tick(host, life) if life == self.hosts[host].life => {
                let jitter = self.dice.below(5) as u64;
                self.at(TICK_MS - 2 + jitter, What::Tick(host, life));
                self.event(host, Event::Tick)?;
                self.look_after(host)
            }
            What::Arrive(host, frame) => {
                self.seen.frames += 1;
                if self.is_weighed {
                    self.seen.bytes += frame.to_bytes().len() as u64;
                }
                self.arrive(host, frame)
            }
            What::Flow(to, from, packet) => self.flow(to, from, packet),
            What::Durable(host, life, number, writes) if life == self.hosts[host].life => {
                self.write(host, writes);
                self.hosts[host].is_writing = false;
                self.event(host, Event::Persisted { number })
            }
            What::Start(host) => self.start(host),
            What::Mend(pairs) => {
                for pair in pairs {
                    self.mend(pair);
                }
                Ok(())
            }
            What::Smooth => {
                self.is_rough = false;
                Ok(())
            }
            What::Tick(..) | What::Durable(..) => Ok(()),
        }
    }

    fn arrive(&mut self, host: usize, frame: Frame) -> Result<(), String> {
        match (frame.body, &self.hosts[host].keeper) {
            (Body::Failover(message), Some(_)) => {
                let line = (frame.cluster, frame.generation);
                self.hear(host, line, frame.from, *message)
            }
            (body, _) => {
                let frame = Frame { body, ..frame };
                let seen = Some(SEEN_AT);
                self.event(host, Event::Received { frame, seen })
            }
        }
    }

    pub(super) fn write(&mut self, host: usize, writes: Vec<Write>) {
        for (key, value) in writes {
            match value {
                Some(value) => self.hosts[host].disk.insert(key, value),
                None => self.hosts[host].disk.remove(&key),
            };
        }
    }

    pub(super) fn tell(&mut self, host: usize, event: Event) {
        // A broken rule is remembered, and told at the next step.
        let outcome = self.event(host, event);
        self.rules.remember(outcome);
    }

    pub(super) fn event(&mut self, host: usize, event: Event) -> Result<(), String> {
        self.rules.recall()?;
        let now = self.now;
        let Host {
            machine,
            disk,
            is_writing,
            ..
        } = &mut self.hosts[host];
        let Some(machine) = machine else {
            return Ok(());
        };
        self.seen.events += 1;
        // While the disk writes, what it will do with an event is not known yet.
        let is_strange = !*is_writing && is_strange(machine, &event);
        let dropped = machine.dropped();
        let effects = machine.handle(event);
        let told = |reason| format!("at {now} ms, host {host}: {reason}");
        if is_strange && machine.dropped() == dropped {
            return Err(told("it obeys a frame of another line".to_owned()));
        }
        if self.rules.is_in_another_line(host, machine) {
            check_disk(disk, address(host), machine).map_err(told)?;
        }
        self.rules.check(host, machine, &effects).map_err(told)?;
        let is_changed = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Changed));
        for effect in effects {
            self.carry(host, effect);
        }
        match is_changed {
            true => self.changed(host),
            false => Ok(()),
        }
    }

    /// The client of a host goes on with its slot.
    pub(super) fn use_register(&mut self, host: usize) {
        let client = self.client();
        let Some(machine) = &self.hosts[host].machine else {
            return;
        };
        if let Some(order) = self.rules.use_register(host, client, machine.topology()) {
            self.tell(host, Event::Propose { client, order });
        }
    }

    /// A failover is decided for an epoch that has passed.
    pub(super) fn propose_late_promotion(&mut self, host: usize) {
        let client = self.client();
        let Some(machine) = &self.hosts[host].machine else {
            return;
        };
        if let Some(change) = self.rules.late_promotion(client, machine) {
            let order = Order::Change(change);
            self.tell(host, Event::Propose { client, order });
        }
    }

    pub(super) fn carry(&mut self, host: usize, effect: Effect) {
        match effect {
            Effect::Persist { number, writes } => {
                let slow = if self.is_rough { 40 } else { 3 };
                let delay = self.dice.below(slow) as u64;
                self.hosts[host].is_writing = true;
                let life = self.hosts[host].life;
                self.at(delay, What::Durable(host, life, number, writes));
            }
            Effect::Send { to, frame, .. } => {
                if let Some(to) = (0..self.len()).find(|&other| self.node(other) == Some(to)) {
                    self.send(host, to, &frame);
                }
            }
            Effect::Dial {
                bus_port, frame, ..
            } => self.send(host, usize::from(bus_port), &frame),
            Effect::Answer { outcome, .. } => self.seen.done += u64::from(outcome.is_ok()),
            Effect::Changed | Effect::Halt { .. } => {}
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, frame: &Frame) {
        self.hosts[from].frames += 1;
        let (lost, twice) = match (self.is_peace, self.is_rough) {
            (true, _) => (0, 0),
            (false, false) => (2, 1),
            (false, true) => (25, 15),
        };
        let is_lost = self.dice.below(100) < lost;
        if is_lost || self.cuts.contains_key(&(from, to)) {
            return;
        }
        let copies = 1 + usize::from(self.dice.below(100) < twice);
        for _ in 0..copies {
            let spread = match (self.is_rough, self.dice.below(50)) {
                (true, 0..=4) => 3_000,
                (true, _) => 120,
                (false, _) => 4,
            };
            let delay = 1 + self.dice.below(spread) as u64;
            self.at(delay, What::Arrive(to, frame.clone()));
        }
    }

    pub(super) fn meet(&mut self, host: usize, other: usize, client: u64) {
        self.tell(
            host,
            Event::Meet {
                client,
                ip: SEEN_AT,
                bus_port: other as u16,
            },
        );
    }

    pub(super) fn propose(&mut self, host: usize, order: Order) {
        let client = self.client();
        self.tell(host, Event::Propose { client, order });
    }

    /// All members of a cluster see the same one.
    pub(super) fn must_agree(&self) -> Result<(), String> {
        let mut machines = Vec::new();
        for (host, of) in self.hosts.iter().enumerate() {
            let machine = of.machine.as_ref();
            machines.push(machine.ok_or(format!("host {host} is not there"))?);
        }
        self.rules.agree(&machines)?;
        self.must_serve()
    }
}
