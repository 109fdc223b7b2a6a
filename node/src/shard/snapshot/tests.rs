use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use almandine_protocol::{Batch, Limits, Parser};
use almandine_storage::rdb::{Item, Reader, Verify};
use almandine_storage::{Rng, Thresholds};

use super::*;
use crate::clients::{Client, Identity};
use crate::commands::testing::some_slot;
use crate::moment::Moment;
use crate::node::Node;
use crate::pubsub::Subscriptions;
use crate::session::Session;
use crate::shard::{Requests, Stop};

/// What can be seen of the keys: a digest, and which there are in which database with which expiry.
type Seen = (String, Vec<(usize, Vec<u8>, Option<i64>)>);

/// A shard and the clients who use it.
struct Bench {
    shard: Shard,
    sessions: Vec<Session>,
    now_ms: i64,
}

/// Standalone, and by slot in one database.
#[derive(Debug, Clone, Copy)]
enum Kept {
    InOneTable,
    BySlot,
}

impl Bench {
    fn new(kept: Kept, seed: u64) -> Self {
        let params = Params {
            enable_debug_command: crate::params::Permission::Yes,
            ..Params::default()
        };
        let node = match kept {
            Kept::InOneTable => Node::new(params, seed),
            Kept::BySlot => Node::new(params, seed).by_slot(some_slot),
        };
        let node = Arc::new(node);
        let pubsub = Rc::new(RefCell::new(Subscriptions::default()));
        let session = |id| {
            let identity = Identity {
                id,
                peer: "127.0.0.1:50000".into(),
                local: "127.0.0.1:6379".into(),
                fd: 7,
                worker: 0,
            };
            Session::new(Arc::new(Client::new(identity, None)), true)
        };
        Bench {
            shard: Shard::new(node, pubsub, seed),
            sessions: vec![session(1), session(2)],
            now_ms: 1_000_000_000_000,
        }
    }

    /// What client number `who` is answered; none if it must wait for the snapshot.
    fn ask(&mut self, who: usize, line: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let words: Vec<&str> = line.split(' ').collect();
        bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        let mut batch = Batch::default();
        let parsed = Parser::default().parse(&bytes, &Limits::default(), &mut batch);
        parsed.expect("a request");
        let requests = Requests {
            buffer: &bytes,
            batch: &batch,
        };
        let mut out = Vec::new();
        self.shard.begin(Moment::of_day(self.now_ms));
        let session = &mut self.sessions[who];
        let progress = self
            .shard
            .run(Instant::now(), requests, 0, session, &mut out);
        let reply = String::from_utf8_lossy(&out).into_owned();
        (progress.stop != Stop::Paused).then_some(reply)
    }

    fn asked(&mut self, line: &str) -> String {
        self.ask(0, line).expect("nothing to wait for")
    }

    fn digest(&mut self) -> Seen {
        let digest = self.asked("DEBUG DIGEST");
        let mut keys = Vec::new();
        for (number, db) in self.shard.dbs.iter_mut().enumerate() {
            db.for_each_entry(|key, _, expire_at| keys.push((number, key.to_vec(), expire_at)));
        }
        keys.sort();
        (digest, keys)
    }

    fn begin(&mut self) {
        self.shard.begin_snapshot(Purpose::File, self.now_ms);
    }

    /// A slice of the snapshot; false at its end.
    fn walk(&mut self, file: &mut Vec<u8>) -> bool {
        self.shard.begin(Moment::of_day(self.now_ms));
        match self.shard.walk_snapshot(Duration::ZERO) {
            Some(Slice::Part(part)) => file.extend(part),
            Some(Slice::Last(part)) => {
                file.extend(part);
                return false;
            }
            Some(Slice::Discarded) | None => return false,
        }
        true
    }
}

/// A shard that holds what is in the file.
fn loaded(file: &[u8], now_ms: i64) -> Bench {
    let mut bench = Bench::new(Kept::InOneTable, 77);
    bench.now_ms = now_ms;
    bench.shard.begin(Moment::of_day(now_ms));
    let limits = Thresholds::default();
    let reader = Reader::new(file, &limits, &mut Rng::new(1), Verify::Yes);
    let mut reader = reader.expect("a file");
    let mut names = Vec::new();
    while let Some(item) = reader.next_item().expect("a sound file") {
        match item {
            Item::Aux { name, .. } => names.push(String::from_utf8_lossy(name).into_owned()),
            Item::Entry(entry) => {
                let db = &mut bench.shard.dbs[entry.db as usize];
                let is_new = db.load(entry.key, entry.value, entry.expire_at, entry.usage);
                assert!(is_new, "{} twice", entry.key.escape_ascii());
            }
            _ => {}
        }
    }
    assert_eq!(
        names,
        ["redis-ver", "redis-bits", "ctime", "used-mem", "aof-base"]
    );
    bench
}

