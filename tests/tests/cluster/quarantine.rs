//! A primary has acknowledged what no replica has, and is deposed: that is set aside when it returns, and not part of the data.

use almandine_tests::cluster::{Cluster, Plan, Topology};
use almandine_tests::process::wait_until;
use almandine_tests::resp::Value;

use crate::stage::{PATIENCE, pair, wait_for_links, wait_until_ok};

const LOST: &str = "What only this node had is lost";

/// From now on replicas get nothing.
fn freeze(cluster: &mut Cluster, replicas: &[usize]) {
    for replica in replicas {
        cluster.freeze(*replica);
    }
    // What is in the buffers of a connection would arrive all the same.
    cluster.order(0, "CLIENT KILL TYPE replica");
    let info = || {
        cluster
            .call(0, "INFO replication")
            .text()
            .unwrap_or_default()
    };
    let are_gone = wait_until(PATIENCE, || info().contains("connected_slaves:0\r\n"));
    assert!(are_gone, "{}", info());
}

/// What the primary has alone.
const WRITES: [&str; 3] = ["SET only-here 1", "RPUSH list a b", "DEL shared"];

fn written(cluster: &Cluster) -> bool {
    WRITES.iter().all(|line| !cluster.call(0, line).is_error())
}

fn words(line: &str) -> Value {
    Value::Array(line.split(' ').map(Value::bulk).collect())
}

/// The only file of node 0.
fn file(cluster: &Cluster) -> Vec<Value> {
    let files = cluster.order(0, "CLUSTER QUARANTINE LIST").elements();
    let mut files = files.expect("an array");
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0).elements().expect("a map")
}

fn field(file: &[Value], name: &str) -> Value {
    let at = file.iter().position(|word| *word == Value::bulk(name));
    file[at.expect(name) + 1].clone()
}

/// The writes are set aside, with their places in the stream, and nothing of them is part of the data.
#[track_caller]
fn expect_set_aside(cluster: &Cluster, primary: usize) {
    let file = file(cluster);
    let name = field(&file, "file").text().expect("text");
    assert_eq!(field(&file, "node").text(), Some(cluster.id(0)));
    let number = |name| field(&file, name).integer().expect("a number");
    assert!(
        number("from") < number("to") && number("time") > 0,
        "{file:?}"
    );
    let path = cluster.dir(0).path("quarantine").join(&name);
    let bytes = std::fs::read(path).expect("a file");
    assert_eq!(number("bytes"), bytes.len() as i64);
    let shown = |more: &str| cluster.order(0, &format!("CLUSTER QUARANTINE SHOW {name}{more}"));
    let all = shown("").elements().expect("an array");
    // The stream names its database first, if nobody has followed it before.
    let writes: Vec<Value> = WRITES.iter().map(|line| words(line)).collect();
    let changing = all.iter().filter(|request| **request != words("SELECT 0"));
    assert_eq!(changing.cloned().collect::<Vec<_>>(), writes);
    let last = format!(" OFFSET {} COUNT 1", all.len() - 1);
    assert_eq!(shown(&last), Value::Array(vec![words("DEL shared")]));
    assert_eq!(shown(" COUNT 0"), Value::Array(Vec::new()));
    expect_same(cluster, primary);
    let value = cluster.call(primary, "GET only-here");
    assert!(value.is_null(), "{value:?}");
    assert_eq!(cluster.call(primary, "GET shared"), Value::bulk("both"));
    cluster.order(0, &format!("CLUSTER QUARANTINE DROP {name}"));
    let list = cluster.order(0, "CLUSTER QUARANTINE LIST");
    assert_eq!(list, Value::Array(Vec::new()));
    let gone = cluster.call(0, &format!("CLUSTER QUARANTINE SHOW {name}"));
    assert!(gone.is_error(), "{gone:?}");
}

#[track_caller]
fn expect_same(cluster: &Cluster, primary: usize) {
    let is_same = wait_until(PATIENCE, || {
        let digest = |number| cluster.call(number, "DEBUG DIGEST");
        digest(0) == digest(primary)
    });
    assert!(is_same, "the data differ\n{}", cluster.logs());
}

/// Node 0 is back and follows `primary`.
#[track_caller]
fn wait_for_return(cluster: &Cluster, primary: usize) {
    let id = cluster.id(primary);
    let (node, line) = (cluster.id(0), "the first node follows");
    cluster.agreed_on(line, |topology| {
        topology.nodes[&node].primary.as_ref() == Some(&id)
    });
    wait_for_links(cluster, &[0]);
}

