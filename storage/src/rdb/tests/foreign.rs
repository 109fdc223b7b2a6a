//! Files as other servers write them: encodings of old, marks that say nothing of keys, and what is refused.

use super::super::ziplist::tests::ziplist;
use super::super::{Compression, Encoder, Item, Reader, Trust, Verify, Versions, crc64};
use super::{Model, contents, load};
use crate::{Rng, Thresholds};

/// A file of this version with these bytes between its first line and its end.
fn raw(version: &str, body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [version.as_bytes(), &body.concat()[..], &[255]].concat();
    let sum = crc64::checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(Compression::None).bytes(bytes, &mut out);
    out
}

#[test]
fn encodings_of_old_are_read() {
    let pairs = ziplist(&[b"f", b"1", b"g", b"text"]);
    let scores = ziplist(&[b"m", b"1", b"n", b"2.5"]);
    let zipmap = b"\x01\x01f\x01\x00v\xff";
    let body = [
        &[253, 1, 0, 0, 0, 1][..],
        b"\x04list\x02\x01a\xc0\x07",
        &[14],
        b"\x05lists\x02",
        &string(&ziplist(&[b"a", b"1"])),
        &string(&ziplist(&[b"b"])),
        &[10],
        b"\x04zips",
        &string(&ziplist(&[&b"a"[..]; 300])),
        &[13],
        b"\x04hash",
        &string(&pairs),
        &[9],
        b"\x03map",
        &string(zipmap),
        &[12],
        b"\x04zset",
        &string(&scores),
        &[3],
        b"\x05zsets\x04\x01a\xff\x01b\xfe\x01c\x042.50\x01d\x02-7",
        &[20],
        b"\x03set\x0a\x0a\0\0\0\x01\0\x81x\x02\xff",
        &[20],
        b"\x05empty\x07\x07\0\0\0\0\0\xff",
    ];
    let (dbs, _) = load(&raw("REDIS0009", &body)[..], Verify::Yes).expect("a good file");
    let all = contents(&dbs[0]);
    for (key, model, encoding) in expected_of_old() {
        assert_eq!(all[key.as_bytes()].0, (model, encoding), "{key}");
    }
    assert_eq!(all[&b"list"[..]].1, Some(1000));
    assert_eq!(all.len(), 8, "the empty one is passed over");
}

fn expected_of_old() -> Vec<(&'static str, Model, &'static str)> {
    let list = |elements: &[&[u8]]| Model::List(elements.iter().map(|e| e.to_vec()).collect());
    let hash = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(f, v)| (f.as_bytes().to_vec(), v.as_bytes().to_vec()));
        Model::Hash(pairs.collect())
    };
    let zset = |members: &[(&str, f64)]| {
        Model::Zset(
            members
                .iter()
                .map(|(m, s)| (m.as_bytes().to_vec(), *s))
                .collect(),
        )
    };
    vec![
        ("list", list(&[b"a", b"7"]), "listpack"),
        ("lists", list(&[b"a", b"1", b"b"]), "quicklist"),
        ("zips", list(&[&b"a"[..]; 300]), "listpack"),
        ("hash", hash(&[("f", "1"), ("g", "text")]), "listpack"),
        ("map", hash(&[("f", "v")]), "listpack"),
        ("zset", zset(&[("m", 1.0), ("n", 2.5)]), "listpack"),
        (
            "zsets",
            zset(&[
                ("a", f64::NEG_INFINITY),
                ("d", -7.0),
                ("c", 2.5),
                ("b", f64::INFINITY),
            ]),
            "listpack",
        ),
        ("set", Model::Set(vec![b"x".to_vec()]), "listpack"),
    ]
}

#[test]
fn headers_and_marks_that_say_nothing_of_keys_are_read() {
    let slots = b"\xf4\x05\x02\x01".as_slice();
    let import = b"\xf3\x03job\x02\x01\x02\x0a\x0b".as_slice();
    let key = b"\xfe\x02\xfb\x01\x00\xf9\x07\x00\x01k\x01v".as_slice();
    for version in [
        "REDIS0009",
        "REDIS0010",
        "REDIS0011",
        "REDIS0012",
        "VALKEY080",
    ] {
        let bytes = raw(version, &[b"\xfa\x01a\x01b", import, key, slots]);
        let (dbs, said) = load(&bytes[..], Verify::Yes).expect(version);
        assert_eq!(dbs[2].len(), 1);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[1].contains("ranges: [(1, 2), (10, 11)]"), "{said:?}");
        assert_eq!(said[2], "Sizes { db: 2, keys: 1, expiring: 0 }");
    }
    let old = [&b"REDIS0003\x00\x01k\x01v\xff"[..]].concat();
    assert_eq!(
        load(&old[..], Verify::Yes).expect("no checksum yet").0[0].len(),
        1
    );
}

