//! Schedules of the cluster machine; the long run is `almandine-tests simulate`.

use almandine_tests::simulation::{idle, play};

/// The same ones in every run: new ones are looked for by the tool.
const SEEDS: std::ops::Range<u64> = 1000..3000;

#[test]
fn every_schedule_keeps_the_rules_and_ends_in_agreement() {
    for seed in SEEDS {
        if let Err(reason) = play(seed) {
            panic!(
                "{reason}\nto repeat: cargo run -p almandine-tests -- simulate --schedules 1 --seed {seed}"
            );
        }
    }
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
