//! A full disk: writes are refused as Redis refuses them, reads go on, nothing acknowledged is lost, and all is well again
//! when there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use almandine_tests::process::{Directory, Running, Server, Start, wait_until};
use almandine_tests::resp::{Client, Value};
use almandine_tests::sys;

const PATIENCE: Duration = Duration::from_secs(30);
const ROOM: u64 = 2 << 20;

fn start(dir: &Directory, policy: &str, limit: Option<u64>) -> Running {
    let start = Start::new(Server::Almandine)
        .args(["--appendonly", "yes", "--appendfsync", policy])
        .dir(dir);
    let start = match limit {
        Some(bytes) => start.file_limit(bytes),
        None => start,
    };
    start
        .run()
        .unwrap_or_else(|error| panic!("the node does not start: {error}"))
}

fn push(client: &mut Client, number: u64) -> Result<Value, String> {
    let element = format!("{number:01000}");
    client
        .call(&["RPUSH", "list", &element])
        .map_err(|error| error.to_string())
}

/// Pushes 0, 1, 2, ... until the node has no room for the effects: how many were acknowledged.
fn fill(node: &Running) -> u64 {
    let (mut client, mut other) = (node.client(), node.client());
    client.timeout(Duration::from_millis(500));
    for number in 0.. {
        let element = format!("{number:01000}");
        client
            .send(&["RPUSH", "list", &element])
            .expect("the node listens");
        loop {
            match client.receive() {
                Ok(reply) => {
                    assert_eq!(reply, Value::Integer(number as i64 + 1));
                    break;
                }
                // It is not acknowledged before its effects are written.
                Err(_) => match other.call(&["PING"]).expect("the node answers") {
                    Value::Error(_) => return number,
                    _ => assert!(node_is_alive(node), "{}", node.log()),
                },
            }
        }
    }
    unreachable!("the disk is not endless")
}

fn node_is_alive(node: &Running) -> bool {
    Path::new(&format!("/proc/{}", node.pid())).exists()
}

#[track_caller]
fn is_refused(client: &mut Client, reason: &str) {
    for request in [
        &["SET", "k", "v"][..],
        &["RPUSH", "list", "x"],
        &["DEL", "list"],
    ] {
        let reply = client.call(request).expect("the node answers");
        let text = format!("MISCONF Errors writing to the AOF file: {reason}");
        assert_eq!(reply, Value::Error(text.into_bytes()), "{request:?}");
    }
}

/// What the list holds: all that was acknowledged, and at most one that was under way.
#[track_caller]
fn holds(client: &mut Client, acknowledged: u64) -> u64 {
    let reply = client
        .call(&["LRANGE", "list", "0", "-1"])
        .expect("reads go on");
    let Value::Array(elements) = reply else {
        panic!("{reply:?}")
    };
    for (number, element) in elements.iter().enumerate() {
        assert_eq!(*element, Value::bulk(format!("{number:01000}")));
    }
    let count = elements.len() as u64;
    assert!(
        count == acknowledged || count == acknowledged + 1,
        "{count} of {acknowledged}"
    );
    count
}

/// `make_room` ends the trouble.
fn plays(
    dir: &Directory,
    policy: &str,
    limit: Option<u64>,
    reason: &str,
    make_room: impl Fn(&Running),
) {
    let mut node = start(dir, policy, limit);
    let acknowledged = fill(&node);
    assert!(acknowledged > 1000, "{acknowledged}: {}", node.log());
    let mut client = node.client();
    is_refused(&mut client, reason);
    let count = holds(&mut client, acknowledged);
    assert_eq!(
        client.call(&["GET", "k"]).expect("reads go on"),
        Value::NilBulk
    );

    make_room(&node);
    let is_well = wait_until(PATIENCE, || {
        client.call(&["SET", "k", "v"]).expect("the node answers") == Value::ok()
    });
    assert!(is_well, "writes are still refused");
    assert_eq!(
        push(&mut client, count),
        Ok(Value::Integer(count as i64 + 1))
    );
    assert!(
        node.log()
            .contains("the append-only file can be written again")
    );

    node.kill();
    let node = start(dir, policy, None);
    let mut client = node.client();
    assert_eq!(holds(&mut client, count + 1), count + 1);
    assert_eq!(
        client.call(&["GET", "k"]).expect("the node answers"),
        Value::bulk("v")
    );
}

#[test]
fn a_limit_of_size_is_lived_through() {
    for policy in ["always", "everysec"] {
        let dir = Directory::new();
        let reason = "File too large";
        plays(&dir, policy, Some(ROOM), reason, |node| {
            sys::change_file_limit(node.pid(), u64::MAX).expect("the limit can be raised");
        });
    }
}

