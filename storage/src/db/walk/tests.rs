use std::collections::BTreeMap;

use super::*;
use crate::db::Ttl;
use crate::list::End;
use crate::rdb::{Compression, Entries, Item, Reader, Sum, UsageKept, Verify, Writer};
use crate::tables::tests::LAYOUTS;
use crate::{Databases, Layout, Rng, Thresholds, Value, ValueRef};

/// What a key holds, as text that does not depend on the order of tables, and when it expires.
type Contents = BTreeMap<Vec<u8>, (String, Option<i64>)>;

fn text(value: ValueRef<'_>) -> String {
    let mut parts: Vec<String> = match value {
        ValueRef::String(text) => vec![format!("{:?}", text.to_vec())],
        ValueRef::List(list) => {
            let elements = list.iter().enumerate();
            elements
                .map(|(n, element)| format!("{n:06} {:?}", element.to_vec()))
                .collect()
        }
        ValueRef::Set(set) => set
            .iter()
            .map(|member| format!("{:?}", member.to_vec()))
            .collect(),
        ValueRef::Hash(hash) => {
            let fields = hash.iter();
            fields
                .map(|(field, value)| format!("{:?} {:?}", field.to_vec(), value.to_vec()))
                .collect()
        }
        ValueRef::Zset(zset) => {
            let members = zset.iter();
            members
                .map(|(member, score)| format!("{:?} {score}", member.to_vec()))
                .collect()
        }
    };
    parts.sort_unstable();
    format!("{:?} {}", value.kind(), parts.join(","))
}

fn contents(db: &Db) -> Contents {
    let (mut contents, mut cursor) = (Contents::new(), 0);
    loop {
        cursor = db.scan_stored(cursor, &mut |stored| {
            let value = (text(stored.value), stored.expire_at);
            contents.insert(stored.key.to_vec(), value);
        });
        if cursor == 0 {
            return contents;
        }
    }
}

/// What a snapshot holds; a key that it holds twice fails the test.
fn saved(bytes: &[u8]) -> Contents {
    let mut writer = Writer::new(Vec::new(), Compression::None, Sum::Crc64);
    writer.pieces(bytes).expect("memory");
    let file = writer.finish().expect("memory");
    let limits = Thresholds::default();
    let reader = Reader::new(file.as_slice(), &limits, &mut Rng::new(1), Verify::Yes);
    let (mut reader, mut contents) = (reader.expect("a file"), Contents::new());
    while let Some(item) = reader.next_item().expect("a sound file") {
        let Item::Entry(entry) = item else {
            panic!("nothing but keys");
        };
        let value = match &entry.value {
            Value::String(bytes) | Value::Text(bytes) | Value::Edited(bytes) => {
                text(ValueRef::String(crate::StrRef::Bytes(bytes)))
            }
            Value::Shared(bytes) => text(ValueRef::String(crate::StrRef::Bytes(bytes))),
            Value::List(list) => text(ValueRef::List(list)),
            Value::Set(set) => text(ValueRef::Set(set)),
            Value::Hash(hash) => text(ValueRef::Hash(hash)),
            Value::Zset(zset) => text(ValueRef::Zset(zset)),
        };
        let old = contents.insert(entry.key.to_vec(), (value, entry.expire_at));
        assert!(old.is_none(), "{} twice", entry.key.escape_ascii());
    }
    contents
}

fn form() -> Box<dyn Form> {
    Box::new(Entries::new(Compression::Lzf, UsageKept::No))
}

/// Commands, and whether they ask before they change a key.
struct Clients {
    rng: Rng,
    limits: Thresholds,
    are_polite: bool,
    waited: usize,
}

impl Clients {
    fn element(&mut self) -> Vec<u8> {
        // Now and then one that is long by itself.
        let len = match self.rng.below(200) {
            0 => 300_000,
            1..=20 => 3_000,
            _ => 1 + self.rng.below(40),
        };
        let mut bytes = vec![b'a' + self.rng.below(26) as u8; len];
        let number = self.rng.below(1000).to_string();
        bytes.extend_from_slice(number.as_bytes());
        bytes
    }

