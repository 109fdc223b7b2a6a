//! Append-only files and their manifests: cut, with flipped bits, with holes. What is whole is read, the rest is named.

use almandine_storage::aof::{BadFile, Manifest, Requests, Tail};

use crate::allocations::allocated;
use crate::{Dice, inputs};

/// Requests that are carried out together, as their words.
type Unit = Vec<Vec<Vec<u8>>>;

/// What a file holds: the words of its requests, unit by unit, and where each unit ends.
#[derive(Debug, Default)]
struct Log {
    bytes: Vec<u8>,
    units: Vec<Unit>,
    ends: Vec<usize>,
}

impl Log {
    fn random(dice: &mut Dice) -> Log {
        let mut log = Log::default();
        for _ in 0..=dice.below(6) {
            if dice.below(5) == 0 {
                log.bytes.extend_from_slice(b"#TS:1700000000\r\n");
            }
            let is_transaction = dice.below(4) == 0;
            let count = if is_transaction { dice.below(4) } else { 1 };
            let requests: Vec<_> = (0..count).map(|_| request(dice)).collect();
            if is_transaction {
                write(&mut log.bytes, &[b"MULTI".to_vec()]);
            }
            for request in &requests {
                write(&mut log.bytes, request);
            }
            if is_transaction {
                write(&mut log.bytes, &[b"exec".to_vec()]);
            }
            log.units.push(requests);
            log.ends.push(log.bytes.len());
        }
        log
    }

    /// How many units end within the first `length` bytes.
    fn whole_within(&self, length: usize) -> usize {
        self.ends.iter().filter(|end| **end <= length).count()
    }
}

fn request(dice: &mut Dice) -> Vec<Vec<u8>> {
    let name = dice.one_of(&["SET", "DEL", "RPUSH", "ZADD"]);
    let words = (0..dice.below(4)).map(|_| dice.bytes(40));
    let words = words.collect::<Vec<_>>();
    [name.as_bytes().to_vec()]
        .into_iter()
        .chain(words)
        .collect()
}

fn write(out: &mut Vec<u8>, words: &[Vec<u8>]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The units of a file, and how it ends.
fn read(bytes: &[u8]) -> (Vec<Unit>, Result<Tail, BadFile>) {
    let (mut units, mut requests) = (Vec::new(), Requests::new(bytes, 0));
    loop {
        match requests.next_unit() {
            Ok(Ok(unit)) => units.push(
                unit.requests()
                    .map(|request| {
                        let words = request
                            .iter()
                            .map(|word| unit.bytes()[word.clone()].to_vec());
                        words.collect()
                    })
                    .collect(),
            ),
            Ok(Err(tail)) => return (units, Ok(tail)),
            Err(error) => return (units, Err(error)),
        }
    }
}

#[test]
fn a_log_that_is_cut_holds_what_was_whole_before() {
    for seed in inputs(3_000) {
        let mut dice = Dice::new(seed);
        let log = Log::random(&mut dice);
        let cut = dice.below(log.bytes.len() + 1);
        let mut bytes = log.bytes[..cut].to_vec();
        let has_hole = dice.below(2) == 0;
        if has_hole {
            bytes.resize(cut + 1 + dice.below(500), 0);
        }
        let (units, tail) = read(&bytes);
        let whole = log.whole_within(cut);
        let end = whole.checked_sub(1).map_or(0, |last| log.ends[last]);
        match tail.unwrap_or_else(|error| panic!("seed {seed}: {error}")) {
            Tail::Torn { good } => {
                // An annotation may stand between the last unit and the cut.
                assert!(
                    (end..=cut).contains(&(good as usize)),
                    "seed {seed}: {good}"
                );
            }
            Tail::Whole => assert!(!has_hole, "seed {seed}: zeros are no requests"),
        }
        assert_eq!(units, log.units[..whole], "seed {seed}");
    }
}

#[test]
fn a_log_with_flipped_bits_is_read_or_refused_and_costs_no_memory() {
    let mut refused = 0;
    for seed in inputs(5_000) {
        let mut dice = Dice::new(seed);
        let log = Log::random(&mut dice);
        let mut bytes = log.bytes.clone();
        let mut first = bytes.len();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            first = first.min(at);
        }
        let before = allocated();
        let (units, tail) = read(&bytes);
        let most = 4 * bytes.len() + (1 << 20);
        let grown = allocated() - before;
        assert!(grown < most as isize, "seed {seed}: {grown} bytes");
        refused += u64::from(tail.is_err());
        // What stands before the damage is read as it was written.
        let whole = log.whole_within(first);
        assert!(units.len() >= whole, "seed {seed}");
        assert_eq!(units[..whole], log.units[..whole], "seed {seed}");
    }
    assert!(refused > 0, "no flipped bit was noticed");
}

#[test]
fn any_manifest_is_read_or_refused() {
    let mut read = 0;
    for seed in inputs(50_000) {
        let mut dice = Dice::new(seed);
        let mut text = Vec::new();
        for _ in 0..dice.below(5) {
            for _ in 0..=dice.below(5) {
                let word = dice.one_of(&[
                    "file",
                    "seq",
                    "type",
                    "startoffset",
                    "endoffset",
                    "a.aof",
                    "a.1.base.rdb",
                    "../x",
                    "b",
                    "h",
                    "i",
                    "1",
                    "2",
                    "-1",
                    "99999999999999999999",
                    "\"a b\"",
                    "\"\\x00\"",
                    "#",
                ]);
                text.extend_from_slice(word.as_bytes());
                text.push(b' ');
            }
            if dice.below(3) > 0 {
                text.clear();
                let (seq, kind) = (1 + dice.below(9), dice.one_of(&["b", "h", "i"]));
                let line = format!("file a.{seq}.{kind}.aof seq {seq} type {kind}");
                text.extend_from_slice(line.as_bytes());
            }
            text.extend_from_slice(dice.one_of(&[&b"\n"[..], b"\r\n", b""]));
        }
        if dice.below(4) == 0 && !text.is_empty() {
            let at = dice.below(text.len());
            text[at] ^= 1 << dice.below(8);
        }
        let Ok(manifest) = Manifest::parse(&text) else {
            continue;
        };
        read += 1;
        let printed = manifest.print();
        let again = Manifest::parse(printed.as_bytes());
        assert_eq!(again, Ok(manifest), "seed {seed}: {}", text.escape_ascii());
    }
    assert!(read > 1_000, "only {read} were read");
}
