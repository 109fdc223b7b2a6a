//! Snapshots and append-only files: what a node writes, it and the servers of others load; what others write, it loads.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use almandine_tests::contents::{Contents, differences, fill, held_by, samples};
use almandine_tests::process::{
    Directory, Running, Server, Start, StartError, TestNode, wait_until,
};
use almandine_tests::resp::{Client, Value, encode_request, info_field};

const PATIENCE: Duration = Duration::from_secs(30);

#[track_caller]
fn ok(client: &mut Client, line: &str) -> Value {
    let reply = client.line(line).expect("a server that answers");
    assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
    reply
}

/// A field of INFO persistence.
fn field(client: &mut Client, name: &str) -> String {
    let info = ok(client, "INFO persistence").text().expect("a text");
    info_field(&info, name).expect(name).to_owned()
}

/// Waits until a field of INFO persistence has this value.
#[track_caller]
fn until(client: &mut Client, name: &str, value: &str) {
    let is_so = wait_until(PATIENCE, || field(client, name) == value);
    assert!(is_so, "{name} is {} and not {value}", field(client, name));
}

/// A server that may still be reading.
fn loaded(running: &Running) -> Client {
    let mut client = running.client();
    until(&mut client, "loading", "0");
    client
}

#[track_caller]
fn assert_holds(client: &mut Client, expected: &Contents, whose: &str) {
    let differences = differences(expected, &held_by(client));
    assert!(
        differences.is_empty(),
        "{whose}\n{}",
        differences.join("\n")
    );
}

/// Ends a server in order; it may save first.
fn end(running: &mut Running, how: &str) {
    let mut client = running.client();
    let words: Vec<&str> = how.split(' ').collect();
    client.send(&words).expect("a connection");
    assert!(running.wait_for_end().is_some(), "{how}");
}

#[test]
fn a_snapshot_goes_to_others_and_comes_back() {
    let expected = samples();
    for peer in Server::peers() {
        let dir = Directory::new();
        let mut node = TestNode::start_in(&dir, &[]);
        let mut client = node.client();
        fill(&mut client, &expected);
        ok(&mut client, "SAVE");
        assert_eq!(field(&mut client, "rdb_changes_since_last_save"), "0");
        end(&mut node, "SHUTDOWN NOSAVE");
        drop(node);

        let start = Start::new(peer.clone()).dir(&dir);
        let mut other = start.run().expect("it starts from our file");
        let whose = other.identity().to_string();
        assert_holds(
            &mut loaded(&other),
            &expected,
            &format!("{whose} from ours"),
        );
        fs::remove_file(dir.path("dump.rdb")).expect("a file");
        end(&mut other, "SHUTDOWN SAVE");
        drop(other);

        let node = TestNode::start_in(&dir, &[]);
        assert_holds(&mut loaded(&node), &expected, &format!("ours from {whose}"));
    }
}

#[test]
fn an_append_only_file_goes_to_others_and_comes_back() {
    for (peer, preamble) in Server::peers()
        .into_iter()
        .flat_map(|peer| [(peer.clone(), "yes"), (peer, "no")])
    {
        let dir = Directory::new();
        let args = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
        let mut node = TestNode::start_in(&dir, &args);
        let mut client = node.client();
        fill(&mut client, &samples());
        ok(&mut client, "SELECT 3");
        ok(&mut client, "SET counter 1");
        ok(&mut client, "BGREWRITEAOF");
        ok(&mut client, "INCR counter");
        until(&mut client, "aof_rewrite_in_progress", "0");
        ok(&mut client, "INCR counter");
        let expected = held_by(&mut client);
        end(&mut node, "SHUTDOWN");
        drop(node);

        let start = Start::new(peer).dir(&dir).args(args);
        let mut other = start.run().expect("it starts from our directory");
        let whose = other.identity().to_string();
        let mut client = loaded(&other);
        assert_holds(
            &mut client,
            &expected,
            &format!("{whose} from ours, {preamble}"),
        );
        ok(&mut client, "BGREWRITEAOF");
        until(&mut client, "aof_rewrite_in_progress", "0");
        ok(&mut client, "SELECT 3");
        ok(&mut client, "INCR counter");
        let expected = held_by(&mut client);
        end(&mut other, "SHUTDOWN");
        drop(other);

        let node = TestNode::start_in(&dir, &args);
        assert_holds(
            &mut loaded(&node),
            &expected,
            &format!("ours from {whose}, {preamble}"),
        );
    }
}