    fn grow(&mut self, db: &mut Db, key: &[u8]) {
        let count = match self.rng.below(20) {
            0 => 3000,
            _ => 3,
        };
        let kind = self.rng.below(4);
        for _ in 0..count {
            let element = match count {
                3 => self.element(),
                _ => format!("element {}", self.rng.below(1 << 30)).into_bytes(),
            };
            let (limits, rng) = (&self.limits, &mut self.rng);
            match kind {
                0 => {
                    if let Ok(list) = db.list_or_create(key) {
                        list.push(End::Right, &element, limits);
                    }
                }
                1 => {
                    if let Ok(set) = db.set_or_create(key) {
                        set.add(&element, limits, rng);
                    }
                }
                2 => {
                    if let Ok(hash) = db.hash_or_create(key) {
                        hash.set(&element, b"value", limits, rng);
                    }
                }
                _ => {
                    if let Ok(zset) = db.zset_or_create(key) {
                        zset.set(&element, element.len() as f64, limits, rng);
                    }
                }
            }
        }
    }

    /// Some command.
    fn change(&mut self, db: &mut Db) {
        let key = format!("key:{}", self.rng.below(60)).into_bytes();
        let other = format!("key:{}", self.rng.below(60)).into_bytes();
        if self.are_polite && (db.must_wait(&key) || db.must_wait(&other)) {
            self.waited += 1;
            return;
        }
        match self.rng.below(13) {
            0 => {
                let bytes = self.element();
                db.set_string(&key, &bytes, Ttl::Clear);
            }
            1 => db.set_string(&key, &[b'x'; 60], Ttl::Keep),
            2 => {
                db.delete(&key);
            }
            3 => {
                let at = 1_000 + self.rng.below(1_000) as i64;
                db.set_expire_at(&key, Some(at));
            }
            4 => {
                let _wrong_type = db.edit_string(&key, |bytes| bytes.extend_from_slice(b"!"));
            }
            5 => {
                if let Ok(Some(list)) = db.list_mut(&key) {
                    list.push(End::Left, b"element", &self.limits);
                }
            }
            6 => {
                if let Some((value, expire_at)) = db.take(&key) {
                    db.insert(&other, value, expire_at);
                }
            }
            7 => {
                let integer = self.rng.below(9) as i64;
                if db.string(&key).is_ok() {
                    db.set_int(&key, integer);
                }
            }
            8 => {
                db.expire_some(4);
            }
            _ => self.grow(db, &key),
        }
    }
}

fn play(layout: Layout, seed: u64, are_polite: bool) -> usize {
    let mut clients = Clients {
        rng: Rng::new(seed),
        limits: Thresholds::default(),
        are_polite,
        waited: 0,
    };
    let mut dbs = Databases::new(1, layout, seed);
    let mut now = 1;
    dbs.set_now(now, Access::default());
    for _ in 0..clients.rng.below(400) {
        clients.change(&mut dbs[0]);
    }
    for round in 0..4 {
        let expected = contents(&dbs[0]);
        dbs[0].begin_walk(0, form(), usize::MAX);
        let is_given_up = clients.rng.below(6) == 0;
        let mut bytes = Vec::new();
        while !dbs[0].walk_some(1 + clients.rng.below(20_000)) {
            for _ in 0..clients.rng.below(8) {
                clients.change(&mut dbs[0]);
            }
            match clients.rng.below(60) {
                0 => drop(dbs[0].take_all()),
                2..8 => {
                    let key = format!("key:{}", clients.rng.below(60));
                    let slot = layout.slot_of(key.as_bytes());
                    drop(slot.map(|slot| dbs[0].take_slot(slot)));
                }
                1 if is_given_up => dbs[0].discard_walk(),
                _ => {}
            }
            now += clients.rng.below(10) as i64;
            dbs.set_now(now, Access::default());
            bytes.extend(dbs[0].take_saved());
        }
        bytes.extend(dbs[0].take_saved());
        drop(dbs[0].end_walk());
        if !is_given_up {
            assert!(saved(&bytes) == expected, "seed {seed}, round {round}");
        }
    }
    clients.waited
}

