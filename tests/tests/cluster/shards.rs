//! Nodes with several shards do what nodes with one do.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::{Client, Value, info_field};

use crate::stage::{PATIENCE, error, wait_until_ok};

const THREE: [&str; 4] = ["--shards", "3", "--threads", "3"];
/// How long clients ask before it is looked at whether other shards than the first have answered: what looks keeps the
/// slots together for a while.
const STRETCH: Duration = Duration::from_millis(250);
const KEYS: usize = 600;

/// One node with all slots, and keys in many of them.
#[track_caller]
fn node_with_keys(args: &[&str]) -> Cluster {
    let cluster = Plan::new().args(&THREE).args(args).start(1);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until_ok(&cluster);
    cluster.fill("key", 0..KEYS);
    cluster
}

/// A number of INFO; 0 if it is not there.
#[track_caller]
pub(crate) fn number(cluster: &Cluster, node: usize, name: &str) -> u64 {
    let info = cluster.order(node, "INFO everything").text();
    let info = info.expect("text");
    info_field(&info, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

/// Waits until other shards than the first have run requests. Slots are spread then, or were a moment ago.
#[track_caller]
pub(crate) fn wait_until_spread(cluster: &Cluster, node: usize) {
    let mut client = cluster.client(node);
    let is_spread = wait_until(PATIENCE, || {
        let before = number(cluster, node, "shards_batches_of_others");
        ask_for_a_while(&mut client);
        number(cluster, node, "shards_batches_of_others") > before
    });
    assert!(is_spread, "the slots stay together\n{}", cluster.logs());
    // What has just looked has gathered them.
    ask_for_a_while(&mut client);
}

/// Reads of keys in many slots: none of them needs all slots in one place.
fn ask_for_a_while(client: &mut Client) {
    let requests: Vec<Vec<String>> = (0..KEYS).map(|n| words(&format!("GET key:{n}"))).collect();
    let began = Instant::now();
    while began.elapsed() < STRETCH {
        client.pipeline(&requests).expect("answers");
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[track_caller]
fn answers(client: &mut Client, lines: &[String]) -> Vec<Value> {
    let requests: Vec<Vec<String>> = lines.iter().map(|line| words(line)).collect();
    client.pipeline(&requests).expect("answers")
}

#[track_caller]
fn answer(client: &mut Client, line: &str) -> Value {
    client.line(line).expect("an answer")
}

fn key_names() -> BTreeSet<String> {
    (0..KEYS).map(|n| format!("key:{n}")).collect()
}

/// All that SCAN says, with the slots spread between its calls.
fn scanned(cluster: &Cluster, client: &mut Client) -> BTreeSet<String> {
    let (mut cursor, mut found, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let reply = answer(client, &format!("SCAN {cursor} COUNT 50")).elements();
        let [next, keys] = <[Value; 2]>::try_from(reply.expect("an array")).expect("two");
        let keys = keys.elements().expect("an array").into_iter();
        found.extend(keys.filter_map(|key| key.text()));
        cursor = next.text().expect("a cursor");
        if cursor == "0" {
            return found;
        }
        calls += 1;
        if calls % 4 == 1 {
            wait_until_spread(cluster, 0);
        }
    }
}

#[test]
fn what_is_asked_of_all_keys_is_answered_for_all_shards() {
    let cluster = node_with_keys(&[]);
    let mut client = cluster.client(0);
    let all = Value::Integer(KEYS as i64);
    wait_until_spread(&cluster, 0);
    assert_eq!(answer(&mut client, "DBSIZE"), all);
    wait_until_spread(&cluster, 0);
    let keys = answer(&mut client, "KEYS *").elements().expect("an array");
    let keys: BTreeSet<String> = keys.into_iter().filter_map(|key| key.text()).collect();
    assert_eq!(keys, key_names());
    assert_eq!(scanned(&cluster, &mut client), key_names());
    wait_until_spread(&cluster, 0);
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        seen.extend(answer(&mut client, "RANDOMKEY").text());
    }
    assert!(seen.len() > 50 && seen.is_subset(&key_names()), "{seen:?}");
    wait_until_spread(&cluster, 0);
    for n in 0..20 {
        let slot = answer(&mut client, &format!("CLUSTER KEYSLOT key:{n}"));
        let slot = slot.integer().expect("a slot");
        let count = answer(&mut client, &format!("CLUSTER COUNTKEYSINSLOT {slot}"));
        let keys = answer(&mut client, &format!("CLUSTER GETKEYSINSLOT {slot} 1000"));
        let keys = keys.elements().expect("an array");
        assert_eq!(count, Value::Integer(keys.len() as i64));
        assert!(keys.contains(&Value::bulk(format!("key:{n}"))));
    }
    wait_until_spread(&cluster, 0);
    let crossed = error("CROSSSLOT Keys in request don't hash to the same slot");
    assert_eq!(answer(&mut client, "MGET key:1 key:2"), crossed);
    assert_eq!(answer(&mut client, "FLUSHALL SYNC"), Value::ok());
    assert_eq!(answer(&mut client, "DBSIZE"), Value::Integer(0));
    assert_eq!(answer(&mut client, "GET key:1"), Value::NilBulk);
}

#[test]
fn every_call_is_counted_once() {
    let cluster = node_with_keys(&[]);
    wait_until_spread(&cluster, 0);
    let mut client = cluster.client(0);
    let lines: Vec<String> = (0..KEYS).map(|n| format!("APPEND key:{n} x")).collect();
    answers(&mut client, &lines);
    let wrong: Vec<String> = (0..KEYS).map(|n| format!("LPUSH key:{n} x")).collect();
    assert!(answers(&mut client, &wrong).iter().all(Value::is_error));
    let info = answer(&mut client, "INFO everything").text().expect("text");
    for expected in [
        format!("cmdstat_append:calls={KEYS},"),
        format!("errorstat_WRONGTYPE:count={KEYS}\r"),
        format!("db0:keys={KEYS},"),
    ] {
        assert!(info.contains(&expected), "{expected}\n{info}");
    }
    assert!(number(&cluster, 0, "rdb_changes_since_last_save") >= 2 * KEYS as u64);
}

/// Each of several clients has keys of its own, and knows what they hold.
#[test]
fn requests_for_several_shards_are_answered_in_order() {
    let cluster = node_with_keys(&["--appendonly", "yes"]);
    wait_until_spread(&cluster, 0);
    thread::scope(|scope| {
        for number in 0..4 {
            let client = cluster.client(0);
            scope.spawn(move || count_in_pipelines(client, number));
        }
    });
    assert!(number(&cluster, 0, "shards_batches_of_others") > 100);
}

fn count_in_pipelines(mut client: Client, number: usize) {
    let mut counts = [0_i64; 40];
    for round in 0..150 {
        let (mut lines, mut expected) = (Vec::new(), Vec::new());
        for step in 0..1 + round % 37 {
            let n = (round * 7 + step * 11) % counts.len();
            match (round + step) % 10 {
                0 => {
                    lines.push("PING".to_owned());
                    expected.push(Value::Simple(b"PONG".to_vec()));
                }
                1..5 => {
                    counts[n] += 1;
                    lines.push(format!("INCR count:{number}:{n}"));
                    expected.push(Value::Integer(counts[n]));
                }
                5 if round % 50 == 0 => {
                    counts[n] += 1;
                    let incr = format!("INCR count:{number}:{n}");
                    lines.extend(["MULTI".to_owned(), incr, "EXEC".to_owned()]);
                    let queued = Value::Simple(b"QUEUED".to_vec());
                    let done = Value::Array(vec![Value::Integer(counts[n])]);
                    expected.extend([Value::ok(), queued, done]);
                }
                _ => {
                    lines.push(format!("GET count:{number}:{n}"));
                    expected.push(match counts[n] {
                        0 => Value::NilBulk,
                        count => Value::bulk(count.to_string()),
                    });
                }
            }
        }
        assert_eq!(answers(&mut client, &lines), expected, "round {round}");
    }
}

#[test]
fn watched_keys_of_any_shard_break_a_transaction() {
    let cluster = node_with_keys(&[]);
    let [mut watcher, mut other] = [cluster.client(0), cluster.client(0)];
    for n in 0..8 {
        wait_until_spread(&cluster, 0);
        let key = format!("key:{n}");
        assert_eq!(answer(&mut watcher, &format!("WATCH {key}")), Value::ok());
        assert_eq!(
            answer(&mut watcher, &format!("WATCH key:{}", n + 100)),
            Value::ok()
        );
        answer(&mut other, &format!("SET key:{} x", n + 200));
        let is_changed = n % 2 == 0;
        if is_changed {
            answer(&mut other, &format!("SET {key} x"));
        }
        answer(&mut watcher, "MULTI");
        answer(&mut watcher, &format!("STRLEN {key}"));
        let outcome = answer(&mut watcher, "EXEC");
        assert_eq!(outcome.is_null(), is_changed, "{n}: {outcome:?}");
    }
}

#[test]
fn clients_that_wait_are_served_whatever_shard_has_the_key() {
    let cluster = node_with_keys(&[]);
    let [mut waiter, mut other] = [cluster.client(0), cluster.client(0)];
    for n in 0..6 {
        wait_until_spread(&cluster, 0);
        waiter
            .send(&words(&format!("BLPOP list:{n} 0")))
            .expect("it is sent");
        let is_blocked = wait_until(PATIENCE, || number(&cluster, 0, "blocked_clients") == 1);
        assert!(is_blocked);
        ask_for_a_while(&mut other);
        assert_eq!(
            answer(&mut other, &format!("RPUSH list:{n} a b")),
            Value::Integer(2)
        );
        let popped = waiter.receive().expect("an answer");
        let list = Value::bulk(format!("list:{n}"));
        assert_eq!(popped, Value::Array(vec![list, Value::bulk("a")]));
    }
    let id = answer(&mut waiter, "CLIENT ID")
        .integer()
        .expect("a number");
    waiter.send(&words("BLPOP none 0")).expect("it is sent");
    let is_blocked = wait_until(PATIENCE, || number(&cluster, 0, "blocked_clients") == 1);
    assert!(is_blocked);
    let unblock = format!("CLIENT UNBLOCK {id} ERROR");
    assert_eq!(answer(&mut other, &unblock), Value::Integer(1));
    let told = waiter.receive().expect("an answer");
    assert!(told.is_error(), "{told:?}");
}

#[test]
fn listeners_hear_of_the_keys_of_all_shards() {
    let cluster = node_with_keys(&[]);
    let [mut listener, mut client] = [cluster.client(0), cluster.client(0)];
    answer(&mut listener, "SUBSCRIBE __keyevent@0__:set");
    wait_until_spread(&cluster, 0);
    answer(&mut client, "CONFIG SET notify-keyspace-events KEA");
    ask_for_a_while(&mut client);
    let lines: Vec<String> = (0..KEYS).map(|n| format!("SET key:{n} x")).collect();
    answers(&mut client, &lines);
    for n in 0..KEYS {
        let told = listener.receive().expect("a message").elements();
        let told = told.expect("an array").pop();
        assert_eq!(told, Some(Value::bulk(format!("key:{n}"))));
    }
    let nothing = ["CONFIG", "SET", "notify-keyspace-events", ""];
    assert_eq!(client.call(&nothing).expect("an answer"), Value::ok());
    let mut monitor = cluster.client(0);
    wait_until_spread(&cluster, 0);
    answer(&mut monitor, "MONITOR");
    ask_for_a_while(&mut client);
    answers(&mut client, &lines[..50]);
    let mut shown = 0;
    while shown < 50 {
        let line = monitor.receive().expect("a line").text().expect("text");
        shown += usize::from(line.contains("\"SET\""));
    }
}

#[test]
fn keys_of_all_shards_expire() {
    let cluster = node_with_keys(&["--appendonly", "yes"]);
    wait_until_spread(&cluster, 0);
    let mut client = cluster.client(0);
    let lines: Vec<String> = (0..KEYS).map(|n| format!("PEXPIRE key:{n} 400")).collect();
    answers(&mut client, &lines);
    let mut left = Value::Null;
    let are_gone = wait_until(PATIENCE, || {
        left = answer(&mut client, "DBSIZE");
        left == Value::Integer(0)
    });
    assert!(are_gone, "{left:?}");
    assert_eq!(number(&cluster, 0, "expired_keys"), KEYS as u64);
}

#[test]
fn memory_is_limited_for_all_shards_together() {
    let cluster = node_with_keys(&[]);
    wait_until_spread(&cluster, 0);
    let used = number(&cluster, 0, "used_memory");
    let limit = format!("CONFIG SET maxmemory {}", used + (4 << 20));
    cluster.order(0, &limit);
    cluster.order(0, "CONFIG SET maxmemory-policy allkeys-lru");
    let mut client = cluster.client(0);
    let value = "x".repeat(2000);
    for part in 0..20 {
        let lines: Vec<String> = (0..500)
            .map(|n| format!("SET large:{part}:{n} {value}"))
            .collect();
        let refused = answers(&mut client, &lines);
        assert!(refused.iter().all(|answer| *answer == Value::ok()));
    }
    assert!(number(&cluster, 0, "evicted_keys") > 1000);
}
