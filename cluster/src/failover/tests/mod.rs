mod departures;
mod detection;
mod hands;
mod in_sync;
mod leases;
mod migrations;
mod model;
mod plan;
mod planned;
mod schedules;
mod successions;
mod successors;
mod world;

use self::plan::Plan;
use self::world::World;
use super::TwoNodePolicy;

/// A cluster in which nothing goes wrong by itself.
fn quiet(shards: &[usize], witnesses: usize) -> World {
    with_policy(shards, witnesses, TwoNodePolicy::PrimarySurvives)
}

fn with_policy(shards: &[usize], witnesses: usize, policy: TwoNodePolicy) -> World {
    let plan = Plan {
        shards: shards.to_vec(),
        witnesses,
        policy,
    };
    let mut world = World::new(7, &plan, None);
    world.run(3500);
    assert_eq!(world.broken, None);
    world
}
