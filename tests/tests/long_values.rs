//! Values so long that they are neither copied when they come nor when they are asked for.

use std::time::Duration;

use almandine_tests::process::{TestNode, wait_until};
use almandine_tests::resp::{Client, Value, encode_request};

const PATIENCE: Duration = Duration::from_secs(20);
const MEGABYTE: usize = 1 << 20;
/// Around the length from which a value counts as long, and well above.
const SIZES: [usize; 6] = [65_534, 65_536, 65_537, 100_000, MEGABYTE, 2 * MEGABYTE + 3];

fn text(size: usize, salt: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line| format!("{salt} {line}\n").into_bytes());
    lines.take(size).collect()
}

#[track_caller]
fn call(client: &mut Client, args: &[&[u8]]) -> Value {
    client.call(args).expect("the node answers")
}

#[track_caller]
fn assert_holds(client: &mut Client, key: &[u8], expected: &[u8]) {
    let value = call(client, &[b"GET", key]);
    assert!(
        value == Value::bulk(expected),
        "{} differs",
        key.escape_ascii()
    );
}

/// On one thread, on several, and with an append-only file that makes replies wait.
fn nodes() -> [TestNode; 3] {
    [
        &["--threads", "1"][..],
        &["--threads", "2"],
        &["--appendonly", "yes"],
    ]
    .map(TestNode::start_with)
}

#[test]
fn they_come_back_as_they_were_sent() {
    for node in nodes() {
        // Several, so that some are served by another thread than the keys.
        let mut clients: Vec<Client> = (0..4).map(|_| node.client()).collect();
        for (salt, size) in SIZES.into_iter().enumerate() {
            for client in &mut clients {
                let value = text(size, salt);
                assert_eq!(call(client, &[b"SET", b"k", &value]), Value::ok());
                assert_holds(client, b"k", &value);
                let more = text(size, salt + 1);
                assert_eq!(
                    call(
                        client,
                        &[b"MSET", b"a", &value, b"b", &more, b"c", b"short"]
                    ),
                    Value::ok()
                );
                assert_holds(client, b"a", &value);
                assert_holds(client, b"b", &more);
                assert_eq!(
                    call(client, &[b"SET", b"k", &more, b"EX", b"1000", b"GET"]),
                    Value::bulk(&value)
                );
                assert_holds(client, b"k", &more);
                assert_eq!(
                    call(client, &[b"SET", b"k", &value, b"KEEPTTL"]),
                    Value::ok()
                );
                assert_eq!(call(client, &[b"TTL", b"k"]), Value::Integer(1000));
                let length = Value::Integer(size as i64 + 3);
                assert_eq!(call(client, &[b"APPEND", b"k", b"xyz"]), length);
                assert_holds(client, b"k", &[&value, b"xyz".as_slice()].concat());
                assert_eq!(
                    call(client, &[b"SETRANGE", b"a", b"1", b"?"]),
                    Value::Integer(size as i64)
                );
                assert_holds(client, b"a", &[&value[..1], b"?", &value[2..]].concat());
            }
        }
    }
}

/// What follows a long argument may come with it.
#[test]
fn they_come_in_pipelines() {
    for node in nodes() {
        let mut client = node.client();
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (salt, size) in SIZES.into_iter().enumerate() {
            let value = text(size, salt);
            encode_request(&[b"PING".as_slice()], &mut bytes);
            encode_request(
                &[b"SET".as_slice(), b"k", &value, b"PX", b"1000000"],
                &mut bytes,
            );
            encode_request(&[b"GET".as_slice(), b"k"], &mut bytes);
            encode_request(&[b"STRLEN".as_slice(), b"k"], &mut bytes);
            bytes.extend_from_slice(b"GET k\r\n");
            expected.extend([
                Value::Simple(b"PONG".to_vec()),
                Value::ok(),
                Value::bulk(&value),
                Value::Integer(size as i64),
                Value::bulk(&value),
            ]);
        }
        client.send_raw(&bytes).expect("the requests are sent");
        for expected in expected {
            let reply = client.receive().expect("the node answers");
            assert!(reply == expected, "a reply differs");
        }
    }
}

/// Wherever the bytes are cut on their way.
#[test]
fn they_come_in_pieces() {
    for node in nodes() {
        let (mut client, mut other) = (node.client(), node.client());
        let (first, second) = (text(200_000, 1), text(70_000, 2));
        let mut bytes = Vec::new();
        let parts: [&[u8]; 5] = [b"MSET", b"a", &first, b"b", &second];
        encode_request(&parts, &mut bytes);
        encode_request(&[b"SET".as_slice(), b"c", &second], &mut bytes);
        let header = b"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$200000\r\n".len();
        let end = header + first.len();
        for cut in [
            header - 1,
            header,
            header + 1,
            header + 65_536,
            end,
            end + 1,
            end + 2,
            end + 3,
            end + 30_000,
            bytes.len() - second.len() - 3,
            bytes.len() - 1,
        ] {
            call(&mut client, &[b"FLUSHALL"]);
            client.send_raw(&bytes[..cut]).expect("a beginning");
            for _ in 0..3 {
                call(&mut other, &[b"PING"]);
            }
            client.send_raw(&bytes[cut..]).expect("the rest");
            for _ in 0..2 {
                let reply = client.receive().expect("the node answers");
                assert_eq!(reply, Value::ok(), "cut at {cut}");
            }
            for (key, value) in [(b"a", &first), (b"b", &second), (b"c", &second)] {
                assert_holds(&mut client, key, value);
            }
        }
    }
}

