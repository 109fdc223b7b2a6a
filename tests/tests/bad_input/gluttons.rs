//! Single clients that want more than is good for the others.

use std::io::Write;
use std::net::TcpStream;

use almandine_tests::process::wait_until;

use crate::PASSWORD;
use crate::siege::{MB, PATIENCE, Siege, request, rest, send_all, skip};

/// What may remain of a glutton: the 16 MiB that the node keeps free at hand, and pages that others use in part.
const REMAINS: u64 = 32 * MB;

const MILLION: usize = 1_000_000;

/// Queues a million commands; the answers are read meanwhile.
fn queue_a_million(stream: &mut TcpStream) {
    let few = request(&["PING"]).repeat(10_000);
    stream.write_all(b"MULTI\r\n").expect("the node listens");
    skip(stream, b"+OK\r\n".len());
    for _ in 0..MILLION / 10_000 {
        stream.write_all(&few).expect("the node listens");
        skip(stream, b"+QUEUED\r\n".len() * 10_000);
    }
}

#[test]
fn a_million_queued_commands_give_their_memory_back() {
    let mut siege = Siege::lay(&[]);
    let mut stream = siege.connect();
    queue_a_million(&mut stream);
    siege.ping();
    stream.write_all(b"EXEC\r\n").expect("the node listens");
    skip(
        &mut stream,
        b"*1000000\r\n".len() + b"+PONG\r\n".len() * MILLION,
    );
    let flat = wait_until(PATIENCE, || {
        siege.ping();
        siege.grown() <= REMAINS
    });
    assert!(flat, "{} KiB remain after EXEC", siege.grown() >> 10);

    queue_a_million(&mut stream);
    stream.write_all(b"DISCARD\r\n").expect("the node listens");
    skip(&mut stream, b"+OK\r\n".len());
    queue_a_million(&mut stream);
    drop(stream);
    siege.is_lifted(REMAINS);
}

#[test]
fn a_million_channels_give_their_memory_back() {
    const STEP: usize = 1_000;
    let mut siege = Siege::lay(&[]);
    for leaves in [true, false] {
        let mut stream = siege.connect();
        for step in 0..MILLION / STEP {
            let names = (0..STEP).map(|number| format!("channel:{:07}", step * STEP + number));
            let words: Vec<String> = ["SUBSCRIBE".to_owned()].into_iter().chain(names).collect();
            stream
                .write_all(&request(&words))
                .expect("the node listens");
            let counts = (1..=STEP).map(|number| (step * STEP + number).to_string().len());
            let each = b"*3\r\n$9\r\nsubscribe\r\n$15\r\nchannel:0000000\r\n:\r\n".len();
            skip(&mut stream, counts.map(|digits| each + digits).sum());
        }
        assert_eq!(siege.info("pubsub_channels"), MILLION as u64);
        if leaves {
            stream
                .write_all(b"UNSUBSCRIBE\r\n")
                .expect("the node listens");
            let counts = (0..MILLION).map(|number| number.to_string().len());
            let each = b"*3\r\n$11\r\nunsubscribe\r\n$15\r\nchannel:0000000\r\n:\r\n".len();
            skip(&mut stream, counts.map(|digits| each + digits).sum());
        }
        drop(stream);
        siege.is_lifted(REMAINS);
        assert_eq!(siege.info("pubsub_channels"), 0);
    }
}

#[test]
fn a_client_that_reads_nothing_is_closed_at_its_limit() {
    let mut siege = Siege::lay(&["--client-output-buffer-limit", "normal 4mb 0 0"]);
    let value = "x".repeat(MB as usize);
    siege.order(&["SET", "k", &value]);
    let mut stream = siege.connect();
    send_all(&mut stream, &request(&["GET", "k"]).repeat(200));
    let closed = "client_output_buffer_limit_disconnections";
    assert!(wait_until(PATIENCE, || siege.info(closed) == 1));
    assert!(siege.grown() < 64 * MB, "{} KiB", siege.grown() >> 10);
    siege.order(&["FLUSHALL"]);
    siege.is_lifted(REMAINS);
    assert_eq!(siege.info(closed), 1);
}

#[test]
fn a_slow_reader_within_its_limit_gets_everything() {
    let mut siege = Siege::lay(&[]);
    let value = "x".repeat(MB as usize);
    siege.order(&["SET", "k", &value]);
    let mut stream = siege.connect();
    send_all(&mut stream, &request(&["GET", "k"]).repeat(20));
    siege.ping();
    let one = format!("${}\r\n{value}\r\n", value.len());
    for _ in 0..20 {
        skip(&mut stream, one.len());
        siege.ping();
    }
    stream.write_all(b"PING\r\n").expect("the node listens");
    skip(&mut stream, b"+PONG\r\n".len());
    drop(stream);
    siege.order(&["FLUSHALL"]);
    siege.is_lifted(REMAINS);
}

