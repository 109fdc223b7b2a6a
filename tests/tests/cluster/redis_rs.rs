//! The client library that most programs in Rust use finds its way through a cluster, as it comes.

use almandine_cluster::slot::Slot;
use almandine_tests::cluster::Cluster;
use almandine_tests::process::wait_until;
use redis::cluster::{ClusterClient, ClusterClientBuilder, ClusterConnection, cluster_pipe};
use redis::cluster_read_routing::RandomReplicaStrategy;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Commands, ErrorKind, RedisResult, ServerErrorKind};

use crate::clients::spread;
use crate::stage::PATIENCE;

const KEYS: usize = 1000;

fn seed(cluster: &Cluster) -> Vec<String> {
    vec![format!("redis://127.0.0.1:{}/", cluster.port(0))]
}

fn connect(cluster: &Cluster) -> ClusterConnection {
    let client = ClusterClient::new(seed(cluster)).expect("an address");
    client.get_connection().expect("a cluster")
}

#[test]
fn keys_of_all_nodes_are_reached_from_one() {
    let cluster = spread(true);
    let mut connection = connect(&cluster);
    for n in 0..KEYS {
        let () = connection.set(format!("k:{n}"), n).expect("OK");
        let next: usize = connection.incr(format!("k:{n}"), 1).expect("a number");
        assert_eq!(next, n + 1);
    }
    let sizes: Vec<i64> = (0..3)
        .filter_map(|number| cluster.order(number, "DBSIZE").integer())
        .collect();
    assert_eq!(sizes.iter().sum::<i64>(), KEYS as i64);
    assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
    let () = connection.hset("h", "f", "v").expect("1");
    let _: usize = connection.rpush("{l}1", &["a", "b"]).expect("2");
    let last: Option<String> = connection.rpop("{l}1", None).expect("an element");
    assert_eq!(last.as_deref(), Some("b"));
    let pairs: Vec<(String, String)> = connection.hgetall("h").expect("pairs");
    assert_eq!(pairs, [("f".to_owned(), "v".to_owned())]);
}

#[test]
fn pipelines_and_transactions_go_where_their_keys_are() {
    let cluster = spread(false);
    let mut connection = connect(&cluster);
    let mut pipe = cluster_pipe();
    for n in 0..KEYS {
        pipe.set(format!("p:{n}"), n).ignore();
        pipe.incr(format!("p:{n}"), 1);
    }
    let counts: Vec<usize> = pipe.query(&mut connection).expect("numbers");
    assert_eq!(counts, (1..=KEYS).collect::<Vec<_>>());
    // It sends no transactions of its own accord; a program says where they go.
    for n in 0..50 {
        let key = format!("{{t{n}}}");
        let slot = Slot::of(key.as_bytes()).index() as u16;
        let node = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
        let mut says = |line: String| -> redis::Value {
            let mut words = line.split(' ');
            let mut cmd = redis::cmd(words.next().unwrap_or_default());
            for word in words {
                cmd.arg(word);
            }
            let said = connection.route_command(&cmd, RoutingInfo::SingleNode(node.clone()));
            said.unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        says("MULTI".to_owned());
        says(format!("SET {key}a {n}"));
        says(format!("INCR {key}a"));
        says(format!("INCRBY {key}b 5"));
        let [done, next, five] = [
            redis::Value::Okay,
            redis::Value::Int(n + 1),
            redis::Value::Int(5),
        ];
        let all = redis::Value::Array(vec![done, next, five]);
        assert_eq!(says("EXEC".to_owned()), all);
    }
    let crossing: RedisResult<()> = connection.mset(&[("{x}a", 1), ("{x}b", 2)]);
    crossing.expect("one slot");
    let crossing: RedisResult<()> = connection.rename("a", "b");
    let error = crossing.expect_err("two slots");
    assert_eq!(error.kind(), ErrorKind::Server(ServerErrorKind::CrossSlot));
}

#[test]
fn replicas_are_read_where_that_is_wished() {
    let cluster = spread(true);
    let builder =
        ClusterClientBuilder::new(seed(&cluster)).read_routing_strategy(RandomReplicaStrategy);
    let client = builder.build().expect("an address");
    let mut connection = client.get_connection().expect("a cluster");
    for n in 0..100 {
        let () = connection.set(format!("r:{n}"), n).expect("OK");
    }
    let mut read = |n: usize| -> Option<usize> { connection.get(format!("r:{n}")).expect("read") };
    let have_all = wait_until(PATIENCE, || (0..100).all(|n| read(n) == Some(n)));
    assert!(have_all, "{}", cluster.logs());
}

/// The library stays with the addresses that it knows when one of them is gone; a program that connects again finds the rest.
#[test]
fn a_program_that_connects_again_finds_the_new_primary() {
    let mut cluster = spread(true);
    let mut connection = connect(&cluster);
    for n in 0..100 {
        let () = connection.set(format!("f:{n}"), n).expect("OK");
    }
    cluster.kill(1);
    let client = ClusterClientBuilder::new(seed(&cluster)).retries(0);
    let client = client.build().expect("an address");
    let write_all = || -> RedisResult<()> {
        let mut connection = client.get_connection()?;
        (0..100).try_for_each(|n| connection.set(format!("f:{n}"), n + 1))
    };
    let goes_on = wait_until(PATIENCE, || write_all().is_ok());
    assert!(goes_on, "{:?}\n{}", write_all(), cluster.logs());
    let mut connection = client.get_connection().expect("a cluster");
    let values = (0..100).map(|n| connection.get(format!("f:{n}")).expect("a number"));
    let values: Vec<usize> = values.collect();
    assert_eq!(values, (1..=100).collect::<Vec<_>>());
}
