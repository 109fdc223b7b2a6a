//! Some failovers under load; `cargo run -p almandine-tests -- failovers` plays as many as wanted.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_cluster::topology::AckMode;
use almandine_tests::failovers::{Plan, Story, run};

#[track_caller]
fn play(story: Story, shards: usize, times: usize) {
    play_with(AckMode::Async, story, shards, times);
}

#[track_caller]
fn play_with(ack_mode: AckMode, story: Story, shards: usize, times: usize) {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        story,
        shards,
        times,
        seed: time.map_or(0, |time| time.as_secs()),
        writers: 4,
        ack_mode,
    };
    eprintln!("{plan:?}");
    let report = run(&plan, |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("{report}");
    assert_eq!(report.rounds, times);
    assert!(report.replicated > 0, "{report}");
}

#[test]
fn two_nodes_take_over_from_each_other_by_force() {
    play(Story::Reverse, 1, 4);
}

#[test]
fn a_killed_primary_of_three_is_replaced() {
    play(Story::Automatic, 1, 3);
}

#[test]
fn a_killed_primary_of_three_shards_is_replaced() {
    play(Story::Automatic, 3, 3);
}

#[test]
fn two_nodes_with_a_witness_replace_each_other() {
    play(Story::Witness, 1, 3);
}

#[test]
fn a_planned_failover_loses_nothing() {
    play(Story::Planned, 1, 5);
}

#[test]
fn nothing_acknowledged_is_lost_when_a_durable_primary_is_killed() {
    play_with(AckMode::Durable, Story::Automatic, 1, 3);
    play_with(AckMode::Durable, Story::Witness, 1, 2);
}

#[test]
fn nothing_acknowledged_is_lost_when_two_durable_nodes_take_over_from_each_other() {
    play_with(AckMode::Durable, Story::Reverse, 1, 3);
}

#[test]
fn nothing_acknowledged_is_lost_when_a_durable_primary_stands_still_and_goes_on() {
    play_with(AckMode::Durable, Story::Frozen, 1, 3);
}

#[test]
fn nothing_acknowledged_is_lost_when_a_durable_replica_stood_still_before_its_primary_was_killed() {
    play_with(AckMode::Durable, Story::FrozenReplica, 1, 3);
}

#[test]
fn a_planned_failover_of_durable_nodes_loses_nothing() {
    play_with(AckMode::Durable, Story::Planned, 1, 3);
}
