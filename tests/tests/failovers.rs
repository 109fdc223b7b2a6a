//! Some failovers under load; `cargo run -p almandine-tests -- failovers` plays as many as wanted.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::failovers::{Plan, Story, run};

#[track_caller]
fn play(story: Story, shards: usize, times: usize) {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        story,
        shards,
        times,
        seed: time.map_or(0, |time| time.as_secs()),
        writers: 4,
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
