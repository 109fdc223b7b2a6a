//! MIGRATE between servers: everything arrives, nothing is lost when it does not.

use std::thread;
use std::time::Duration;

use almandine_tests::contents::{Contents, differences, fill, held_by, samples};
use almandine_tests::process::{Running, Server, Start, TestNode, wait_until};
use almandine_tests::resp::{Client, Value};

const PATIENCE: Duration = Duration::from_secs(20);
/// A relative time to live ends a little later on the other side, milliseconds.
const DELAY_MS: i64 = 10_000;

fn call<A: AsRef<[u8]>>(client: &mut Client, args: &[A]) -> Value {
    client.call(args).expect("a server that answers")
}

fn error(text: &str) -> Value {
    Value::Error(text.as_bytes().to_vec())
}

fn start(server: Server) -> Running {
    Start::new(server).run().expect("a server that starts")
}

/// `MIGRATE` to `target` with what follows the port.
fn migrate(client: &mut Client, target: &Running, rest: &[&str]) -> Value {
    let port = target.address().port().to_string();
    let args = [&["MIGRATE", "127.0.0.1", &port], rest].concat();
    call(client, &args)
}

/// The same contents, times to live aside, which must be near.
fn assert_moved(sent: &Contents, arrived: &Contents) {
    let mut arrived = arrived.clone();
    for (name, held) in &mut arrived {
        let expected = sent.get(name).and_then(|held| held.expire_at);
        if let (Some(at), Some(expected)) = (held.expire_at, expected) {
            assert!(
                (at - expected).abs() < DELAY_MS,
                "{name:?}: {at}, {expected}"
            );
            held.expire_at = Some(expected);
        }
    }
    assert_eq!(differences(sent, &arrived), Vec::<String>::new());
}

fn all_types_move(from: &Running, to: &Running) {
    let contents = samples();
    let mut source = from.client();
    source.timeout(PATIENCE);
    fill(&mut source, &contents);
    let sent = held_by(&mut source);
    for db in 0..16 {
        let keys = sent.keys().filter(|(of, _)| *of == db);
        let keys: Vec<&[u8]> = keys.map(|(_, key)| key.as_slice()).collect();
        if keys.is_empty() {
            continue;
        }
        let (port, db) = (to.address().port().to_string(), db.to_string());
        let head: [&[u8]; 7] = [
            b"MIGRATE",
            b"127.0.0.1",
            port.as_bytes(),
            b"",
            db.as_bytes(),
            b"5000",
            b"KEYS",
        ];
        call(&mut source, &["SELECT", &db]);
        assert_eq!(
            call(&mut source, &[head.as_slice(), &keys].concat()),
            Value::ok()
        );
    }
    assert_eq!(held_by(&mut source), Contents::new());
    assert_moved(&sent, &held_by(&mut to.client()));
}

#[test]
fn all_types_move_between_nodes() {
    all_types_move(&TestNode::start(), &TestNode::start());
}

#[test]
fn all_types_move_to_redis_server_and_back() {
    if let Some(redis) = Server::redis_if_installed() {
        all_types_move(&TestNode::start(), &start(redis.clone()));
        all_types_move(&start(redis), &TestNode::start());
    }
}

#[test]
fn keys_stay_where_the_other_server_does_not_take_them() {
    let (node, other) = (
        TestNode::start(),
        TestNode::start_with(&["--requirepass", "secret"]),
    );
    let mut client = node.client();
    for key in ["a", "b", "c"] {
        call(&mut client, &["SET", key, "ours"]);
    }
    let refused = error("ERR Target instance replied with error: NOAUTH Authentication required.");
    assert_eq!(migrate(&mut client, &other, &["a", "0", "1000"]), refused);
    let refused = migrate(&mut client, &other, &["a", "0", "1000", "AUTH", "wrong"]);
    assert!(
        refused
            .text()
            .is_some_and(|text| text.contains("WRONGPASS")),
        "{refused:?}"
    );
    assert_eq!(
        migrate(&mut client, &other, &["nosuch", "0", "1000"]),
        Value::Simple(b"NOKEY".to_vec())
    );
    let mut there = other.client();
    call(&mut there, &["AUTH", "secret"]);
    call(&mut there, &["SET", "b", "theirs"]);
    // What was taken is gone, what was not is still here.
    let busy =
        error("ERR Target instance replied with error: BUSYKEY Target key name already exists.");
    let rest = [
        "", "0", "1000", "AUTH2", "default", "secret", "KEYS", "a", "b", "c",
    ];
    assert_eq!(migrate(&mut client, &other, &rest), busy);
    assert_eq!(
        call(&mut client, &["KEYS", "*"]),
        Value::Array(vec![Value::bulk("b")])
    );
    let rest = ["b", "0", "1000", "COPY", "REPLACE", "AUTH", "secret"];
    assert_eq!(migrate(&mut client, &other, &rest), Value::ok());
    assert_eq!(call(&mut client, &["GET", "b"]), Value::bulk("ours"));
    for key in ["a", "b", "c"] {
        assert_eq!(call(&mut there, &["GET", key]), Value::bulk("ours"));
    }
    let rest = ["b", "16", "1000", "REPLACE", "AUTH", "secret"];
    let refused = error("ERR Target instance replied with error: ERR DB index is out of range");
    assert_eq!(migrate(&mut client, &other, &rest), refused);
    assert_eq!(call(&mut client, &["EXISTS", "b"]), Value::Integer(1));
    drop(other);
    // A node that moves a key to itself waits for itself.
    let waited = migrate(&mut client, &node, &["b", "0", "100"]);
    assert_eq!(
        waited,
        error("IOERR error or timeout reading to target instance")
    );
    let unreachable = call(
        &mut client,
        &["MIGRATE", "127.0.0.1", "1", "b", "0", "1000"],
    );
    assert_eq!(
        unreachable,
        error("IOERR error or timeout writing to target instance")
    );
}

