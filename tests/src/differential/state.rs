//! Everything that a server holds.

use std::collections::BTreeMap;

use super::difference::Difference;
use super::generate::Step;
use super::grammar::Check;
use super::tolerated;
use crate::conversation::words::quote;
use crate::process::Identity;
use crate::resp::{Client, ClientError, Value};

/// The databases that the rules use.
const DATABASES: [usize; 4] = [0, 1, 2, 15];
/// Times of expiry may be this far apart, since some count from now.
const EXPIRY_APART_MS: u64 = 60_000;

/// The keys of all databases.
pub(super) type State = BTreeMap<(usize, Vec<u8>), Held>;

/// One key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    kind: String,
    encoding: Value,
    expires_ms: i64,
    elements: Value,
}

/// Asks for everything.
pub(super) fn read(control: &mut Client) -> Result<State, ClientError> {
    let mut state = State::new();
    for db in DATABASES {
        control.call(&["SELECT", &db.to_string()])?;
        let keys = control.call(&["KEYS", "*"])?.elements().unwrap_or_default();
        let keys: Vec<Vec<u8>> = keys
            .iter()
            .filter_map(|key| Some(key.bytes()?.to_vec()))
            .collect();
        let about: Vec<Vec<&[u8]>> = keys
            .iter()
            .flat_map(|key| {
                let key = key.as_slice();
                [
                    vec![b"TYPE".as_slice(), key],
                    vec![b"OBJECT", b"ENCODING", key],
                    vec![b"PEXPIRETIME", key],
                ]
            })
            .collect();
        let about = control.pipeline(&about)?;
        let kinds: Vec<String> = about
            .iter()
            .step_by(3)
            .map(|kind| kind.text().unwrap_or_default())
            .collect();
        let reads: Vec<Vec<&[u8]>> = keys
            .iter()
            .zip(&kinds)
            .map(|(key, kind)| reading(kind, key))
            .collect();
        let elements = control.pipeline(&reads)?;
        for (((key, kind), about), elements) in keys
            .into_iter()
            .zip(kinds)
            .zip(about.chunks(3))
            .zip(elements)
        {
            let elements = match kind.as_str() {
                "set" => ordered(elements, 1),
                "hash" => ordered(elements, 2),
                _ => elements,
            };
            let held = Held {
                kind,
                encoding: about[1].clone(),
                expires_ms: about[2].integer().unwrap_or_default(),
                elements,
            };
            state.insert((db, key), held);
        }
    }
    Ok(state)
}

fn reading<'a>(kind: &str, key: &'a [u8]) -> Vec<&'a [u8]> {
    match kind {
        "list" => vec![b"LRANGE", key, b"0", b"-1"],
        "hash" => vec![b"HGETALL", key],
        "set" => vec![b"SMEMBERS", key],
        "zset" => vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
        _ => vec![b"GET", key],
    }
}

fn ordered(value: Value, width: usize) -> Value {
    let elements = value.elements().unwrap_or_default();
    let mut groups: Vec<Vec<Value>> = elements.chunks(width).map(<[_]>::to_vec).collect();
    groups.sort_unstable();
    Value::Array(groups.concat())
}

/// The first key that differs.
pub(super) fn compare(ours: &State, theirs: &State, peer: &Identity) -> Result<(), Difference> {
    let keys = ours
        .keys()
        .chain(theirs.keys().filter(|key| !ours.contains_key(key)));
    for key in keys {
        let (ours, theirs) = (ours.get(key), theirs.get(key));
        let differs = match (ours, theirs) {
            (Some(ours), Some(theirs)) => difference(&key.1, ours, theirs, peer),
            (ours, _) => {
                let has = |it| match it {
                    true => "present".to_owned(),
                    false => "absent".to_owned(),
                };
                Some((has(ours.is_some()), has(ours.is_none())))
            }
        };
        if let Some((ours, theirs)) = differs {
            let key = format!("{} of database {}", quote(&key.1), key.0);
            return Err(Difference::State { key, ours, theirs });
        }
    }
    Ok(())
}

fn difference(key: &[u8], ours: &Held, theirs: &Held, peer: &Identity) -> Option<(String, String)> {
    let encoding = Step {
        client: 0,
        request: vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key.to_vec()],
        check: Check::Exact,
        alone: true,
    };
    let both = |ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug, what: &str| {
        Some((format!("{what} {ours:?}"), format!("{what} {theirs:?}")))
    };
    if ours.kind != theirs.kind {
        return both(&ours.kind, &theirs.kind, "type");
    }
    let range = Step {
        request: vec![b"ZRANGE".to_vec(), key.to_vec()],
        ..encoding.clone()
    };
    if ours.elements != theirs.elements
        && (ours.kind != "zset"
            || tolerated::find(peer, &range, &ours.elements, &theirs.elements).is_none())
    {
        return both(
            &readable(&ours.elements),
            &readable(&theirs.elements),
            &ours.kind,
        );
    }
    let apart = ours.expires_ms.abs_diff(theirs.expires_ms);
    if apart > EXPIRY_APART_MS || (apart > 0 && ours.expires_ms.min(theirs.expires_ms) < 0) {
        return both(&ours.expires_ms, &theirs.expires_ms, "expiry");
    }
    if ours.encoding != theirs.encoding
        && tolerated::find(peer, &encoding, &ours.encoding, &theirs.encoding).is_none()
    {
        return both(
            &readable(&ours.encoding),
            &readable(&theirs.encoding),
            "encoding",
        );
    }
    None
}

fn readable(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            let texts: Vec<String> = elements.iter().map(readable).collect();
            texts.join(" ")
        }
        other => quote(other.bytes().unwrap_or_default()),
    }
}
