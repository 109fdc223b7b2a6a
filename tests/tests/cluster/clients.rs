//! Programs that we did not write find their way through a cluster: redis-cli -c, redis-py, ioredis, redis-benchmark.

use std::path::Path;

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::{Tool, wait_until};
use almandine_tests::resp::Value;

use crate::stage::{PATIENCE, wait_for_links, wait_until_ok};

/// Three primaries; with `replicas` each has one.
pub(crate) fn spread(replicas: bool) -> Cluster {
    let cluster = Plan::new().start(if replicas { 6 } else { 3 });
    for (number, range) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
        cluster.order(number, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        cluster.order(number, &format!("CLUSTER ADDSLOTSRANGE {range}"));
    }
    for number in 1..cluster.count() {
        cluster.meet(number, 0);
    }
    let count = cluster.count();
    cluster.agreed_on("all know each other", |topology| {
        topology.nodes.len() == count
    });
    for number in 3..count {
        let primary = cluster.id(number - 3);
        cluster.order(number, &format!("CLUSTER REPLICATE {primary}"));
    }
    cluster.agreed_on("replicas", |topology| {
        topology.replicas().count() == count - 3
    });
    wait_for_links(&cluster, &(3..count).collect::<Vec<_>>());
    wait_until_ok(&cluster);
    cluster
}

/// A run of a tool that ends well.
#[track_caller]
fn run(cluster: &Cluster, tool: Tool, input: &[u8]) -> String {
    let run = tool.run(input);
    let ended_well = run.status.is_some_and(|status| status.success());
    assert!(ended_well, "{}\n{}\n{}", run.out, run.err, cluster.logs());
    run.out
}

/// Three primaries with a replica each; all nodes show all of them to clients.
fn spread_and_shown() -> Cluster {
    let cluster = spread(true);
    // A replica is shown to clients once it has something.
    cluster.fill("k", 0..100);
    let are_shown = wait_until(PATIENCE, || {
        (0..6).all(|number| {
            let shown = cluster.order(number, "CLUSTER SLOTS").elements();
            let shards = shown.into_iter().flatten().filter_map(Value::elements);
            shards.map(|shard| shard.len()).eq([4; 3])
        })
    });
    assert!(are_shown, "{:?}", cluster.order(0, "CLUSTER SLOTS"));
    cluster
}

#[test]
fn redis_py_finds_its_way() {
    let Some(python) = Tool::python_with_redis_if_installed() else {
        return;
    };
    let cluster = spread_and_shown();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/redis_py_cluster.py");
    let python = python.args([script.into_os_string(), cluster.port(0).to_string().into()]);
    let out = run(&cluster, python, b"");
    assert!(out.ends_with("all went well\n"), "{out}");
    eprint!("{out}");
}

#[test]
fn ioredis_finds_its_way() {
    let Some(node) = Tool::node_with_ioredis_if_installed() else {
        return;
    };
    let cluster = spread_and_shown();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/ioredis_cluster.js");
    let node = node.args([script.into_os_string(), cluster.port(0).to_string().into()]);
    let out = run(&cluster, node, b"");
    assert!(out.ends_with("all went well\n"), "{out}");
    eprint!("{out}");
}

/// Without the lines by which redis-cli says that it goes elsewhere.
fn undirected(out: &str) -> String {
    let lines = out.split_inclusive('\n');
    lines
        .filter(|line| !line.starts_with("-> Redirected"))
        .collect()
}

#[test]
fn redis_cli_follows_where_it_is_shown_to() {
    let Some(cli) = Tool::if_installed("redis-cli") else {
        return;
    };
    let cluster = spread(false);
    let cli = cli.args(["-c", "-p", &cluster.port(0).to_string()]);
    let mut input = String::new();
    for n in 0..200 {
        input += &format!("SET k:{n} {n}\nINCR k:{n}\n");
    }
    let out = undirected(&run(&cluster, cli.clone(), input.as_bytes()));
    let expected: String = (0..200).map(|n| format!("OK\n{}\n", n + 1)).collect();
    assert_eq!(out, expected);
    let sizes = (0..3).map(|number| cluster.order(number, "DBSIZE").integer());
    let sizes: Vec<i64> = sizes.map(|size| size.expect("a number")).collect();
    assert!(sizes.iter().sum::<i64>() == 200 && sizes.iter().all(|size| *size > 0));
    // A slot on its way: half is asked for at the new place.
    let slot = 3300;
    let [from, to] = [0, 1].map(|number| cluster.id(number));
    cluster.order(0, "SET b here");
    cluster.order(1, &format!("CLUSTER SETSLOT {slot} IMPORTING {from}"));
    cluster.order(0, &format!("CLUSTER SETSLOT {slot} MIGRATING {to}"));
    let input = b"GET b
SET {b}new there
GET {b}new
DEL b
GET b
";
    let out = undirected(&run(&cluster, cli, input));
    assert_eq!(out, "here\nOK\nthere\n1\n\n");
    let counts =
        [0, 1].map(|number| cluster.order(number, &format!("CLUSTER COUNTKEYSINSLOT {slot}")));
    assert_eq!(counts, [0, 1].map(Value::Integer));
}

