//! What nodes with several shards give each other and themselves: copies, files, places.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::{Client, Value};

use crate::shards::{number, wait_until_spread};
use crate::stage::{PATIENCE, wait_for_links, wait_until_ok};

const KEYS: usize = 600;
const WRITERS: usize = 3;

fn several(shards: &str) -> [&str; 6] {
    ["--shards", shards, "--threads", "3", "--appendonly", "yes"]
}

#[track_caller]
fn node(shards: &str) -> Cluster {
    let cluster = Plan::new().args(&several(shards)).start(1);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until_ok(&cluster);
    cluster.fill("key", 0..KEYS);
    cluster
}

/// What was acknowledged, by key.
type Counts = BTreeMap<String, i64>;

/// Counts up in keys of its own until it is told to stop or the node is gone.
fn write(mut client: Client, number: usize, is_over: &AtomicBool) -> Counts {
    let (mut counts, mut n) = (Counts::new(), 0);
    while !is_over.load(Ordering::Relaxed) {
        let keys: Vec<String> = (0..8)
            .map(|k| format!("c:{number}:{}", (n + k) % 100))
            .collect();
        n += 8;
        let requests: Vec<Vec<&str>> = keys.iter().map(|key| vec!["INCR", key]).collect();
        let Ok(answers) = client.pipeline(&requests) else {
            break;
        };
        for (key, answer) in keys.into_iter().zip(answers) {
            let Value::Integer(count) = answer else {
                return counts;
            };
            counts.insert(key, count);
        }
    }
    counts
}

/// Runs `work` while clients write; returns what was acknowledged to them.
fn under_load(cluster: &mut Cluster, work: impl FnOnce(&mut Cluster)) -> Counts {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let client = cluster.client(0);
                let is_over = &is_over;
                scope.spawn(move || write(client, number, is_over))
            })
            .collect();
        work(cluster);
        is_over.store(true, Ordering::Relaxed);
        let counts = writers
            .into_iter()
            .map(|writer| writer.join().expect("it ends"));
        counts.flatten().collect()
    })
}

/// No count is below what was acknowledged, nor more than a batch above.
#[track_caller]
fn assert_counted(cluster: &Cluster, number: usize, counts: &Counts) {
    let mut client = cluster.client(number);
    client.line("READONLY").expect("an answer");
    for (key, count) in counts {
        let held = client
            .line(&format!("GET {key}"))
            .expect("an answer")
            .text();
        let held = held.and_then(|held| held.parse::<i64>().ok());
        let is_right = held.is_some_and(|held| (*count..=count + 1).contains(&held));
        assert!(is_right, "{key}: {held:?}, acknowledged {count}");
    }
}

#[test]
fn a_node_starts_with_another_number_of_shards_after_it_was_killed_under_load() {
    let mut cluster = node("3");
    let mut all = Counts::new();
    for shards in ["2", "1", "3"] {
        if number(&cluster, 0, "shards") > 1 {
            wait_until_spread(&cluster, 0);
        }
        let counts = under_load(&mut cluster, |cluster| {
            let mut client = cluster.client(0);
            let has_begun = wait_until(PATIENCE, || {
                let count = client.line("GET c:0:1").ok().and_then(|count| count.text());
                count.and_then(|count| count.parse::<u32>().ok()) > Some(200)
            });
            assert!(has_begun);
            cluster.kill(0);
        });
        assert!(!counts.is_empty());
        all.extend(counts);
        cluster
            .restart_with(0, &["--shards", shards])
            .expect("it starts");
        wait_until_ok(&cluster);
        assert_counted(&cluster, 0, &all);
        cluster.assert_filled("key", 0..KEYS);
        // What was read is where the next kill begins to count.
        all.clear();
        cluster.order(0, "FLUSHALL");
        cluster.fill("key", 0..KEYS);
    }
}

#[test]
fn a_snapshot_holds_the_keys_of_all_shards() {
    let mut cluster = Plan::new()
        .args(&["--shards", "3", "--threads", "3", "--save", ""])
        .start(1);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until_ok(&cluster);
    cluster.fill("key", 0..KEYS);
    wait_until_spread(&cluster, 0);
    cluster.order(0, "SAVE");
    cluster.restart(0).expect("it starts");
    wait_until_ok(&cluster);
    cluster.assert_filled("key", 0..KEYS);
    wait_until_spread(&cluster, 0);
    assert_eq!(cluster.order(0, "DEBUG RELOAD"), Value::ok());
    cluster.assert_filled("key", 0..KEYS);
}

/// A full copy while the primary spreads its slots and clients write; then the stream; then the replica leads.
#[test]
fn a_replica_with_another_number_of_shards_has_all_and_takes_over() {
    let mut cluster = node("2");
    let replica = cluster.add(&["--shards", "3"]);
    let primary = cluster.id(0);
    cluster.meet(0, replica);
    cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    wait_until_spread(&cluster, 0);
    let counts = under_load(&mut cluster, |cluster| {
        cluster.order(replica, &format!("CLUSTER REPLICATE {primary}"));
        wait_for_links(cluster, &[replica]);
        // The stream of shards that run at the same time.
        wait_until_spread(cluster, 0);
    });
    let mut digests = [Value::Null, Value::Null];
    let are_same = wait_until(PATIENCE, || {
        digests = [0, replica].map(|number| cluster.order(number, "DEBUG DIGEST"));
        digests[0] == digests[1]
    });
    assert!(are_same, "{digests:?}\n{}", cluster.logs());
    assert_counted(&cluster, replica, &counts);
    cluster.order(replica, "CLUSTER FAILOVER");
    cluster.agreed_on("the replica leads", |topology| {
        topology.nodes[&primary].is("slave")
    });
    wait_until_ok(&cluster);
    cluster.assert_filled("key", 0..KEYS);
    wait_until_spread(&cluster, replica);
    cluster.fill("later", 0..KEYS);
    cluster.assert_filled("later", 0..KEYS);
    wait_for_links(&cluster, &[0]);
    let are_same = wait_until(PATIENCE, || {
        digests = [0, replica].map(|number| cluster.order(number, "DEBUG DIGEST"));
        digests[0] == digests[1]
    });
    assert!(are_same, "{digests:?}\n{}", cluster.logs());
}

/// Slots go from node to node while both spread theirs.
#[test]
fn slots_move_between_nodes_with_several_shards() {
    let cluster = Plan::new().args(&several("3")).start(2);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 8191");
    cluster.order(1, "CLUSTER ADDSLOTSRANGE 8192 16383");
    cluster.meet(0, 1);
    cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    wait_until_ok(&cluster);
    cluster.fill("key", 0..KEYS);
    let [a, b] = [0, 1].map(|number| cluster.id(number));
    for slot in 8192..8392 {
        if slot % 50 == 0 {
            wait_until_spread(&cluster, 0);
        }
        cluster.order(0, &format!("CLUSTER SETSLOT {slot} IMPORTING {b}"));
        cluster.order(1, &format!("CLUSTER SETSLOT {slot} MIGRATING {a}"));
        let keys = cluster.order(1, &format!("CLUSTER GETKEYSINSLOT {slot} 100"));
        for key in keys.elements().expect("an array") {
            let key = key.text().expect("a key");
            let port = cluster.port(0);
            let moved = cluster.order(1, &format!("MIGRATE 127.0.0.1 {port} {key} 0 5000"));
            assert_eq!(moved, Value::ok());
        }
        for number in [0, 1] {
            cluster.order(number, &format!("CLUSTER SETSLOT {slot} NODE {a}"));
        }
    }
    cluster.assert_filled("key", 0..KEYS);
    wait_until_spread(&cluster, 1);
}
