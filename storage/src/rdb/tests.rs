//! Files and values go out and come back; damaged ones do not.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::*;
use crate::list::End;
use crate::{
    Access, Databases, Db, Layout, List, Rng, Set, Stored, Thresholds, Value, ValueRef, Zset,
};

mod foreign;

/// What a value holds, to be compared.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    Zset(Vec<(Vec<u8>, f64)>),
}

/// What a value holds, and the name of its encoding.
fn model(value: ValueRef<'_>) -> (Model, &'static str) {
    match value {
        ValueRef::String(value) => (Model::String(value.to_vec()), "string"),
        ValueRef::List(value) => {
            let elements = value.iter().map(crate::StrRef::to_vec).collect();
            (Model::List(elements), value.encoding())
        }
        ValueRef::Set(value) => {
            let mut members: Vec<_> = value.iter().map(crate::StrRef::to_vec).collect();
            members.sort();
            (Model::Set(members), value.encoding())
        }
        ValueRef::Hash(value) => {
            let pairs = value.iter().map(|(f, v)| (f.to_vec(), v.to_vec()));
            (Model::Hash(pairs.collect()), value.encoding())
        }
        ValueRef::Zset(value) => {
            let members = value.iter().map(|(member, score)| (member.to_vec(), score));
            (Model::Zset(members.collect()), value.encoding())
        }
    }
}

fn owned_model(value: Value) -> (Model, &'static str) {
    match value {
        Value::String(bytes) | Value::Text(bytes) | Value::Edited(bytes) => {
            (Model::String(bytes), "string")
        }
        Value::Shared(bytes) => (Model::String(bytes.to_vec()), "string"),
        Value::List(value) => model(ValueRef::List(&value)),
        Value::Set(value) => model(ValueRef::Set(&value)),
        Value::Hash(value) => model(ValueRef::Hash(&value)),
        Value::Zset(value) => model(ValueRef::Zset(&value)),
    }
}

/// All keys of a database with their encodings, expiry and usage.
type Contents = BTreeMap<Vec<u8>, ((Model, &'static str), Option<i64>, Usage)>;

fn contents(db: &Db) -> Contents {
    let mut all = BTreeMap::new();
    each(db, &mut |stored| {
        let rest = (model(stored.value), stored.expire_at, stored.usage);
        all.insert(stored.key.to_vec(), rest);
    });
    all
}

fn each(db: &Db, visit: &mut dyn FnMut(Stored<'_>)) {
    let mut cursor = 0;
    loop {
        cursor = db.scan_stored(cursor, visit);
        if cursor == 0 {
            return;
        }
    }
}

/// An element of one of six kinds, no two of the same number equal.
fn element(kind: usize, n: usize) -> Vec<u8> {
    match kind {
        0 => n.to_string().into_bytes(),
        1 => format!("-{}", n * 1_000_003 + 1).into_bytes(),
        2 => format!("short {n}").into_bytes(),
        3 => format!("{n:0>64}").into_bytes(),
        4 => format!("{n:x>65}").into_bytes(),
        _ => format!("{n:z>9000}").into_bytes(),
    }
}

/// One of each collection with `count` elements of a kind.
fn collections(kind: usize, count: usize, rng: &mut Rng) -> Vec<Value> {
    let limits = Thresholds::default();
    let (mut list, mut set) = (List::default(), Set::default());
    let (mut hash, mut zset) = (crate::Hash::default(), Zset::default());
    for n in 0..count {
        let element = element(kind, n);
        list.push(End::Right, &element, &limits);
        set.add(&element, &limits, rng);
        hash.set(&element, &self::element(kind, n + 1), &limits, rng);
        let score = match n % 4 {
            0 => n as f64,
            1 => n as f64 / 7.0 - 100.0,
            2 => f64::INFINITY,
            _ => -1e300,
        };
        zset.set(&element, score, &limits, rng);
    }
    vec![
        Value::List(list),
        Value::Set(set),
        Value::Hash(hash),
        Value::Zset(zset),
    ]
}

/// A database of many shapes of values.
fn database() -> Databases {
    let mut dbs = Databases::new(3, Layout::Whole, 9);
    dbs.set_now(
        1_700_000_000_000,
        Access::Lru {
            now_s: 1_700_000_000,
        },
    );
    let mut rng = Rng::new(11);
    for kind in 0..6 {
        for count in [1, 2, 3, 127, 128, 129, 511, 512, 513, 600] {
            if kind == 5 && count > 129 {
                continue;
            }
            for (type_number, value) in collections(kind, count, &mut rng).into_iter().enumerate() {
                let key = format!("{type_number}:{kind}:{count}").into_bytes();
                let expire_at = (count % 2 == 0).then_some(1_800_000_000_000 + count as i64);
                dbs[type_number % 2].load(&key, value, expire_at, Usage::Idle(count as u64));
            }
        }
    }
    for (n, text) in strings().into_iter().enumerate() {
        dbs[2].insert(
            format!("string {n}").as_bytes(),
            Value::String(text.clone()),
            None,
        );
        if text.len() < 1000 {
            dbs[2].insert(&text, Value::String(b"as a key".to_vec()), None);
        }
    }
    dbs
}

fn strings() -> Vec<Vec<u8>> {
    let numbers = [
        "0",
        "-1",
        "127",
        "128",
        "-129",
        "32768",
        "2147483647",
        "2147483648",
    ];
    let odd = [
        "",
        "007",
        "-0",
        "+1",
        "1e3",
        "9223372036854775807",
        "-9223372036854775808",
    ];
    let mut rng = Rng::new(5);
    let mut noise = |len: usize| (0..len).map(|_| rng.bits() as u8).collect::<Vec<u8>>();
    let noise = [20, 21, 63, 64, 16_383, 16_384, 65_536, 65_537, 3 << 20].map(&mut noise);
    let repeated =
        [19, 20, 21, 22, 44, 45, 300, 1280, 1281, 70_000, 5 << 20].map(|n| vec![b'r'; n]);
    let texts = numbers
        .into_iter()
        .chain(odd)
        .map(|text| text.as_bytes().to_vec());
    texts.chain(noise).chain(repeated).collect()
}

/// A file of all databases, with everything else that a file can hold.
fn file(dbs: &Databases, compression: Compression, sum: Sum) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), compression, sum);
    writer.aux(b"redis-ver", b"7.4.0").unwrap();
    writer.aux(b"ctime", b"1700000000").unwrap();
    writer.function(b"#!lua name=lib\n -- code").unwrap();
    for (number, db) in dbs.iter().enumerate() {
        writer.select(number, db.len(), db.expires()).unwrap();
        each(db, &mut |stored| writer.entry(stored).unwrap());
    }
    writer.finish().unwrap()
}

