//! What comes to the port between nodes and is not from a node of the cluster: it is dropped and counted, the node is unharmed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use almandine_storage::Rng;
use almandine_tests::cluster::{Cluster, Plan};
use almandine_tests::process::wait_until;
use almandine_tests::resp::{Value, info_field};

use crate::stage::{PATIENCE, info, pair, wait_until_ok};

/// Bytes of a greeting: magic, version, node, nonce.
const GREETING: usize = 4 + 1 + 20 + 32;
/// Of a frame behind its length: version, kind, cluster, counter, tag.
const HEADER: usize = 1 + 1 + 20 + 8 + 32;

/// A field of INFO cluster that is a number; 0 if there is none.
fn counted(cluster: &Cluster, number: usize, name: &str) -> u64 {
    let info = cluster
        .order(number, "INFO cluster")
        .text()
        .unwrap_or_default();
    info_field(&info, name).map_or(0, |value| value.parse().expect("a number"))
}

/// Waits until so many were dropped for a reason.
#[track_caller]
fn wait_for_drops(cluster: &Cluster, number: usize, reason: &str, count: u64) {
    let name = format!("cluster_bus_dropped_{reason}");
    let is_counted = wait_until(PATIENCE, || counted(cluster, number, &name) >= count);
    let info = cluster.order(number, "INFO cluster").text();
    assert!(is_counted, "{reason}: {info:?}\n{}", cluster.logs());
}

fn connect(bus: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(bus).expect("the bus accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// What a node says first, with a name that nobody has.
fn greeting(rng: &mut Rng) -> Vec<u8> {
    let mut greeting = b"ALMB\x01".to_vec();
    greeting.extend((0..52).map(|_| rng.below(256) as u8));
    greeting
}

/// Sends these bytes and reads until the node has had enough. It may have before all is sent.
#[track_caller]
fn send(bus: SocketAddr, bytes: &[u8]) {
    let mut stream = connect(bus);
    // The node closes as soon as it has seen enough: whatever error that is here, it is as good as the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(
        said.len() <= GREETING + 4 + HEADER + 64,
        "it says {} bytes to a stranger",
        said.len()
    );
}

#[track_caller]
fn assert_unharmed(cluster: &Cluster, key: &str) {
    wait_until_ok(cluster);
    let topology = cluster.agreed();
    assert_eq!(topology.nodes.len(), 2, "{topology:?}");
    assert_eq!(cluster.order(0, &format!("SET {key} 1")), Value::ok());
    let copied = wait_until(PATIENCE, || {
        let mut replica = cluster.client(1);
        let ready = replica.line("READONLY").is_ok();
        ready
            && replica
                .line(&format!("GET {key}"))
                .is_ok_and(|value| value == Value::bulk("1"))
    });
    assert!(
        copied,
        "the replica has not what its primary has\n{}",
        cluster.logs()
    );
}

#[test]
fn bytes_of_strangers_are_dropped_and_counted() {
    let cluster = pair(&[]);
    let bus = cluster.bus(0);
    let files = cluster.node(0).open_files();
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut rng = Rng::new(seed);
    send(
        bus,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n--------------------------------",
    );
    send(
        bus,
        b"*1\r\n$4\r\nPING\r\n------------------------------------------------",
    );
    wait_for_drops(&cluster, 0, "greeting", 2);
    let mut later = greeting(&mut rng);
    later[4] = 9;
    send(bus, &later);
    wait_for_drops(&cluster, 0, "version", 1);
    // Frames that are too short, too long, and far too long.
    for length in [0u32, 10, 5 << 20, u32::MAX] {
        let mut bytes = greeting(&mut rng);
        bytes.extend(length.to_be_bytes());
        bytes.extend([1; 64]);
        send(bus, &bytes);
    }
    wait_for_drops(&cluster, 0, "length", 4);
    // Frames of the right form that are not made with the secret for this connection.
    for _ in 0..20 {
        let mut bytes = greeting(&mut rng);
        bytes.extend((HEADER as u32).to_be_bytes());
        bytes.extend([1, rng.below(3) as u8]);
        bytes.extend((0..HEADER - 2).map(|_| rng.below(256) as u8));
        send(bus, &bytes);
    }
    wait_for_drops(&cluster, 0, "tag", 20);
    // One that ends in the middle.
    let mut bytes = greeting(&mut rng);
    bytes.extend((HEADER as u32).to_be_bytes());
    bytes.extend([1, 1, 2, 3]);
    send(bus, &bytes);
    wait_for_drops(&cluster, 0, "truncated", 1);
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..rng.below(300)).map(|_| rng.below(256) as u8).collect();
        send(bus, &bytes);
    }
    assert_unharmed(&cluster, "after");
    let are_closed = wait_until(PATIENCE, || cluster.node(0).open_files() <= files + 4);
    assert!(
        are_closed,
        "{} files, {files} before",
        cluster.node(0).open_files()
    );
}