#[test]
fn a_snapshot_taken_under_load_is_one_moment() {
    const KEYS: usize = 5_000;
    let dir = Directory::new();
    let node = TestNode::start_in(&dir, &[]);
    let mut client = node.client();
    let write = |client: &mut Client, round: usize, key: usize| {
        let key = format!("key:{key}");
        ok(client, &format!("SET {key} {round}"));
    };
    (0..KEYS).for_each(|key| write(&mut client, 0, key));
    let mut other = node.client();
    let (mut round, mut saves) = (0, 0);
    while saves < 3 {
        round += 1;
        for key in 0..KEYS {
            write(&mut client, round, key);
            if key == KEYS / 3 {
                ok(&mut other, "BGSAVE");
            }
        }
        saves += 1;
        until(&mut other, "rdb_bgsave_in_progress", "0");
        assert_eq!(field(&mut other, "rdb_last_bgsave_status"), "ok");
        let copy = TestNode::start_in(&copy_of(&dir), &[]);
        let values = values(&mut loaded(&copy), KEYS);
        let changed = values.iter().take_while(|value| **value == round).count();
        let rest = &values[changed..];
        assert!(
            changed > 0 && rest.iter().all(|value| *value == round - 1),
            "{changed} changed"
        );
    }
}

/// The snapshot of `dir` in a directory of its own.
fn copy_of(dir: &Directory) -> Directory {
    let copy = Directory::new();
    fs::copy(dir.path("dump.rdb"), copy.path("dump.rdb")).expect("a snapshot");
    copy
}

fn values(client: &mut Client, count: usize) -> Vec<usize> {
    let value = |key: usize| {
        let reply = client.line(&format!("GET key:{key}")).expect("an answer");
        reply
            .text()
            .and_then(|text| text.parse().ok())
            .expect("a number")
    };
    (0..count).map(value).collect()
}

#[test]
fn what_was_acknowledged_survives_a_kill_during_a_rewrite() {
    let dir = Directory::new();
    let mut acknowledged = 0;
    for life in 0..6 {
        let args = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
        let mut node = TestNode::start_in(&dir, &args);
        let mut client = loaded(&node);
        let found = ok(&mut client, "LLEN list");
        assert!(
            found >= Value::Integer(acknowledged),
            "life {life}: {found:?} of {acknowledged}"
        );
        ok(&mut client, "DEBUG POPULATE 20000");
        for n in 0..400 + 157 * life {
            if n % 100 == 50 {
                // One may still be under way.
                client.line("BGREWRITEAOF").expect("an answer");
            }
            let Value::Integer(length) = ok(&mut client, "RPUSH list x") else {
                panic!("no length");
            };
            acknowledged = length;
        }
        node.kill();
        node.announce_torn_end();
    }
}

#[test]
fn an_append_only_file_begins_and_ends_while_the_node_runs() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &[]);
    let mut client = node.client();
    ok(&mut client, "SET before 1");
    ok(&mut client, "CONFIG SET appendonly yes");
    until(&mut client, "aof_enabled", "1");
    ok(&mut client, "SET after 2");
    node.kill();
    drop(node);
    let node = TestNode::start_in(&dir, &["--appendonly", "yes"]);
    let mut client = loaded(&node);
    let both = [b"1", b"2"].map(|text| Value::Bulk(text.to_vec()));
    assert_eq!(
        ok(&mut client, "MGET before after"),
        Value::Array(both.to_vec())
    );
    assert_eq!(ok(&mut client, "DBSIZE"), Value::Integer(2));
    ok(&mut client, "CONFIG SET appendonly no");
    until(&mut client, "aof_enabled", "0");
    ok(&mut client, "SET late 3");
    drop(node);
    let node = TestNode::start_in(&dir, &["--appendonly", "yes"]);
    assert_eq!(ok(&mut loaded(&node), "DBSIZE"), Value::Integer(2));
}

