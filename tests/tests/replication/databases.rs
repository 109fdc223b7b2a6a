//! A stream that has selected its database long ago: the files of replicas say which one it is.

use std::fs;

use almandine_tests::contents::{differences, held_by};
use almandine_tests::process::{
    Directory, Proxy, Running, Server, Start, TestNode, wait_for, wait_until,
};
use almandine_tests::resp::Client;

use crate::stage::{PATIENCE, assert_same, field, follow, syncs, wait_for_link, wait_for_offset};

/// Replicas with files, that keep little in memory.
const REPLICA: [&str; 6] = [
    "--appendonly",
    "yes",
    "--auto-aof-rewrite-percentage",
    "0",
    "--repl-backlog-size",
    "16384",
];

/// Writes more than a backlog holds, always in the same database.
fn write(client: &mut Client, name: &str) {
    for n in 0..100 {
        let value = format!("{name}{n}").repeat(100);
        let key = format!("{name}:{}", n % 10);
        client.call(&["APPEND", &key, &value]).expect("a length");
    }
}

fn rewrite(server: &Running) {
    let mut client = server.client();
    client.line("BGREWRITEAOF").expect("begun");
    let is_done = wait_until(PATIENCE, || {
        field(&mut client, "aof_rewrite_in_progress") == "0"
            && field(&mut client, "aof_rewrite_scheduled") == "0"
    });
    assert!(is_done);
    assert_eq!(field(&mut client, "aof_last_bgrewrite_status"), "ok");
}

/// What `server` has in its file is what `expected` holds, for our node and for every other server at hand.
#[track_caller]
fn assert_file_holds(server: &Running, expected: &Running) {
    let expected = held_by(&mut expected.client());
    for reader in [Server::Almandine].into_iter().chain(Server::peers()) {
        let dir = Directory::new();
        copy_files(server, &dir);
        let args = ["--appendonly", "yes"];
        let reader = Start::new(reader).args(args).dir(&dir).run();
        let reader = reader.unwrap_or_else(|error| panic!("{error}"));
        let found = differences(&expected, &held_by(&mut reader.client()));
        assert!(found.is_empty(), "{}: {found:?}", reader.identity());
    }
}

fn copy_files(server: &Running, into: &Directory) {
    let (from, into) = (
        server.dir().join("appendonlydir"),
        into.path("appendonlydir"),
    );
    fs::create_dir(&into).expect("a directory");
    for file in fs::read_dir(&from).expect("files") {
        let file = file.expect("a file");
        fs::copy(file.path(), into.join(file.file_name())).expect("copied");
    }
}

/// Waits until the files of the replica have everything.
#[track_caller]
fn wait_for_file(primary: &Running, replica: &Running) {
    wait_for_offset(primary, replica);
    let offset = field(&mut primary.client(), "master_repl_offset");
    let (dir, offset) = (
        replica.dir().join("appendonlydir"),
        offset.parse::<u64>().expect("an offset"),
    );
    let has_all = wait_for(PATIENCE, || {
        let text = fs::read_to_string(dir.join("appendonly.aof.manifest")).ok()?;
        let last = text.lines().rfind(|line| line.contains(" type i "))?;
        let words: Vec<&str> = last.split(' ').collect();
        let value = |name: &str| {
            let at = words.iter().position(|word| *word == name);
            at.map(|at| words[at + 1])
        };
        let number = |name| value(name).map_or(0, |text| text.parse::<u64>().expect("a number"));
        let length = fs::metadata(dir.join(value("file")?)).ok()?.len();
        (number("startoffset") + length - number("preamble") == offset).then_some(())
    });
    assert!(has_all.is_some(), "the file ends elsewhere than the stream");
}

fn play(more: &[&str]) {
    let mut primary = TestNode::start();
    let args = [REPLICA.as_slice(), more].concat();
    let mut replica = TestNode::start_with(&args);
    let mut below = TestNode::start_with(&args);
    for node in [&mut primary, &mut replica, &mut below] {
        node.announce_lost_links();
    }
    let address = primary.address();
    follow(&replica, address);
    wait_for_link(&replica);
    let mut client = primary.client();
    client.line("SELECT 5").expect("OK");
    write(&mut client, "before");
    rewrite(&replica);
    write(&mut client, "after");
    wait_for_file(&primary, &replica);
    assert_file_holds(&replica, &primary);

    // A copy taken in the middle of the stream, of which a replica passes on what it has got.
    let proxy = Proxy::to(replica.address());
    follow(&below, proxy.address());
    wait_for_offset(&primary, &below);
    write(&mut client, "copied");
    wait_for_file(&primary, &below);
    assert_file_holds(&below, &primary);

    // Who is far behind is sent what the file holds of the stream, and nothing else of it.
    proxy.close();
    write(&mut client, "missed");
    wait_for_file(&primary, &replica);
    proxy.open();
    assert_same(&primary, &below);
    assert_eq!(syncs(&replica), (1, 1), "{}", replica.log());

    let replicaof = format!("{} {}", address.ip(), address.port());
    replica.restart(&["--replicaof", &replicaof]);
    wait_for_link(&replica);
    assert_eq!(syncs(&primary), (1, 1), "only what was missed is sent");
    write(&mut client, "restarted");
    assert_same(&primary, &replica);
    assert_same(&primary, &below);
    assert_eq!(syncs(&replica), (0, 1), "{}", replica.log());
    for node in [&replica, &below] {
        wait_for_file(&primary, node);
        assert_file_holds(node, &primary);
    }
}

#[test]
fn the_file_of_a_replica_says_which_database_the_stream_is_in() {
    play(&[]);
}

#[test]
fn so_does_one_behind_a_base_of_requests() {
    play(&["--aof-use-rdb-preamble", "no"]);
}