/// Something always waits for it, but never much.
#[test]
fn a_reader_that_never_catches_up_costs_what_waits() {
    const AHEAD: usize = 16;
    let mut siege = Siege::lay(&[]);
    let value = "x".repeat(MB as usize);
    siege.order(&["SET", "k", &value]);
    let (get, reply) = (
        request(&["GET", "k"]),
        format!("${}\r\n{value}\r\n", value.len()).len(),
    );
    let mut stream = siege.connect();
    send_all(&mut stream, &get.repeat(AHEAD));
    for _ in 0..300 {
        send_all(&mut stream, &get);
        skip(&mut stream, reply);
    }
    let bound = 4 * AHEAD as u64 * MB;
    assert!(siege.grown() < bound, "{} KiB", siege.grown() >> 10);
    skip(&mut stream, AHEAD * reply);
    drop(stream);
    siege.order(&["FLUSHALL"]);
    siege.is_lifted(REMAINS);
}

/// Publishes until the listener is closed, at most `messages` of 64 KiB.
fn flood(siege: &mut Siege, messages: usize) -> bool {
    let message = "x".repeat(64 * 1024);
    (0..messages).any(|_| {
        siege.order(&["PUBLISH", "news", &message]);
        siege.info("connected_clients") == 1
    })
}

fn listen(siege: &Siege) -> TcpStream {
    let mut stream = siege.connect();
    stream
        .write_all(b"SUBSCRIBE news\r\n")
        .expect("the node listens");
    skip(
        &mut stream,
        b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".len(),
    );
    stream
}

#[test]
fn a_listener_that_does_not_listen_is_closed_at_its_limit() {
    let mut siege = Siege::lay(&[]);
    let _listener = listen(&siege);
    assert!(flood(&mut siege, 4_000), "32 MB are the limit by default");
    siege.is_lifted(REMAINS);
}

/// The soft limit: more than so much for longer than so many seconds.
#[test]
fn a_listener_that_stays_behind_too_long_is_closed() {
    let mut siege = Siege::lay(&["--client-output-buffer-limit", "pubsub 0 8mb 1"]);
    let _listener = listen(&siege);
    assert!(
        !flood(&mut siege, 32 * 16),
        "the limit must be exceeded for a second"
    );
    siege.is_lifted(REMAINS);
}

#[test]
fn a_stranger_who_reads_nothing_is_closed_soon() {
    let mut siege = Siege::lay(&[PASSWORD, &["--threads", "1"]].concat());
    let mut stream = siege.connect();
    // The system's buffers take some replies; then 64 KiB are the limit.
    send_all(&mut stream, &b"PING\r\n".repeat(1_000_000));
    siege.is_lifted(REMAINS);
    assert_eq!(siege.info("client_output_buffer_limit_disconnections"), 1);
}

#[test]
fn an_unfinished_request_is_closed_at_its_limit() {
    let mut siege = Siege::lay(&["--client-query-buffer-limit", "1mb"]);
    let mut stream = siege.connect();
    stream
        .write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n")
        .expect("the node listens");
    let part = vec![b'x'; 64 * 1024];
    for _ in 0..64 {
        send_all(&mut stream, &part);
    }
    siege.is_alone();
    assert_eq!(rest(&mut stream), b"");
    siege.is_lifted(REMAINS);
    assert_eq!(siege.info("client_query_buffer_limit_disconnections"), 1);
}

#[test]
fn long_names_are_refused_and_forgotten() {
    let mut siege = Siege::lay(&[]);
    let long = "x".repeat(32 * MB as usize);
    let mut stream = siege.connect();
    for (words, reply) in [
        (
            &["AUTH", &long, "b"][..],
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
        ),
        (
            &["HELLO", &long],
            "-ERR Protocol version is not an integer or out of range\r\n",
        ),
        (
            &["PING", "a", &long],
            "-ERR wrong number of arguments for 'ping' command\r\n",
        ),
    ] {
        stream.write_all(&request(words)).expect("the node listens");
        skip(&mut stream, reply.len());
    }
    stream
        .write_all(&request(&[&long]))
        .expect("the node listens");
    let quoted = "x".repeat(128);
    skip(
        &mut stream,
        format!("-ERR unknown command '{quoted}', with args beginning with: \r\n").len(),
    );
    stream.write_all(b"PING\r\n").expect("the node listens");
    skip(&mut stream, b"+PONG\r\n".len());
    drop(stream);
    siege.is_lifted(REMAINS);
}