#[test]
fn a_file_that_has_grown_is_written_anew() {
    let args = [
        "--appendonly",
        "yes",
        "--auto-aof-rewrite-min-size",
        "10000",
    ];
    let node = TestNode::start_with(&args);
    let mut client = node.client();
    for n in 0..1000 {
        ok(&mut client, &format!("SET key {n}"));
    }
    let has_shrunk = || {
        field(&mut client, "aof_current_size")
            .parse()
            .is_ok_and(|size: u64| size < 10_000)
    };
    assert!(wait_until(PATIENCE, has_shrunk));
}

#[test]
fn save_points_take_snapshots_and_the_end_takes_one() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &["--save", "1 2"]);
    let mut client = node.client();
    ok(&mut client, "SET a 1");
    ok(&mut client, "SET b 1");
    until(&mut client, "rdb_saves", "1");
    until(&mut client, "rdb_changes_since_last_save", "0");
    ok(&mut client, "SET c 1");
    end(&mut node, "SHUTDOWN");
    drop(node);
    let mut node = TestNode::start_in(&dir, &["--save", "900 1"]);
    let mut client = loaded(&node);
    assert_eq!(ok(&mut client, "DBSIZE"), Value::Integer(3));
    assert_eq!(field(&mut client, "rdb_last_load_keys_loaded"), "3");
    ok(&mut client, "SET d 1");
    end(&mut node, "SHUTDOWN NOSAVE");
    drop(node);
    let node = TestNode::start_in(&dir, &[]);
    assert_eq!(ok(&mut loaded(&node), "DBSIZE"), Value::Integer(3));
}

#[test]
fn writes_are_refused_while_snapshots_fail() {
    const REFUSED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
         Commands that may modify the data set are disabled, because this instance is configured to report errors during \
         writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
         the RDB error.";
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &["--save", "900 1"]);
    node.announce("rror");
    let mut client = node.client();
    ok(&mut client, "SET a 1");
    // Nothing can take the place of a directory.
    fs::create_dir(dir.path("dump.rdb")).expect("a directory");
    let refusal = |client: &mut Client, line: &str| match client.line(line) {
        Ok(Value::Error(text)) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(refusal(&mut client, "SAVE"), "ERR");
    assert_eq!(refusal(&mut client, "SET a 2"), REFUSED);
    assert_eq!(refusal(&mut client, "PING"), REFUSED);
    assert_eq!(ok(&mut client, "GET a"), Value::Bulk(b"1".to_vec()));
    ok(&mut client, "CONFIG SET stop-writes-on-bgsave-error no");
    assert!(wait_until(PATIENCE, || client
        .line("PING")
        .is_ok_and(|pong| pong == Value::Simple(b"PONG".to_vec()))));
    ok(&mut client, "SET a 2");
    ok(&mut client, "CONFIG SET stop-writes-on-bgsave-error yes");
    assert_eq!(
        refusal(&mut client, "SHUTDOWN"),
        "ERR Errors trying to SHUTDOWN. Check logs."
    );
    fs::remove_dir(dir.path("dump.rdb")).expect("a directory");
    ok(&mut client, "BGSAVE");
    until(&mut client, "rdb_last_bgsave_status", "ok");
    ok(&mut client, "SET a 3");
    let left: Vec<_> = fs::read_dir(dir.path(""))
        .expect("a directory")
        .flatten()
        .collect();
    let left = left
        .iter()
        .filter(|file| file.file_name().to_string_lossy().starts_with("temp-"));
    assert_eq!(left.count(), 0, "files that are not whole remain");
}

#[test]
fn a_forced_end_needs_no_snapshot() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &[]);
    node.announce("rror trying to save the DB");
    fs::create_dir(dir.path("dump.rdb")).expect("a directory");
    end(&mut node, "SHUTDOWN SAVE FORCE");
}