#[test]
fn keys_on_their_way_are_read_but_not_changed() {
    let (node, other) = (TestNode::start(), TestNode::start());
    let mut client = node.client();
    call(&mut client, &["RPUSH", "list", "a"]);
    other.freeze();
    let port = other.address().port().to_string();
    thread::scope(|scope| {
        let mut mover = node.client();
        mover.timeout(PATIENCE);
        let moves = scope.spawn(move || {
            call(
                &mut mover,
                &["MIGRATE", "127.0.0.1", &port, "list", "0", "15000"],
            )
        });
        let info = |client: &mut Client, field: &str| {
            let info = call(client, &["INFO", "clients"])
                .text()
                .expect("INFO is text");
            info.contains(field)
        };
        assert!(wait_until(PATIENCE, || info(
            &mut client,
            "\r\nblocked_clients:1\r\n"
        )));
        assert_eq!(call(&mut client, &["LLEN", "list"]), Value::Integer(1));
        assert_eq!(call(&mut client, &["SET", "other", "1"]), Value::ok());
        let mut writer = node.client();
        writer.timeout(PATIENCE);
        let writes = scope.spawn(move || call(&mut writer, &["RPUSH", "list", "b"]));
        assert!(wait_until(PATIENCE, || info(
            &mut client,
            "\r\nblocked_clients:2\r\n"
        )));
        other.thaw();
        assert_eq!(moves.join().expect("the mover lives"), Value::ok());
        // The list is gone by the time the writer has its turn.
        assert_eq!(writes.join().expect("the writer lives"), Value::Integer(1));
    });
    assert_eq!(
        call(&mut client, &["LRANGE", "list", "0", "-1"]),
        Value::Array(vec![Value::bulk("b")])
    );
    let moved = call(&mut other.client(), &["LRANGE", "list", "0", "-1"]);
    assert_eq!(moved, Value::Array(vec![Value::bulk("a")]));
    // Nobody answers: the keys stay, and may be changed again.
    other.freeze();
    let failed = migrate(&mut client, &other, &["list", "0", "200", "REPLACE"]);
    let text = failed.text().expect("an error");
    assert!(text.starts_with("IOERR error or timeout"), "{text}");
    assert_eq!(
        call(&mut client, &["RPUSH", "list", "c"]),
        Value::Integer(2)
    );
    other.thaw();
}

/// Redis would stand still inside EXEC until the other server has answered. We say that we do not, and move nothing.
#[test]
fn inside_a_transaction_it_is_refused_and_the_keys_stay() {
    let (from, to) = (TestNode::start(), TestNode::start());
    let mut client = from.client();
    assert_eq!(call(&mut client, &["MULTI"]), Value::ok());
    call(&mut client, &["SET", "k", "v"]);
    migrate(&mut client, &to, &["k", "0", "5000"]);
    migrate(&mut client, &to, &["missing", "0", "5000"]);
    call(&mut client, &["APPEND", "k", "w"]);
    let replies = call(&mut client, &["EXEC"]).elements();
    let expected = [
        Value::ok(),
        error("ERR MIGRATE is not possible inside a transaction"),
        Value::Simple(b"NOKEY".to_vec()),
        Value::Integer(2),
    ];
    assert_eq!(replies.as_deref(), Some(expected.as_slice()));
    assert_eq!(call(&mut client, &["GET", "k"]), Value::bulk("vw"));
    assert_eq!(call(&mut to.client(), &["EXISTS", "k"]), Value::Integer(0));
}