/// What INFO says about files says all of `texts`, sooner or later.
#[track_caller]
fn becomes(client: &mut Client, texts: &[&str]) {
    let is_so = wait_until(PATIENCE, || {
        let info = client.call(&["INFO", "persistence"]).ok();
        let info = info.and_then(|info| info.text()).unwrap_or_default();
        texts.iter().all(|text| info.contains(text))
    });
    assert!(is_so, "INFO does not say {texts:?}");
}

/// More than there is room for.
fn fill_memory(client: &mut Client) -> u64 {
    let count = 2 * ROOM / 1000;
    for number in 0..count {
        assert_eq!(push(client, number), Ok(Value::Integer(number as i64 + 1)));
    }
    count
}

fn files_of(dir: &Directory) -> Vec<String> {
    let files = fs::read_dir(dir.path("")).expect("the directory is there");
    let names = files
        .flatten()
        .map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp")).collect()
}

#[test]
fn a_snapshot_for_which_there_is_no_room_is_announced_and_lived_through() {
    let dir = Directory::new();
    let start = Start::new(Server::Almandine).dir(&dir).file_limit(ROOM);
    let start = start.args(["--save", "3600 100000000", "--rdbcompression", "no"]);
    let node = start.run().unwrap_or_else(|error| panic!("{error}"));
    let mut client = node.client();
    let count = fill_memory(&mut client);
    let save = ["BGSAVE"];
    client.call(&save).expect("the node answers");
    becomes(
        &mut client,
        &["rdb_last_bgsave_status:err", "rdb_bgsave_in_progress:0"],
    );
    let reply = client.call(&["SET", "k", "v"]).expect("the node answers");
    let text = "MISCONF Redis is configured to save RDB snapshots";
    assert!(
        matches!(&reply, Value::Error(error) if error.starts_with(text.as_bytes())),
        "{reply:?}"
    );
    assert_eq!(holds(&mut client, count), count);
    assert!(node.log().contains("Background saving error"));
    assert!(files_of(&dir).is_empty(), "{:?}", files_of(&dir));

    sys::change_file_limit(node.pid(), u64::MAX).expect("the limit can be raised");
    client.call(&save).expect("the node answers");
    becomes(
        &mut client,
        &["rdb_last_bgsave_status:ok", "rdb_bgsave_in_progress:0"],
    );
    let reply = client.call(&["SET", "k", "v"]);
    assert_eq!(reply.expect("the node answers"), Value::ok());
}

#[test]
fn a_base_for_which_there_is_no_room_costs_nothing_but_the_rewrite() {
    let dir = Directory::new();
    // Without a limit at the start, reaching one later would be a signal instead of an error.
    let mut node = start(&dir, "everysec", Some(u64::MAX));
    let mut client = node.client();
    client
        .call(&["CONFIG", "SET", "rdbcompression", "no"])
        .expect("the node answers");
    let count = fill_memory(&mut client);
    sys::change_file_limit(node.pid(), ROOM).expect("there can be a limit");
    let rewrite = ["BGREWRITEAOF"];
    client.call(&rewrite).expect("the node answers");
    becomes(
        &mut client,
        &["aof_last_bgrewrite_status:err", "aof_rewrite_in_progress:0"],
    );
    assert_eq!(holds(&mut client, count), count);
    sys::change_file_limit(node.pid(), u64::MAX).expect("the limit can be raised");
    assert_eq!(
        push(&mut client, count),
        Ok(Value::Integer(count as i64 + 1))
    );
    client.call(&rewrite).expect("the node answers");
    becomes(
        &mut client,
        &["aof_last_bgrewrite_status:ok", "aof_rewrite_in_progress:0"],
    );
    assert_eq!(
        push(&mut client, count + 1),
        Ok(Value::Integer(count as i64 + 2))
    );
    node.kill();
    let node = start(&dir, "everysec", None);
    assert_eq!(holds(&mut node.client(), count + 2), count + 2);
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody can do anything about it.
        let _ = sys::unmount(&self.0);
    }
}

#[test]
fn a_full_disk_is_lived_through() {
    for policy in ["always", "everysec"] {
        let dir = Directory::new();
        if let Err(error) = sys::mount_memory(&dir.path(""), 2 * ROOM) {
            eprintln!(
                "no file system can be mounted here ({error}): only the limit of size is tested"
            );
            return;
        }
        let _mounted = Mounted(dir.path(""));
        let ballast = dir.path("ballast");
        fs::write(&ballast, vec![0; ROOM as usize]).expect("there is room");
        let reason = "No space left on device";
        plays(&dir, policy, None, reason, |_| {
            fs::remove_file(&ballast).expect("the ballast is there");
        });
    }
}
