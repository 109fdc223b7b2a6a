//! `redis-cli --cluster`: what it does to a cluster succeeds, and no key is lost on the way.

use std::fs;

use almandine_cluster::slot::Slot;
use almandine_tests::cluster::{Cluster, Plan, Topology};
use almandine_tests::process::{Directory, Server, Start, Tool};
use almandine_tests::resp::Value;

use crate::stage::{assert_alone, is_covered, wait_for_links, wait_until_ok};

const KEYS: usize = 3000;
/// One by one, with requests of their own.
const IMPORTED: usize = 100;

/// What redis-cli prints when all goes well. When it asks, the answer is yes.
#[track_caller]
fn cli(cluster: &Cluster, cli: &Tool, args: &[&str]) -> String {
    let run = cli.clone().args(["--cluster"]).args(args).run(b"yes\n");
    let ended_well = run.status.is_some_and(|status| status.success());
    assert!(
        ended_well && run.err.is_empty(),
        "{args:?}\n{}\n{}\n{}",
        run.out,
        run.err,
        cluster.logs()
    );
    run.out
}

#[track_caller]
fn assert_says(out: &str, texts: &[&str]) {
    for text in texts {
        assert!(out.contains(text), "{text:?} is missing in\n{out}");
    }
}

const WELL: [&str; 2] = [
    "[OK] All nodes agree about slots configuration.",
    "[OK] All 16384 slots covered.",
];

/// So many nodes that redis-cli has made a cluster of.
fn create(count: usize, replicas: usize) -> Option<(Cluster, Tool)> {
    let tool = Tool::if_installed("redis-cli")?;
    let cluster = Plan::new().start(count);
    let places: Vec<String> = (0..count).map(|number| cluster.place(number)).collect();
    let mut args = vec!["create"];
    args.extend(places.iter().map(String::as_str));
    let replicas = replicas.to_string();
    args.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
    assert_says(&cli(&cluster, &tool, &args), &WELL);
    wait_until_ok(&cluster);
    Some((cluster, tool))
}

#[test]
fn redis_cli_creates_a_cluster_and_lets_it_grow_and_shrink() {
    let Some((mut cluster, tool)) = create(6, 1) else {
        return;
    };
    let topology = cluster.agreed_on("three replicas", |topology| {
        topology.replicas().count() == 3
    });
    assert!(is_covered(&topology), "{topology:?}");
    for (id, _) in topology.primaries() {
        let mut replicas = topology
            .replicas()
            .filter(|r| r.1.primary.as_ref() == Some(id));
        assert!(
            replicas.next().is_some() && replicas.next().is_none(),
            "{topology:?}"
        );
    }
    cluster.fill("k", 0..KEYS);
    let first = cluster.place(0);
    let keys = format!("[OK] {KEYS} keys in 3 masters.");
    assert_says(
        &cli(&cluster, &tool, &["check", &first]),
        &[&keys, WELL[0], WELL[1]],
    );
    assert_says(
        &cli(&cluster, &tool, &["info", &cluster.place(4)]),
        &[&keys],
    );
    grow(&mut cluster, &tool);
    shrink(&mut cluster, &tool);
    let topology = cluster.agreed_on("six nodes", |topology| topology.nodes.len() == 6);
    assert!(is_covered(&topology), "{topology:?}");
    cluster.assert_filled("k", 0..KEYS);
    assert_says(
        &cli(&cluster, &tool, &["check", &first]),
        &[&keys, WELL[0], WELL[1]],
    );
}

/// One more primary, slots for it, and a replica of its own.
fn grow(cluster: &mut Cluster, tool: &Tool) {
    let first = cluster.place(0);
    let seventh = cluster.add(&[]);
    let new = cluster.place(seventh);
    let added = "[OK] New node added correctly.";
    assert_says(&cli(cluster, tool, &["add-node", &new, &first]), &[added]);
    cluster.agreed_on("seven nodes", |topology| topology.nodes.len() == 7);
    wait_until_ok(cluster);
    // Its share is small: each slot is moved by a dozen requests.
    let (from, to) = (cluster.id(0), cluster.id(seventh));
    let weight = format!("{to}=0.02");
    let args = ["rebalance", &first, "--cluster-use-empty-masters"];
    let args = [&args[..], &["--cluster-weight", &weight]].concat();
    cli(cluster, tool, &args);
    let topology = cluster.agreed_on("all slots have owners", is_covered);
    let share = topology.nodes[&to].slot_count();
    assert!((100..=120).contains(&share), "{topology:?}");
    cluster.assert_filled("k", 0..KEYS);
    let args = [
        "reshard",
        &first,
        "--cluster-from",
        &from,
        "--cluster-to",
        &to,
    ];
    let args = [&args[..], &["--cluster-slots", "16", "--cluster-yes"]].concat();
    cli(cluster, tool, &args);
    cluster.agreed_on("16 slots more", |topology| {
        topology.nodes[&to].slot_count() == share + 16
    });
    cluster.assert_filled("k", 0..KEYS);
    let eighth = cluster.add(&[]);
    let (new, id) = (cluster.place(eighth), cluster.id(eighth));
    let args = [
        "add-node",
        &new,
        &first,
        "--cluster-slave",
        "--cluster-master-id",
        &to,
    ];
    assert_says(&cli(cluster, tool, &args), &[added]);
    cluster.agreed_on("a replica", |topology| {
        topology.nodes[&id].primary.as_ref() == Some(&to)
    });
    wait_for_links(cluster, &[eighth]);
}