#[test]
fn transactions_and_silent_clients_get_what_they_are_due() {
    for node in nodes() {
        let mut client = node.client();
        let value = text(300_000, 1);
        call(&mut client, &[b"SET", b"k", &value]);
        client
            .send_raw(b"MULTI\r\nGET k\r\nINCR n\r\nGET k\r\nEXEC\r\nCLIENT REPLY SKIP\r\nGET k\r\nGET n\r\nCLIENT REPLY OFF\r\nGET k\r\nGET k\r\nCLIENT REPLY ON\r\nGET k\r\n")
            .expect("the requests are sent");
        let queued = || Value::Simple(b"QUEUED".to_vec());
        let both = vec![Value::bulk(&value), Value::Integer(1), Value::bulk(&value)];
        for expected in [
            Value::ok(),
            queued(),
            queued(),
            queued(),
            Value::Array(both),
            Value::bulk("1"),
            Value::ok(),
            Value::bulk(&value),
        ] {
            let reply = client.receive().expect("the node answers");
            assert!(reply == expected, "a reply differs");
        }
    }
}

#[test]
fn a_paused_node_takes_them_afterwards() {
    for node in nodes() {
        let (mut control, mut first, mut second) = (node.client(), node.client(), node.client());
        call(&mut control, &[b"CLIENT", b"PAUSE", b"100000", b"WRITE"]);
        let value = text(2 * MEGABYTE, 3);
        for (client, key) in [(&mut first, b"a"), (&mut second, b"b")] {
            client
                .send(&[b"SET".as_slice(), key, &value, b"EX", b"1000"])
                .expect("SET is sent");
            client.send(&[b"PING"]).expect("PING is sent");
        }
        assert!(wait_until(PATIENCE, || {
            let clients = call(&mut control, &[b"INFO", b"clients"])
                .text()
                .unwrap_or_default();
            clients.contains("blocked_clients:2\r\n")
        }));
        assert_eq!(
            call(&mut control, &[b"EXISTS", b"a", b"b"]),
            Value::Integer(0)
        );
        call(&mut control, &[b"CLIENT", b"UNPAUSE"]);
        for (client, key) in [(&mut first, b"a"), (&mut second, b"b")] {
            assert_eq!(client.receive().expect("the node answers"), Value::ok());
            let pong = Value::Simple(b"PONG".to_vec());
            assert_eq!(client.receive().expect("the node answers"), pong);
            assert_holds(client, key, &value);
        }
    }
}

/// A reply shows the value as it was when it was asked for, however late it is read.
#[test]
fn who_reads_slowly_reads_the_old_value() {
    for node in nodes() {
        let (mut control, mut slow) = (node.client(), node.client());
        let value = text(8 * MEGABYTE, 5);
        for change in [
            &[b"APPEND".as_slice(), b"k", b"more"][..],
            &[b"SETRANGE", b"k", b"0", b"???"],
            &[b"SET", b"k", b"other"],
            &[b"DEL", b"k"],
            &[b"FLUSHALL"],
        ] {
            call(&mut control, &[b"SET", b"k", &value]);
            slow.send(&[b"GET".as_slice(), b"k"]).expect("GET is sent");
            assert!(slow.has_news() || wait_until(PATIENCE, || slow.has_news()));
            call(&mut control, change);
            let reply = slow.receive().expect("the node answers");
            assert!(
                reply == Value::bulk(&value),
                "the value has changed on its way"
            );
        }
    }
}

/// Only bytes that have come cost memory, and what it takes to move them once, not those that are announced.
#[test]
fn announced_lengths_cost_nothing() {
    const CLIENTS: usize = 40;
    let node = TestNode::start();
    let mut control = node.client();
    let before = node.resident_bytes();
    let part = text(3 * MEGABYTE / 2, 0);
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| {
            let mut client = node.client();
            client
                .send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n")
                .expect("a beginning");
            client.send_raw(&part).expect("a part is sent");
            client
        })
        .collect();
    let arrived = |control: &mut Client| {
        let list = call(control, &[b"CLIENT", b"LIST"])
            .text()
            .unwrap_or_default();
        list.lines()
            .filter(|line| line.contains(&format!(" qbuf={} ", part.len())))
            .count()
    };
    assert!(wait_until(PATIENCE, || arrived(&mut control) == CLIENTS));
    let grown = (node.resident_bytes() - before) as usize;
    assert!(grown < CLIENTS * part.len() * 4, "{} MB", grown / MEGABYTE);
    drop(clients);
    assert!(wait_until(PATIENCE, || {
        call(&mut control, &[b"PING"]);
        node.resident_bytes() < before + 32 * MEGABYTE as u64
    }));
}
