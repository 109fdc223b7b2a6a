//! When a primary may act.

use super::super::*;
use super::plan::{node, shard};
use super::world::World;
use super::{quiet, with_policy};

fn reason(world: &World, number: usize) -> Option<Reason> {
    match world.hosts[number].authority {
        Authority::No(reason) => Some(reason),
        Authority::Until(_) => None,
    }
}

#[test]
fn a_node_alone_needs_nobody() {
    let world = quiet(&[1], 0);
    assert_eq!(world.hosts[0].authority, Authority::Until(u64::MAX));
}

#[test]
fn a_primary_goes_on_while_the_voters_become_more() {
    for seed in 0..20 {
        let mut world = quiet(&[3], 0);
        world.set_voters(&[0]);
        world.dice.0 += seed;
        world.run(world.now + 1500);
        assert_eq!(world.hosts[0].authority, Authority::Until(u64::MAX));
        for number in [1, 2] {
            world.regroup(number, 1);
            let wanted = number + 1;
            while world.electorate.voters.len() < wanted {
                world.run(world.now + 1);
                assert_eq!(world.acts(0), Some(shard(0)), "{seed}");
            }
            for _ in 0..1200 {
                world.run(world.now + 1);
                assert_eq!(world.acts(0), Some(shard(0)), "{seed}");
            }
        }
        assert_ne!(world.hosts[0].authority, Authority::Until(u64::MAX));
    }
}

#[test]
fn a_primary_without_a_majority_stops_when_its_lease_ends() {
    let mut world = quiet(&[3], 0);
    world.separate(0, 1);
    world.run(world.now + 1000);
    assert_eq!(world.acts(0), Some(shard(0)), "one of two others is enough");
    world.separate(0, 2);
    world.run(world.now + 300);
    assert_eq!(world.acts(0), Some(shard(0)));
    world.run(world.now + LEASE_MS - 280);
    assert_eq!(world.acts(0), None);
    world.run(world.now + 50);
    assert_eq!(reason(&world, 0), Some(Reason::Unconfirmed));
}

#[test]
fn a_lease_is_for_one_node_and_lasts_a_tenth_longer_with_the_voter() {
    let mut grants = Grants::new(0);
    assert!(
        !grants.extend(shard(1), node(1), 549),
        "it may have forgotten one"
    );
    assert!(grants.extend(shard(1), node(1), 600));
    assert!(grants.extend(shard(1), node(1), 1000));
    assert!(!grants.extend(shard(1), node(2), 1549));
    assert!(grants.extend(shard(2), node(2), 1549));
    assert!(!grants.is_over(node(1), 1549) && grants.is_over(node(1), 1550));
    assert!(grants.extend(shard(1), node(2), 1550));
}

#[test]
fn a_voter_says_yes_to_the_primary_that_it_knows_and_that_counts_as_it_does() {
    let mut world = quiet(&[3], 0);
    let now = world.now;
    let host = &mut world.hosts[1];
    let ms = host.now(now).ms;
    let claim = |of: usize, voters: &[usize]| Claim {
        shard: shard(of),
        voters: voters.iter().map(|&number| node(number)).collect(),
        succession: None,
    };
    assert!(host.failover.extends(node(0), &claim(0, &[0, 1, 2]), ms));
    assert!(!host.failover.extends(node(0), &claim(0, &[0, 1]), ms));
    assert!(!host.failover.extends(node(0), &claim(0, &[0, 1, 2, 3]), ms));
    assert!(!host.failover.extends(node(0), &claim(1, &[0, 1, 2]), ms));
    assert!(!host.failover.extends(node(2), &claim(0, &[0, 1, 2]), ms));
}

#[test]
fn a_voter_whose_log_may_depose_a_primary_extends_its_lease_no_more() {
    let mut world = quiet(&[3], 0);
    world.kill(1);
    world.start(1);
    world.run(world.now + 1000);
    let now = world.now;
    let host = &mut world.hosts[1];
    let ms = host.now(now).ms;
    let claim = Claim {
        shard: shard(0),
        voters: (0..3).map(node).collect(),
        succession: None,
    };
    assert!(host.failover.extends(node(0), &claim, ms));
    let standpoint = host.failover.standpoint.as_mut().expect("it knows the log");
    standpoint.may_be_deposed = BTreeSet::from([node(0)]);
    assert!(!host.failover.extends(node(0), &claim, ms));
}

/// Both have stopped; the one that was the primary starts.
fn started_alone(policy: TwoNodePolicy, is_whole: bool) -> World {
    let mut world = with_policy(&[2], 0, policy);
    assert_eq!(world.hosts[0].authority, Authority::Until(u64::MAX));
    world.kill(1);
    world.kill(0);
    world.hosts[0].own.is_whole = is_whole;
    world.start(0);
    world.run(world.now + 1500);
    assert_eq!(
        reason(&world, 0),
        Some(Reason::Outdated),
        "the other may come"
    );
    world.run(world.now + 1500);
    world
}

#[test]
fn one_of_two_goes_on_alone_if_it_may_and_has_its_data() {
    let mut world = started_alone(TwoNodePolicy::PrimarySurvives, true);
    assert_eq!(world.hosts[0].authority, Authority::Until(u64::MAX));
    world.start(1);
    world.run(world.now + 2000);
    assert_eq!(world.hosts[0].authority, Authority::Until(u64::MAX));
    let world = started_alone(TwoNodePolicy::PrimarySurvives, false);
    assert_eq!(reason(&world, 0), Some(Reason::Outdated));
    let mut world = started_alone(TwoNodePolicy::Consistent, true);
    assert_eq!(reason(&world, 0), Some(Reason::Outdated));
    world.start(1);
    world.until(2000, |world| world.acts(0).is_some());
}

#[test]
fn a_primary_that_comes_back_without_its_data_makes_way() {
    let mut world = quiet(&[2], 1);
    world.lose_data(0);
    world.until(2500, |world| world.primary(0) == 1);
    world.until(300, |world| world.acts(1).is_some());
    assert_eq!(world.hosts[0].own.position, Position::default());
}

#[test]
fn a_primary_goes_on_without_data_that_nobody_has() {
    let mut world = quiet(&[2], 1);
    for number in [0, 1] {
        world.kill(number);
        world.hosts[number].own.is_whole = false;
    }
    world.start(0);
    world.run(world.now + 2000);
    assert_eq!(
        reason(&world, 0),
        Some(Reason::Incomplete),
        "the other may have it"
    );
    world.start(1);
    world.until(1000, |world| world.acts(0).is_some());
    world.run(world.now + 3000);
    assert_eq!(world.primary(0), 0, "what it has is what there is");
}

#[test]
fn a_primary_that_reads_its_files_for_long_makes_way() {
    for reader in 0..2 {
        let mut world = quiet(&[2], 1);
        // It may be the leader too.
        world.leader = Some([0, 2][reader]);
        world.kill(0);
        world.hosts[0].is_reading = true;
        world.start(0);
        world.leader = Some([0, 2][reader]);
        world.run(world.now + 1500);
        assert_eq!(world.primary(0), 0);
        assert_eq!(reason(&world, 0), Some(Reason::Recovering));
        world.until(2500, |world| world.primary(0) == 1);
        world.until(300, |world| world.acts(1).is_some());
    }
}
