//! What is told and remembered of a failover.

use super::super::*;
use super::plan::{node, shard};
use super::quiet;
use super::world::{Host, World};

/// What all hosts have told, by stage: how many of them, and the reasons.
fn told(world: &World, stage: Stage) -> Vec<&'static str> {
    let steps = world.hosts.iter().flat_map(|host| &host.steps);
    let steps = steps.filter(|step| step.stage == stage);
    steps.map(|step| step.reason).collect()
}

/// Waits until `number` leads and all hosts that are there know how that came about.
#[track_caller]
fn remembered(world: &mut World, number: usize) -> Succession {
    world.until(3000, |world| {
        let is_known = |host: &Host| {
            let known = host.succession.map(|succession| succession.to);
            known == Some(node(number)) || !host.is_awake()
        };
        world.acts(number).is_some() && world.hosts.iter().all(is_known)
    });
    let known = world.hosts.iter().filter(|host| host.is_awake());
    let known: Vec<Option<Succession>> = known.map(|host| host.succession).collect();
    assert!(known.iter().all(|one| *one == known[0]), "{known:?}");
    let succession = known[0].expect("a succession");
    let epoch = world.topology().shards()[&shard(0)].epoch;
    assert_eq!((succession.epoch, succession.to), (epoch, node(number)));
    succession
}

fn promote(world: &World, candidate: usize) -> Change {
    Change::Promote {
        shard: shard(0),
        expected_epoch: world.topology().shards()[&shard(0)].epoch,
        candidate: node(candidate),
    }
}

#[test]
fn every_step_of_an_automatic_failover_is_told_once() {
    let mut world = quiet(&[3], 0);
    world.kill(0);
    world.until(1500, |world| world.primary(0) != 0);
    let next = world.primary(0);
    let succession = remembered(&mut world, next);
    assert_eq!(
        (succession.cause, succession.from),
        (Cause::Automatic, node(0))
    );
    let took = succession.took_ms;
    assert!((300..1500).contains(&took), "{took}");
    world.run(world.now + 500);
    assert_eq!(told(&world, Stage::Fenced), ["it is silent"]);
    assert_eq!(told(&world, Stage::Proposed), ["it is silent"]);
    assert_eq!(told(&world, Stage::Promoted), ["automatic"]);
    assert_eq!(told(&world, Stage::InCharge), ["automatic"]);
    assert_eq!(told(&world, Stage::Follows), ["automatic"]);
    let failed = told(&world, Stage::Failed).len();
    assert!((1..=2).contains(&failed), "{failed}");
    let steps = &world.hosts[next].steps;
    let places: Vec<Stage> = steps.iter().map(|step| step.stage).collect();
    assert!(
        places.ends_with(&[Stage::Promoted, Stage::InCharge]),
        "{places:?}"
    );
    let last = steps.last().expect("a step");
    assert_eq!((last.epoch, last.shard), (succession.epoch, shard(0)));
    // Who comes back hears it, and follows.
    world.start(0);
    world.until(2000, |world| told(world, Stage::Follows).len() == 2);
    assert_eq!(world.hosts[0].succession, Some(succession));
}

#[test]
fn a_planned_one_is_told_by_both_ends() {
    let mut world = quiet(&[2], 1);
    world.ask(1);
    let succession = remembered(&mut world, 1);
    assert_eq!(
        (succession.cause, succession.from),
        (Cause::Planned, node(0))
    );
    assert!(succession.took_ms < 500, "{succession:?}");
    world.until(500, |world| told(world, Stage::Follows) == ["planned"]);
    for stage in [Stage::Proposed, Stage::Promoted, Stage::InCharge] {
        assert_eq!(told(&world, stage), ["planned"], "{stage:?}");
    }
    for stage in [Stage::Suspected, Stage::Failed, Stage::Fenced] {
        assert!(told(&world, stage).is_empty(), "{stage:?}");
    }
    world.depart(1, 5000);
    let succession = remembered(&mut world, 0);
    assert_eq!(
        (succession.cause, succession.from),
        (Cause::Shutdown, node(1))
    );
}

#[test]
fn what_a_client_has_forced_is_remembered_as_that() {
    for (is_takeover, cause) in [(false, Cause::Forced), (true, Cause::Takeover)] {
        let mut world = quiet(&[2], 1);
        let began = world.now;
        world.tell(1, Event::Forced { is_takeover });
        world.kill(0);
        let change = promote(&world, 1);
        world.commit(change, None);
        let succession = remembered(&mut world, 1);
        assert_eq!((succession.cause, succession.from), (cause, node(0)));
        let took = succession.took_ms;
        assert!(took <= world.now - began + 20, "{took}");
        // It was that one only.
        world.start(0);
        world.run(world.now + 2000);
        world.ask(0);
        let succession = remembered(&mut world, 0);
        assert_eq!(succession.cause, Cause::Planned);
    }
}

#[test]
fn the_words_of_a_planned_change_are_those_of_redis() {
    let mut world = quiet(&[2], 1);
    let state = |world: &World, number: usize| world.hosts[number].failover.hand_over_state();
    assert_eq!(
        [0, 1, 2].map(|number| state(&world, number)),
        ["no-failover"; 3]
    );
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    world.ask(1);
    world.until(100, |world| world.hosts[0].paused.is_some());
    assert_eq!(
        [0, 1].map(|number| state(&world, number)),
        ["waiting-for-sync"; 2]
    );
    world.hosts[1].is_stuck = false;
    world.until(1000, |world| state(world, 1) == "failover-in-progress");
    remembered(&mut world, 1);
    world.run(world.now + 500);
    assert_eq!(
        [0, 1].map(|number| state(&world, number)),
        ["no-failover"; 2]
    );
}