/// More connections than may wait to show who they are, none of which says anything.
#[test]
fn connections_that_say_nothing_do_not_keep_nodes_apart() {
    let cluster = pair(&[]);
    let silent: Vec<TcpStream> = (0..300).map(|_| connect(cluster.bus(0))).collect();
    wait_for_drops(&cluster, 0, "crowd", 1);
    assert_unharmed(&cluster, "beside");
    // Half open: what has begun and does not go on ends after a while.
    let mut half = connect(cluster.bus(1));
    half.write_all(b"ALMB").expect("it is read");
    wait_for_drops(&cluster, 1, "silence", 1);
    drop(silent);
    assert_unharmed(&cluster, "after");
}

#[test]
fn who_does_not_know_the_secret_is_not_taken_in() {
    let mut cluster = Plan::new().start(0);
    for secret in ["red", "red", "blue", ""] {
        cluster.add(&["--cluster-secret", secret]);
    }
    cluster.meet(0, 1);
    for stranger in [2, 3] {
        for (asked, other) in [(stranger, 0), (0, stranger)] {
            let (port, bus_port) = (cluster.port(other), cluster.bus(other).port());
            let line = format!("CLUSTER MEET 127.0.0.1 {port} {bus_port}");
            let answer = cluster.call(asked, &line);
            assert!(answer.is_error(), "{asked} meets {other}: {answer:?}");
        }
    }
    wait_for_drops(&cluster, 0, "tag", 2);
    for (number, known) in [(0, "2"), (1, "2"), (2, "1"), (3, "1")] {
        let found = info(&cluster, number, "cluster_known_nodes");
        assert_eq!(found, known, "node {number}\n{}", cluster.logs());
    }
}

#[test]
fn clusters_of_several_nodes_stay_apart() {
    let cluster = Plan::new().start(4);
    cluster.meet(0, 1);
    cluster.meet(2, 3);
    let know_one = || (0..4).all(|n| info(&cluster, n, "cluster_known_nodes") == "2");
    assert!(wait_until(PATIENCE, know_one), "{}", cluster.logs());
    let (port, bus_port) = (cluster.port(0), cluster.bus(0).port());
    let answer = cluster.call(2, &format!("CLUSTER MEET 127.0.0.1 {port} {bus_port}"));
    assert!(answer.is_error(), "{answer:?}\n{}", cluster.logs());
    assert!(know_one(), "{}", cluster.logs());
}

/// Between two nodes somebody who writes down what one says to the other.
struct Recorder {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Listens; connects whoever comes once it knows where to.
    fn new() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let recorder = Recorder {
            address: listener.local_addr().expect("an address"),
            target: Arc::default(),
            said: Arc::default(),
        };
        let (target, said) = (recorder.target.clone(), recorder.said.clone());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = connect(*target.get().expect("a node dials when it is told to"));
                let mut to_near = near.try_clone().expect("a socket");
                let mut from_far = far.try_clone().expect("a socket");
                thread::spawn(move || std::io::copy(&mut from_far, &mut to_near));
                let said = said.clone();
                thread::spawn(move || carry(near, far, &said));
            }
        });
        recorder
    }
}

fn carry(mut near: TcpStream, mut far: TcpStream, record: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(count) = near.read(&mut bytes)
        && count > 0
    {
        record
            .lock()
            .expect("nobody panics")
            .extend(&bytes[..count]);
        if far.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

#[test]
fn what_was_said_once_is_nothing_the_second_time() {
    let recorder = Recorder::new();
    let bus_port = recorder.address.port();
    let mut cluster = Plan::new().start(1);
    cluster.add(&["--cluster-announce-bus-port", &bus_port.to_string()]);
    // Nobody dials before the meeting.
    let _ = recorder.target.set(cluster.bus(1));
    let line = format!("CLUSTER MEET 127.0.0.1 {} {bus_port}", cluster.port(1));
    cluster.order(0, &line);
    cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    let is_recorded = wait_until(PATIENCE, || {
        recorder.said.lock().expect("nobody panics").len() > GREETING + 4 + HEADER
    });
    assert!(
        is_recorded,
        "nothing went through the recorder\n{}",
        cluster.logs()
    );
    let before = cluster.agreed();
    let said = recorder.said.lock().expect("nobody panics").clone();
    let dropped = counted(&cluster, 1, "cluster_bus_dropped_tag");
    for _ in 0..3 {
        send(cluster.bus(1), &said);
    }
    wait_for_drops(&cluster, 1, "tag", dropped + 3);
    assert_eq!(cluster.agreed(), before);
}

/// A node that has lost its directory comes back at its old place under a new name.
#[test]
fn another_node_at_a_known_place_is_no_member() {
    let mut cluster = Plan::new().start(3);
    cluster.meet(1, 0);
    cluster.meet(2, 0);
    let before = cluster.agreed_on("three nodes", |topology| topology.nodes.len() == 3);
    let lost = cluster.id(2);
    cluster.kill(2);
    std::fs::remove_dir_all(cluster.dir(2).path("nodes.db")).expect("a vault");
    cluster.restart(2).expect("it starts");
    assert_ne!(cluster.id(2), lost);
    wait_for_drops(&cluster, 0, "stranger", 1);
    assert_eq!(info(&cluster, 2, "cluster_known_nodes"), "1");
    assert_eq!(info(&cluster, 0, "cluster_known_nodes"), "3");
    assert!(before.nodes.contains_key(&lost));
}
