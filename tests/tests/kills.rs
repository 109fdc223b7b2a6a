//! Some kills under load; `cargo run --release -p almandine-tests -- kills` plays hundreds.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::kills::{Plan, run};

/// One history and a bit for each of `always` and `everysec`.
const TIMES: usize = 12;

#[test]
fn what_is_acknowledged_outlives_the_process() {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        times: TIMES,
        seed: time.map_or(0, |time| time.as_secs()),
        writers: 4,
        writes_max: 4_000,
    };
    eprintln!("seed {}", plan.seed);
    let report = run(&plan, |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.kills, TIMES);
    assert!(report.acknowledged > TIMES as u64, "{report}");
}
