//! Thousands of schedules of trouble; then everything heals, and a primary dies once more.

use super::plan::{Plan, shard};
use super::world::*;
use crate::failover::*;

const SEEDS: u64 = 2000;
/// A primary that is killed has a successor after this time at the latest, if a majority and a replica are there.
const REPLACED_MS: u64 = 2000;

fn plan(dice: u64) -> Plan {
    let (shards, witnesses) = match dice % 6 {
        0 => (vec![3], 0),
        1 => (vec![2], 1),
        2 => (vec![2], 3),
        3 => (vec![2, 2], 1),
        4 => (vec![3, 2], 0),
        _ => (vec![2, 2, 2], 0),
    };
    Plan {
        shards,
        witnesses,
        policy: TwoNodePolicy::PrimarySurvives,
    }
}

/// Something goes wrong, or is repaired.
fn disturb(world: &mut World) {
    let hosts = world.hosts.len() as u64;
    let one = world.dice.below(hosts) as usize;
    let other = world.dice.below(hosts) as usize;
    let shards = world.topology().shards().len() as u64;
    let of = world.dice.below(shards.min(2)) as usize;
    let primary = match world.topology().shards().contains_key(&shard(of)) {
        true => world.primary(of),
        false => one,
    };
    match world.dice.below(24) {
        0 | 1 => world.kill(one),
        2 | 3 => world.kill(primary),
        4 => world.freeze(one),
        5 => world.freeze(primary),
        6 | 7 if one != other => world.cut(one, other),
        8 if one != other => {
            world.cut(one, other);
            world.cut(other, one);
        }
        // A primary is cut off from one after the other.
        9 | 10 if one != primary => {
            world.cut(one, primary);
            world.cut(primary, one);
            if world.dice.below(2) == 0 {
                world.link(one, primary, false);
                world.link(primary, one, false);
            }
        }
        11 if one != other => {
            world.link(one, other, false);
            let later = world.now + 15;
            world.run(later);
            world.link(one, other, true);
        }
        12 => world.loss_percent = world.dice.below(15),
        13 => world.delay_max = 1 + world.dice.below(60),
        14 => world.is_log_slow = world.dice.below(2) == 0,
        15 => world.ask(one),
        16 => world.lose_data(one),
        17 => world.heal(),
        18 => world.regroup(one, 3),
        19 => {
            world.kill(one);
            let later = world.now + world.dice.below(100);
            world.run(later);
            world.start(one);
        }
        20 => world.depart(primary, 5000),
        21 if world.dice.below(2) == 0 => world.abort(one),
        21 => world.tell(one, Event::Stay),
        _ => {
            // Whoever is away comes back, and one cut is mended.
            match (world.hosts[one].is_alive, world.hosts[one].frozen_at) {
                (false, _) => world.start(one),
                (true, Some(_)) => world.thaw(one),
                _ => drop(world.cuts.pop_first()),
            }
        }
    }
}

/// Plays a schedule; the error says what was broken.
fn play(seed: u64, mutant: Option<Mutant>) -> Result<(Seen, Vec<u64>), String> {
    let plan = plan(seed);
    let mut world = World::new(seed, &plan, mutant);
    world.run(2500);
    while world.now < 6500 && world.broken.is_none() {
        let pause = 10 + world.dice.below(300);
        let next = world.now + pause;
        world.run(next);
        disturb(&mut world);
    }
    world.heal();
    world.delay_max = 5;
    for number in 0..world.hosts.len() {
        // At most five: the others make way.
        let is_wanted = number < 5;
        let later = world.now + 100;
        world.run(later);
        if world.electorate.has(world.hosts[number].node) != is_wanted {
            world.regroup(number, 0);
        }
    }
    let peace = world.now + 4500;
    world.run(peace);
    let mut delays = Vec::new();
    for of in 0..plan.shards.len() {
        let acting: Vec<usize> = (0..world.hosts.len())
            .filter(|&number| world.acts(number) == Some(shard(of)))
            .collect();
        if acting != [world.primary(of)] && mutant.is_none() {
            world.blame(format!("shard {of} has {acting:?} in peace"));
        }
    }
    let victim = world.primary(0);
    world.kill(victim);
    let killed_at = world.now;
    world.proposed_at.clear();
    world.run(killed_at + REPLACED_MS);
    let follower = world.primary(0);
    let is_replaced = follower != victim && world.acts(follower) == Some(shard(0));
    if !is_replaced && mutant.is_none() {
        world.blame(format!("host {victim} was killed and has no successor"));
    }
    if let Some(&at) = world.proposed_at.get(&shard(0)) {
        delays.push(at - killed_at);
    }
    match world.broken.take() {
        Some(broken) => Err(format!("seed {seed}: {broken}")),
        None => Ok((world.seen, delays)),
    }
}

/// Plays every other schedule, from this one on.
fn play_from(first: u64) {
    let mut seen = Seen::default();
    let mut delays = Vec::new();
    for seed in (first..SEEDS).step_by(2) {
        let (of_seed, delay) = play(seed, None).unwrap_or_else(|broken| panic!("{broken}"));
        seen.events += of_seed.events;
        seen.promotions += of_seed.promotions;
        seen.planned += of_seed.planned;
        seen.thawed += of_seed.thawed;
        delays.extend(delay);
    }
    delays.sort_unstable();
    let (median, most) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    assert!(
        median < 600 && most < 800,
        "from the kill to the proposal: {median} ms, {most} ms"
    );
    let has_seen_enough = seen.promotions > SEEDS / 2 && seen.planned > 10 && seen.thawed > 250;
    assert!(has_seen_enough, "{seen:?}");
}

#[test]
fn no_two_nodes_act_for_a_shard_whatever_happens() {
    play_from(0);
}

/// The other half, for another processor.
#[test]
fn nor_in_the_other_schedules() {
    play_from(1);
}

/// With a rule switched off some schedule is broken.
fn is_noticed(mutant: Mutant) {
    let broken = (0..SEEDS).find_map(|seed| play(seed, Some(mutant)).err());
    assert!(broken.is_some(), "nobody notices {mutant:?}");
}

#[test]
fn a_fence_is_needed() {
    is_noticed(Mutant::NoFence);
}

#[test]
fn a_lease_is_needed() {
    is_noticed(Mutant::NoLease);
}

#[test]
fn the_expected_epoch_is_needed() {
    is_noticed(Mutant::AnyEpoch);
}

#[test]
fn a_majority_is_needed() {
    is_noticed(Mutant::NoMajority);
}