/// All nodes see so many vote.
#[track_caller]
fn wait_for_voters(cluster: &Cluster, count: usize) {
    let voters = |number| {
        let shown = cluster.call(number, "CLUSTER VOTERS").elements();
        let mut words = shown.unwrap_or_default().into_iter();
        words.find(|word| *word == Value::bulk("voters"));
        words
            .next()
            .and_then(Value::elements)
            .map(|voters| voters.len())
    };
    let do_vote = wait_until(PATIENCE, || {
        let mut numbers = cluster.running().into_iter();
        numbers.all(|number| voters(number) == Some(count))
    });
    assert!(do_vote, "not all vote\n{}", cluster.logs());
}

fn set_up(args: &[&str]) -> Cluster {
    let cluster = pair(args);
    wait_for_voters(&cluster, 2);
    cluster.order(0, "SET shared both");
    let is_there = Value::Integer(1);
    assert_eq!(cluster.call(0, "WAIT 1 20000"), is_there);
    cluster
}

#[test]
fn what_a_killed_primary_had_alone_is_set_aside_after_a_forced_failover() {
    let mut cluster = set_up(&["--appendonly", "yes"]);
    freeze(&mut cluster, &[1]);
    assert!(written(&cluster), "two nodes need no lease");
    cluster.kill(0);
    cluster.thaw(1);
    cluster.order(1, "CLUSTER FAILOVER FORCE");
    cluster.restart(0).expect("it starts");
    wait_for_return(&cluster, 1);
    expect_set_aside(&cluster, 1);
}

#[test]
fn what_a_primary_had_alone_that_goes_on_is_set_aside_without_files() {
    let mut cluster = set_up(&[]);
    freeze(&mut cluster, &[1]);
    assert!(written(&cluster), "two nodes need no lease");
    cluster.freeze(0);
    cluster.thaw(1);
    cluster.order(1, "CLUSTER FAILOVER FORCE");
    cluster.thaw(0);
    wait_for_return(&cluster, 1);
    expect_set_aside(&cluster, 1);
}

#[test]
fn what_nobody_holds_any_more_is_said_to_be_lost() {
    let mut cluster = set_up(&["--repl-backlog-size", "1000"]);
    cluster.announce(LOST);
    freeze(&mut cluster, &[1]);
    assert!(written(&cluster), "two nodes need no lease");
    let long = "x".repeat(2000);
    cluster.order(0, &format!("SET only-here {long}"));
    cluster.freeze(0);
    cluster.thaw(1);
    cluster.order(1, "CLUSTER FAILOVER FORCE");
    cluster.thaw(0);
    wait_for_return(&cluster, 1);
    let list = cluster.order(0, "CLUSTER QUARANTINE LIST");
    assert_eq!(list, Value::Array(Vec::new()));
    assert!(cluster.node(0).log().contains(LOST), "{}", cluster.logs());
    expect_same(&cluster, 1);
}

#[test]
fn what_a_killed_primary_had_alone_is_set_aside_after_an_automatic_failover() {
    let mut cluster = Plan::new().args(&["--appendonly", "yes"]).start(3);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    let primary = cluster.id(0);
    for replica in [1, 2] {
        cluster.meet(replica, 0);
    }
    cluster.agreed_on("three nodes", |topology| topology.nodes.len() == 3);
    for replica in [1, 2] {
        cluster.order(replica, &format!("CLUSTER REPLICATE {primary}"));
    }
    let are_replicas = |topology: &Topology| topology.replicas().count() == 2;
    // A busy machine may take the lease from a primary before it has written: then nothing was, and it is tried again.
    loop {
        cluster.agreed_on("two replicas", are_replicas);
        wait_for_links(&cluster, &[1, 2]);
        wait_for_voters(&cluster, 3);
        wait_until_ok(&cluster);
        cluster.order(0, "SET shared both");
        assert_eq!(cluster.call(0, "WAIT 2 20000"), Value::Integer(2));
        freeze(&mut cluster, &[1, 2]);
        if written(&cluster) {
            break;
        }
        cluster.thaw(1);
        cluster.thaw(2);
    }
    cluster.kill(0);
    cluster.thaw(1);
    cluster.thaw(2);
    let mut leader = None;
    let is_replaced = wait_until(PATIENCE, || {
        let role = |number| cluster.call(number, "ROLE").elements().unwrap_or_default();
        let mut replicas = [1, 2].into_iter();
        leader = replicas.find(|number| role(*number).first() == Some(&Value::bulk("master")));
        leader.is_some()
    });
    assert!(is_replaced, "nobody leads\n{}", cluster.logs());
    cluster.restart(0).expect("it starts");
    let leader = leader.expect("it was found");
    wait_for_return(&cluster, leader);
    expect_set_aside(&cluster, leader);
}
