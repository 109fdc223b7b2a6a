//! Some kills while the topology changes; `cargo run --release -p almandine-tests -- cluster-kills` plays hundreds.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::cluster::kills::{Plan, run};

use crate::stage::shard;

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

/// All epochs are those of the one shard: to raise them changes nothing, and is decided all the same.
#[test]
fn a_cluster_of_one_shard_settles() {
    let cluster = shard(1, &[]);
    for _ in 0..2 {
        cluster.settle().unwrap_or_else(|error| panic!("{error}"));
    }
}
