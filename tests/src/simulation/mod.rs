//! Many machines of the cluster crate in one process, with a clock, a network, disks and dice of their own: one seed is one
//! schedule, and the same seed is the same schedule again.
//!
//! ```text
//!   mod.rs     a schedule: hosts found, meet, crash, change slots; then everything heals and they must agree
//!   failovers.rs   the same for nodes that serve clients, and have a failover machine and data
//!   world.rs       time, hosts, disks that lose what was not acknowledged, a network that loses, delays, repeats
//!   trouble.rs     what goes wrong with them
//!   rules.rs       what must hold of machines after every event, whatever happens
//!     registers.rs    what clients are told of the topology, one thing after the other
//!     succession.rs   who may follow a primary where nothing may be lost
//!   service.rs     failover machines at work, streams of data, clients that write and read
//!     keeper.rs       what stands beside the machine in a node
//!     data.rs         a node's copy of the data, and whom it speaks with about it
//!   inspection.rs  what must hold of nodes that serve clients
//!     promises.rs     what clients were told of their writes
//! ```

mod data;
mod failovers;
mod inspection;
mod keeper;
mod promises;
mod registers;
mod rules;
mod service;
mod succession;
mod trouble;
mod world;

use std::num::NonZero;
use std::ops::Range;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use almandine_cluster::machine::{Event, Order};
use almandine_cluster::slot::SlotSet;
use almandine_cluster::switches::{self, Rule, Switches};
use almandine_cluster::topology::{Change, Kind};
use almandine_storage::Rng;

use self::world::World;

/// What one schedule has seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Events of machines.
    pub events: u64,
    /// Frames that arrived, and their bytes if somebody wants to know.
    pub frames: u64,
    pub bytes: u64,
    pub crashes: u64,
    /// Requests of clients that were answered with success.
    pub done: u64,
    /// Lines of history that were begun by force.
    pub lines: u64,
    /// Primaries that have taken over and serve.
    pub failovers: u64,
    /// Writes that were acknowledged, and how many of them are gone, none of which may not.
    pub acknowledged: u64,
    pub lost: u64,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Seen) {
        self.events += other.events;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.crashes += other.crashes;
        self.done += other.done;
        self.lines += other.lines;
        self.failovers += other.failovers;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
    }
}

/// Milliseconds of trouble, and of peace after it within which everybody must agree.
const TROUBLE_MS: u64 = 12_000;
const PEACE_MS: u64 = 12_000;
/// What was sent, or put off, before the peace has happened by then.
const LATE_MS: u64 = 3_500;
/// How long those who agree must go on to agree.
const AGREED_MS: u64 = 500;

/// What a schedule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plot {
    /// Nodes come together and part.
    Company,
    /// One shard, whose nodes die and come back while others are forced.
    Shard,
    /// One shard, whose nodes are killed and start again at once, on a network that loses, repeats and delays all the time.
    Elections,
}

/// Plays the schedule of a seed; the error says which rule was broken, and when.
pub fn play(seed: u64) -> Result<Seen, String> {
    play_without(None, seed)
}

/// The same with machines that lack a rule of their own.
fn play_without(off: Option<Rule>, seed: u64) -> Result<Seen, String> {
    // Every other schedule sees logs that are shortened again and again.
    let log_max = seed.is_multiple_of(2).then_some(12);
    switches::set(Switches { off, log_max });
    let outcome = play_on(seed);
    switches::set(Switches::default());
    outcome
}

/// What many schedules have seen, and the seeds of those that broke a rule.
#[derive(Debug, Default)]
pub struct Many {
    pub seen: Seen,
    /// In the order of the seeds.
    pub broken: Vec<(u64, String)>,
}

