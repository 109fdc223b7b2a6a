//! Nodes are brought together by CLUSTER commands.

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::Value;

use crate::stage::{
    PATIENCE, assert_alone, error, info, is_covered, pair, replication, wait_until_ok,
};

/// The way that most guides describe, command by command.
#[test]
fn one_primary_and_one_replica() {
    let cluster = Plan::new().start(2);
    let [a, b] = [0, 1].map(|number| cluster.id(number));
    assert_eq!(
        cluster.call(0, "CLUSTER ADDSLOTSRANGE 0 16383"),
        Value::ok()
    );
    assert_eq!(cluster.call(0, "cluster set-config-epoch 1"), Value::ok());
    assert_eq!(cluster.call(1, "cluster set-config-epoch 2"), Value::ok());
    cluster.meet(0, 1);
    let topology = cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    assert!(topology.nodes[&a].is("master") && topology.nodes[&b].is("master"));
    let line = format!("CLUSTER REPLICATE {a}");
    assert_eq!(cluster.call(1, &line), Value::ok());
    let topology = cluster.agreed_on("a replica", |topology| {
        topology.nodes[&b].primary.as_ref() == Some(&a)
    });
    assert!(topology.nodes[&b].is("slave") && topology.nodes[&b].slots.is_empty());
    assert_eq!(topology.nodes[&a].slots, ["0-16383"]);
    let bus = |number| format!("{}@{}", cluster.place(number), cluster.bus(number).port());
    assert_eq!(topology.nodes[&a].address, bus(0));
    assert_eq!(topology.nodes[&b].address, bus(1));
    let epoch = info(&cluster, 0, "cluster_current_epoch").parse::<u64>();
    assert!(epoch.is_ok_and(|epoch| epoch >= 2));
    wait_until_ok(&cluster);
    for (name, expected) in [
        ("cluster_slots_assigned", "16384"),
        ("cluster_slots_ok", "16384"),
        ("cluster_known_nodes", "2"),
        ("cluster_size", "1"),
    ] {
        for number in [0, 1] {
            assert_eq!(info(&cluster, number, name), expected, "{name} of {number}");
        }
    }
    let replicas = cluster.order(0, &format!("CLUSTER REPLICAS {a}"));
    let replicas = replicas.elements().expect("an array");
    assert_eq!(replicas.len(), 1);
    assert!(replicas[0].text().expect("a line").starts_with(&b));
}

#[test]
fn a_replica_reads_for_those_who_say_so_and_shows_all_others_the_way() {
    let cluster = pair(&[]);
    wait_until_ok(&cluster);
    let mut primary = cluster.client(0);
    let mut replica = cluster.client(1);
    assert_eq!(primary.line("SET foo bar").unwrap(), Value::ok());
    let moved = error(format!("MOVED 12182 {}", cluster.place(0)));
    for line in ["GET foo", "SET foo x", "MGET foo", "TYPE foo"] {
        assert_eq!(replica.line(line).unwrap(), moved, "{line}");
    }
    assert_eq!(replica.line("READONLY").unwrap(), Value::ok());
    let expected = Value::bulk("bar");
    let mut seen = Value::Null;
    let is_there = wait_until(PATIENCE, || {
        seen = replica.line("GET foo").expect("an answer");
        seen == expected
    });
    assert!(is_there, "{seen:?}\n{}", cluster.logs());
    for line in ["SET foo x", "DEL foo", "APPEND foo x"] {
        assert_eq!(replica.line(line).unwrap(), moved, "{line}");
    }
    assert_eq!(replica.line("READWRITE").unwrap(), Value::ok());
    assert_eq!(replica.line("GET foo").unwrap(), moved);
    // A transaction is shown the way when its commands are queued, and is given up.
    assert_eq!(replica.line("MULTI").unwrap(), Value::ok());
    assert_eq!(replica.line("GET foo").unwrap(), moved);
    let given_up = error("EXECABORT Transaction discarded because of previous errors.");
    assert_eq!(replica.line("EXEC").unwrap(), given_up);
    // What has no keys is answered by whoever is asked.
    assert_eq!(
        replica.line("CLUSTER KEYSLOT foo").unwrap(),
        Value::Integer(12182)
    );
    assert_eq!(primary.line("GET foo").unwrap(), expected);
}