#[test]
fn keys_whose_time_was_up_are_not_loaded_and_a_damaged_file_is_not_either() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &[]);
    let mut client = node.client();
    ok(&mut client, "DEBUG SET-ACTIVE-EXPIRE 0");
    ok(&mut client, "SET gone x PX 1");
    ok(&mut client, "SET stays x PX 100000000");
    ok(&mut client, "SAVE");
    end(&mut node, "SHUTDOWN NOSAVE");
    drop(node);
    let mut node = TestNode::start_in(&dir, &[]);
    let mut client = loaded(&node);
    assert_eq!(
        ok(&mut client, "KEYS *"),
        Value::Array(vec![Value::Bulk(b"stays".to_vec())])
    );
    assert_eq!(field(&mut client, "rdb_last_load_keys_expired"), "1");
    end(&mut node, "SHUTDOWN NOSAVE");
    drop(node);
    let mut bytes = fs::read(dir.path("dump.rdb")).expect("a file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(dir.path("dump.rdb"), bytes).expect("a file");
    let Err(StartError::Ended { log, .. }) = Start::new(Server::Almandine).dir(&dir).run() else {
        panic!("it starts from a damaged file");
    };
    assert!(
        log.contains("dump.rdb") && log.contains("checksum"),
        "{log}"
    );
}

#[test]
fn an_old_append_only_file_moves_into_the_directory() {
    let dir = Directory::new();
    let mut node = TestNode::start_in(&dir, &[]);
    ok(&mut node.client(), "SET a 1");
    ok(&mut node.client(), "SAVE");
    end(&mut node, "SHUTDOWN NOSAVE");
    drop(node);
    let mut file = Vec::new();
    let mut snapshot = fs::File::open(dir.path("dump.rdb")).expect("a file");
    snapshot.read_to_end(&mut file).expect("bytes");
    file.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n")
        .expect("memory");
    fs::write(dir.path("appendonly.aof"), file).expect("a file");
    for _ in 0..2 {
        let node = TestNode::start_in(&dir, &["--appendonly", "yes"]);
        let mut client = loaded(&node);
        let both = [b"1", b"2"].map(|text| Value::Bulk(text.to_vec()));
        assert_eq!(ok(&mut client, "MGET a b"), Value::Array(both.to_vec()));
        assert!(!dir.path("appendonly.aof").exists());
    }
}

#[test]
fn debug_reload_takes_everything_through_a_file() {
    let node = TestNode::start();
    let mut client = node.client();
    fill(&mut client, &samples());
    for line in [
        "DEBUG RELOAD",
        "DEBUG RELOAD NOSAVE",
        "DEBUG RELOAD MERGE NOFLUSH NOSAVE",
    ] {
        ok(&mut client, line);
        assert_holds(&mut client, &samples(), line);
    }
    ok(&mut client, "FLUSHALL");
    ok(&mut client, "DEBUG RELOAD NOSAVE NOFLUSH");
    assert_holds(&mut client, &samples(), "what was saved before");
}

/// It is freed beside the shard: others are served meanwhile.
#[test]
fn a_synchronous_flush_is_answered_in_its_place_when_all_is_free() {
    const KEYS: u64 = 200_000;
    let dir = Directory::new();
    let start = || {
        let args = ["--appendonly", "yes", "--appendfsync", "always"];
        let start = Start::new(Server::Almandine).dir(&dir).args(args);
        start.run().expect("a server that starts")
    };
    let mut node = start();
    let mut client = loaded(&node);
    ok(&mut client, &format!("DEBUG POPULATE {KEYS}"));
    let requests = ["FLUSHALL SYNC", "SET a 1", "DBSIZE", "INFO memory"];
    let requests = requests.map(|line| line.split(' ').collect::<Vec<&str>>());
    let replies = client.pipeline(&requests).expect("answers");
    assert_eq!(replies[..3], [Value::ok(), Value::ok(), Value::Integer(1)]);
    let info = replies[3].text().expect("a text");
    let number = |name| info_field(&info, name).and_then(|value| value.parse::<u64>().ok());
    assert_eq!(number("lazyfree_pending_objects"), Some(0));
    assert_eq!(number("lazyfreed_objects"), Some(KEYS));
    // Nothing waits in a transaction.
    for line in ["MULTI", "FLUSHALL SYNC", "SET b 1"] {
        ok(&mut client, line);
    }
    let both = Value::Array(vec![Value::ok(), Value::ok()]);
    assert_eq!(ok(&mut client, "EXEC"), both);
    assert_eq!(ok(&mut client, "FLUSHDB SYNC"), Value::ok());
    assert_eq!(ok(&mut client, "SET c 1"), Value::ok());
    node.kill();
    let node = start();
    let mut client = loaded(&node);
    assert_eq!(
        ok(&mut client, "KEYS *"),
        Value::Array(vec![Value::bulk("c")])
    );
}