/// Plays the schedules of many seeds on all processors, with machines that lack a rule if one is named. One that panics is
/// broken.
pub fn play_many(seeds: Range<u64>, off: Option<Rule>) -> Many {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let work = || {
        let mut many = Many::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return many;
            }
            match catch_unwind(|| play_without(off, seed)) {
                Ok(Ok(seen)) => many.seen += seen,
                Ok(Err(reason)) => many.broken.push((seed, reason)),
                Err(_) => many.broken.push((seed, "it panics".to_owned())),
            }
        }
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let mut all = Many::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let many = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            all.seen += many.seen;
            all.broken.extend(many.broken);
        }
    });
    all.broken.sort();
    all
}

fn play_on(seed: u64) -> Result<Seen, String> {
    let mut dice = Rng::new(seed);
    let plot = match dice.below(10) {
        0..=2 => Plot::Company,
        3 | 4 => Plot::Shard,
        5 => Plot::Elections,
        _ => return failovers::play(seed, dice),
    };
    let hosts = match plot {
        Plot::Company => 2 + dice.below(5),
        // Two of them need force, and more do not.
        Plot::Shard => [2, 2, 2, 3, 4][dice.below(5)],
        Plot::Elections => 3 + 2 * dice.below(2),
    };
    let mut world = World::new(seed, &vec![Kind::Data; hosts]);
    if plot != Plot::Company {
        found_shard(&mut world)?;
    }
    let (mut next, end) = (world.now(), world.now() + TROUBLE_MS);
    while world.now() < end {
        if world.now() >= next {
            let pause = match plot {
                Plot::Company | Plot::Shard => 400,
                Plot::Elections => 100,
            };
            match plot {
                Plot::Company => disturb(&mut world, &mut dice),
                Plot::Shard => disturb_shard(&mut world, &mut dice),
                Plot::Elections => disturb_elections(&mut world, &mut dice),
            }
            next = world.now() + 20 + dice.below(pause) as u64;
        }
        world.step()?;
    }
    world.heal();
    for host in 0..world.len() {
        for other in 0..world.len() {
            let (node, is_silent) = (world.name(other), false);
            world.tell(host, Event::Silent { node, is_silent });
        }
    }
    settle(&mut world)?;
    Ok(world.seen())
}

/// Everybody comes to agree, and stays so.
fn settle(world: &mut World) -> Result<(), String> {
    let end = world.now() + PEACE_MS;
    world.run_for(LATE_MS)?;
    while world.must_agree().is_err() && world.now() < end {
        world.run_for(AGREED_MS)?;
    }
    world.run_for(AGREED_MS)?;
    world.must_agree()
}

/// One primary with all slots; all others are its replicas.
fn found_shard(world: &mut World) -> Result<(), String> {
    let (slots, primary) = (SlotSet::full(), world.name(0));
    let node = primary;
    world.propose(0, Order::Change(Change::AddSlots { node, slots }));
    for host in 1..world.len() {
        let client = world.client();
        world.meet(host, 0, client);
        let node = world.name(host);
        world.propose(host, Order::Change(Change::Replicate { node, primary }));
    }
    world.run_for(1_500)
}

/// How much a cluster of so many members says while nothing happens.
pub fn idle(hosts: usize, seed: u64) -> Result<Idle, String> {
    const REST_MS: u64 = 10_000;
    let mut world = World::new(seed, &vec![Kind::Data; hosts]);
    world.heal();
    let mut client = 0;
    for host in 1..hosts {
        client += 1;
        world.meet(host, 0, client);
        world.run_for(300)?;
    }
    world.run_for(5_000)?;
    world.must_agree()?;
    let members = world.members_of(0);
    if members != hosts {
        return Err(format!("{members} of {hosts} are members"));
    }
    world.weigh();
    let (before, traffic) = (world.seen(), world.traffic());
    world.run_for(REST_MS)?;
    let after = world.seen();
    let most = world
        .traffic()
        .iter()
        .zip(traffic)
        .map(|(now, then)| now - then)
        .max();
    let seconds = REST_MS as f64 / 1000.0;
    let each = hosts as f64 * seconds;
    Ok(Idle {
        members,
        frames: (after.frames - before.frames) as f64 / each,
        bytes: (after.bytes - before.bytes) as f64 / each,
        most: most.unwrap_or(0) as f64 / seconds,
    })
}