#[test]
fn three_primaries_show_each_others_slots() {
    let cluster = Plan::new().start(3);
    let ranges = ["0 5460", "5461 10922", "10923 16383"];
    for (number, range) in ranges.iter().enumerate() {
        cluster.order(number, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        cluster.order(number, &format!("CLUSTER ADDSLOTSRANGE {range}"));
    }
    cluster.meet(1, 0);
    cluster.meet(2, 0);
    let topology = cluster.agreed_on("three nodes", |topology| topology.nodes.len() == 3);
    assert!(is_covered(&topology), "{topology:?}");
    for (number, range) in ranges.iter().enumerate() {
        let slots = &topology.nodes[&cluster.id(number)].slots;
        assert_eq!(slots, &[range.replace(' ', "-")], "{topology:?}");
    }
    wait_until_ok(&cluster);
    // Each key is taken by one node, the others name it.
    for (key, slot, owner) in [("b", 3300, 0), ("c", 7365, 1), ("a", 15495, 2)] {
        for number in 0..3 {
            let answer = cluster.call(number, &format!("SET {key} {number}"));
            let expected = match number == owner {
                true => Value::ok(),
                false => error(format!("MOVED {slot} {}", cluster.place(owner))),
            };
            assert_eq!(answer, expected, "{key} at {number}");
        }
    }
    let crossing = error("CROSSSLOT Keys in request don't hash to the same slot");
    assert_eq!(cluster.call(0, "MGET a b"), crossing);
    assert_eq!(cluster.call(0, "MSET {b}1 x {b}2 y"), Value::ok());
}

#[test]
fn nodes_that_are_named_as_seeds_come_together_by_themselves() {
    let mut cluster = Plan::new().start(1);
    let seed = format!("{}@{}", cluster.place(0), cluster.bus(0).port());
    for _ in 0..2 {
        cluster.add(&["--cluster-seeds", &seed]);
    }
    cluster.agreed_on("three nodes", |topology| topology.nodes.len() == 3);
}

/// A key that is moved by hand, with the commands that redis-cli uses too.
#[test]
fn a_slot_moves_with_its_keys() {
    let cluster = Plan::new().start(2);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    cluster.meet(0, 1);
    cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    wait_until_ok(&cluster);
    let [a, b] = [0, 1].map(|number| cluster.id(number));
    for n in 0..10 {
        cluster.order(0, &format!("SET {{foo}}{n} {n}"));
    }
    cluster.order(1, &format!("CLUSTER SETSLOT 12182 IMPORTING {a}"));
    cluster.order(0, &format!("CLUSTER SETSLOT 12182 MIGRATING {b}"));
    assert_eq!(cluster.open_slots(0), [format!("[12182->-{b}]")]);
    assert_eq!(cluster.open_slots(1), [format!("[12182-<-{a}]")]);
    // What is not here may be there already; whoever has asked there says so.
    let ask = error(format!("ASK 12182 {}", cluster.place(1)));
    assert_eq!(cluster.call(0, "GET {foo}new"), ask);
    let moved = error(format!("MOVED 12182 {}", cluster.place(0)));
    assert_eq!(cluster.call(1, "GET {foo}new"), moved);
    let mut asking = cluster.client(1);
    assert_eq!(asking.line("ASKING").unwrap(), Value::ok());
    assert_eq!(asking.line("SET {foo}new 1").unwrap(), Value::ok());
    assert_eq!(asking.line("GET {foo}new").unwrap(), moved);
    assert_eq!(cluster.call(0, "GET {foo}1"), Value::bulk("1"));
    let again = "TRYAGAIN Multiple keys request during rehashing of slot";
    assert_eq!(cluster.call(0, "MGET {foo}1 {foo}new"), error(again));
    let port = cluster.port(1).to_string();
    let mut words = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"]
        .map(str::to_owned)
        .to_vec();
    words.extend((0..10).map(|n| format!("{{foo}}{n}")));
    assert_eq!(cluster.client(0).call(&words).unwrap(), Value::ok());
    assert_eq!(
        cluster.call(0, "CLUSTER COUNTKEYSINSLOT 12182"),
        Value::Integer(0)
    );
    for number in [1, 0] {
        cluster.order(number, &format!("CLUSTER SETSLOT 12182 NODE {b}"));
    }
    cluster.agreed_on("the slot is there", |topology| {
        topology.nodes[&b].slots == ["12182"]
    });
    assert_eq!(
        cluster.call(1, "CLUSTER COUNTKEYSINSLOT 12182"),
        Value::Integer(11)
    );
    let moved = error(format!("MOVED 12182 {}", cluster.place(1)));
    assert_eq!(cluster.call(0, "GET {foo}1"), moved);
    assert_eq!(cluster.call(1, "GET {foo}9"), Value::bulk("9"));
    assert!(cluster.open_slots(0).is_empty() && cluster.open_slots(1).is_empty());
}

/// Tools forget a node everywhere before they reset it. It may know by then that it is out, and have been started again.
#[test]
fn a_replica_that_was_forgotten_is_reset_with_the_copy_it_has() {
    let mut cluster = pair(&[]);
    wait_until_ok(&cluster);
    cluster.fill("k", 0..100);
    let keys = |cluster: &Cluster, number| cluster.call(number, "DBSIZE");
    let has_copy = wait_until(PATIENCE, || keys(&cluster, 1) == Value::Integer(100));
    assert!(has_copy, "{}", cluster.logs());
    let refused = error("ERR CLUSTER RESET can't be called with master nodes containing keys");
    assert_eq!(cluster.call(0, "CLUSTER RESET"), refused);
    cluster.order(0, &format!("CLUSTER FORGET {}", cluster.id(1)));
    let leads_alone = |cluster: &Cluster| {
        assert_alone(cluster, 1);
        let leads = wait_until(PATIENCE, || replication(cluster, 1, "role") == "master");
        assert!(leads, "{}", cluster.logs());
    };
    leads_alone(&cluster);
    cluster.order(1, "SAVE");
    cluster.kill(1);
    cluster.restart(1).expect("a start");
    leads_alone(&cluster);
    // Nothing is thrown away before somebody says so.
    assert_eq!(keys(&cluster, 1), Value::Integer(100));
    assert_eq!(cluster.call(1, "CLUSTER RESET SOFT"), Value::ok());
    assert_eq!(keys(&cluster, 1), Value::Integer(0));
    assert_eq!(cluster.call(0, "CLUSTER RESET"), refused);
    assert_eq!(keys(&cluster, 0), Value::Integer(100));
}
