//! What operators do to a cluster: nodes end in order, primaries are replaced, and everybody can see what has happened.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::{Client, Value};

use crate::stage::{PATIENCE, error, info, replication, shard, wait_for_links, wait_until_ok};

const SIGTERM: i32 = 15;
const WRITERS: usize = 4;
/// Writes of all before and after something happens.
const WRITES: u64 = 500;

/// What all writers have come to.
#[derive(Default)]
struct Load {
    acknowledged: AtomicU64,
    is_over: AtomicBool,
    /// Answers other than MOVED.
    errors: Mutex<Vec<String>>,
}

impl Load {
    fn errors(&self) -> Vec<String> {
        self.errors.lock().expect("no writer panics").clone()
    }
}

/// What one writer has seen.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: Vec<u64>,
    /// The longest time between two answers.
    gap: Duration,
}

/// Pushes numbers to a list, wherever it is, until it is over.
fn write(list: &str, mut target: SocketAddr, load: &Load) -> Seen {
    let mut seen = Seen::default();
    let mut client = Client::connect(target).expect("a connection");
    let mut last = Instant::now();
    for number in 0.. {
        loop {
            if load.is_over.load(Ordering::SeqCst) {
                return seen;
            }
            match client.call(&["RPUSH", list, &u64::to_string(&number)]) {
                Ok(Value::Integer(_)) => {
                    seen.acknowledged.push(number);
                    seen.gap = seen.gap.max(last.elapsed());
                    last = Instant::now();
                    load.acknowledged.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Ok(Value::Error(text)) if text.starts_with(b"MOVED ") => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let place = text.rsplit(' ').next().expect("a place");
                    target = place.parse().expect("an address");
                    client = Client::connect(target).expect("a connection");
                }
                other => {
                    let mut errors = load.errors.lock().expect("no writer panics");
                    errors.push(format!("{list} at {target}: {other:?}"));
                    return seen;
                }
            }
        }
    }
    seen
}

#[track_caller]
fn wait_for_writes(load: &Load) {
    let wanted = load.acknowledged.load(Ordering::SeqCst) + WRITES;
    let is_there = || load.acknowledged.load(Ordering::SeqCst) >= wanted;
    let is_over = wait_until(PATIENCE, || is_there() || !load.errors().is_empty());
    assert_eq!(load.errors(), [""; 0]);
    assert!(is_over, "writes do not go on");
}

/// Whoever says of itself that it leads.
#[track_caller]
fn primary(cluster: &Cluster) -> usize {
    let mut found = Vec::new();
    let is_one = wait_until(PATIENCE, || {
        found = cluster.running();
        found.retain(|number| replication(cluster, *number, "role") == "master");
        found.len() == 1
    });
    assert!(is_one, "{found:?} lead\n{}", cluster.logs());
    found[0]
}

#[test]
fn a_primary_that_is_told_to_end_hands_over_first() {
    let mut cluster = shard(2, &["--appendonly", "yes"]);
    let before: u64 = info(&cluster, 0, "cluster_current_epoch").parse().unwrap();
    let load = Load::default();
    let address = cluster.node(0).address();
    let lists: Vec<String> = (0..WRITERS).map(|n| format!("list:{n}")).collect();
    let seen: Vec<Seen> = thread::scope(|scope| {
        let writers = lists
            .iter()
            .map(|list| scope.spawn(|| write(list, address, &load)));
        let writers: Vec<_> = writers.collect();
        wait_for_writes(&load);
        cluster.signal(0, SIGTERM);
        assert_eq!(cluster.wait_for_end(0), Some(0));
        wait_for_writes(&load);
        load.is_over.store(true, Ordering::SeqCst);
        let seen = writers.into_iter().map(|writer| writer.join());
        seen.map(|seen| seen.expect("a writer")).collect()
    });
    assert_eq!(load.errors(), [""; 0], "{}", cluster.logs());
    let now = primary(&cluster);
    let mut client = cluster.client(now);
    for (list, seen) in lists.iter().zip(&seen) {
        eprintln!("{list}: longest time without an answer {:?}", seen.gap);
        let found = client
            .call(&["LRANGE", list, "0", "-1"])
            .unwrap()
            .elements();
        let found = found.unwrap_or_default();
        let numbers = found
            .iter()
            .map(|value| value.text().unwrap().parse::<u64>().unwrap());
        assert_eq!(numbers.collect::<Vec<u64>>(), seen.acknowledged, "{list}");
    }
    // It was decided once, without anybody being found failed.
    let after: u64 = info(&cluster, now, "cluster_current_epoch")
        .parse()
        .unwrap();
    assert_eq!(after, before + 1);
    assert_eq!(
        replication(&cluster, now, "last_failover_cause"),
        "shutdown"
    );
    let log = cluster.logs();
    for stage in ["Failed", "Fenced"] {
        assert!(!log.contains(&format!("stage={stage} ")), "{log}");
    }
    cluster.restart(0).expect("it starts");
    wait_for_links(&cluster, &[0]);
}