/// See [`idle`]. By node and second.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    pub members: usize,
    pub frames: f64,
    pub bytes: f64,
    /// Frames of the busiest node.
    pub most: f64,
}

fn disturb(world: &mut World, dice: &mut Rng) {
    let (host, other) = (dice.below(world.len()), dice.below(world.len()));
    match dice.below(23) {
        0..=4 => {
            let client = world.client();
            world.meet(host, other, client);
        }
        5..=9 => propose(world, dice, host, other),
        10 => {
            if let (Some(node), true) = (world.node(other), world.members_of(host) > 2) {
                world.propose(host, Order::Forget(node));
            }
        }
        11..=13 => world.crash(host, dice.below(3_000) as u64),
        14 => world.crash_all(dice.below(1_500) as u64),
        15 | 16 => world.cut(host, other, dice.below(2_500) as u64),
        17 => world.isolate(host, dice.below(2_500) as u64),
        18 => world.make_rough(dice.below(1_500) as u64),
        19 | 20 => world.force(host, dice.below(4) == 0),
        21 => {
            let (node, is_silent) = (world.name(other), dice.below(2) == 0);
            world.tell(host, Event::Silent { node, is_silent });
        }
        _ => world.tell(host, Event::HoldsKeys(dice.below(2) == 0)),
    }
}

fn disturb_shard(world: &mut World, dice: &mut Rng) {
    let (host, other) = (dice.below(world.len()), dice.below(world.len()));
    let pause = dice.below(2_500) as u64;
    for host in 0..world.len() {
        if dice.below(2) == 0 {
            world.use_register(host);
        }
    }
    match dice.below(24) {
        0 | 1 => {
            let node = world.name(host);
            world.propose(host, Order::Change(Change::BumpEpoch { node }));
        }
        20..=23 => {
            let (topology, node) = (world.topology(host), world.name(other));
            let wish = topology.and_then(|topology| succession::wish(dice, topology, node));
            if let Some(change) = wish {
                world.propose(host, Order::Change(change));
            }
        }
        2 | 3 => world.propose_late_promotion(host),
        4 => {
            let (node, primary) = (world.name(host), world.name(other));
            world.propose(host, Order::Change(Change::Replicate { node, primary }));
        }
        5..=7 => world.crash(host, pause),
        8 | 9 => world.isolate(host, pause),
        10 => world.cut(host, other, pause),
        11 => world.make_rough(pause),
        12 => world.crash_all(pause),
        13 => {
            let client = world.client();
            world.meet(host, other, client);
        }
        _ => world.force(host, dice.below(8) == 0),
    }
}

fn disturb_elections(world: &mut World, dice: &mut Rng) {
    let host = dice.below(world.len());
    world.make_rough(1_000);
    match dice.below(6) {
        0 => world.crash(host, 5 + dice.below(100) as u64),
        1 => world.isolate(host, dice.below(800) as u64),
        _ => world.use_register(host),
    }
}

fn propose(world: &mut World, dice: &mut Rng, host: usize, other: usize) {
    let (Some(node), Some(to)) = (world.node(host), world.node(other)) else {
        return;
    };
    let first = dice.below(16_000) as u16;
    let slots: SlotSet = (first..first + 1 + dice.below(300) as u16)
        .filter_map(|slot| slot.try_into().ok())
        .collect();
    let change = match dice.below(6) {
        0 | 1 => Change::AddSlots { node, slots },
        2 => Change::DelSlots { slots },
        3 => Change::Replicate { node, primary: to },
        4 => Change::FlushSlots { node },
        _ => Change::BumpEpoch { node },
    };
    world.propose(host, Order::Change(change));
}