/// What a reader says of a file, with the databases that it makes.
fn load(source: impl Read, verify: Verify) -> Result<(Databases, Vec<String>), Error> {
    let (limits, mut rng) = (Thresholds::default(), Rng::new(2));
    let mut dbs = Databases::new(16, Layout::Whole, 3);
    dbs.set_now(
        1_700_000_000_000,
        Access::Lru {
            now_s: 1_700_000_000,
        },
    );
    let (mut said, mut reader) = (Vec::new(), Reader::new(source, &limits, &mut rng, verify)?);
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Entry(entry) => {
                let db = &mut dbs[entry.db as usize % 16];
                db.load(entry.key, entry.value, entry.expire_at, entry.usage);
            }
            other => said.push(format!("{other:?}")),
        }
    }
    Ok((dbs, said))
}

/// A source that gives few bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn files_come_back_with_every_value_in_its_encoding() {
    let dbs = database();
    for (compression, sum) in [
        (Compression::Lzf, Sum::Crc64),
        (Compression::None, Sum::Crc64),
        (Compression::Lzf, Sum::Zeros),
    ] {
        let bytes = file(&dbs, compression, sum);
        assert!(bytes.starts_with(b"REDIS0010"));
        for drop in [usize::MAX, 4_099] {
            let (loaded, said) = load(Drops(&bytes, drop), Verify::Yes).expect("a good file");
            for number in 0..3 {
                let (before, after) = (contents(&dbs[number]), contents(&loaded[number]));
                assert!(before.keys().eq(after.keys()));
                for (key, value) in before {
                    let key_text = key.escape_ascii().to_string();
                    assert_eq!(after[&key], value, "{:.60}", key_text);
                }
            }
            assert!(
                said[0].contains("Aux") && said[2].contains("Function"),
                "{said:?}"
            );
            assert_eq!(said.iter().filter(|item| item.contains("Sizes")).count(), 3);
        }
    }
}

#[test]
fn compression_is_worth_it() {
    let dbs = database();
    let [small, large] = [Compression::Lzf, Compression::None]
        .map(|compression| file(&dbs, compression, Sum::Crc64).len());
    assert!(small * 2 < large, "{small} {large}");
}

