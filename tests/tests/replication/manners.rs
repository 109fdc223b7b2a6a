//! What a primary waits for and refuses, what both sides show of each other.

use almandine_tests::process::{Proxy, TestNode, wait_until};
use almandine_tests::resp::Client;

use crate::stage::{PATIENCE, field, follow, number, wait_for_link};

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
        let killed = client.line(&format!("CLIENT KILL TYPE {kind}"));
        assert_eq!(killed.expect("a number").integer(), Some(1));
        let is_back = wait_until(PATIENCE, || {
            field(&mut primary.client(), "slave0").contains("state=online")
        });
        assert!(is_back);
    }
}
