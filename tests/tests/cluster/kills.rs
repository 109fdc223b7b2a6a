//! Some kills while the topology changes; `cargo run --release -p almandine-tests -- cluster-kills` plays hundreds.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::cluster::kills::{Plan, run};

const TIMES: usize = 8;

#[test]
fn a_topology_outlives_its_processes() {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        times: TIMES,
        seed: time.map_or(0, |time| time.as_secs()),
        changes_max: 100,
    };
    eprintln!("seed {}", plan.seed);
    let report = run(&plan, |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.kills, TIMES);
    assert!(report.acknowledged > TIMES as u64, "{report}");
}
