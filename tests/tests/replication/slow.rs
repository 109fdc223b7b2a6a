//! Replicas that fall behind: the append-only file of the primary has what its backlog has given up.

use almandine_tests::contents::{fill, samples};
use almandine_tests::process::{Proxy, Running, Server, Start, TestNode, wait_until};

use crate::stage::{PATIENCE, assert_same, field, follow, syncs, wait_for_link, wait_for_offset};

/// A primary that keeps little in memory and would drop who lags, if there were no file.
const PRIMARY: [&str; 8] = [
    "--appendonly",
    "yes",
    "--repl-backlog-size",
    "16384",
    "--client-output-buffer-limit",
    "replica 1mb 1mb 1",
    "--auto-aof-rewrite-percentage",
    "0",
];

/// Writes so much that no backlog reaches back over it.
fn write(primary: &Running, round: usize) {
    let mut client = primary.client();
    client.timeout(PATIENCE);
    let value = "v".repeat(10_000);
    let requests: Vec<[String; 3]> = (0..1000)
        .map(|n| {
            let key = format!("many:{}", n % 100);
            [
                "APPEND".to_owned(),
                key,
                format!("{round}{}", &value[..n * 9]),
            ]
        })
        .collect();
    let requests: Vec<Vec<&String>> = requests
        .iter()
        .map(|words| words.iter().collect())
        .collect();
    for replies in requests.chunks(100) {
        client.pipeline(replies).expect("answers");
    }
}

fn rewrite(primary: &Running) {
    let mut client = primary.client();
    client.line("BGREWRITEAOF").expect("begun");
    let is_done = wait_until(PATIENCE, || {
        field(&mut client, "aof_rewrite_in_progress") == "0"
            && field(&mut client, "aof_rewrite_scheduled") == "0"
    });
    assert!(is_done);
}

/// `replica` follows `primary` and goes away, and later is there and takes nothing.
fn play(primary: &Running, replica: &Running) {
    fill(&mut primary.client(), &samples());
    let proxy = Proxy::to(primary.address());
    follow(replica, proxy.address());
    wait_for_link(replica);
    assert_same(primary, replica);
    // Away for long.
    proxy.close();
    write(primary, 1);
    proxy.open();
    assert_same(primary, replica);
    assert_eq!(syncs(primary), (1, 1), "{}", primary.log());
    // There and silent, for longer than the limit of its buffer allows.
    proxy.hold();
    for round in 2..5 {
        write(primary, round);
    }
    let is_let_go = wait_until(PATIENCE, || {
        primary.log().contains("the replica lags behind")
    });
    assert!(is_let_go, "{}", primary.log());
    rewrite(primary);
    write(primary, 6);
    proxy.release();
    assert_same(primary, replica);
    assert_eq!(syncs(primary), (1, 1), "the link was never lost");
    let has_caught_up = wait_until(PATIENCE, || {
        primary
            .log()
            .contains("the backlog reaches back to the replica")
    });
    assert!(has_caught_up);
}

#[test]
fn our_replica_gets_from_the_file_what_the_backlog_has_given_up() {
    let mut primary = TestNode::start_with(&PRIMARY);
    let mut replica = TestNode::start_with(&["--appendonly", "yes"]);
    primary.announce_lost_links();
    replica.announce_lost_links();
    play(&primary, &replica);
}

#[test]
fn servers_of_others_get_from_our_file_what_the_backlog_has_given_up() {
    for peer in Server::peers() {
        let mut primary = TestNode::start_with(&PRIMARY);
        primary.announce_lost_links();
        let replica = Start::new(peer).run();
        let replica = replica.unwrap_or_else(|error| panic!("{error}"));
        eprintln!("{}", replica.identity());
        play(&primary, &replica);
    }
}

/// The primary was killed and begins with its file: all of that is within reach, not only what its backlog holds.
#[test]
fn a_primary_that_was_killed_serves_all_of_its_file() {
    let mut primary = TestNode::start_with(&PRIMARY);
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    let proxy = Proxy::to(primary.address());
    follow(&replica, proxy.address());
    wait_for_link(&replica);
    write(&primary, 1);
    wait_for_offset(&primary, &replica);
    proxy.close();
    write(&primary, 2);
    primary.restart(&[]);
    write(&primary, 3);
    proxy.open();
    assert_same(&primary, &replica);
    assert_eq!(syncs(&primary), (0, 1));
}
