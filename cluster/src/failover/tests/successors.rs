//! Who follows a primary that has failed, and when nobody does.

use super::super::*;
use super::plan::{node, shard};
use super::quiet;
use super::world::World;

fn own(term: u64, offset: u64) -> Own {
    Own {
        position: Position { term, offset },
        is_linked: true,
        is_whole: true,
        priority: 100,
    }
}

/// Whom a leader chooses of three replicas that say this of themselves.
fn chosen(says: [Own; 3]) -> Option<usize> {
    let mut world = quiet(&[4], 1);
    for (number, own) in (1..).zip(says) {
        let beat = Beat {
            start: 9,
            number: 1,
        };
        let report = Report {
            beat,
            own: Some(own),
            suspects: Vec::new(),
        };
        let message = Message::Ping(Ping {
            report,
            claim: None,
        });
        let from = node(number);
        world.tell(4, Event::Received { from, message });
    }
    let leader = &world.hosts[4];
    let now = leader.now(world.now).ms;
    let candidate = leader.failover.candidate(shard(0), node(0), now);
    candidate.and_then(|candidate| world.number_of(candidate))
}

#[test]
fn the_one_with_the_most_data_follows_then_by_priority_then_by_name() {
    assert_eq!(chosen([own(1, 5), own(1, 7), own(1, 6)]), Some(2));
    assert_eq!(chosen([own(1, 9), own(1, 7), own(2, 1)]), Some(3));
    assert_eq!(chosen([own(1, 7), own(1, 7), own(1, 7)]), Some(1));
    let preferred = Own {
        priority: 10,
        ..own(1, 7)
    };
    assert_eq!(chosen([own(1, 7), own(1, 7), preferred]), Some(3));
    assert_eq!(chosen([own(1, 8), own(1, 7), preferred]), Some(1));
}

#[test]
fn nobody_follows_who_must_not_or_has_not_its_data() {
    let excluded = Own {
        priority: 0,
        ..own(2, 9)
    };
    let incomplete = Own {
        is_whole: false,
        ..own(2, 9)
    };
    assert_eq!(chosen([excluded, incomplete, own(1, 1)]), Some(3));
    assert_eq!(chosen([excluded, incomplete, excluded]), None);
}

#[test]
fn who_is_not_heard_does_not_follow() {
    let mut world = quiet(&[3], 0);
    world.kill(1);
    world.run(world.now + 1000);
    let host = &world.hosts[2];
    let now = host.now(world.now).ms;
    let candidate = host.failover.candidate(shard(0), node(0), now);
    assert_eq!(candidate, Some(node(2)), "it is there itself");
    world.hosts[2].own.priority = 0;
    world.run(world.now + 200);
    let own = world.hosts[2].own;
    world.tell(2, Event::Own(own));
    let host = &world.hosts[2];
    let now = host.now(world.now).ms;
    assert_eq!(host.failover.candidate(shard(0), node(0), now), None);
}

#[test]
fn a_replica_that_its_primary_went_on_without_for_long_does_not_follow() {
    let mut world = quiet(&[2], 1);
    let follower = |world: &World| {
        let witness = &world.hosts[2];
        let now = witness.now(world.now).ms;
        witness.failover.candidate(shard(0), node(0), now)
    };
    world.separate(0, 1);
    world.run(world.now + 15_000);
    assert_eq!(follower(&world), Some(node(1)));
    world.run(world.now + 6_000);
    assert_eq!(follower(&world), None);
    world.kill(0);
    world.run(world.now + 3_000);
    assert_eq!(world.primary(0), 0);
    world.heal();
    world.until(2_000, |world| world.acts(world.primary(0)).is_some());
}

#[test]
fn a_voter_that_hears_the_primary_promises_nothing() {
    let mut world = quiet(&[3], 0);
    let round = Beat {
        start: 1,
        number: 77,
    };
    let fence = Fence {
        primary: node(0),
        epoch: 0,
        round,
    };
    let message = Message::Fence(fence);
    let from = node(2);
    world.tell(1, Event::Received { from, message });
    world.run(world.now + 1000);
    let holds = |world: &World| {
        let host = &world.hosts[1];
        let ms = host.now(world.now).ms;
        host.failover.fences.holds(node(0), 0, ms)
    };
    assert!(!holds(&world) && world.acts(0).is_some());
    world.freeze(0);
    world.until(1000, |world| holds(world));
    // It sticks to it, though the primary is back, until the promise ends.
    world.until(1000, |world| world.primary(0) != 0);
}

#[test]
fn a_promise_is_over_when_the_primary_is_given_the_shard_again() {
    let mut world = quiet(&[2], 1);
    let mut last = 0;
    for primary in [1, 0, 1, 0] {
        world.kill(last);
        world.until(1_000, |world| world.primary(0) == primary);
        // The others have promised not to extend its lease less than two seconds ago.
        world.until(300, |world| world.acts(primary).is_some());
        world.start(last);
        world.run(world.now + 700);
        last = primary;
    }
}

/// Some are heard again just in time: their promises are given back.
#[test]
fn a_primary_that_is_heard_again_goes_on() {
    let mut kept = 0;
    for pause in (380..560).step_by(3) {
        let mut world = quiet(&[3], 0);
        world.freeze(0);
        world.run(world.now + pause);
        world.thaw(0);
        world.until(700, |world| world.acts(world.primary(0)).is_some());
        world.run(world.now + 1000);
        assert_eq!(world.broken, None);
        let has_failed = world.hosts[1].complaints > 0 && world.hosts[2].complaints > 0;
        kept += u64::from(has_failed && world.primary(0) == 0);
    }
    assert!(kept > 5, "{kept}");
}

#[test]
fn several_shards_get_successors_at_once() {
    let mut world = quiet(&[2, 2], 3);
    world.kill(0);
    world.kill(2);
    world.until(1000, |world| world.primary(0) == 1 && world.primary(1) == 3);
    world.until(300, |world| {
        world.acts(1) == Some(shard(0)) && world.acts(3) == Some(shard(1))
    });
}

#[test]
fn two_voters_replace_nobody() {
    let mut world = quiet(&[2], 0);
    world.kill(0);
    world.run(world.now + 5000);
    assert_eq!(world.primary(0), 0);
    assert_eq!(world.acts(1), None);
}