/// The seventh and the eighth node go again.
fn shrink(cluster: &mut Cluster, tool: &Tool) {
    let first = cluster.place(0);
    let [seventh, eighth] = [6, 7].map(|number| cluster.id(number));
    cli(cluster, tool, &["del-node", &first, &eighth]);
    assert_alone(cluster, 7);
    cluster.kill(7);
    let topology = cluster.agreed();
    let mut primaries = topology.primaries().map(|(id, _)| id.clone());
    let to = primaries.find(|id| *id != seventh);
    let to = to.expect("a primary");
    let count = topology.nodes[&seventh].slot_count().to_string();
    let args = [
        "reshard",
        &first,
        "--cluster-from",
        &seventh,
        "--cluster-to",
        &to,
    ];
    let args = [&args[..], &["--cluster-slots", &count, "--cluster-yes"]].concat();
    cli(cluster, tool, &args);
    // With its last slot it has become a replica: it answers no CLUSTER RESET while it loads its copy.
    wait_for_links(cluster, &[6]);
    cli(cluster, tool, &["del-node", &first, &seventh]);
    assert_alone(cluster, 6);
    cluster.kill(6);
}

#[test]
fn redis_cli_asks_and_sets_all_nodes_and_saves_what_they_hold() {
    let Some((cluster, tool)) = create(3, 0) else {
        return;
    };
    cluster.fill("k", 0..KEYS);
    let first = cluster.place(0);
    let out = cli(
        &cluster,
        &tool,
        &["call", &first, "CONFIG", "SET", "maxmemory-samples", "7"],
    );
    for number in 0..3 {
        assert_says(&out, &[&format!("{}: OK", cluster.place(number))]);
        let set = cluster.order(number, "CONFIG GET maxmemory-samples");
        assert_eq!(
            set,
            Value::Array(["maxmemory-samples", "7"].map(Value::bulk).to_vec())
        );
    }
    let masters = ["call", &first, "DBSIZE", "--cluster-only-masters"];
    assert_eq!(
        cli(&cluster, &tool, &masters).matches("127.0.0.1:").count(),
        3
    );
    let out = cli(&cluster, &tool, &["set-timeout", &first, "12345"]);
    assert_says(&out, &["New node timeout set. 3 OK, 0 ERR."]);
    for number in 0..3 {
        let set = cluster.order(number, "CONFIG GET cluster-node-timeout");
        assert_eq!(
            set,
            Value::Array(["cluster-node-timeout", "12345"].map(Value::bulk).to_vec())
        );
        let file = fs::read_to_string(cluster.dir(number).path("server.conf"));
        assert_says(&file.expect("a file"), &["cluster-node-timeout 12345"]);
    }
    backup(&cluster, &tool);
}

/// The files hold every key.
fn backup(cluster: &Cluster, tool: &Tool) {
    let dir = Directory::new();
    let path = dir.path(".");
    let path = path.to_str().expect("a path that is text");
    let args = ["--cluster", "backup", &cluster.place(0), path];
    let run = tool.clone().args(args).run(b"");
    // How each transfer goes is said on standard error.
    assert_says(&run.out, &["[OK] Backup created into:"]);
    assert_eq!(run.err.matches("Transfer finished with success").count(), 3);
    let nodes = fs::read_to_string(dir.path("nodes.json")).expect("a file of nodes");
    let mut keys = 0;
    for number in 0..3 {
        let id = cluster.id(number);
        assert_says(&nodes, &[&id]);
        let saved = format!("redis-node-127.0.0.1-{}-{id}.rdb", cluster.port(number));
        let restored = Directory::new();
        fs::copy(dir.path(&saved), restored.path("dump.rdb")).expect("a file of keys");
        let node = Start::new(Server::Almandine).dir(&restored).run();
        let node = node.unwrap_or_else(|error| panic!("{saved} is not read: {error}"));
        keys += node
            .client()
            .line("DBSIZE")
            .expect("an answer")
            .integer()
            .expect("a number");
    }
    assert_eq!(keys, KEYS as i64);
}

