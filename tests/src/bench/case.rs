//! The commands that are measured, and the data that they need.

use std::str::FromStr;

use almandine_storage::Rng;

use super::Failure;
use super::load::{ReplyForm, Requests};
use crate::resp::{Client, encode_request};

/// A command under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// PING
    Ping,
    /// SET of random keys.
    Set,
    /// GET of random keys, all of which exist.
    Get,
    /// INCR of random counters.
    Incr,
    /// LPUSH to one list.
    Lpush,
    /// HSET of one of ten fields of random small hashes.
    Hset,
    /// ZADD that moves random members of one large sorted set.
    Zadd,
    /// MSET of ten random keys.
    Mset,
}

/// Size of the data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Number of keys, fields and members.
    pub(super) keys: usize,
    /// Bytes of a value.
    pub(super) value: usize,
}

/// Requests are encoded beforehand up to this many bytes and repeat after that.
const ENCODED_MAX: usize = 96 << 20;
const MSET_KEYS: usize = 10;
const HASH_FIELDS: usize = 10;
/// Requests that are sent before their replies are read when data is filled in.
const FILL_PIPELINE: usize = 512;

impl Case {
    /// All, in the order of the tables.
    pub const ALL: [Case; 8] = [
        Case::Ping,
        Case::Set,
        Case::Get,
        Case::Incr,
        Case::Lpush,
        Case::Hset,
        Case::Zadd,
        Case::Mset,
    ];

    /// As in tables and flags.
    pub fn name(self) -> &'static str {
        match self {
            Case::Ping => "ping",
            Case::Set => "set",
            Case::Get => "get",
            Case::Incr => "incr",
            Case::Lpush => "lpush",
            Case::Hset => "hset",
            Case::Zadd => "zadd",
            Case::Mset => "mset",
        }
    }

    /// Whether the size of values makes a difference.
    pub(super) fn has_value(self) -> bool {
        !matches!(self, Case::Ping | Case::Incr | Case::Zadd)
    }

    /// Requests with random keys.
    pub(super) fn requests(self, size: Size, seed: u64) -> Requests {
        let mut rng = Rng::new(seed);
        let value = value(size.value);
        let mut one = Vec::new();
        self.encode(&mut one, rng.below(size.keys), &mut rng, size, &value);
        let count = (ENCODED_MAX / one.len()).clamp(1024, size.keys.max(1024));
        let first = match self {
            Case::Ping | Case::Set | Case::Mset => b'+',
            Case::Get => b'$',
            Case::Incr | Case::Lpush | Case::Hset | Case::Zadd => b':',
        };
        let lines = if self == Case::Get { 2 } else { 1 };
        Requests::encode(count, ReplyForm { first, lines }, |out| {
            let number = rng.below(size.keys);
            self.encode(out, number, &mut rng, size, &value);
        })
    }

    /// Fills in the data that the requests work on.
    pub(super) fn prepare(self, client: &mut Client, size: Size) -> Result<(), Failure> {
        match self {
            Case::Ping | Case::Incr => Ok(()),
            Case::Lpush => {
                client.call(&["DEL", "mylist"])?;
                Ok(())
            }
            Case::Set | Case::Get | Case::Mset => fill(client, size.keys, |out, number| {
                let value = value(size.value);
                Case::Set.encode(out, number, &mut Rng::new(0), size, &value);
            }),
            Case::Hset | Case::Zadd => {
                let mut rng = Rng::new(size.keys as u64);
                let value = value(size.value);
                fill(client, size.keys, |out, number| {
                    self.encode(out, number, &mut rng, size, &value);
                })
            }
        }
    }

    /// What [`Case::prepare`] fills in for this case is the same as for the others with an equal answer.
    pub(super) fn data(self) -> &'static str {
        match self {
            Case::Ping | Case::Incr => "nothing",
            Case::Lpush => "an empty list",
            Case::Set | Case::Get | Case::Mset => "strings",
            Case::Hset => "hashes",
            Case::Zadd => "a sorted set",
        }
    }

    fn encode(self, out: &mut Vec<u8>, number: usize, rng: &mut Rng, size: Size, value: &[u8]) {
        let key = |number: usize| format!("key:{number:012}").into_bytes();
        match self {
            Case::Ping => encode_request(&["PING"], out),
            Case::Set => encode_request(&[b"SET", &*key(number), value], out),
            Case::Get => encode_request(&[b"GET", &*key(number)], out),
            Case::Incr => encode_request(&["INCR", &format!("counter:{number:012}")], out),
            Case::Lpush => encode_request(&["LPUSH".as_bytes(), b"mylist", value], out),
            Case::Hset => {
                let hash = format!("hash:{:012}", number / HASH_FIELDS);
                let field = format!("field:{}", number % HASH_FIELDS);
                encode_request(&[b"HSET", hash.as_bytes(), field.as_bytes(), value], out);
            }
            Case::Zadd => {
                // Nine digits without zeros in front: requests of equal length.
                let score = (100_000_000 + rng.below(900_000_000)).to_string();
                let member = format!("element:{number:012}");
                encode_request(&["ZADD", "myzset", &score, &member], out);
            }
            Case::Mset => {
                let mut args = vec![b"MSET".to_vec()];
                for _ in 0..MSET_KEYS {
                    args.push(key(rng.below(size.keys)));
                    args.push(value.to_vec());
                }
                encode_request(&args, out);
            }
        }
    }
}

impl FromStr for Case {
    type Err = ();

    fn from_str(name: &str) -> Result<Case, ()> {
        Case::ALL
            .into_iter()
            .find(|case| case.name() == name)
            .ok_or(())
    }
}

/// Sends `count` requests that `encode` writes, many at a time, and refuses errors.
pub(super) fn fill(
    client: &mut Client,
    count: usize,
    mut encode: impl FnMut(&mut Vec<u8>, usize),
) -> Result<(), Failure> {
    let mut batch = Vec::new();
    for start in (0..count).step_by(FILL_PIPELINE) {
        let end = (start + FILL_PIPELINE).min(count);
        batch.clear();
        for number in start..end {
            encode(&mut batch, number);
        }
        client.send_raw(&batch)?;
        for _ in start..end {
            let reply = client.receive()?;
            if reply.is_error() {
                let text = reply.text().unwrap_or_default();
                return Err(format!("cannot fill in data: {text}").into());
            }
        }
    }
    Ok(())
}

/// A value of `size` bytes that no server takes for a number.
pub(super) fn value(size: usize) -> Vec<u8> {
    (0..size)
        .map(|i| b"xyzabcdefghijklmnopqrstuvw"[i % 26])
        .collect()
}
