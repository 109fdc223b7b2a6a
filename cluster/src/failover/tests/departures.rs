//! Primaries that are about to end.

use super::super::{Departed, Event};
use super::plan::node;
use super::quiet;
use super::world::World;

/// How long the operator would wait.
const PATIENCE_MS: u64 = 10_000;

/// Has the host leave; how long that took, and what came of it.
fn departed(world: &mut World, number: usize, patience_ms: u64) -> (u64, Departed) {
    world.depart(number, patience_ms);
    let took = world.until(patience_ms + 1000, |world| {
        world.hosts[number].departed.is_some()
    });
    (took, world.hosts[number].departed.expect("an outcome"))
}

#[test]
fn somebody_else_is_in_charge_before_a_primary_ends() {
    for (shards, witnesses) in [([2], 0), ([2], 1), ([3], 0)] {
        let mut world = quiet(&shards, witnesses);
        let (took, outcome) = departed(&mut world, 0, PATIENCE_MS);
        let next = world.primary(0);
        assert_eq!(outcome, Departed::Replaced(node(next)));
        assert!(took < 500 && next != 0, "{took}");
        world.until(500, |world| world.acts(next).is_some());
        assert_eq!((world.seen.planned, world.seen.promotions), (1, 0));
        world.kill(0);
        world.run(world.now + 3000);
        assert!(world.acts(next).is_some() && world.primary(0) == next);
        assert_eq!(world.seen.promotions, 0);
    }
}

#[test]
fn the_place_is_offered_by_priority_and_never_to_who_must_not_lead() {
    let mut world = quiet(&[3], 0);
    world.hosts[2].own.priority = 10;
    world.hosts[1].own.priority = 0;
    world.run(world.now + 300);
    let (_, outcome) = departed(&mut world, 0, PATIENCE_MS);
    assert_eq!(outcome, Departed::Replaced(node(2)));
    let mut world = quiet(&[3], 0);
    world.hosts[1].own.priority = 0;
    world.hosts[2].own.priority = 0;
    world.run(world.now + 300);
    let (took, outcome) = departed(&mut world, 0, PATIENCE_MS);
    let reason = "no replica is in sync and may lead";
    assert_eq!((outcome, took), (Departed::Unreplaced(reason), 0));
    assert!(world.primary(0) == 0 && world.acts(0).is_some());
}

#[test]
fn nobody_waits_for_what_cannot_be() {
    let mut world = quiet(&[1], 2);
    let (took, outcome) = departed(&mut world, 0, PATIENCE_MS);
    let reason = "the shard has no replica";
    assert_eq!((outcome, took), (Departed::Unreplaced(reason), 0));
    let mut world = quiet(&[2], 1);
    let (took, outcome) = departed(&mut world, 1, PATIENCE_MS);
    assert_eq!((outcome, took), (Departed::Idle, 0), "it leads nothing");
    for number in [1, 2] {
        world.kill(number);
    }
    world.run(world.now + 600);
    let (took, outcome) = departed(&mut world, 0, PATIENCE_MS);
    let reason = "no majority of the voters is heard, and without one nothing is decided";
    assert_eq!((outcome, took), (Departed::Unreplaced(reason), 0));
}

#[test]
fn who_does_not_catch_up_makes_way_for_the_next() {
    let mut world = quiet(&[3], 0);
    world.hosts[1].own.priority = 1;
    world.run(world.now + 300);
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    let (took, outcome) = departed(&mut world, 0, PATIENCE_MS);
    assert_eq!(outcome, Departed::Replaced(node(2)));
    assert!(took > 4800, "{took}");
}

#[test]
fn a_replica_has_no_longer_than_the_operator_has_patience() {
    let mut world = quiet(&[2], 1);
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    let (took, outcome) = departed(&mut world, 0, 1500);
    let reason = "no replica has taken over in time";
    assert_eq!(outcome, Departed::Unreplaced(reason));
    assert!((1400..1700).contains(&took), "{took}");
}

#[test]
fn a_primary_that_stays_after_all_goes_on() {
    let mut world = quiet(&[2], 1);
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    world.depart(0, PATIENCE_MS);
    world.until(300, |world| world.hosts[0].paused.is_some());
    world.run(world.now + 100);
    world.tell(0, Event::Stay);
    world.until(300, |world| world.hosts[0].paused.is_none());
    world.hosts[1].is_stuck = false;
    world.run(world.now + 5000);
    assert!(world.primary(0) == 0 && world.acts(0).is_some());
    assert_eq!(world.hosts[0].departed, None);
}

#[test]
fn an_offer_that_was_taken_back_is_not_taken_up() {
    let mut world = quiet(&[2], 1);
    world.freeze(1);
    world.depart(0, PATIENCE_MS);
    world.run(world.now + 200);
    world.tell(0, Event::Stay);
    world.thaw(1);
    world.run(world.now + 3000);
    assert!(world.primary(0) == 0 && world.acts(0).is_some());
    assert_eq!(world.hosts[0].paused, None);
}