#[test]
fn redis_benchmark_loads_all_nodes() {
    let Some(benchmark) = Tool::if_installed("redis-benchmark") else {
        return;
    };
    let cluster = spread(false);
    let port = cluster.port(1).to_string();
    for more in [
        &["-n", "6000"][..],
        &["-n", "30000", "-P", "16", "--threads", "2"],
    ] {
        let benchmark = benchmark
            .clone()
            .args(["-p", &port, "--cluster", "-q", "-r", "5000"]);
        let benchmark = benchmark
            .args(["-t", "set,get,incr,lpush,hset,zadd"])
            .args(more);
        let out = run(&cluster, benchmark, b"");
        assert!(!out.contains("rror"), "{out}");
        for name in ["SET", "GET", "INCR", "LPUSH", "HSET", "ZADD"] {
            let figure = out.split(['\r', '\n']).find_map(|line| {
                let rest = line.strip_prefix(name)?.strip_prefix(": ")?;
                rest.split_once(" requests per second")?
                    .0
                    .parse::<f64>()
                    .ok()
            });
            assert!(figure.is_some_and(|figure| figure > 0.0), "{name}: {out}");
        }
    }
    for number in 0..3 {
        let size = cluster.order(number, "DBSIZE").integer();
        assert!(
            size.is_some_and(|size| size > 100),
            "node {number}: {size:?}"
        );
    }
}

/// Requests of one pipeline for several nodes: each is answered by itself.
#[test]
fn a_pipeline_is_answered_one_by_one() {
    let cluster = spread(false);
    let request = |n: usize| vec!["SET".to_owned(), format!("k:{n}"), n.to_string()];
    let requests: Vec<Vec<String>> = (0..3000).map(request).collect();
    let mut taken = [0; 3];
    for (number, taken) in taken.iter_mut().enumerate() {
        let answers = cluster.client(number).pipeline(&requests).unwrap();
        for (n, answer) in answers.iter().enumerate() {
            match answer {
                Value::Simple(_) => *taken += 1,
                other => {
                    let text = other.text().unwrap_or_default();
                    assert!(text.starts_with("MOVED "), "k:{n}: {text}");
                    assert!(!text.ends_with(&cluster.place(number)), "k:{n}: {text}");
                }
            }
        }
    }
    assert!(taken.iter().sum::<usize>() == 3000 && taken.iter().all(|count| *count > 0));
    cluster.assert_filled("k", 0..3000);
}

#[test]
fn a_transaction_has_keys_of_one_slot() {
    let cluster = spread(false);
    let mut client = cluster.client(0);
    let mut says = |line: &str| client.line(line).unwrap();
    let queued = Value::Simple(b"QUEUED".to_vec());
    // `b` is in slot 3300, of the first node.
    assert_eq!(says("MULTI"), Value::ok());
    assert_eq!(says("SET {b}1 x"), queued);
    assert_eq!(says("GET {b}1"), queued);
    assert_eq!(
        says("EXEC"),
        Value::Array(vec![Value::ok(), Value::bulk("x")])
    );
    // Both slots are the first node's: only EXEC sees that they differ.
    let other = (0..)
        .map(|n| format!("x{n}"))
        .find(|key| {
            let slot = almandine_cluster::slot::Slot::of(key.as_bytes()).index();
            slot < 5461 && slot != 3300
        })
        .expect("a key");
    assert_eq!(says("MULTI"), Value::ok());
    assert_eq!(says("SET {b}1 y"), queued);
    assert_eq!(says(&format!("SET {other} y")), queued);
    let crossing = "CROSSSLOT Keys in request don't hash to the same slot";
    assert_eq!(says("EXEC"), Value::Error(crossing.as_bytes().to_vec()));
    assert_eq!(says("GET {b}1"), Value::bulk("x"));
}