#[test]
fn payloads_come_back_with_every_value_in_its_encoding() {
    for number in 0..3 {
        let dbs = database();
        each(&dbs[number], &mut |stored| {
            let mut payload = b"kept".to_vec();
            dump(stored.value, Compression::Lzf, &mut payload);
            let limits = Thresholds::default();
            let value = restore(&payload[4..], &limits, &mut Rng::new(1), Verify::Yes);
            assert_eq!(
                owned_model(value.expect("our own payload")),
                model(stored.value)
            );
        });
    }
}

#[test]
fn what_follows_a_file_is_left_to_the_caller() {
    let mut bytes = Writer::new(Vec::new(), Compression::Lzf, Sum::Crc64)
        .finish()
        .unwrap();
    let len = bytes.len() as u64;
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let limits = Thresholds::default();
    let mut reader =
        Reader::new(Drops(&bytes, 20), &limits, &mut Rng::new(1), Verify::Yes).expect("a file");
    assert!(reader.next_item().expect("sound").is_none());
    assert!(reader.next_item().expect("still over").is_none());
    assert_eq!((reader.offset(), reader.version()), (len, 10));
    let (mut rest, mut source) = reader.into_rest();
    source.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn pieces_of_other_encoders_are_part_of_the_file() {
    let (mut encoder, mut pieces) = (Encoder::new(Compression::None), Vec::new());
    encoder.select(3, &mut pieces);
    let stored = Stored {
        key: b"k",
        value: ValueRef::String(crate::StrRef::Int(5)),
        expire_at: None,
        usage: Usage::Frequency(200),
    };
    encoder.entry(stored, &mut pieces);
    let mut writer = Writer::new(Vec::new(), Compression::None, Sum::Crc64);
    writer.aux(b"a", b"b").unwrap();
    writer.pieces(&pieces).unwrap();
    let len = writer.len();
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes.len() as u64, len + 9);
    let limits = Thresholds::default();
    let mut reader = Reader::new(&bytes[..], &limits, &mut Rng::new(1), Verify::Yes).unwrap();
    assert!(matches!(
        reader.next_item(),
        Ok(Some(Item::Aux {
            name: b"a",
            value: b"b"
        }))
    ));
    let Ok(Some(Item::Entry(entry))) = reader.next_item() else {
        panic!("a key")
    };
    assert_eq!((entry.db, entry.key), (3, &b"k"[..]));
    assert_eq!(entry.usage, Usage::Frequency(200));
}

#[test]
fn collections_that_do_not_end_cost_no_memory() {
    for body in [
        &b"\x01\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"[..],
        b"\x02\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x04\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a\x01b",
        b"\x05\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x12\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a",
        b"\x00\x01k\x80\xff\xff\x00\x00text",
    ] {
        let bytes = [&b"REDIS0010"[..], body].concat();
        let error = load(&bytes[..], Verify::Yes).expect_err("cut");
        assert!(
            error.to_string().contains("ends too early in key \"k\""),
            "{error}"
        );
    }
}

#[test]
fn damaged_files_are_errors_or_values() {
    let mut dbs = Databases::new(3, Layout::Whole, 9);
    let mut rng = Rng::new(12);
    for kind in 0..5 {
        for (n, value) in collections(kind, 7, &mut rng).into_iter().enumerate() {
            dbs[0].insert(format!("{kind} {n}").as_bytes(), value, Some(5));
        }
    }
    for (n, value) in collections(2, 600, &mut rng).into_iter().enumerate() {
        dbs[1].insert(format!("large {n}").as_bytes(), value, None);
    }
    dbs[2].insert(b"text", Value::String(vec![b'x'; 300]), None);
    for compression in [Compression::Lzf, Compression::None] {
        let good = file(&dbs, compression, Sum::Crc64);
        assert!(load(&good[..], Verify::Yes).is_ok());
        for end in 0..good.len().min(3_000) {
            assert!(load(&good[..end], Verify::No).is_err(), "cut at {end}");
        }
        for round in 0..3_000 {
            let mut bad = good.clone();
            for _ in 0..=rng.below(3) {
                // Most of the structure is in the first part.
                let most = if round % 4 == 0 { bad.len() } else { 2_500 };
                let at = 9 + rng.below(most - 9);
                bad[at] ^= 1 << rng.below(8);
            }
            if let Ok((loaded, _)) = load(&bad[..], Verify::No) {
                loaded.iter().for_each(|db| drop(contents(db)));
            }
        }
    }
}
