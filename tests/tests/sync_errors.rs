//! A disk that fails to sync, or to take a manifest, as strace makes it: after a failed sync nobody knows what the disk
//! holds, so the node stops before it acknowledges anything more, and what was acknowledged is there when it starts again.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use almandine_tests::process::{Directory, Server, Start, TestNode, Trouble, wait_until};
use almandine_tests::resp::{Client, Value};

const PATIENCE: Duration = Duration::from_secs(30);
/// What the node says when it stops.
const END: &str = "the append-only file is lost: the node stops";

fn start(dir: &Directory, policy: &str) -> TestNode {
    let args = ["--appendonly", "yes", "--appendfsync", policy];
    let mut node = TestNode::start_in(dir, &args);
    // The log of a directory is that of all its nodes.
    for text in [END, "cannot be written anew", "rewrite terminated with"] {
        node.announce(text);
    }
    node
}

fn push(client: &mut Client, number: i64) -> bool {
    match client.call(&["RPUSH", "list", &number.to_string()]) {
        Ok(reply) => {
            assert_eq!(reply, Value::Integer(number + 1));
            true
        }
        Err(_) => false,
    }
}

/// What the list holds: all that was acknowledged, and at most one that was under way.
fn holds(dir: &Directory, policy: &str, acknowledged: i64) {
    let node = start(dir, policy);
    let found = node.client().call(&["LRANGE", "list", "0", "-1"]);
    let Ok(Value::Array(found)) = found else {
        panic!("{found:?}")
    };
    let more = found.len() as i64 - acknowledged;
    assert!((0..=1).contains(&more), "{more} more than {acknowledged}");
    for (number, element) in found.iter().enumerate() {
        assert_eq!(*element, Value::bulk(number.to_string()));
    }
}

fn ends(node: &mut TestNode) {
    let status = node.wait_for_end().expect("the node stops");
    assert_eq!((status.code(), status.signal()), (Some(1), None));
    let log = node.log();
    let line = log.lines().find(|line| line.contains(END));
    let line = line.unwrap_or_else(|| panic!("no word of it: {log}"));
    assert!(line.contains("ERROR"), "{line}");
    assert!(line.contains("cannot sync appendonlydir"), "{line}");
    assert!(line.contains("Input/output error"), "{line}");
}

#[test]
fn a_write_whose_sync_fails_is_not_acknowledged_and_the_node_stops() {
    let dir = Directory::new();
    let mut node = start(&dir, "always");
    let mut client = node.client();
    assert!(push(&mut client, 0));
    let fault = "inject=fdatasync:error=EIO:when=4+";
    let Some(_trouble) = Trouble::begin(&node, &["-e", fault]) else {
        return;
    };
    let acknowledged = 1
        + (1..)
            .take_while(|number| push(&mut client, *number))
            .count() as i64;
    assert_eq!(acknowledged, 4, "the fourth sync has failed");
    ends(&mut node);
    holds(&dir, "always", acknowledged);
}

#[test]
fn the_node_stops_when_the_sync_of_each_second_fails() {
    let dir = Directory::new();
    let mut node = start(&dir, "everysec");
    let mut client = node.client();
    let fault = "inject=fdatasync:error=EIO:when=2+";
    let Some(_trouble) = Trouble::begin(&node, &["-e", fault]) else {
        return;
    };
    let acknowledged = (0..)
        .take_while(|number| push(&mut client, *number))
        .count() as i64;
    assert!(acknowledged > 1, "the first sync has not failed");
    ends(&mut node);
    holds(&dir, "everysec", acknowledged);
}

#[test]
fn a_sync_that_fails_when_a_rewrite_begins_stops_the_node() {
    let dir = Directory::new();
    let mut node = start(&dir, "no");
    let mut client = node.client();
    assert!(push(&mut client, 0));
    // The names of the directory are synced as well.
    let fault = "inject=fsync:error=EIO";
    let Some(_trouble) = Trouble::begin(&node, &["-e", fault]) else {
        return;
    };
    // The node may have ended before it could answer.
    let _ = client.call(&["BGREWRITEAOF"]);
    ends(&mut node);
    holds(&dir, "no", 1);
}

#[test]
fn a_snapshot_that_cannot_be_synced_fails_and_the_one_before_stays() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &[]);
    node.announce("Error trying to save the DB");
    let mut client = node.client();
    let mut call = |request: &[&str]| client.call(request).expect("the node answers");
    assert_eq!(call(&["SET", "k", "old"]), Value::ok());
    assert_eq!(call(&["SAVE"]), Value::ok());
    let fault = "inject=fdatasync:error=EIO";
    let Some(_trouble) = Trouble::begin(&node, &["-e", fault]) else {
        return;
    };
    assert_eq!(call(&["SET", "k", "new"]), Value::ok());
    assert_eq!(call(&["SAVE"]), Value::Error(b"ERR".to_vec()));
    assert_eq!(call(&["SET", "k", "newer"]), Value::ok());
    node.restart(&[]);
    let found = node.client().call(&["GET", "k"]);
    assert_eq!(found.expect("the node answers"), Value::bulk("old"));
}

#[test]
fn a_manifest_for_which_there_is_no_room_costs_a_rewrite_and_nothing_else() {
    let dir = Directory::new();
    let start = Start::new(Server::Almandine).dir(&dir);
    let start = start.args(["--appendonly", "yes"]);
    let run = || {
        start
            .clone()
            .run()
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let mut node = run();
    let mut client = node.client();
    assert!(push(&mut client, 0));
    // The first manifest names the increment, the second the base; the third rewrite succeeds.
    let manifest = "appendonlydir/temp-appendonly.aof.manifest";
    let fault = "inject=openat:error=ENOSPC:when=1..3+2";
    let Some(_trouble) = Trouble::begin(&node, &["-P", manifest, "-e", fault]) else {
        return;
    };
    let outcome = |client: &mut Client, text: &str| {
        client.call(&["BGREWRITEAOF"]).expect("the node answers");
        let is_over = wait_until(PATIENCE, || {
            let info = client.call(&["INFO", "persistence"]).ok();
            let info = info.and_then(|info| info.text()).unwrap_or_default();
            info.contains("aof_rewrite_in_progress:0")
                && info.contains("aof_rewrite_scheduled:0")
                && info.contains(&format!("aof_last_bgrewrite_status:{text}"))
        });
        assert!(is_over, "{}", node.log());
    };
    outcome(&mut client, "err");
    assert!(push(&mut client, 1));
    outcome(&mut client, "err");
    assert!(push(&mut client, 2));
    outcome(&mut client, "ok");
    assert!(push(&mut client, 3));
    let log = node.log();
    assert!(log.contains("cannot be written anew"), "{log}");
    let reason = "cannot write appendonlydir/temp-appendonly.aof.manifest: No space left";
    assert!(log.contains(reason), "{log}");
    node.kill();
    holds(&dir, "everysec", 4);
}