/// Nine letters of six bits each, and a version of ten.
fn module_id(name: &[u8; 9], version: u64) -> [u8; 8] {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = |letter: u8| letters.find(char::from(letter)).expect("a letter") as u64;
    let letters = name.iter().fold(0, |id, letter| id << 6 | place(*letter));
    (letters << 10 | version).to_be_bytes()
}

/// What a later version holds may be what we know.
#[test]
fn later_versions_are_read_if_that_is_wished() {
    let trust = Trust {
        verify: Verify::Yes,
        versions: Versions::Any,
    };
    let (limits, mut rng) = (Thresholds::default(), Rng::new(1));
    for name in ["REDIS0013", "REDIS9999", "VALKEY081"] {
        for (piece, is_known) in [(&b"\x00\x01k\x01v"[..], true), (b"\xf0\x01", false)] {
            let bytes = raw(name, &[piece]);
            assert!(Reader::new(&bytes[..], &limits, &mut rng, Verify::Yes).is_err());
            let reader = Reader::new(&bytes[..], &limits, &mut rng, trust);
            let mut reader = reader.unwrap_or_else(|error| panic!("{name}: {error}"));
            let item = reader.next_item();
            assert_eq!(
                matches!(item, Ok(Some(Item::Entry(_)))),
                is_known,
                "{item:?}"
            );
        }
    }
    for name in ["REDIS0000", "VALKEY079"] {
        let bytes = raw(name, &[]);
        let refused = Reader::new(&bytes[..], &limits, &mut rng, trust);
        assert!(refused.is_err(), "{name}");
    }
}

#[test]
fn errors_say_what_and_where() {
    let doubled = [b"\x02\x04twin\x02\x01a\x01a".as_slice()];
    let mut sums = raw("REDIS0010", &[b"\xfa\x01a\x01b"]);
    let last = sums.len() - 1;
    sums[last] ^= 0x80;
    let id = module_id(b"ReJSON-RL", 3);
    let module = [b"\x07\x03mod\x81", &id[..]].concat();
    let nan = [b"\x05\x01z\x01\x01m".as_slice(), &f64::NAN.to_le_bytes()].concat();
    for (bytes, expected) in [
        (b"REDIS00".to_vec(), "the input ends too early at byte 0"),
        (b"HELLO0010".to_vec(), "the input is no RDB file at byte 9"),
        (
            b"REDIS0013".to_vec(),
            "unknown RDB version REDIS0013 at byte 9",
        ),
        (
            b"REDIS+009".to_vec(),
            "unknown RDB version REDIS+009 at byte 9",
        ),
        (
            b"VALKEY081".to_vec(),
            "unknown RDB version VALKEY081 at byte 9",
        ),
        (
            raw("REDIS0010", &doubled),
            "a set that holds a member twice in key \"twin\" at byte 20",
        ),
        (
            raw("REDIS0010", &[b"\x15\x01s"]),
            "a stream, which this server does not have in key \"s\" at byte 12",
        ),
        (
            raw("REDIS0012", &[b"\x19\x01h"]),
            "a hash whose fields expire, which this server does not have in key \"h\" at byte 12",
        ),
        (
            raw("VALKEY080", &[b"\x16\x01h"]),
            "a hash whose fields expire, which this server does not have in key \"h\" at byte 12",
        ),
        (
            raw("REDIS0010", &[&module]),
            "data of the module type \"ReJSON-RL\" in key \"mod\" at byte 23",
        ),
        (
            raw("REDIS0010", &[b"\xf7\x81", &id]),
            "data of the module type \"ReJSON-RL\" at byte 19",
        ),
        (
            raw("REDIS0010", &[b"\x06\x01k"]),
            "data of an unnamed module in key \"k\" at byte 12",
        ),
        (
            raw("REDIS0010", &[b"\x63\x01k"]),
            "a value of the unknown type 99 in key \"k\" at byte 12",
        ),
        (
            raw("REDIS0010", &[b"\xf6"]),
            "functions of a release candidate of Redis 7.0 at byte 10",
        ),
        (
            raw("REDIS0010", &[&nan]),
            "a score that is no number in key \"z\" at byte 23",
        ),
    ] {
        let error = load(&bytes[..], Verify::Yes).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
    let error = load(&sums[..], Verify::Yes).expect_err("another checksum");
    assert!(error.to_string().starts_with("checksum "), "{error}");
    assert!(load(&sums[..], Verify::No).is_ok());
}
