//! Whoever is killed goes on where it has stopped, as far as its append-only file tells.

use std::time::{Duration, Instant};

use almandine_tests::contents::{fill, samples};
use almandine_tests::load::Load;
use almandine_tests::process::{Running, TestNode, wait_until};
use almandine_tests::resp::Value;
use almandine_tests::sys;

use crate::stage::{
    PATIENCE, assert_same, field, follow, follow_through_proxy, syncs, wait_for_link,
    wait_for_offset,
};

const WITH_FILE: [&str; 2] = ["--appendonly", "yes"];
/// All that is written while a replica starts on a machine that is busy with other things.
const LARGE_BACKLOG: [&str; 2] = ["--repl-backlog-size", "256mb"];

/// A node that may be killed while it writes.
fn with_file() -> TestNode {
    let mut node = TestNode::start_with(&WITH_FILE);
    node.announce_torn_end();
    node
}

#[test]
fn a_replica_that_was_killed_goes_on_where_its_file_ends() {
    let mut primary = TestNode::start_with(&LARGE_BACKLOG);
    let mut replica = with_file();
    primary.announce_lost_links();
    replica.announce_lost_links();
    fill(&mut primary.client(), &samples());
    follow(&replica, primary.address());
    wait_for_link(&replica);
    let address = primary.address();
    let replicaof = format!("{} {}", address.ip(), address.port());
    for life in 1..=3 {
        let load = Load::begin(primary.address(), life, &primary.identity());
        wait_for_link(&replica);
        replica.restart(&["--replicaof", &replicaof]);
        wait_for_link(&replica);
        assert!(load.end() > 0);
        assert_same(&primary, &replica);
        assert_eq!(
            syncs(&primary),
            (1, life as i64),
            "only what was missed is sent"
        );
    }
}

#[test]
fn a_primary_that_was_killed_is_followed_on_by_who_has_no_more_than_its_file() {
    let mut primary = with_file();
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    fill(&mut primary.client(), &samples());
    follow(&replica, primary.address());
    wait_for_link(&replica);
    for life in 1..=3 {
        let load = Load::begin(primary.address(), life, &primary.identity());
        wait_for_link(&replica);
        assert!(load.end() > 0);
        wait_for_offset(&primary, &replica);
        // The reply to the last write says that the file has it.
        primary.client().call(&["SET", "last", "1"]).expect("OK");
        wait_for_offset(&primary, &replica);
        primary.restart(&[]);
        wait_for_link(&replica);
        primary.client().call(&["SET", "next", "1"]).expect("OK");
        assert_same(&primary, &replica);
        assert_eq!(
            syncs(&primary),
            (0, 1),
            "life {life}: nothing is copied again"
        );
    }
}

#[test]
fn a_replica_that_was_away_when_the_primary_was_killed_gets_what_it_missed_from_the_file() {
    let mut primary = with_file();
    let mut replica = TestNode::start();
    let proxy = follow_through_proxy(&mut primary, &mut replica);
    wait_for_link(&replica);
    fill(&mut primary.client(), &samples());
    wait_for_offset(&primary, &replica);
    proxy.close();
    primary.client().call(&["SET", "missed", "1"]).expect("OK");
    primary.restart(&[]);
    primary.client().call(&["SET", "next", "1"]).expect("OK");
    proxy.open();
    assert_same(&primary, &replica);
    assert_eq!(syncs(&primary), (0, 1));
}

/// How long from the moment that both answer until the stream flows again.
fn resumption(primary: &Running, replica: &Running, syncs_before: i64) -> Duration {
    let began = Instant::now();
    let (mut above, mut below) = (primary.client(), replica.client());
    let flows = wait_until(PATIENCE, || {
        field(&mut below, "master_link_status") == "up"
            && field(&mut above, "slave0").contains("state=online")
            && syncs(primary).1 > syncs_before
    });
    assert!(flows, "the replica says:\n{}", replica.log());
    began.elapsed()
}