#[test]
fn redis_cli_fixes_what_was_left_open_or_without_an_owner() {
    let Some((cluster, tool)) = create(3, 0) else {
        return;
    };
    cluster.fill("k", 0..KEYS);
    let first = cluster.place(0);
    let fix = || {
        cli(&cluster, &tool, &["fix", &first]);
        let topology = cluster.agreed_on("all slots have owners", is_covered);
        cluster.assert_filled("k", 0..KEYS);
        assert!((0..3).all(|number| cluster.open_slots(number).is_empty()));
        assert_says(&cli(&cluster, &tool, &["check", &first]), &WELL);
        topology
    };
    let topology = cluster.agreed();
    let [from, to] = [0, 1].map(|number| cluster.id(number));
    let with_keys: Vec<usize> = (0..KEYS)
        .map(|n| Slot::of(format!("k:{n}").as_bytes()).index())
        .filter(|slot| topology.nodes[&from].slot_numbers().any(|own| own == *slot))
        .collect();
    // Broken off before the first key was moved: it goes on.
    let slot = with_keys[0];
    cluster.order(1, &format!("CLUSTER SETSLOT {slot} IMPORTING {from}"));
    cluster.order(0, &format!("CLUSTER SETSLOT {slot} MIGRATING {to}"));
    let topology = fix();
    assert!(
        topology.nodes[&to].slot_numbers().any(|own| own == slot),
        "{topology:?}"
    );
    // One side knows nothing of it: it stays.
    let slot = with_keys[1];
    cluster.order(0, &format!("CLUSTER SETSLOT {slot} MIGRATING {to}"));
    let topology = fix();
    assert!(
        topology.nodes[&from].slot_numbers().any(|own| own == slot),
        "{topology:?}"
    );
    let slot = with_keys[2];
    cluster.order(1, &format!("CLUSTER SETSLOT {slot} IMPORTING {from}"));
    let topology = fix();
    assert!(
        topology.nodes[&from].slot_numbers().any(|own| own == slot),
        "{topology:?}"
    );
    without_owners(&cluster, &with_keys[3..6]);
    let topology = fix();
    for slot in &with_keys[3..6] {
        assert!(
            topology.nodes[&from].slot_numbers().any(|own| own == *slot),
            "{topology:?}"
        );
    }
}

/// These slots of the first node have no owner any more; the keys are still there.
fn without_owners(cluster: &Cluster, slots: &[usize]) {
    let words: Vec<String> = slots.iter().map(usize::to_string).collect();
    let line = format!("CLUSTER DELSLOTS {}", words.join(" "));
    for number in 0..3 {
        let answer = cluster.call(number, &line);
        // Where all nodes have one truth the first has told the others.
        let text = answer.text().unwrap_or_default();
        assert!(
            text == "OK" || text.ends_with("is already unassigned"),
            "{text}"
        );
    }
    let is_open = |topology: &Topology| topology.slot_count() < 16384;
    cluster.agreed_on("slots without owners", is_open);
    let key = (0..KEYS)
        .map(|n| format!("k:{n}"))
        .find(|key| Slot::of(key.as_bytes()).index() == slots[0]);
    let answer = cluster.call(0, &format!("GET {}", key.expect("a key")));
    assert!(
        answer
            .text()
            .is_some_and(|text| text.starts_with("CLUSTERDOWN ")),
        "{answer:?}"
    );
}

#[test]
fn redis_cli_imports_from_a_server_that_stands_alone() {
    let Some((cluster, tool)) = create(3, 0) else {
        return;
    };
    let mut servers = vec![Server::Almandine];
    servers.extend(Server::redis_if_installed());
    for (turn, server) in servers.into_iter().enumerate() {
        let alone = Start::new(server).run().expect("a server that starts");
        let mut client = alone.client();
        let prefix = format!("alone{turn}");
        for n in 0..IMPORTED {
            client.line(&format!("SET {prefix}:{n} {n}")).unwrap();
        }
        let from = alone.address().to_string();
        let args = ["import", &cluster.place(1), "--cluster-from", &from];
        let copy = [&args[..], &["--cluster-copy"]].concat();
        assert_says(&cli(&cluster, &tool, &copy), &["Migrating"]);
        assert_eq!(
            client.line("DBSIZE").unwrap(),
            Value::Integer(IMPORTED as i64)
        );
        cluster.assert_filled(&prefix, 0..IMPORTED);
        let replace = [&args[..], &["--cluster-replace"]].concat();
        cli(&cluster, &tool, &replace);
        assert_eq!(client.line("DBSIZE").unwrap(), Value::Integer(0));
        cluster.assert_filled(&prefix, 0..IMPORTED);
    }
}
