//! When a connection ends without being asked, and what a client may count on until then: idle clients, limits of buffers
//! and of connections, keepalive, replies in order.

use std::time::{Duration, Instant};

use almandine_tests::process::{self, Running, TestNode};
use almandine_tests::resp::{Client, ClientError, Value};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);
const MEGABYTE: usize = 1 << 20;
/// The unit of times in /proc.
const TICKS_PER_SECOND: u64 = 100;

#[track_caller]
fn wait_until(what: &str, is_true: impl FnMut() -> bool) {
    assert!(process::wait_until(PATIENCE, is_true), "never: {what}");
}

#[track_caller]
fn call(client: &mut Client, line: &str) -> Value {
    client
        .line(line)
        .unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[track_caller]
fn must(client: &mut Client, line: &str) {
    assert_eq!(call(client, line), Value::ok(), "{line}");
}

fn id_of(client: &mut Client) -> i64 {
    match call(client, "CLIENT ID") {
        Value::Integer(id) => id,
        other => panic!("CLIENT ID: {other:?}"),
    }
}

/// The line of CLIENT LIST; empty when the connection is over.
fn line_of(control: &mut Client, id: i64) -> String {
    call(control, &format!("CLIENT LIST ID {id}"))
        .text()
        .expect("CLIENT LIST is text")
}

fn field(line: &str, name: &str) -> u64 {
    line.split(' ')
        .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {line:?}"))
}

/// Asks for `megabytes` of replies and reads none.
fn leave_unread(client: &mut Client, megabytes: usize) {
    client
        .send_raw("GET megabyte\r\n".repeat(megabytes).as_bytes())
        .expect("the requests are sent");
}

fn store_megabyte(control: &mut Client) {
    let value = vec![b'x'; MEGABYTE];
    let stored = control.call(&[b"SET".as_slice(), b"megabyte", &value]);
    assert_eq!(stored.expect("SET is answered"), Value::ok());
}

#[track_caller]
fn assert_alive(client: &mut Client) {
    assert_eq!(call(client, "PING"), Value::Simple(b"PONG".to_vec()));
}

/// Everything that still comes is read; then the connection must be over.
#[track_caller]
fn assert_closed(client: &mut Client) {
    match client.until_closed() {
        Ok(_) | Err(ClientError::Closed) => {}
        Err(other) => panic!("the connection is not closed: {other}"),
    }
}

#[test]
fn idle_clients_are_closed_but_not_those_who_wait_for_us() {
    let node = TestNode::start();
    let mut control = node.client();
    let (mut idle, mut subscriber, mut blocked) = (node.client(), node.client(), node.client());
    assert_alive(&mut idle);
    call(&mut subscriber, "SUBSCRIBE news");
    blocked
        .send(&["BLPOP", "list", "0"])
        .expect("BLPOP is sent");
    must(&mut control, "CONFIG SET timeout 1");
    let began = Instant::now();
    let id = id_of(&mut control);
    wait_until("the idle client is closed", || {
        assert_ne!(line_of(&mut control, id), "");
        idle.has_news()
    });
    assert!(began.elapsed() > Duration::from_millis(500));
    assert_closed(&mut idle);
    assert_eq!(call(&mut control, "PUBLISH news hello"), Value::Integer(1));
    let message = ["message", "news", "hello"].map(Value::bulk).to_vec();
    let received = subscriber.receive().expect("the subscriber is connected");
    assert_eq!(received, Value::Array(message));
    assert_eq!(call(&mut control, "RPUSH list v"), Value::Integer(1));
    let popped = ["list", "v"].map(Value::bulk).to_vec();
    let received = blocked.receive().expect("the blocked client is connected");
    assert_eq!(received, Value::Array(popped));
    wait_until("what waited before is idle now", || blocked.has_news());
    assert_closed(&mut blocked);
}

#[test]
fn connections_beyond_maxclients_are_refused_until_another_ends() {
    let node = TestNode::start_with(&["--maxclients", "3"]);
    let mut control = node.client();
    assert_alive(&mut control);
    wait_until("who saw the node start has left", || {
        let info = call(&mut control, "INFO clients").text();
        info.is_some_and(|info| info.contains("\r\nconnected_clients:1\r\n"))
    });
    // All at once: those that no thread has taken over yet count too.
    let mut others: Vec<Client> = (0..20).map(|_| node.client()).collect();
    let is_admitted = |client: &mut Client| match client.line("PING") {
        Ok(Value::Simple(_)) => true,
        Ok(Value::Error(text)) => {
            assert_eq!(text, b"ERR max number of clients reached");
            assert_closed(client);
            false
        }
        // A request that meets a closed socket takes the reason with it.
        Err(ClientError::Closed) => false,
        other => panic!("{other:?}"),
    };
    others.retain_mut(is_admitted);
    assert_eq!(others.len(), 2);
    let info = call(&mut control, "INFO stats")
        .text()
        .expect("INFO is text");
    assert!(info.contains("\r\nrejected_connections:18\r\n"), "{info}");
    drop(others.pop());
    let mut latecomer = None;
    wait_until("the place is free", || {
        let mut client = node.client();
        if is_admitted(&mut client) {
            latecomer = Some(client);
        }
        latecomer.is_some()
    });
    let mut refused = node.client();
    let reason = refused.receive().expect("the reason comes unasked");
    let text = b"ERR max number of clients reached".to_vec();
    assert_eq!(reason, Value::Error(text));
    assert_closed(&mut refused);
    must(&mut control, "CONFIG SET maxclients 4");
    assert_alive(&mut node.client());
}

#[test]
fn more_unread_replies_than_the_hard_limit_end_a_connection() {
    let node = TestNode::start();
    let mut control = node.client();
    store_megabyte(&mut control);
    let mut earlier = node.client();
    let earlier_id = id_of(&mut earlier);
    leave_unread(&mut earlier, 64);
    wait_until("replies wait", || {
        field(&line_of(&mut control, earlier_id), "omem") > 32 * MEGABYTE as u64
    });
    limit(&mut control, "normal 16mb 0 0");
    let mut later = node.client();
    let later_id = id_of(&mut later);
    leave_unread(&mut later, 64);
    for id in [earlier_id, later_id] {
        wait_until("the connection is closed", || {
            line_of(&mut control, id).is_empty()
        });
    }
    assert_closed(&mut later);
    // What is read in time may be as long as it likes.
    let mut reader = node.client();
    for _ in 0..64 {
        let value = call(&mut reader, "GET megabyte");
        assert!(matches!(value, Value::Bulk(bytes) if bytes.len() == MEGABYTE));
    }
}

#[test]
fn the_soft_limit_counts_the_time_without_a_break() {
    let node = TestNode::start();
    let mut control = node.client();
    store_megabyte(&mut control);
    limit(&mut control, "normal 0 1mb 2");
    let mut slow = node.client();
    let slow_id = id_of(&mut slow);
    leave_unread(&mut slow, 32);
    let mut lazy = node.client();
    let lazy_id = id_of(&mut lazy);
    let began = Instant::now();
    leave_unread(&mut lazy, 32);
    wait_until("the lazy client is closed", || {
        // The slow client reads in time, but not at once.
        if began.elapsed() > Duration::from_secs(1) {
            while slow
                .receive_now()
                .expect("the slow client is connected")
                .is_some()
            {}
        }
        line_of(&mut control, lazy_id).is_empty()
    });
    assert!(began.elapsed() > Duration::from_secs(2));
    assert_ne!(line_of(&mut control, slow_id), "");
}

#[test]
fn limits_of_subscribers_are_their_own() {
    let node = TestNode::start();
    let mut control = node.client();
    limit(&mut control, "normal 1mb 0 0 pubsub 0 1mb 1");
    let mut subscriber = node.client();
    call(&mut subscriber, "SUBSCRIBE news");
    let message = vec![b'x'; MEGABYTE];
    let publish = |control: &mut Client| {
        let receivers = control.call(&[b"PUBLISH".as_slice(), b"news", &message]);
        receivers.expect("PUBLISH is answered")
    };
    for _ in 0..32 {
        assert_eq!(publish(&mut control), Value::Integer(1));
    }
    wait_until("the soft limit ends the subscription", || {
        call(&mut control, "PUBSUB NUMSUB news")
            == Value::Array(vec![Value::bulk("news"), Value::Integer(0)])
    });
    assert_closed(&mut subscriber);
    limit(&mut control, "pubsub 16mb 0 0");
    let mut subscriber = node.client();
    call(&mut subscriber, "SUBSCRIBE news");
    wait_until("the hard limit ends the subscription", || {
        publish(&mut control) == Value::Integer(0)
    });
    assert_closed(&mut subscriber);
}

#[test]
fn an_unfinished_request_may_not_grow_beyond_the_query_buffer_limit() {
    let node = TestNode::start_with(&["--client-query-buffer-limit", "2mb"]);
    let value = vec![b'x'; 2 * MEGABYTE - 1000];
    let mut client = node.client();
    let stored = client.call(&[b"SET".as_slice(), b"k", &value]);
    assert_eq!(stored.expect("SET is answered"), Value::ok());
    let mut request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n".to_vec();
    request.resize(4 * MEGABYTE, b'x');
    match client.send_raw(&request) {
        Ok(()) | Err(ClientError::Closed) => {}
        Err(other) => panic!("{other}"),
    }
    assert_closed(&mut client);
    let length = call(&mut node.client(), "STRLEN k");
    assert_eq!(length, Value::Integer(value.len() as i64));
}

#[test]
fn the_system_asks_silent_peers_whether_they_live() {
    let node = TestNode::start_with(&["--tcp-keepalive", "100"]);
    let mut client = node.client();
    assert_alive(&mut client);
    wait_until("the first probe has its time", || {
        matches!(timer(&node, &client), Timer::Keepalive(90..=100))
    });
    must(&mut client, "CONFIG SET tcp-keepalive 0");
    let mut later = node.client();
    assert_alive(&mut later);
    wait_until("there is no probe", || timer(&node, &later) == Timer::None);
    wait_until("who was there before is probed", || {
        matches!(timer(&node, &client), Timer::Keepalive(_))
    });
}

/// A new connection sends its whole handshake at once and takes the answers in order, errors too.
#[test]
fn a_handshake_in_one_write_is_answered_in_order() {
    let node = TestNode::start();
    let handshakes: [(&[&str], &str); 3] = [
        (
            &[
                "HELLO 3",
                "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none",
                "CLIENT SETNAME app",
                "CLIENT SETINFO LIB-NAME redis-py",
                "CLIENT SETINFO LIB-VER 8.1.0",
                "SELECT 2",
                "GET nokey",
            ],
            "map error OK OK OK OK null",
        ),
        (
            &[
                "hello 3 auth default x setname app",
                "client nosuch",
                "nosuch",
                "select 99",
                "hello 4",
                "echo last",
            ],
            "map error error error error bulk",
        ),
        (
            &[
                "AUTH x",
                "CLIENT SETNAME app",
                "SENTINEL MASTERS",
                "ECHO tracer",
                "SUBSCRIBE c",
                "GET k",
                "PING",
            ],
            "error OK error bulk array error array",
        ),
    ];
    for (requests, expected) in handshakes {
        // Several connections: they are carried by different threads.
        for _ in 0..4 {
            let mut client = node.client();
            client
                .send_raw((requests.join("\r\n") + "\r\n").as_bytes())
                .expect("the handshake is sent");
            let answers: Vec<&str> = requests
                .iter()
                .map(|_| kind(&client.receive().expect("an answer")))
                .collect();
            assert_eq!(answers.join(" "), expected, "{requests:?}");
            assert!(!client.has_news());
        }
    }
}

/// The replies to writes are held back until the file has them, also when the client has said that it leaves.
#[test]
fn who_leaves_after_a_write_hears_of_it_first() {
    let node = TestNode::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    for last in ["QUIT", "CLIENT KILL TYPE normal SKIPME no", "*1\r\n+PING"] {
        for _ in 0..2 {
            let mut client = node.client();
            let requests = format!("SET k v\r\nAPPEND k w\r\n{last}\r\n");
            client.send_raw(requests.as_bytes()).expect("it is sent");
            let replies = client.until_closed().expect("the node closes");
            assert_eq!(replies.len(), 3, "{last}: {replies:?}");
            assert_eq!(replies[..2], [Value::ok(), Value::Integer(2)], "{last}");
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Simple(_) => "OK",
        Value::Error(_) => "error",
        Value::Bulk(_) => "bulk",
        Value::Map(_) => "map",
        Value::Array(_) => "array",
        Value::NilBulk | Value::NilArray | Value::Null => "null",
        other => panic!("no handshake is answered by {other:?}"),
    }
}

fn limit(control: &mut Client, classes: &str) {
    let set = control.call(&["CONFIG", "SET", "client-output-buffer-limit", classes]);
    assert_eq!(set.expect("CONFIG SET is answered"), Value::ok());
}

/// What the kernel does next with a connection of its own accord.
#[derive(Debug, PartialEq)]
enum Timer {
    None,
    /// Probes the peer, in so many seconds.
    Keepalive(u64),
    /// Sends again what was not acknowledged, for example.
    Other,
}

/// The timer of the node's end.
fn timer(node: &Running, client: &Client) -> Timer {
    let hex = |port: u16| format!("0100007F:{port:04X}");
    let local = hex(node.address().port());
    let remote = hex(client.local_address().expect("an address").port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel tells its sockets");
    let line = table.lines().find(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some(&local) && fields.next() == Some(&remote)
    });
    let field = line.and_then(|line| line.split_whitespace().nth(5));
    let (kind, ticks) = field
        .and_then(|field| field.split_once(':'))
        .unwrap_or_else(|| panic!("no connection from {local} to {remote}"));
    let ticks = u64::from_str_radix(ticks, 16).expect("a number");
    match kind {
        "00" => Timer::None,
        "02" => Timer::Keepalive(ticks / TICKS_PER_SECOND),
        _ => Timer::Other,
    }
}

/// The requests of one pipeline arrive in one buffer: a watch counts for those behind it already.
#[test]
fn a_watch_sees_what_the_rest_of_its_pipeline_changes() {
    let node = TestNode::start();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let pipeline = ["WATCH k", "SET k v", "MULTI", "GET k", "EXEC"].map(words);
    let replies = node.client().pipeline(&pipeline).expect("five replies");
    assert_eq!(replies[4], Value::NilArray);
}
