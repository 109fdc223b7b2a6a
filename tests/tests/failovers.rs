//! Some failovers under load; `cargo run -p almandine-tests -- failovers` plays as many as wanted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use almandine_cluster::topology::AckMode;
use almandine_tests::failovers::{Plan, Story, losses, run, soak};

fn seed() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}

#[track_caller]
fn play(story: Story, shards: usize, times: usize) {
    play_with(AckMode::Async, story, shards, times);
}

#[track_caller]
fn play_with(ack_mode: AckMode, story: Story, shards: usize, times: usize) {
    let plan = Plan {
        story,
        shards,
        times,
        seed: seed(),
        writers: 4,
        ack_mode,
    };
    eprintln!("{plan:?}");
    let report = run(&plan, |line| eprintln!("{line}")).verdict();
    let report = report.unwrap_or_else(|error| panic!("{error}"));
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

/// Both modes; what is to be disturbed must be disturbed at least once.
#[track_caller]
fn play_both(story: Story, times: usize) -> losses::Losses {
    let losses = losses::play(&[story], times, seed(), 4, |line| eprintln!("{line}"));
    eprintln!("{losses}");
    if let Some(fault) = losses.fault() {
        panic!("{fault}");
    }
    for row in &losses.rows {
        assert_eq!(row.report.rounds, times);
        assert!(row.report.replicated > 0, "{losses}");
        assert!(row.report.faults >= times, "{losses}");
        let is_amid = matches!(story, Story::FullSync | Story::Snapshot | Story::Rewrite);
        assert_eq!(row.report.amid > 0, is_amid, "{losses}");
    }
    losses
}

#[test]
fn clients_of_an_isolated_primary_lose_no_more_than_its_lease_lets_them() {
    play_both(Story::Partition, 2);
}

#[test]
fn a_primary_that_comes_back_empty_at_once_costs_nothing() {
    let losses = play_both(Story::RestartEmpty, 4);
    for row in &losses.rows {
        assert_eq!(row.report.lost, 0, "{losses}");
    }
}

#[test]
fn a_primary_that_is_killed_while_a_replica_copies_it_is_replaced() {
    play_both(Story::FullSync, 3);
}

#[test]
fn a_primary_that_is_killed_while_it_saves_is_replaced() {
    play_both(Story::Snapshot, 3);
    play_both(Story::Rewrite, 3);
}

#[test]
fn two_primaries_that_die_one_after_the_other_return_together() {
    play_both(Story::Double, 2);
}

#[test]
fn a_full_disk_costs_nothing_whoever_has_it() {
    play_both(Story::FullPrimary, 2);
    play_both(Story::FullReplica, 2);
}

#[test]
fn a_slow_disk_costs_nothing_whoever_has_it() {
    play_both(Story::SlowPrimary, 2);
    play_both(Story::SlowReplica, 2);
}

#[test]
fn faults_of_all_kinds_one_after_the_other_cost_nothing() {
    let plan = soak::Plan {
        time: Duration::from_secs(15),
        pause: Duration::from_secs(1),
        faults: 3,
        seed: seed(),
        writers: 2,
    };
    eprintln!("{plan:?}");
    let report = soak::play(&plan, |line| eprintln!("{line}"));
    eprintln!("{report}");
    if let Some(fault) = &report.fault {
        panic!("{fault}");
    }
    assert!(report.checks > 0, "{report}");
    assert!(report.acknowledged > 0 && report.answered > 0, "{report}");
}
