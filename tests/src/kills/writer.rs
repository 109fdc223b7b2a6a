//! One connection that writes numbers in order, and what it may find of them afterwards.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use almandine_storage::Rng;

use crate::resp::{Client, Value, encode_request};

/// Requests on their way at a time, at most.
const PIPELINE_MAX: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    number: usize,
    /// In the order of [`KINDS`].
    histories: [History; 3],
}

/// Where the numbers of one key stand.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    acknowledged: u64,
    sent: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    List,
    Set,
    Counter,
}

const KINDS: [Kind; 3] = [Kind::List, Kind::Set, Kind::Counter];

/// What was there after a restart.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Writes beyond those acknowledged.
    pub(super) under_way: u64,
}

impl Writer {
    pub(super) fn new(number: usize) -> Writer {
        Writer {
            number,
            histories: Default::default(),
        }
    }

    fn key(&self, kind: Kind) -> String {
        format!("{kind:?}:{}", self.number)
    }

    /// Writes until the node is gone. An answer that is no acknowledgement is an error.
    pub(super) fn write(
        &mut self,
        address: SocketAddr,
        mut dice: Rng,
        acknowledged: &AtomicU64,
    ) -> Result<(), String> {
        let Ok(mut client) = Client::connect(address) else {
            return Ok(());
        };
        loop {
            let kinds: Vec<usize> = (0..1 + dice.below(PIPELINE_MAX))
                .map(|_| dice.below(KINDS.len()))
                .collect();
            let mut bytes = Vec::new();
            for kind in &kinds {
                self.encode(*kind, &mut bytes);
            }
            if client.send_raw(&bytes).is_err() {
                return Ok(());
            }
            for kind in kinds {
                let Ok(reply) = client.receive() else {
                    return Ok(());
                };
                self.acknowledge(kind, &reply)?;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn encode(&mut self, kind: usize, bytes: &mut Vec<u8>) {
        let key = self.key(KINDS[kind]);
        let history = &mut self.histories[kind];
        let number = history.sent.to_string();
        history.sent += 1;
        match KINDS[kind] {
            Kind::List => encode_request(&["RPUSH", &key, &number], bytes),
            Kind::Set => encode_request(&["SADD", &key, &number], bytes),
            Kind::Counter => encode_request(&["INCR", &key], bytes),
        }
    }

    fn acknowledge(&mut self, kind: usize, reply: &Value) -> Result<(), String> {
        let history = &mut self.histories[kind];
        history.acknowledged += 1;
        let expected = match KINDS[kind] {
            Kind::Set => 1,
            Kind::List | Kind::Counter => history.acknowledged as i64,
        };
        match reply {
            Value::Integer(number) if *number == expected => Ok(()),
            other => Err(format!(
                "{}: {other:?} instead of {expected}",
                self.key(KINDS[kind])
            )),
        }
    }

    /// Compares what is there with what was acknowledged and sent, and goes on from there.
    pub(super) fn compare(&mut self, client: &mut Client) -> Result<Found, String> {
        let mut found = Found::default();
        for (index, kind) in KINDS.into_iter().enumerate() {
            let key = self.key(kind);
            let count = count(client, kind, &key)?;
            let History { acknowledged, sent } = self.histories[index];
            if count < acknowledged || count > sent {
                return Err(format!(
                    "{key} holds {count} writes, of {acknowledged} acknowledged and {sent} sent"
                ));
            }
            found.under_way += count - acknowledged;
            self.histories[index] = History {
                acknowledged: count,
                sent: count,
            };
        }
        Ok(found)
    }
}

/// How many writes a key holds; an error if they are not 0, 1, 2, ... without gap or repetition.
fn count(client: &mut Client, kind: Kind, key: &str) -> Result<u64, String> {
    let mut ask = |args: &[&str]| client.call(args).map_err(|error| format!("{key}: {error}"));
    let elements = match kind {
        Kind::List => ask(&["LRANGE", key, "0", "-1"])?,
        Kind::Set => ask(&["SMEMBERS", key])?,
        Kind::Counter => {
            let value = ask(&["GET", key])?.text().unwrap_or_default();
            return Ok(value.parse().unwrap_or(0));
        }
    };
    let Value::Array(elements) = elements else {
        return Err(format!("{key}: {elements:?}"));
    };
    let number = |element: &Value| element.text().and_then(|text| text.parse::<u64>().ok());
    let mut numbers: Vec<Option<u64>> = elements.iter().map(number).collect();
    if let Kind::Set = kind {
        numbers.sort_unstable();
    }
    match (0..).zip(&numbers).find(|(n, found)| **found != Some(*n)) {
        Some((n, found)) => Err(format!("{key}: {found:?} where {n} must be")),
        None => Ok(numbers.len() as u64),
    }
}
