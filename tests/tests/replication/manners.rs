//! What a primary waits for and refuses, what both sides show of each other.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use almandine_tests::process::{Proxy, Running, Server, Start, TestNode, wait_until};
use almandine_tests::resp::{Client, Value};

use crate::stage::{PATIENCE, assert_same, field, follow, number, syncs, wait_for_link};

fn said(client: &mut Client, line: &str) -> String {
    let reply = client.line(line).expect("an answer");
    reply.text().unwrap_or_else(|| format!("{reply:?}"))
}

#[test]
fn a_primary_may_want_replicas_before_it_takes_writes() {
    let mut primary = TestNode::start_with(&["--min-replicas-to-write", "1"]);
    primary.announce_lost_links();
    let mut client = primary.client();
    let refusal = "NOREPLICAS Not enough good replicas to write.";
    assert!(format!("{:?}", client.line("SET k v")).contains("Error"));
    assert_eq!(said(&mut client, "SET k v"), refusal);
    let replica = TestNode::start();
    follow(&replica, primary.address());
    let is_good = wait_until(PATIENCE, || said(&mut client, "SET k v") == "OK");
    assert!(is_good);
    drop(replica);
    let is_bad = wait_until(PATIENCE, || said(&mut client, "SET k v") == refusal);
    assert!(is_bad);
}

#[test]
fn wait_counts_the_replicas_that_have_what_was_written() {
    let mut primary = TestNode::start();
    primary.announce_lost_links();
    let mut replicas = [
        TestNode::start(),
        TestNode::start_with(&["--appendonly", "yes"]),
    ];
    let proxy = Proxy::to(primary.address());
    for replica in &mut replicas {
        replica.announce_lost_links();
        follow(replica, proxy.address());
        wait_for_link(replica);
    }
    let mut client = primary.client();
    client.line("SET k v").expect("OK");
    assert_eq!(
        client.line("WAIT 2 20000").expect("a number").integer(),
        Some(2)
    );
    let both = client.line("WAITAOF 0 1 20000").expect("two numbers");
    let numbers = both.elements().expect("an array");
    assert_eq!(numbers[1].integer(), Some(1), "only one has a file");
    proxy.close();
    let are_gone = wait_until(PATIENCE, || number(&mut client, "connected_slaves") == 0);
    assert!(are_gone);
    client.line("SET k w").expect("OK");
    assert_eq!(
        client.line("WAIT 1 50").expect("a number").integer(),
        Some(0)
    );
    proxy.open();
    client.line("SET k x").expect("OK");
    assert_eq!(
        client.line("WAIT 2 30000").expect("a number").integer(),
        Some(2)
    );
}

#[test]
fn both_sides_show_each_other_and_can_be_killed() {
    let mut primary = TestNode::start();
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    follow(&replica, primary.address());
    wait_for_link(&replica);
    let (mut above, mut below) = (primary.client(), replica.client());
    let port = replica.address().port();
    let is_online = wait_until(PATIENCE, || {
        field(&mut above, "slave0").starts_with(&format!("ip=127.0.0.1,port={port},state=online,"))
    });
    assert!(is_online, "{}", field(&mut above, "slave0"));
    assert!(said(&mut above, "CLIENT LIST TYPE replica").contains(" flags=S "));
    assert!(said(&mut below, "CLIENT LIST TYPE master").contains(" flags=M "));
    for (client, kind) in [(&mut above, "replica"), (&mut below, "master")] {
        // Whoever was killed a moment ago may not be back yet.
        let is_killed = wait_until(PATIENCE, || {
            let killed = client.line(&format!("CLIENT KILL TYPE {kind}"));
            killed.expect("a number").integer() == Some(1)
        });
        assert!(is_killed);
        let is_back = wait_until(PATIENCE, || {
            field(&mut primary.client(), "slave0").contains("state=online")
        });
        assert!(is_back);
    }
}

/// What a subscriber is told next.
fn heard(subscriber: &mut Client) -> Vec<String> {
    let message = subscriber.receive().expect("a message");
    let words = message.elements().expect("a message");
    words.iter().filter_map(Value::text).collect()
}

/// Publishes to `primary` what a subscriber of `replica` must hear.
#[track_caller]
fn assert_hears(primary: &Running, replica: &Running) {
    let mut subscriber = replica.client();
    subscriber.timeout(PATIENCE);
    subscriber.line("SUBSCRIBE news").expect("confirmed");
    subscriber.line("SSUBSCRIBE shard").expect("confirmed");
    subscriber.line("PSUBSCRIBE n*").expect("confirmed");
    let mut client = primary.client();
    for line in [
        "SELECT 3",
        "PUBLISH news one",
        "SET k v",
        "SPUBLISH shard two",
        "MULTI",
        "PUBLISH nothing three",
        "INCR n",
        "PUBLISH news four",
        "EXEC",
    ] {
        client.line(line).expect("an answer");
    }
    let told = [
        "message news one",
        "pmessage n* news one",
        "smessage shard two",
        "pmessage n* nothing three",
        "message news four",
        "pmessage n* news four",
    ];
    for message in told {
        assert_eq!(heard(&mut subscriber).join(" "), message);
    }
}