/// What every node that runs says of the last failover.
#[track_caller]
fn is_told_everywhere(cluster: &Cluster, cause: &str, from: &str, to: usize) {
    // The others may not have heard of it yet.
    let epoch = info(cluster, to, "cluster_current_epoch");
    let to = cluster.id(to);
    for number in cluster.running() {
        let fields = ["cause", "from", "to", "epoch"].map(|name| format!("last_failover_{name}"));
        let mut told = Vec::new();
        let is_told = wait_until(PATIENCE, || {
            told = fields
                .iter()
                .map(|name| replication(cluster, number, name))
                .collect();
            told == [cause, from, &to, &epoch]
        });
        let logs = || cluster.logs();
        assert!(is_told, "{cause}: node {number} says {told:?}\n{}", logs());
        let duration = replication(cluster, number, "last_failover_duration_ms");
        assert!(
            duration.parse::<u64>().is_ok_and(|ms| ms < 60_000),
            "{duration}"
        );
        let time = replication(cluster, number, "last_failover_time");
        assert!(
            time.parse::<u64>().is_ok_and(|time| time > 1_600_000_000),
            "{time}"
        );
        assert_eq!(
            replication(cluster, number, "master_failover_state"),
            "no-failover"
        );
        let voters = format!("{:?}", cluster.order(number, "CLUSTER VOTERS"));
        for word in [cause, from, &to, "duration-ms", "suspected", "failed"] {
            let expected = format!("{:?}", Value::bulk(word));
            assert!(voters.contains(&expected), "{word} is not in {voters}");
        }
    }
}

#[track_caller]
fn wait_until_all_follow(cluster: &Cluster) {
    let primary = primary(cluster);
    let mut others = cluster.running();
    others.retain(|number| *number != primary);
    wait_for_links(cluster, &others);
    wait_until_ok(cluster);
}

#[test]
fn the_last_failover_is_shown_with_its_cause() {
    let mut cluster = shard(2, &["--appendonly", "yes"]);
    for number in 0..3 {
        assert_eq!(replication(&cluster, number, "last_failover_cause"), "none");
        assert_eq!(replication(&cluster, number, "last_failover_to"), "");
    }
    let ids = [0, 1, 2].map(|number| cluster.id(number));
    for (line, cause, by) in [
        ("CLUSTER FAILOVER", "planned", 1),
        ("CLUSTER FAILOVER FORCE", "forced", 2),
        ("CLUSTER FAILOVER TAKEOVER", "takeover", 0),
    ] {
        let from = primary(&cluster);
        assert_eq!(
            cluster.call(by, line),
            Value::ok(),
            "{line}\n{}",
            cluster.logs()
        );
        is_told_everywhere(&cluster, cause, &ids[from], by);
        wait_until_all_follow(&cluster);
    }
    assert!(cluster.try_call(0, "SHUTDOWN NOSAVE").is_err());
    cluster.wait_for_end(0);
    let now = primary(&cluster);
    is_told_everywhere(&cluster, "shutdown", &ids[0], now);
    cluster.restart(0).expect("it starts");
    wait_until_all_follow(&cluster);
    cluster.kill(now);
    let next = primary(&cluster);
    is_told_everywhere(&cluster, "automatic", &ids[now], next);
    let log = cluster.logs();
    let stages = [
        "Suspected",
        "Failed",
        "Fenced",
        "Proposed",
        "Promoted",
        "InCharge",
        "Follows",
    ];
    for stage in stages {
        assert!(
            log.contains(&format!("Failover stage={stage} ")),
            "{stage}\n{log}"
        );
    }
    for cause in ["planned", "forced", "takeover", "shutdown", "automatic"] {
        let line = format!("reason=\"{cause}\"");
        let told = log
            .lines()
            .filter(|told| told.contains("stage=InCharge ") && told.contains(&line));
        assert_eq!(told.count(), 1, "{cause}\n{log}");
    }
}

#[test]
fn shutdown_now_waits_for_nobody() {
    let mut cluster = shard(2, &["--appendonly", "yes"]);
    let id = cluster.id(0);
    assert!(cluster.try_call(0, "SHUTDOWN NOW").is_err());
    cluster.wait_for_end(0);
    let now = primary(&cluster);
    is_told_everywhere(&cluster, "automatic", &id, now);
}