/// A second at most on a machine with time to spare; `--nocapture` shows how long it took.
#[test]
fn the_stream_flows_again_soon_whoever_was_killed() {
    let mut primary = with_file();
    let mut replica = with_file();
    primary.announce_lost_links();
    replica.announce_lost_links();
    fill(&mut primary.client(), &samples());
    follow(&replica, primary.address());
    wait_for_link(&replica);
    let address = primary.address();
    let replicaof = format!("{} {}", address.ip(), address.port());
    for life in 0..5 {
        wait_for_offset(&primary, &replica);
        let (full, partial) = syncs(&primary);
        assert_eq!(full, i64::from(life == 0), "nothing is copied again");
        replica.restart(&["--replicaof", &replicaof]);
        let of_replica = resumption(&primary, &replica, partial);
        assert_eq!(syncs(&primary), (full, partial + 1));
        wait_for_offset(&primary, &replica);
        primary.restart(&[]);
        let of_primary = resumption(&primary, &replica, 0);
        assert_eq!(syncs(&primary), (0, 1));
        eprintln!("killed: the replica {of_replica:?}, the primary {of_primary:?}");
        for took in [of_replica, of_primary] {
            assert!(took < Duration::from_secs(15), "{took:?}");
        }
    }
    assert_same(&primary, &replica);
}

/// The file is begun while the node runs: its manifest says whose stream it is as well.
#[test]
fn a_file_that_was_begun_late_is_known_to_replicas_too() {
    let mut primary = TestNode::start();
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    follow(&replica, primary.address());
    wait_for_link(&replica);
    let mut client = primary.client();
    client.line("CONFIG SET appendonly yes").expect("OK");
    let has_begun = wait_until(PATIENCE, || {
        field(&mut client, "aof_enabled") == "1"
            && field(&mut client, "aof_rewrite_in_progress") == "0"
            && field(&mut client, "aof_rewrite_scheduled") == "0"
    });
    assert!(has_begun);
    client.line("SET k v").expect("OK");
    wait_for_offset(&primary, &replica);
    primary.restart(&WITH_FILE);
    assert_same(&primary, &replica);
    assert_eq!(syncs(&primary), (0, 1));
}

/// A primary whose replica stands still and lacks something is told to end.
fn end_with_a_frozen_replica(timeout: &str) -> (TestNode, TestNode) {
    let mut primary = TestNode::start_with(&["--shutdown-timeout", timeout]);
    let mut replica = TestNode::start();
    primary.announce("Lagging replica");
    replica.announce_lost_links();
    follow(&replica, primary.address());
    wait_for_link(&replica);
    replica.freeze();
    primary.client().call(&["SET", "last", "1"]).expect("OK");
    sys::signal(primary.pid(), libc::SIGTERM).expect("it runs");
    let is_waiting = || {
        let log = primary.log();
        log.contains("Waiting for replicas before shutting down.")
    };
    assert!(wait_until(PATIENCE, is_waiting), "{}", primary.log());
    (primary, replica)
}

#[test]
fn a_primary_that_ends_waits_for_its_replicas() {
    let (mut primary, replica) = end_with_a_frozen_replica("600");
    assert!(primary.has_ended().is_none());
    replica.thaw();
    let status = primary.wait_for_end().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let log = primary.log();
    let text = "1 of 1 replicas are in sync when shutting down.";
    assert!(log.contains(text), "{log}");
    let last = replica.client().call(&["GET", "last"]);
    assert_eq!(last.ok(), Some(Value::bulk("1")));
}

#[test]
fn a_primary_that_ends_does_not_wait_for_ever() {
    let (mut primary, replica) = end_with_a_frozen_replica("1");
    let status = primary.wait_for_end().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let log = primary.log();
    let text = "0 of 1 replicas are in sync when shutting down.";
    assert!(
        log.contains(text) && log.contains("Lagging replica"),
        "{log}"
    );
    replica.thaw();
}
