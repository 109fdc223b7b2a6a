//! Whom a node hears, and when it says so.

use super::super::*;
use super::plan::node;
use super::quiet;
use super::world::World;
use crate::frame::{Body, Frame, VERSION};
use crate::id::ClusterId;
use crate::record::Generation;

/// What the host says of another.
fn verdict(world: &World, by: usize, of: usize) -> Verdict {
    let verdict = world.hosts[by].verdicts.get(&node(of));
    verdict.copied().unwrap_or_default()
}

#[test]
fn a_killed_process_is_suspected_before_a_silent_one() {
    for victim in [0, 1, 2] {
        let by = (victim + 1) % 3;
        let has_failed = |world: &World| verdict(world, by, victim) == Verdict::Failed;
        let mut world = quiet(&[3], 0);
        world.kill(victim);
        let took = world.until(1000, has_failed);
        assert!((290..=400).contains(&took), "{took}");
        let mut world = quiet(&[3], 0);
        world.freeze(victim);
        let took = world.until(1000, has_failed);
        assert!((290..=500).contains(&took), "{took}");
        world.thaw(victim);
        world.until(500, |world| {
            verdict(world, by, victim) == Verdict::Reachable
        });
    }
}

#[test]
fn a_lost_link_alone_means_nothing() {
    let mut world = quiet(&[3], 0);
    for _ in 0..5 {
        for (one, other) in [(0, 1), (1, 0)] {
            world.link(one, other, false);
        }
        world.run(world.now + 200);
        assert!(!world.hosts[0].failover.peers()[&node(1)].is_connected);
        for (one, other) in [(0, 1), (1, 0)] {
            world.link(one, other, true);
        }
        world.run(world.now + 300);
    }
    assert!(world.hosts.iter().all(|host| host.complaints == 0));
    assert!(world.hosts[0].failover.peers()[&node(1)].is_connected);
}

#[test]
fn a_node_that_stood_still_suspects_nobody() {
    let mut world = quiet(&[2], 1);
    world.freeze(2);
    world.run(world.now + 3000);
    world.thaw(2);
    world.run(world.now + 2000);
    assert_eq!(world.hosts[2].complaints, 0);
    assert_eq!(world.primary(0), 0);
}

#[test]
fn a_node_that_stood_still_is_not_blind_afterwards() {
    let mut world = quiet(&[2], 1);
    world.freeze(2);
    world.run(world.now + 3000);
    world.thaw(2);
    world.run(world.now + 50);
    world.kill(0);
    let took = world.until(1000, |world| verdict(world, 2, 0) != Verdict::Reachable);
    assert!(took <= 500, "{took}");
}

#[test]
fn a_node_that_is_always_late_notices_who_is_gone() {
    let mut world = quiet(&[2], 1);
    world.kill(0);
    for _ in 0..12 {
        world.freeze(2);
        world.run(world.now + 260);
        world.thaw(2);
        world.run(world.now + 30);
    }
    assert_ne!(verdict(&world, 2, 0), Verdict::Reachable);
}

#[test]
fn a_primary_that_hears_nobody_is_replaced_although_it_is_heard() {
    let mut world = quiet(&[3], 0);
    world.cut(1, 0);
    world.cut(2, 0);
    world.until(2000, |world| world.primary(0) != 0);
    world.until(200, |world| world.acts(world.primary(0)).is_some());
    assert_eq!(world.acts(0), None);
}

#[test]
fn one_voter_suspects_and_a_majority_decides() {
    let mut world = quiet(&[3], 0);
    world.separate(1, 2);
    world.run(world.now + 800);
    assert_eq!(verdict(&world, 1, 2), Verdict::Suspected);
    assert_eq!(verdict(&world, 0, 2), Verdict::Reachable);
    world.separate(0, 2);
    world.run(world.now + 800);
    assert_eq!(verdict(&world, 1, 2), Verdict::Failed);
    assert_eq!(verdict(&world, 0, 2), Verdict::Failed);
    assert!(world.hosts[0].failover.hears_majority() && !world.hosts[2].failover.hears_majority());
}

/// Nobody pings the replicas of other shards; they ping the voters.
#[test]
fn all_learn_of_a_replica_what_the_voters_know() {
    let mut world = quiet(&[2, 2, 2], 0);
    world.kill(5);
    world.run(world.now + 600);
    for by in 0..5 {
        assert_eq!(verdict(&world, by, 5), Verdict::Failed, "{by}");
    }
}

#[test]
fn pings_that_are_not_answered_are_shown() {
    let mut world = quiet(&[2], 0);
    let shown = |world: &World| world.hosts[0].failover.peers()[&node(1)];
    world.until(500, |world| shown(world).ping_sent_ms == 0);
    assert!(shown(&world).pong_received_ms > 1_700_000_000_000);
    let offset = shown(&world).offset;
    assert!((1..=world.hosts[1].own.position.offset).contains(&offset));
    world.freeze(1);
    world.run(world.now + 500);
    let since = shown(&world).ping_sent_ms;
    world.run(world.now + 500);
    assert!(since > 0 && shown(&world).ping_sent_ms == since);
}

#[test]
fn what_nodes_say_is_read_as_it_is_written() {
    let round = Beat {
        start: 2,
        number: 9,
    };
    let report = Report {
        beat: round,
        own: Some(Own {
            position: Position { term: 3, offset: 4 },
            is_linked: true,
            is_whole: true,
            priority: 100,
        }),
        suspects: vec![node(1)],
    };
    let claim = Claim {
        shard: ShardId::new([5; 20]),
        voters: vec![node(1), node(2)],
        succession: Some(Succession {
            epoch: 7,
            cause: Cause::Takeover,
            from: node(2),
            to: node(1),
            at_ms: 8,
            took_ms: 9,
        }),
    };
    let position = Position { term: 1, offset: 2 };
    let fence = Fence {
        primary: node(1),
        epoch: 3,
        round,
    };
    let all = [
        Message::Ping(Ping {
            report: report.clone(),
            claim: Some(claim),
        }),
        Message::Pong(Pong {
            answers: round,
            is_extended: true,
            report,
        }),
        Message::Fence(fence),
        Message::Fenced(Fenced {
            fence,
            silence_ms: 7,
        }),
        Message::Spare(fence),
        Message::HandOver(HandOver::Paused { round, position }),
    ];
    for message in all {
        let frame = Frame {
            version: VERSION,
            cluster: ClusterId::new([1; 20]),
            generation: Generation {
                counter: 1,
                maker: node(1),
            },
            from: node(2),
            body: Body::Failover(Box::new(message)),
        };
        assert_eq!(Frame::from_bytes(&frame.to_bytes()), Ok(frame));
    }
}