#[test]
fn a_primary_without_a_replica_ends_and_says_what_that_means() {
    let mut cluster = shard(0, &[]);
    cluster.announce("The shard is left without a primary");
    cluster.signal(0, SIGTERM);
    assert_eq!(cluster.wait_for_end(0), Some(0));
    let log = cluster.logs();
    assert!(log.contains("the shard has no replica"), "{log}");
}

#[test]
fn an_end_that_waits_is_called_off() {
    let mut cluster = shard(1, &[]);
    cluster.announce("The shard is left without a primary");
    cluster.announce("Shutdown manually aborted");
    let none = error("ERR No shutdown in progress.");
    assert_eq!(cluster.call(0, "SHUTDOWN ABORT"), none);
    cluster.freeze(1);
    cluster.order(0, "SET a 1");
    let mut client = cluster.client(0);
    client.send(&["SHUTDOWN"]).unwrap();
    let is_waiting = || {
        cluster
            .logs()
            .contains("Waiting for replicas before shutting down")
    };
    assert!(wait_until(PATIENCE, is_waiting), "{}", cluster.logs());
    assert_eq!(cluster.order(0, "SHUTDOWN ABORT"), Value::ok());
    let failed = error("ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(client.receive().unwrap(), failed);
    assert_eq!(cluster.order(0, "SET a 2"), Value::ok());
    cluster.thaw(1);
    // Nothing is left over of the first attempt.
    wait_until_ok(&cluster);
    wait_for_links(&cluster, &[1]);
    cluster.signal(0, SIGTERM);
    assert_eq!(cluster.wait_for_end(0), Some(0));
    assert_eq!(primary(&cluster), 1);
    assert_eq!(cluster.call(1, "GET a"), Value::bulk("2"));
}

#[test]
fn a_planned_failover_is_called_off() {
    let cluster = shard(1, &[]);
    let none = error("ERR No failover in progress.");
    for number in [0, 1] {
        assert_eq!(cluster.call(number, "CLUSTER FAILOVER ABORT"), none);
    }
    let mut asking = cluster.client(1);
    // It cannot pause while it stands still.
    cluster.node(0).freeze();
    asking.send(&["CLUSTER", "FAILOVER"]).unwrap();
    let waits = || replication(&cluster, 1, "master_failover_state") == "waiting-for-sync";
    assert!(wait_until(PATIENCE, waits), "{}", cluster.logs());
    assert_eq!(cluster.call(1, "CLUSTER FAILOVER ABORT"), Value::ok());
    let aborted = error("ERR Failover manually aborted");
    assert_eq!(asking.receive().unwrap(), aborted);
    cluster.node(0).thaw();
    wait_until_ok(&cluster);
    assert_eq!(primary(&cluster), 0);
    assert_eq!(cluster.call(0, "SET a 1"), Value::ok());
    wait_for_links(&cluster, &[1]);
    assert_eq!(cluster.call(1, "CLUSTER FAILOVER"), Value::ok());
    assert_eq!(primary(&cluster), 1);
}

#[test]
fn a_primary_that_has_lost_its_replica_gets_another() {
    let mut cluster = Plan::new().start(5);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 8191");
    cluster.order(3, "CLUSTER ADDSLOTSRANGE 8192 16383");
    for number in 1..5 {
        cluster.meet(number, 0);
    }
    cluster.agreed_on("five nodes", |topology| topology.nodes.len() == 5);
    for (replica, primary) in [(1, 0), (2, 0), (4, 3)] {
        let id = cluster.id(primary);
        cluster.order(replica, &format!("CLUSTER REPLICATE {id}"));
    }
    wait_for_links(&cluster, &[1, 2, 4]);
    wait_until_ok(&cluster);
    cluster.fill("key", 0..200);
    let (ids, orphan) = ([1, 2].map(|number| cluster.id(number)), cluster.id(3));
    cluster.kill(4);
    let mut moved = None;
    cluster.agreed_on("one of two replicas moves", |topology| {
        let follows = |id: &String| topology.nodes[id].primary.as_ref() == Some(&orphan);
        let found: Vec<bool> = ids.iter().map(follows).collect();
        moved = (0..2).find(|&at| found[at]).map(|at| at + 1);
        moved.is_some() && found.contains(&false)
    });
    let moved = moved.expect("one has moved");
    wait_for_links(&cluster, &[1, 2]);
    cluster.kill(3);
    let leads = || replication(&cluster, moved, "role") == "master";
    assert!(wait_until(PATIENCE, leads), "{}", cluster.logs());
    wait_until_ok(&cluster);
    cluster.assert_filled("key", 0..200);
}