/// The file of a replica is the stream of its primary, with what only newer servers say and what the primary was refused.
#[test]
fn the_stream_of_a_newer_primary_is_loaded() {
    let dir = Directory::new();
    let requests: &[&[&str]] = &[
        &["SELECT", "0"],
        &["HSETEX", "h", "KEEPTTL", "FIELDS", "1", "f", "1.5"],
        &["SET", "s", "v"],
        &["LPUSH", "s", "refused"],
        &["PING"],
        &["REPLCONF", "GETACK", "*"],
        &["APPEND", "s", "w"],
    ];
    let mut bytes = Vec::new();
    for request in requests {
        encode_request(request, &mut bytes);
    }
    fs::write(dir.path("appendonly.aof"), bytes).expect("a file");
    let mut node = TestNode::start_in(&dir, &["--appendonly", "yes"]);
    node.announce_refused_requests();
    let mut client = loaded(&node);
    let log = node.log();
    assert!(log.contains("appendonly.aof, offset 121"), "{log}");
    assert_eq!(ok(&mut client, "HGET h f"), Value::bulk("1.5"));
    assert_eq!(ok(&mut client, "GET s"), Value::bulk("vw"));
}

/// What others write meanwhile is read as well, and nothing is in the file twice afterwards.
#[test]
fn the_append_only_file_is_loaded_while_the_node_runs() {
    let mut node = TestNode::start_with(&["--appendonly", "yes"]);
    let mut client = node.client();
    fill(&mut client, &samples());
    ok(&mut client, "SELECT 3");
    ok(&mut client, "SET in-three 1");
    ok(&mut client, "BGREWRITEAOF");
    until(&mut client, "aof_rewrite_in_progress", "0");
    ok(&mut client, "RPUSH list 0");
    let expected = held_by(&mut node.client());
    let writer = std::thread::spawn({
        let mut other = node.client();
        move || {
            for number in 0..2000 {
                ok(&mut other, &format!("SELECT {}", number % 2 * 5));
                ok(&mut other, &format!("RPUSH busy {number}"));
            }
        }
    });
    for _ in 0..5 {
        let words = ["RPUSH list 1", "DEBUG LOADAOF", "RPOP list"];
        let requests = words.map(|line| line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        let replies = client.pipeline(&requests).expect("the node answers");
        let expected = [Value::Integer(2), Value::ok(), Value::bulk("1")];
        assert_eq!(replies, expected);
    }
    writer.join().expect("it is answered");
    for is_restarted in [false, true] {
        if is_restarted {
            node.restart(&[]);
        }
        let mut client = loaded(&node);
        for db in [0, 5] {
            ok(&mut client, &format!("SELECT {db}"));
            let busy = ok(&mut client, "LRANGE busy 0 -1");
            let wanted = (0..2000).filter(|number| number % 2 * 5 == db);
            let wanted = wanted.map(|number| Value::bulk(number.to_string()));
            assert_eq!(busy, Value::Array(wanted.collect()));
            ok(&mut client, "DEL busy");
        }
        assert_holds(&mut client, &expected, "the node itself");
        if !is_restarted {
            ok(&mut client, "DEBUG LOADAOF");
            assert_holds(&mut client, &expected, "after DEBUG LOADAOF");
            for number in 0..2000 {
                ok(&mut client, &format!("SELECT {}", number % 2 * 5));
                ok(&mut client, &format!("RPUSH busy {number}"));
            }
        }
    }
}
