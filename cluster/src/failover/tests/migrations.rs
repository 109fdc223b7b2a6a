//! Replicas for primaries that have lost theirs.

use super::super::*;
use super::plan::{node, shard};
use super::quiet;
use super::world::World;

fn followers(world: &World, of: usize) -> Vec<usize> {
    let topology = world.topology();
    let replicas = topology.replicas(shard(of)).map(|(node, _)| node);
    replicas.filter_map(|node| world.number_of(node)).collect()
}

fn set_barrier(world: &mut World, barrier: Option<u32>) {
    world.migration_barrier = barrier;
    for number in 0..world.hosts.len() {
        let settings = world.settings();
        world.tell(number, Event::Configure(settings));
    }
}

#[test]
fn a_primary_that_has_lost_its_replica_gets_one_of_those_who_have_two() {
    // Hosts 0 to 2 are the first shard, 3 and 4 the second.
    let mut world = quiet(&[3, 2], 0);
    world.kill(4);
    let took = world.until(8000, |world| world.seen.moved == 1);
    assert!((5000..7000).contains(&took), "{took}");
    assert_eq!(
        (followers(&world, 0), followers(&world, 1)),
        (vec![2], vec![1, 4])
    );
    world.until(1000, |world| world.hosts[1].own.is_linked);
    let steps = world.hosts.iter().flat_map(|host| &host.steps);
    let steps = steps.filter(|step| step.stage == Stage::Moves);
    let moves: Vec<(ShardId, NodeId)> = steps.map(|step| (step.shard, step.node)).collect();
    assert_eq!(moves, [(shard(1), node(1))]);
    // It takes over if it must, and nothing moves when the old one is back.
    world.start(4);
    world.run(world.now + 12_000);
    assert_eq!(world.seen.moved, 1);
    world.kill(3);
    world.until(2000, |world| world.primary(1) != 3);
    world.run(world.now + 12_000);
    assert_eq!((world.seen.moved, followers(&world, 0)), (1, vec![2]));
}

#[test]
fn nobody_moves_where_too_few_would_stay_or_the_operator_forbids_it() {
    for barrier in [Some(2), None] {
        let mut world = quiet(&[3, 2], 0);
        set_barrier(&mut world, barrier);
        world.kill(4);
        world.run(world.now + 12_000);
        assert_eq!(world.seen.moved, 0, "{barrier:?}");
    }
    let mut world = quiet(&[3, 2], 0);
    set_barrier(&mut world, Some(0));
    world.kill(4);
    world.kill(2);
    world.until(8000, |world| world.seen.moved == 1);
    assert_eq!(followers(&world, 1), [1, 4]);
}

#[test]
fn a_primary_that_never_had_a_replica_is_left_alone() {
    let mut world = quiet(&[3, 1], 1);
    world.run(world.now + 12_000);
    assert_eq!(world.seen.moved, 0);
}

#[test]
fn a_replica_that_is_away_for_a_moment_is_waited_for() {
    let mut world = quiet(&[3, 2], 0);
    for _ in 0..3 {
        world.kill(4);
        world.run(world.now + 4000);
        world.start(4);
        world.run(world.now + 1500);
    }
    assert_eq!(world.seen.moved, 0);
}

/// The primary is replaced first; then the new one has no replica, and gets one.
#[test]
fn a_failover_goes_before() {
    let mut world = quiet(&[3, 2], 0);
    world.kill(3);
    world.until(2000, |world| world.acts(4) == Some(shard(1)));
    assert_eq!(world.seen.moved, 0);
    world.until(8000, |world| world.seen.moved == 1);
    assert_eq!(followers(&world, 1), [1, 3]);
}
