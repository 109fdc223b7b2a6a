//! Schedules of the cluster machine; the long run is `almandine-tests simulate`.

use almandine_cluster::switches::{RULES, Rule};
use almandine_tests::simulation::{Many, idle, play, play_many};

/// The same ones in every run: new ones are looked for by the tool.
const SEEDS: std::ops::Range<u64> = 1000..21_000;

#[test]
fn every_schedule_keeps_the_rules_and_ends_in_agreement() {
    let Many { broken, .. } = play_many(SEEDS, None);
    if let Some((seed, reason)) = broken.first() {
        panic!(
            "{} schedules are broken, the first: {reason}\nto repeat: cargo run -p almandine-tests -- simulate --schedules 1 --seed {seed}",
            broken.len()
        );
    }
}

/// Schedules within which the lack of a rule must be noticed, and how many are played between two looks.
const NOTICED_WITHIN: u64 = 10_000;
const AT_ONCE: u64 = 500;

/// Whether somebody notices that the machines lack a rule.
fn is_missed(rule: Rule) -> bool {
    let parts = (0..NOTICED_WITHIN / AT_ONCE).map(|part| SEEDS.start + part * AT_ONCE);
    parts
        .map(|start| play_many(start..start + AT_ONCE, Some(rule)))
        .any(|many| !many.broken.is_empty())
}

#[test]
fn every_rule_that_is_switched_off_is_missed() {
    let unnoticed: Vec<Rule> = RULES.into_iter().filter(|&rule| !is_missed(rule)).collect();
    assert!(unnoticed.is_empty(), "nobody misses {unnoticed:?}");
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    let told = |seed| format!("{:?}", play(seed));
    for seed in 1..4 {
        assert_eq!(told(seed), told(seed));
    }
}

#[test]
fn a_large_cluster_says_little_while_nothing_happens() {
    let (few, many) = (
        idle(8, 1).expect("agreement"),
        idle(40, 1).expect("agreement"),
    );
    // The leader speaks with everybody; all others only with it.
    assert!(many.frames <= few.frames * 1.5, "{few:?} {many:?}");
}
