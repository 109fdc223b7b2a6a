//! Nodes that wait for their replicas before they acknowledge.

use std::time::Duration;

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::Value;

use crate::stage::{PATIENCE, error, pair, replication, wait_until_ok};

const UNCERTAIN: &str =
    "UNCERTAIN The replicas in sync have not confirmed this: what was written may be kept or lost.";
/// Long for a reply that is there.
const LONG: Duration = Duration::from_millis(300);

/// A primary, node 0, with two replicas that are in sync.
#[track_caller]
fn trio(args: &[&str]) -> Cluster {
    let durable = ["--appendonly", "yes", "--ack-mode", "durable"];
    let cluster = Plan::new().args(&durable).args(args).start(3);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    for number in [1, 2] {
        cluster.meet(number, 0);
    }
    cluster.agreed_on("three nodes", |topology| topology.nodes.len() == 3);
    for number in [1, 2] {
        cluster.order(number, &format!("CLUSTER REPLICATE {}", cluster.id(0)));
    }
    wait_until_ok(&cluster);
    wait_for_in_sync(&cluster, 2);
    cluster
}

#[track_caller]
fn wait_for(cluster: &Cluster, number: usize, name: &str, expected: &str) {
    let is_so = wait_until(PATIENCE, || replication(cluster, number, name) == expected);
    assert!(is_so, "{name} is not {expected}\n{}", cluster.logs());
}

#[track_caller]
fn wait_for_in_sync(cluster: &Cluster, count: usize) {
    wait_for(cluster, 0, "insync_replicas", &count.to_string());
}

fn pong() -> Value {
    Value::Simple(b"PONG".to_vec())
}

#[test]
fn a_shard_goes_on_without_a_replica_that_has_died_and_takes_it_in_again() {
    let mut cluster = trio(&[]);
    assert_eq!(cluster.call(0, "SET k 1"), Value::ok());
    for number in 0..3 {
        wait_for(&cluster, number, "ack_mode", "durable");
    }
    assert!(replication(&cluster, 0, "slave0").ends_with(",insync=yes"));
    cluster.kill(2);
    assert_eq!(cluster.call(0, "SET k 2"), Value::ok());
    wait_for_in_sync(&cluster, 1);
    cluster.restart(2).expect("it starts");
    wait_for_in_sync(&cluster, 2);
    assert_eq!(cluster.call(0, "INCR k"), Value::Integer(3));
}

#[test]
fn writes_are_refused_while_too_few_are_in_sync() {
    let mut cluster = trio(&["--min-insync", "3"]);
    assert_eq!(cluster.call(0, "SET k 1"), Value::ok());
    cluster.kill(1);
    wait_for_in_sync(&cluster, 1);
    let refused = error("NOREPLICAS Not enough good replicas to write.");
    for line in ["SET k 2", "INCR k", "DEL k"] {
        assert_eq!(cluster.call(0, line), refused, "{line}");
    }
    assert_eq!(cluster.call(0, "GET k"), Value::bulk("1"));
    assert_eq!(cluster.call(0, "CONFIG SET min-insync 2"), Value::ok());
    assert_eq!(cluster.call(0, "SET k 2"), Value::ok());
    assert_eq!(cluster.call(0, "CONFIG SET min-insync 3"), Value::ok());
    assert_eq!(cluster.call(0, "SET k 3"), refused);
    cluster.restart(1).expect("it starts");
    wait_for_in_sync(&cluster, 2);
    assert_eq!(cluster.call(0, "SET k 3"), Value::ok());
}

#[test]
fn what_nobody_confirms_is_uncertain_and_the_client_goes_on() {
    let mut cluster = trio(&["--isr-timeout", "600000", "--ack-timeout", "300"]);
    let mut client = cluster.client(0);
    assert_eq!(client.line("SET k 1").unwrap(), Value::ok());
    cluster.freeze(2);
    let lines = ["SET k 2", "GET k", "MULTI", "INCR k", "EXEC"];
    let requests: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    // One write, one read, one answer for all: what is read alone, MULTI for one, need not wait.
    let answers = client.pipeline(&requests).expect("answers");
    assert_eq!(answers, vec![error(UNCERTAIN); lines.len()]);
    assert_eq!(client.line("PING").unwrap(), pong());
    assert_eq!(client.line("GET k").unwrap(), error(UNCERTAIN));
    cluster.thaw(2);
    assert!(wait_until(PATIENCE, || {
        client.line("GET k").unwrap() == Value::bulk("3")
    }));
    assert_eq!(client.line("INCR k").unwrap(), Value::Integer(4));
}

#[test]
fn nobody_sees_what_may_be_lost_yet() {
    let mut cluster = trio(&["--isr-timeout", "600000", "--ack-timeout", "600000"]);
    let [mut writer, mut reader, mut other] = [0; 3].map(|number| cluster.client(number));
    assert_eq!(writer.line("SET k old").unwrap(), Value::ok());
    assert_eq!(reader.line("GET k").unwrap(), Value::bulk("old"));
    cluster.freeze(1);
    writer.send(&["SET", "k", "new"]).expect("sent");
    assert!(!wait_until(LONG, || writer.has_news()));
    reader.send(&["GET", "k"]).expect("sent");
    assert!(!wait_until(LONG, || reader.has_news()));
    // Whoever asks for no key is not concerned.
    assert_eq!(other.line("PING").unwrap(), pong());
    cluster.thaw(1);
    assert_eq!(writer.receive().unwrap(), Value::ok());
    assert_eq!(reader.receive().unwrap(), Value::bulk("new"));
}

/// Two nodes decide nothing without each other, unless an operator does.
#[test]
fn a_primary_whose_only_replica_is_gone_goes_on_when_it_is_told_to() {
    let args = [
        "--appendonly",
        "yes",
        "--ack-mode",
        "durable",
        "--ack-timeout",
        "300",
    ];
    let mut cluster = pair(&args);
    wait_until_ok(&cluster);
    wait_for_in_sync(&cluster, 1);
    assert_eq!(cluster.call(0, "SET k 1"), Value::ok());
    cluster.kill(1);
    assert_eq!(cluster.call(0, "SET k 2"), error(UNCERTAIN));
    assert!(wait_until(PATIENCE, || {
        cluster.call(0, "CLUSTER FAILOVER TAKEOVER") == Value::ok()
    }));
    wait_for_in_sync(&cluster, 0);
    assert_eq!(cluster.call(0, "INCR k"), Value::Integer(3));
    cluster.restart(1).expect("it starts");
    wait_for_in_sync(&cluster, 1);
    assert_eq!(cluster.call(0, "INCR k"), Value::Integer(4));
}

#[test]
fn the_mode_changes_while_the_shard_is_used() {
    let cluster = pair(&["--appendonly", "yes"]);
    wait_until_ok(&cluster);
    wait_for(&cluster, 0, "ack_mode", "async");
    assert_eq!(cluster.call(0, "CONFIG SET ack-mode durable"), Value::ok());
    wait_for_in_sync(&cluster, 1);
    wait_for(&cluster, 1, "ack_mode", "durable");
    assert_eq!(cluster.call(0, "SET k 1"), Value::ok());
    assert_eq!(cluster.call(0, "CONFIG SET ack-mode async"), Value::ok());
    wait_for(&cluster, 1, "ack_mode", "async");
    wait_for_in_sync(&cluster, 0);
    assert_eq!(cluster.call(0, "INCR k"), Value::Integer(2));
}