#[test]
fn subscribers_of_replicas_hear_what_is_published_to_the_primary() {
    let [mut primary, mut replica] =
        [(); 2].map(|()| TestNode::start_with(&["--appendonly", "yes"]));
    primary.announce_lost_links();
    replica.announce_lost_links();
    // Who is alone writes no message down.
    primary.client().line("PUBLISH news nobody").expect("0");
    assert_eq!(number(&mut primary.client(), "master_repl_offset"), 0);
    follow(&replica, primary.address());
    wait_for_link(&replica);
    assert_hears(&primary, &replica);
    assert_same(&primary, &replica);
    let address = primary.address();
    let replicaof = format!("{} {}", address.ip(), address.port());
    replica.restart(&["--replicaof", &replicaof]);
    wait_for_link(&replica);
    assert_hears(&primary, &replica);
    assert_eq!(
        syncs(&primary),
        (1, 1),
        "messages count as the rest of the stream"
    );
    for peer in Server::peers() {
        let theirs = Start::new(peer).args(["--repl-diskless-sync-delay", "0"]);
        let theirs = theirs.run().unwrap_or_else(|error| panic!("{error}"));
        eprintln!("{}", theirs.identity());
        follow(&theirs, primary.address());
        wait_for_link(&theirs);
        assert_hears(&primary, &theirs);
        theirs.client().line("REPLICAOF NO ONE").expect("OK");
        let mut ours = TestNode::start();
        ours.announce_lost_links();
        follow(&ours, theirs.address());
        wait_for_link(&ours);
        assert_hears(&theirs, &ours);
    }
}

/// Libraries of functions are no data of ours yet: whoever looks for one finds its name in the log.
#[test]
fn functions_of_a_primary_are_left_out_by_name() {
    let Some(redis) = Server::redis_if_installed() else {
        return;
    };
    let primary = Start::new(redis).args(["--repl-diskless-sync-delay", "0"]);
    let primary = primary.run().unwrap_or_else(|error| panic!("{error}"));
    let code = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
    let loaded = primary.client().call(&["FUNCTION", "LOAD", code]);
    assert_eq!(loaded.expect("a name").text().as_deref(), Some("mylib"));
    primary.client().line("SET k v").expect("OK");
    let mut replica = TestNode::start();
    replica.announce_lost_links();
    replica.announce("a library of functions is not kept");
    follow(&replica, primary.address());
    wait_for_link(&replica);
    assert!(
        replica.log().contains("library=\"mylib\""),
        "{}",
        replica.log()
    );
    assert_eq!(said(&mut replica.client(), "GET k"), "v");
}

/// What we refuse though the primary passes it on is told, with its place in the stream.
#[test]
fn a_refused_request_of_the_stream_is_told() {
    let mut replica = TestNode::start();
    replica.announce_lost_links();
    replica.announce_refused_requests();
    // The copy holds one.
    replica.announce("a library of functions is not kept");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    follow(&replica, listener.local_addr().expect("bound"));
    let (mut stream, _) = listener.accept().expect("the replica comes");
    let id = "a".repeat(40);
    let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/golden/rdb/almandine-10.rdb"
    );
    let copy = std::fs::read(golden).expect("a golden file");
    loop {
        let line = lines.next().expect("a line").expect("text");
        let answer = match line.to_ascii_uppercase().as_str() {
            "PING" => "+PONG\r\n".to_owned(),
            "REPLCONF" => "+OK\r\n".to_owned(),
            "PSYNC" => format!("+FULLRESYNC {id} 100\r\n${}\r\n", copy.len()),
            _ => continue,
        };
        stream.write_all(answer.as_bytes()).expect("sent");
        if answer.starts_with("+FULL") {
            break;
        }
    }
    stream.write_all(&copy).expect("sent");
    stream
        .write_all(b"SELECT 0\r\nSET k v\r\nLPUSH k v\r\nSET last 1\r\n")
        .expect("sent");
    let has_all = wait_until(PATIENCE, || said(&mut replica.client(), "GET last") == "1");
    assert!(has_all);
    let log = replica.log();
    assert!(log.contains("offset 119"), "{log}");
    assert!(log.contains("lpush: -WRONGTYPE"), "{log}");
}