/// Some command, seldom one that changes everything.
fn command(rng: &mut Rng) -> String {
    let (key, other) = (rng.below(30), rng.below(30));
    let number = rng.below(1000);
    let many = |name: &str, each: &dyn Fn(usize) -> String| {
        let elements: Vec<String> = (0..2000).map(each).collect();
        format!("{name} key:{key} {}", elements.join(" "))
    };
    match rng.below(40) {
        0 => "FLUSHDB".into(),
        1 if number < 100 => "FLUSHALL ASYNC".into(),
        2 => format!("SWAPDB {} {}", rng.below(3), rng.below(3)),
        3..=6 => format!("SELECT {}", rng.below(3)),
        7 => many("RPUSH", &|n| format!("a-long-enough-element-of-a-list-{n}")),
        8 => many("SADD", &|n| format!("a-long-enough-member-of-a-set-{n}")),
        9 => many("ZADD", &|n| format!("{n} a-long-enough-member-{n}")),
        10 => many("HSET", &|n| format!("a-field-{n} a-long-enough-value-{n}")),
        11 => format!("RENAME key:{key} key:{other}"),
        12 => format!("MOVE key:{key} {}", rng.below(3)),
        13 => format!("COPY key:{key} key:{other} DB {} REPLACE", rng.below(3)),
        14..=15 => format!("DEL key:{key} key:{other}"),
        16..=17 => format!("PEXPIRE key:{key} {}", 1 + number),
        18 => "MULTI".into(),
        19..=22 => "EXEC".into(),
        23 => format!("LMOVE key:{key} key:{other} LEFT RIGHT"),
        24 => format!("SET key:{key} {}", "x".repeat(300_000)),
        25 => format!("APPEND key:{key} y"),
        26 => format!("SUNIONSTORE key:{key} key:{other}"),
        27 => format!("HINCRBY key:{key} field 1"),
        28 => format!("SPOP key:{key}"),
        29 => format!("ZINCRBY key:{key} 1 member"),
        30 => format!("RPUSH key:{key} {number}"),
        _ => format!("SET key:{key} {number}"),
    }
}

#[test]
fn a_snapshot_is_the_state_at_its_begin_whatever_is_written_meanwhile() {
    let (mut held, mut slices) = (0, 0);
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let mut bench = Bench::new([Kept::InOneTable, Kept::BySlot][rng.below(2)], seed);
        for _ in 0..200 {
            let line = command(&mut rng);
            bench.asked(&line);
        }
        for round in 0..3 {
            bench.ask(0, "DISCARD");
            let (began_ms, expected) = (bench.now_ms, bench.digest());
            bench.begin();
            let mut file = Vec::new();
            while bench.walk(&mut file) {
                slices += 1;
                for _ in 0..rng.below(6) {
                    let line = command(&mut rng);
                    held += usize::from(bench.ask(0, &line).is_none());
                    bench.now_ms += rng.below(20) as i64;
                }
                if rng.below(4) == 0 {
                    bench.shard.begin(Moment::of_day(bench.now_ms));
                    bench.shard.tick();
                }
            }
            let mut copy = loaded(&file, began_ms);
            assert!(copy.digest() == expected, "seed {seed}, round {round}");
        }
    }
    assert!(held > 10 && slices > 1000, "{held} held, {slices} slices");
}

#[test]
fn a_waiter_whose_destination_is_being_saved_is_served_afterwards() {
    let mut bench = Bench::new(Kept::InOneTable, 1);
    for n in 0..200 {
        let elements = format!(" element-{n}").repeat(1000);
        bench.asked(&format!("RPUSH long{elements}"));
    }
    let expected = bench.digest();
    assert_eq!(
        bench.ask(1, "BLMOVE source long LEFT RIGHT 0"),
        Some(String::new())
    );
    bench.begin();
    let mut file = Vec::new();
    assert!(bench.walk(&mut file));
    assert_eq!(bench.asked("RPUSH source new"), ":1\r\n");
    assert_eq!(bench.asked("LLEN long"), ":200000\r\n");
    assert_eq!(bench.ask(0, "RPUSH long another"), None);
    while bench.walk(&mut file) {}
    assert_eq!(bench.asked("LLEN long"), ":200001\r\n");
    assert_eq!(bench.asked("EXISTS source"), ":0\r\n");
    let mut copy = loaded(&file, bench.now_ms);
    assert!(copy.digest() == expected);
}

#[test]
fn a_snapshot_that_nobody_wants_leaves_no_trace_and_the_next_one_is_whole() {
    for kept in [Kept::InOneTable, Kept::BySlot] {
        a_snapshot_that_nobody_wants_leaves_no_trace(kept);
    }
}

fn a_snapshot_that_nobody_wants_leaves_no_trace(kept: Kept) {
    let mut bench = Bench::new(kept, 1);
    for n in 0..20_000 {
        bench.asked(&format!("SET key:{n} {n}"));
    }
    bench.begin();
    assert!(bench.walk(&mut Vec::new()));
    bench.asked("SET key:7 changed");
    bench.shard.discard_snapshot();
    while bench.walk(&mut Vec::new()) {
        bench.asked("SET key:8 changed");
    }
    assert!(!bench.shard.is_saving());
    let expected = bench.digest();
    bench.begin();
    let mut file = Vec::new();
    while bench.walk(&mut file) {}
    let mut copy = loaded(&file, bench.now_ms);
    assert!(copy.digest() == expected);
}
