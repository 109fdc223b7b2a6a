//! Shards that serve clients while nodes die, stand still, lose their files and are cut off, and while operators hand over,
//! force, and change what is promised.

use almandine_cluster::failover::{Event, Settings, TwoNodePolicy};
use almandine_cluster::machine::Order;
use almandine_cluster::slot::{SLOTS, Slot, SlotSet};
use almandine_cluster::topology::{AckMode, Change, Kind, Role};
use almandine_storage::Rng;

use super::world::World;
use super::{Seen, settle};

/// Until all are in their places.
const FOUNDING_MS: u64 = 10_000;
/// Nothing goes wrong at the beginning.
const CALM_MS: u64 = 1_500;
const TROUBLE_MS: u64 = 9_000;

/// Members of each shard, the primary first, then witnesses.
struct Plan {
    shards: &'static [usize],
    witnesses: usize,
    /// Whether operators say TAKEOVER, too.
    takes_over: bool,
}

impl Plan {
    fn kinds(&self) -> Vec<Kind> {
        let nodes: usize = self.shards.iter().sum();
        let mut kinds = vec![Kind::Data; nodes];
        kinds.resize(nodes + self.witnesses, Kind::Witness);
        kinds
    }

    /// The primary of each data node, its slots if it is one.
    fn places(&self) -> Vec<(usize, Option<SlotSet>)> {
        let share = SLOTS / self.shards.len();
        let mut places = Vec::new();
        for (number, &members) in self.shards.iter().enumerate() {
            let primary = places.len();
            let slots = Slot::all().skip(number * share).take(share);
            places.push((primary, Some(slots.collect())));
            places.extend((1..members).map(|_| (primary, None)));
        }
        places
    }
}

fn settings(dice: &mut Rng) -> Settings {
    Settings {
        node_timeout_ms: 2000,
        two_node_policy: match dice.below(2) {
            0 => TwoNodePolicy::PrimarySurvives,
            _ => TwoNodePolicy::Consistent,
        },
        ack_mode: match dice.below(3) {
            0 => AckMode::Async,
            _ => AckMode::Durable,
        },
        min_insync: 1 + usize::from(dice.below(4) == 0),
        isr_timeout_ms: 200 + dice.below(1_000) as u64,
        migration_barrier: Some(1),
    }
}

/// Plays a schedule.
pub(super) fn play(seed: u64, mut dice: Rng) -> Result<Seen, String> {
    let (shards, witnesses): (&[usize], usize) = match dice.below(8) {
        0 | 1 => (&[2], 0),
        2 | 3 => (&[2], 1),
        4..=6 => (&[3], 0),
        _ => (&[2, 2], 1),
    };
    let plan = Plan {
        shards,
        witnesses,
        takes_over: dice.below(4) == 0,
    };
    let mut world = World::new(seed, &plan.kinds());
    found(&mut world, &plan)?;
    let settings = settings(&mut dice);
    world.serve_clients(settings)?;
    world.run_for(CALM_MS)?;
    let end = world.now() + TROUBLE_MS;
    while world.now() < end {
        disturb(&mut world, &mut dice, &plan)?;
        let pause = match dice.below(4) {
            0 => 1_200,
            _ => 250,
        };
        world.run_for(10 + dice.below(pause) as u64)?;
    }
    world.heal();
    settle(&mut world)?;
    Ok(world.seen())
}

fn found(world: &mut World, plan: &Plan) -> Result<(), String> {
    let places = plan.places();
    for host in 1..world.len() {
        let client = world.client();
        world.meet(host, 0, client);
        world.run_for(100)?;
    }
    let end = world.now() + FOUNDING_MS;
    while world.now() < end {
        let mut is_founded = world.members_of(0) == world.len();
        for (host, (primary, slots)) in places.iter().enumerate() {
            let (node, leader) = (world.name(host), world.name(*primary));
            let topology = world.topology(0);
            let role = topology.and_then(|topology| topology.role(node));
            let change = match (role, slots) {
                (Some(Role::Primary(_)), None) => Change::Replicate {
                    node,
                    primary: leader,
                },
                (Some(Role::Primary(shard)), Some(slots)) => {
                    let shard = topology.and_then(|topology| topology.shards().get(&shard));
                    if shard.is_some_and(|shard| !shard.slots.is_empty()) {
                        continue;
                    }
                    let slots = slots.clone();
                    Change::AddSlots { node, slots }
                }
                (Some(_), _) => continue,
                (None, _) => {
                    is_founded = false;
                    continue;
                }
            };
            is_founded = false;
            world.propose(0, Order::Change(change));
        }
        if is_founded {
            return Ok(());
        }
        world.run_for(200)?;
    }
    Err("no cluster comes together".to_owned())
}

/// Something goes wrong, or somebody wants something.
fn disturb(world: &mut World, dice: &mut Rng, plan: &Plan) -> Result<(), String> {
    let (host, other) = (dice.below(world.len()), dice.below(world.len()));
    let acting: Vec<usize> = (0..world.len()).filter(|&of| world.acts(of)).collect();
    let primary = match acting.is_empty() {
        true => host,
        false => acting[dice.below(acting.len())],
    };
    let pause = dice.below(1_500) as u64;
    match dice.below(26) {
        0 => world.crash(host, pause),
        1 | 2 => world.crash(primary, pause),
        3 => world.crash(host, 5),
        4 => world.crash_all(pause),
        5 if world.len() > 2 => world.wipe(host, pause),
        6 if world.len() > 2 => world.wipe(primary, pause),
        7 => world.freeze(host, pause),
        8 => world.freeze(primary, pause),
        9 if host != other => world.cut(host, other, pause),
        10 if host != primary => {
            world.cut(host, primary, pause);
            world.cut(primary, host, pause);
        }
        11 | 12 => world.isolate(primary, pause),
        13 => world.isolate(host, pause),
        14 => world.make_rough(dice.below(500) as u64),
        15..=17 => {
            let client = world.client();
            world.keep(host, Event::Wish { client });
        }
        18 => world.keep(primary, Event::Depart { patience_ms: 3_000 }),
        19 => {
            let client = world.client();
            world.keep(primary, Event::Stay);
            world.keep(host, Event::Abort { client });
        }
        20 | 21 if world.may_be_forced(host) => world.force(host, false),
        22 if plan.takes_over && world.may_be_forced(host) => world.force(host, true),
        23 | 24 => {
            let settings = settings(dice);
            world.configure(settings);
        }
        // A voter forgets that it has just extended a lease; another has not heard of the primary for longer.
        25 if host != primary && other != primary && host != other => {
            world.cut(primary, other, 2_000);
            world.cut(other, primary, 2_000);
            world.run_for(500 + pause / 10)?;
            world.isolate(primary, 1_500);
            world.crash(host, 5);
        }
        _ => {}
    }
    Ok(())
}
