//! RDB files and DUMP payloads between our node and the servers of others, in both directions.
//!
//! `UPDATE_EXPECT=1` keeps the files that the installed servers write as golden ones.

use std::fs;
use std::path::{Path, PathBuf};

use almandine_storage::Usage;
use almandine_storage::rdb::Verify;
use almandine_tests::contents::{
    Contents, LIBRARY, differences, encodings, fill, held_by, read_file, samples, write_file,
};
use almandine_tests::process::{Identity, Running, Server, Start, TestNode};
use almandine_tests::resp::{Client, Value};

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/golden/rdb")
}

#[track_caller]
fn assert_same(expected: &Contents, found: &Contents, whose: &str) {
    let differences = differences(expected, found);
    assert!(
        differences.is_empty(),
        "{whose}\n{}",
        differences.join("\n")
    );
}

/// How the server that wrote a golden file was told to evict, which decides what it writes of usage.
fn policy(identity: &Identity) -> &'static str {
    match (identity.family.as_str(), identity.version) {
        ("valkey", _) => "allkeys-lfu",
        (_, (7, _)) => "noeviction",
        _ => "allkeys-lru",
    }
}

/// A file of `samples()` as this server writes it.
#[track_caller]
fn check_file(name: &str, bytes: &[u8]) {
    let file = read_file(bytes, Verify::Yes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_same(&samples(), &file.contents, name);
    assert_eq!(file.functions, [LIBRARY.as_bytes()], "{name}");
    let version = file.aux.iter().find(|(name, _)| name.ends_with(b"-ver"));
    assert!(version.is_some(), "{name}: {:?}", file.aux);
    let usage_fits = |usage: &Usage| match name.split('-').next() {
        Some("valkey") => matches!(usage, Usage::Frequency(_)),
        Some("redis") if !name.contains("-7.0") => matches!(usage, Usage::Idle(_)),
        _ => *usage == Usage::Unknown,
    };
    assert!(file.usage.values().all(usage_fits), "{name}");
}

#[test]
fn golden_files_are_read() {
    for name in [
        "redis-7.0.rdb",
        "redis-8.2.rdb",
        "valkey-9.1.rdb",
        "almandine-10.rdb",
    ] {
        let bytes = fs::read(golden_dir().join(name)).expect(name);
        check_file(name, &bytes);
    }
}

#[test]
fn files_of_other_servers_are_read() {
    for peer in Server::peers() {
        let server = Start::new(peer).run().expect("the server starts");
        let identity = server.identity();
        let name = format!("{identity}.rdb");
        let mut client = server.client();
        ok(
            &mut client,
            &["CONFIG", "SET", "maxmemory-policy", policy(&identity)],
        );
        ok(&mut client, &["FUNCTION", "LOAD", LIBRARY]);
        fill(&mut client, &samples());
        ok(&mut client, &["SAVE"]);
        let bytes = fs::read(server.dir().join("dump.rdb")).expect("the file of SAVE");
        check_file(&name, &bytes);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(golden_dir().join(name), bytes).expect("a golden file");
        }
    }
}

#[track_caller]
fn ok<A: AsRef<[u8]>>(client: &mut Client, command: &[A]) -> Value {
    let reply = client.call(command).expect("an answer");
    assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    reply
}

#[test]
fn other_servers_load_our_file() {
    let bytes = write_file(&samples(), &[LIBRARY]);
    check_file("almandine", &bytes);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(golden_dir().join("almandine-10.rdb"), &bytes).expect("a golden file");
    }
    let node = TestNode::start();
    let path = node.dir().join("ours.rdb");
    fs::write(&path, &bytes).expect("a file in the node's directory");
    for peer in Server::peers() {
        let dir = node.dir().to_owned().into_os_string();
        let start = Start::new(peer).args(["--dbfilename", "ours.rdb"]);
        let server = start
            .args(["--dir".into(), dir])
            .run()
            .expect("it loads our file");
        let mut client = server.client();
        let whose = server.identity().to_string();
        assert_same(&samples(), &held_by(&mut client), &whose);
        let Value::Array(libraries) = ok(&mut client, &["FUNCTION", "LIST"]) else {
            panic!("libraries")
        };
        assert_eq!(libraries.len(), 1, "{whose}");
        if whose != "redis-7.0" {
            check_encodings(&mut client, &whose);
        }
    }
}

/// Servers from 7.2 on, which have our encodings, put every collection of our file into the one that it has here.
#[track_caller]
fn check_encodings(client: &mut Client, whose: &str) {
    for ((db, name), expected) in encodings(&samples()) {
        ok(client, &["SELECT", &db.to_string()]);
        let encoding = ok(client, &[&b"OBJECT"[..], b"ENCODING", &name]).text();
        let name = name.escape_ascii();
        assert_eq!(encoding.as_deref(), Some(expected), "{whose}: {name}");
    }
}

#[test]
fn payloads_travel_in_both_directions() {
    let node = TestNode::start();
    let mut ours = node.client();
    for peer in Server::peers() {
        let server = Start::new(peer).run().expect("the server starts");
        ok(&mut ours, &["FLUSHALL"]);
        fill(&mut ours, &samples());
        assert_same(&samples(), &held_by(&mut ours), "our node");
        let theirs = move_all(&mut ours, &server);
        assert_same(
            &samples(),
            &theirs,
            &format!("ours by {}", server.identity()),
        );
        ok(&mut ours, &["FLUSHALL"]);
        let back = move_all(&mut server.client(), &node);
        assert_same(
            &samples(),
            &back,
            &format!("of {} by us", server.identity()),
        );
    }
}

/// Dumps everything there is and restores it elsewhere; what is there then.
fn move_all(from: &mut Client, to: &Running) -> Contents {
    let mut target = to.client();
    for ((db, name), held) in samples() {
        let db = db.to_string();
        ok(from, &["SELECT", &db]);
        ok(&mut target, &["SELECT", &db]);
        let Value::Bulk(payload) = ok(from, &[b"DUMP", name.as_slice()]) else {
            panic!("no payload of {}", name.escape_ascii())
        };
        let ttl = held.expire_at.unwrap_or(0).to_string();
        let key = name.as_slice();
        ok(
            &mut target,
            &[b"RESTORE", key, ttl.as_bytes(), &payload, b"ABSTTL"],
        );
    }
    held_by(&mut target)
}
