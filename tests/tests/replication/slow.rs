//! Replicas that fall behind: the append-only file of the primary has what its backlog has given up. Without one they are given
//! up themselves, and begin anew.

use almandine_tests::contents::{fill, samples};
use almandine_tests::process::{Proxy, Running, Server, Start, TestNode, wait_until};

use crate::stage::{
    PATIENCE, assert_same, field, follow, follow_through_proxy, number, syncs, wait_for_link,
    wait_for_offset,
};

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
    let proxy = follow_through_proxy(&mut primary, &mut replica);
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

/// What a replica cannot take at once while nobody carries it on.
const COPY: [&str; 4] = ["--rdbcompression", "no", "--repl-backlog-size", "16384"];
/// Bytes of the copy that come through.
const CARRIED: usize = 1 << 20;
/// Bytes that are written while a copy stands still.
const WRITTEN: usize = 200 << 20;

/// A replica that takes only the beginning of its copy while much is written: as much as that is not kept for it in memory.
fn play_copy(primary: &Running, replica: &Running, limit: i64) -> Proxy {
    let mut client = primary.client();
    client.timeout(PATIENCE);
    let value = "v".repeat(1 << 20);
    for n in 0..40 {
        let key = format!("copied:{n}");
        client.call(&["SET", &key, &value]).expect("OK");
    }
    let proxy = Proxy::to(primary.address());
    proxy.hold_after(CARRIED);
    follow(replica, proxy.address());
    assert!(wait_until(PATIENCE, || proxy.is_holding()), "it comes");
    let before = primary.resident_bytes();
    for _ in 0..WRITTEN / value.len() {
        client.call(&["SET", "written", &value]).expect("OK");
        let kept = number(&mut client, "repl_backlog_histlen");
        // And what one request adds.
        assert!(kept < limit + (2 << 20), "{kept} bytes are kept");
    }
    let grown = primary.resident_bytes().saturating_sub(before);
    assert!(grown < (WRITTEN / 2) as u64, "{grown} bytes more in memory");
    proxy
}

#[test]
fn a_copy_that_stands_still_is_given_up_before_memory_is_full_and_begun_anew() {
    let args = [
        &COPY[..],
        &["--client-output-buffer-limit", "replica 4mb 0 0"],
    ]
    .concat();
    let mut primary = TestNode::start_with(&args);
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    let proxy = play_copy(&primary, &replica, 4 << 20);
    let is_given_up = wait_until(PATIENCE, || {
        let log = primary.log();
        log.contains("it is too slow for client-output-buffer-limit")
    });
    assert!(is_given_up, "{}", primary.log());
    proxy.release();
    assert_same(&primary, &replica);
    assert_eq!(syncs(&primary), (2, 0));
}

#[test]
fn what_follows_a_copy_that_stands_still_is_in_the_file() {
    let args = [&COPY[..], &PRIMARY[..2], &PRIMARY[4..]].concat();
    let mut primary = TestNode::start_with(&args);
    let mut replica = TestNode::start();
    primary.announce_lost_links();
    replica.announce_lost_links();
    let proxy = play_copy(&primary, &replica, 1 << 20);
    let is_let_go = wait_until(PATIENCE, || primary.log().contains("it is sent the file"));
    assert!(is_let_go, "{}", primary.log());
    proxy.release();
    assert_same(&primary, &replica);
    assert_eq!(syncs(&primary), (1, 0), "the copy was not in vain");
}
