//! FAILOVER: the place of a primary is handed over without the loss of an acknowledged write, or is not handed over at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use almandine_tests::contents::{fill, samples};
use almandine_tests::process::{Running, Server, Start, TestNode, wait_until};
use almandine_tests::resp::{Client, Value};

use crate::stage::{
    PATIENCE, assert_same, field, follow, follow_through_proxy, number, syncs, wait_for_link,
};

/// Connections that write.
const WRITERS: usize = 4;
/// Acknowledged writes before the failover begins.
const BEFORE: u64 = 400;

/// One connection that appends 0, 1, 2, ... to a list of its own, until it is told that another one leads. Returns how many
/// were acknowledged and how many were sent.
fn write(address: SocketAddr, key: String, acknowledged: Arc<AtomicU64>) -> (usize, usize) {
    let mut client = Client::connect(address).expect("a connection");
    client.timeout(PATIENCE);
    for number in 0.. {
        let pushed = client.call(&["RPUSH", &key, &number.to_string()]);
        match pushed.expect("an answer") {
            Value::Integer(length) => assert_eq!(length, number as i64 + 1),
            refused => {
                let text = refused.text().unwrap_or_default();
                assert!(text.starts_with("READONLY "), "{refused:?}");
                return (number, number + 1);
            }
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    unreachable!("numbers do not end")
}

struct Writers {
    threads: Vec<(String, JoinHandle<(usize, usize)>)>,
    acknowledged: Arc<AtomicU64>,
}

impl Writers {
    /// Begins to write; each call names the lists anew.
    fn begin(address: SocketAddr, name: &str) -> Writers {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let threads = (0..WRITERS).map(|writer| {
            let (key, count) = (format!("{name}:{writer}"), acknowledged.clone());
            let list = key.clone();
            (key, thread::spawn(move || write(address, list, count)))
        });
        Writers {
            threads: threads.collect(),
            acknowledged,
        }
    }

    #[track_caller]
    fn wait_for(&self, writes: u64) {
        let has_come = wait_until(PATIENCE, || {
            self.acknowledged.load(Ordering::Relaxed) >= writes
        });
        assert!(has_come, "the load goes on");
    }

    /// Every writer has been told to stop; whoever leads now has what was acknowledged, in order, and nothing twice.
    fn end(self, leader: &Running) {
        let mut client = leader.client();
        for (key, thread) in self.threads {
            let (acknowledged, sent) = thread.join().expect("only READONLY ends it");
            let list = client.call(&["LRANGE", &key, "0", "-1"]).expect("a list");
            let list = list.elements().expect("a list").to_vec();
            for (number, element) in list.iter().enumerate() {
                assert_eq!(element.text(), Some(number.to_string()), "{key}");
            }
            assert!(
                (acknowledged..=sent).contains(&list.len()),
                "{key}: {} writes, {acknowledged} acknowledged, {sent} sent",
                list.len()
            );
        }
    }
}

fn state(server: &Running) -> String {
    field(&mut server.client(), "master_failover_state")
}

fn role(server: &Running) -> String {
    field(&mut server.client(), "role")
}

#[track_caller]
fn say(server: &Running, line: &str) -> String {
    let reply = server.client().line(line).expect("an answer");
    reply.text().unwrap_or_else(|| format!("{reply:?}"))
}

/// Waits until `replica` is known to `primary` as one that has the stream.
#[track_caller]
fn wait_for_replica(primary: &Running, replica: &Running) {
    wait_for_link(replica);
    let port = format!("port={},state=online", replica.address().port());
    let is_online = wait_until(PATIENCE, || {
        let info = say(primary, "INFO replication");
        info.contains(&port)
    });
    assert!(is_online, "{}", say(primary, "INFO replication"));
}

fn start(peer: Server) -> Running {
    let start = Start::new(peer).args(["--repl-diskless-sync-delay", "0"]);
    start.run().unwrap_or_else(|error| panic!("{error}"))
}

/// Hands the place over from `old` to `new` while both are busy.
#[track_caller]
fn hand_over(old: &Running, new: &Running, order: &str, name: &str) {
    let writers = Writers::begin(old.address(), name);
    writers.wait_for(BEFORE);
    let mut client = old.client();
    assert_eq!(
        client.line(order).expect("OK").text().as_deref(),
        Some("OK")
    );
    let is_over = wait_until(PATIENCE, || {
        role(new) == "master" && state(old) == "no-failover" && role(old) == "slave"
    });
    assert!(
        is_over,
        "{name}: {} {} {}\nthe old one says:\n{}",
        role(new),
        role(old),
        state(old),
        old.log()
    );
    wait_for_replica(new, old);
    writers.end(new);
    say(new, "SET next term");
    assert_same(new, old);
    assert_eq!(syncs(new).0, 0, "{name}: nothing is copied again");
}

#[test]
fn the_place_is_handed_over_and_back_and_nothing_acknowledged_is_lost() {
    let [mut one, mut other] = [TestNode::start(), TestNode::start()];
    one.announce_lost_links();
    other.announce_lost_links();
    fill(&mut one.client(), &samples());
    follow(&other, one.address());
    wait_for_replica(&one, &other);
    let full = syncs(&one).0;
    assert_eq!(full, 1);
    hand_over(&one, &other, "FAILOVER", "first");
    // From here on the first one has counted its own copy.
    let port = one.address().port();
    let order = format!("FAILOVER TO 127.0.0.1 {port} TIMEOUT 60000");
    let writers = Writers::begin(other.address(), "second");
    writers.wait_for(BEFORE);
    assert_eq!(say(&other, &order), "OK");
    let is_back = wait_until(PATIENCE, || {
        role(&one) == "master" && role(&other) == "slave"
    });
    assert!(is_back);
    wait_for_replica(&one, &other);
    writers.end(&one);
    assert_same(&one, &other);
    assert_eq!(syncs(&one).0, full, "nothing is copied again");
    let parameter = other.client().line("CONFIG GET replicaof");
    let parameter = parameter.expect("a pair");
    let value = parameter.elements().expect("a pair")[1].text();
    assert_eq!(value, Some(format!("127.0.0.1 {port}")));
}

/// The other replicas go on below the node that has led before, under the new id.
#[test]
fn replicas_that_stay_below_go_on_without_a_copy() {
    let [mut one, mut two, mut three] = [TestNode::start(), TestNode::start(), TestNode::start()];
    for node in [&mut one, &mut two, &mut three] {
        node.announce_lost_links();
    }
    for node in [&two, &three] {
        follow(node, one.address());
        wait_for_replica(&one, node);
    }
    let order = format!("FAILOVER TO 127.0.0.1 {}", two.address().port());
    hand_over(&one, &two, &order, "led");
    let id = |node: &Running| field(&mut node.client(), "master_replid");
    let has_learned = wait_until(PATIENCE, || id(&three) == id(&two));
    assert!(has_learned, "the replica below hears of the new id");
    say(&two, "SET all hear");
    assert_same(&two, &three);
    assert_eq!(syncs(&one).0, 2, "nothing is copied again");
}

#[test]
fn servers_of_others_take_our_place_and_hand_it_back() {
    for peer in Server::peers() {
        let mut ours = TestNode::start();
        ours.announce_lost_links();
        let theirs = start(peer);
        eprintln!("{}", theirs.identity());
        follow(&theirs, ours.address());
        wait_for_replica(&ours, &theirs);
        hand_over(&ours, &theirs, "FAILOVER TIMEOUT 60000", "ours");
        let writers = Writers::begin(theirs.address(), "theirs");
        writers.wait_for(BEFORE);
        let order = format!("FAILOVER TO 127.0.0.1 {}", ours.address().port());
        assert_eq!(say(&theirs, &order), "OK");
        let is_back = wait_until(PATIENCE, || {
            role(&ours) == "master" && role(&theirs) == "slave"
        });
        assert!(is_back, "{}", theirs.log());
        wait_for_replica(&ours, &theirs);
        writers.end(&ours);
        assert_same(&ours, &theirs);
        assert_eq!(syncs(&ours).0, 1, "only the first copy");
    }
}

#[test]
fn a_failover_that_waits_stops_writes_until_it_is_given_up() {
    let [mut primary, mut replica] = [TestNode::start(), TestNode::start()];
    let proxy = follow_through_proxy(&mut primary, &mut replica);
    wait_for_replica(&primary, &replica);
    let port = replica.address().port();
    assert_eq!(
        say(&primary, "FAILOVER TO 127.0.0.1 1"),
        "ERR FAILOVER target HOST and PORT is not a replica."
    );
    assert_eq!(
        say(&primary, "FAILOVER FORCE TIMEOUT 5"),
        "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
    );
    // It hears nothing any more, and does not know that.
    proxy.hold();
    say(&primary, "SET k before");
    assert_eq!(say(&primary, "FAILOVER"), "OK");
    assert_eq!(state(&primary), "waiting-for-sync");
    assert_eq!(
        say(&primary, "FAILOVER"),
        "ERR FAILOVER already in progress."
    );
    assert_eq!(
        say(&primary, "REPLICAOF NO ONE"),
        "ERR REPLICAOF not allowed while failing over."
    );
    assert_eq!(say(&primary, "GET k"), "before", "reads go on");
    let mut writer = primary.client();
    writer.timeout(PATIENCE);
    writer.send(&["SET", "k", "after"]).expect("sent");
    assert_eq!(say(&primary, "CLIENT UNPAUSE"), "OK");
    let waits = wait_until(PATIENCE, || {
        number(&mut primary.client(), "blocked_clients") == 1
    });
    assert!(waits);
    assert_eq!(say(&primary, "GET k"), "before");
    assert_eq!(say(&primary, "FAILOVER ABORT"), "OK");
    assert_eq!(writer.receive().expect("OK").text().as_deref(), Some("OK"));
    assert_eq!(state(&primary), "no-failover");
    // The same with an end of its own.
    let order = format!("FAILOVER TO 127.0.0.1 {port} TIMEOUT 50");
    assert_eq!(say(&primary, &order), "OK");
    writer.call(&["SET", "k", "later"]).expect("OK");
    assert_eq!(role(&primary), "master");
    proxy.release();
    assert_same(&primary, &replica);
}

#[test]
fn a_forced_failover_takes_place_though_something_is_missing() {
    let [mut primary, mut replica] = [TestNode::start(), TestNode::start()];
    let proxy = follow_through_proxy(&mut primary, &mut replica);
    wait_for_replica(&primary, &replica);
    say(&primary, "SET k v");
    assert_same(&primary, &replica);
    proxy.hold();
    say(&primary, "SET lost 1");
    let port = replica.address().port();
    let order = format!("FAILOVER TO 127.0.0.1 {port} FORCE TIMEOUT 100");
    assert_eq!(say(&primary, &order), "OK");
    let is_over = wait_until(PATIENCE, || {
        role(&replica) == "master" && state(&primary) == "no-failover"
    });
    assert!(is_over, "{}", primary.log());
    proxy.release();
    say(&replica, "SET next term");
    assert_same(&replica, &primary);
    assert_eq!(say(&primary, "EXISTS lost"), "Integer(0)");
    assert_eq!(syncs(&replica), (1, 0), "what was too much is gone");
}

/// Nobody listens where the replica was: until somebody says ABORT, the node asks again and again.
#[test]
fn a_failover_in_progress_can_be_aborted() {
    let mut primary = TestNode::start();
    primary.announce_lost_links();
    let replica = TestNode::start();
    follow(&replica, primary.address());
    wait_for_replica(&primary, &replica);
    let port = replica.address().port();
    drop(replica);
    let is_gone = wait_until(PATIENCE, || {
        number(&mut primary.client(), "connected_slaves") == 0
    });
    assert!(is_gone);
    // A replica that only says that it listens there.
    let mut liar = primary.client();
    liar.line(&format!("REPLCONF listening-port {port} capa eof"))
        .expect("OK");
    liar.send(&["PSYNC", "?", "-1"]).expect("sent");
    let id = field(&mut primary.client(), "master_replid");
    let order = format!("FAILOVER TO 127.0.0.1 {port} FORCE TIMEOUT 1");
    let is_known = wait_until(PATIENCE, || {
        say(&primary, &order) == "ERR FAILOVER target replica is not online."
    });
    assert!(is_known);
    liar.send(&["REPLCONF", "ACK", "0"]).expect("sent");
    let is_taken = wait_until(PATIENCE, || say(&primary, &order) == "OK");
    assert!(is_taken);
    let is_asked = wait_until(PATIENCE, || state(&primary) == "failover-in-progress");
    assert!(is_asked);
    assert_eq!(role(&primary), "slave");
    assert_eq!(say(&primary, "FAILOVER ABORT"), "OK");
    assert_eq!(role(&primary), "master");
    assert_eq!(say(&primary, "SET k v"), "OK");
    assert_ne!(field(&mut primary.client(), "master_replid"), id);
}