#[test]
fn a_snapshot_holds_exactly_what_there_was_when_it_began() {
    for seed in 0..40 {
        for layout in LAYOUTS {
            play(layout, seed, false);
        }
    }
}

#[test]
fn clients_that_wait_find_no_long_value_half_saved() {
    let play = |seed| LAYOUTS.map(|layout| play(layout, seed, true));
    let waited: usize = (0..40).flat_map(play).sum();
    assert!(waited > 0, "nobody had to wait");
}

#[test]
fn a_long_value_is_saved_in_parts_and_who_changes_it_waits() {
    let (mut db, limits) = (Db::new(Layout::Whole, 1), Thresholds::default());
    let list = db.list_or_create(b"long").expect("a list");
    for n in 0..100_000 {
        list.push(End::Right, format!("element {n}").as_bytes(), &limits);
    }
    db.set_string(b"short", b"x", Ttl::Clear);
    let expected = contents(&db);
    db.begin_walk(0, form(), usize::MAX);
    assert!(!db.must_wait(b"short") && !db.must_wait(b"none"));
    let (mut parts, mut bytes) = (0, Vec::new());
    loop {
        let is_waiting = db.must_wait(b"long");
        let is_over = db.walk_some(1 << 14);
        let part = db.take_saved();
        assert!(part.len() < 1 << 17, "{} bytes at a time", part.len());
        bytes.extend(part);
        parts += 1;
        if is_over {
            break;
        }
        assert!(is_waiting);
    }
    assert!(parts > 20, "{parts} parts");
    assert!(!db.must_wait(b"long"));
    drop(db.end_walk());
    assert!(saved(&bytes) == expected);
}

#[test]
fn who_has_saved_much_for_others_lets_the_walk_go_first() {
    let mut db = Db::new(Layout::Whole, 1);
    for n in 0..1000 {
        db.set_string(format!("{n}").as_bytes(), &[b'x'; 2000], Ttl::Clear);
    }
    db.begin_walk(0, form(), usize::MAX);
    let changed = (0..1000)
        .take_while(|n| !db.must_wait(format!("{n}").as_bytes()))
        .count();
    assert!(changed > 100 && changed < 400, "{changed}");
    drop(db.take_saved());
    assert!(!db.must_wait(b"999"));
}

#[test]
fn who_changes_unsaved_keys_waits_while_too_much_is_not_taken() {
    let mut db = Db::new(Layout::Whole, 1);
    for n in 0..100 {
        db.set_string(format!("{n}").as_bytes(), &[b'x'; 2000], Ttl::Clear);
    }
    db.begin_walk(0, form(), 1000);
    let key = |n: usize| format!("{n}").into_bytes();
    let saved = (0..100).take_while(|n| !db.must_wait(&key(*n))).count();
    assert!((1..99).contains(&saved), "{saved}");
    assert!(!db.must_wait(&key(0)), "it is saved");
    assert!(db.must_wait(&key(99)));
    drop(db.take_saved());
    assert!(!db.must_wait(&key(99)));
}

#[test]
fn emptying_a_database_leaves_its_snapshot_whole() {
    LAYOUTS
        .into_iter()
        .for_each(emptying_leaves_the_snapshot_whole);
}

fn emptying_leaves_the_snapshot_whole(layout: Layout) {
    let mut db = Db::new(layout, 1);
    for n in 0..100 {
        db.set_string(format!("{n}").as_bytes(), b"x", Ttl::Clear);
    }
    let expected = contents(&db);
    db.begin_walk(0, form(), usize::MAX);
    assert!(!db.walk_some(1));
    drop(db.take_all());
    db.set_string(b"7", b"new", Ttl::Clear);
    drop(db.take_all());
    db.set_string(b"8", b"newer", Ttl::Clear);
    while !db.walk_some(1 << 20) {}
    assert!(saved(&db.take_saved()) == expected);
    drop(db.end_walk());
    let expected = contents(&db);
    db.begin_walk(0, form(), usize::MAX);
    while !db.walk_some(1 << 20) {}
    assert!(saved(&db.take_saved()) == expected);
    drop(db.end_walk());
}
