//! Commands that make contents, and replies that tell them.

use super::{Content, Contents, Held};
use crate::resp::{Client, Value};

/// Arguments of one command that fills a collection.
const CHUNK: usize = 200;

/// Makes a server hold `contents` beside what it holds already.
///
/// # Panics
/// If it refuses a command.
pub fn fill(client: &mut Client, contents: &Contents) {
    for ((db, name), held) in contents {
        ok(client, &[b"SELECT", db.to_string().as_bytes()]);
        for command in commands(name, &held.content) {
            ok(client, &command);
        }
        if let Some(at) = held.expire_at {
            ok(
                client,
                &[b"PEXPIREAT", name.as_slice(), at.to_string().as_bytes()],
            );
        }
    }
}

fn ok<A: AsRef<[u8]>>(client: &mut Client, command: &[A]) -> Value {
    let reply = client.call(command).expect("a server that answers");
    assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    reply
}

/// The commands that make `name` hold `content`.
fn commands(name: &[u8], content: &Content) -> Vec<Vec<Vec<u8>>> {
    let (command, arguments): (&str, Vec<Vec<u8>>) = match content {
        Content::String(text) => ("SET", vec![text.clone()]),
        Content::List(elements) => ("RPUSH", elements.clone()),
        Content::Set(members) => ("SADD", members.iter().cloned().collect()),
        Content::Hash(pairs) => {
            let pairs = pairs
                .iter()
                .flat_map(|(field, value)| [field.clone(), value.clone()]);
            ("HSET", pairs.collect())
        }
        Content::Zset(members) => {
            let pairs = members
                .iter()
                .flat_map(|(member, score)| [score.to_string().into_bytes(), member.clone()]);
            ("ZADD", pairs.collect())
        }
    };
    arguments
        .chunks(CHUNK)
        .map(|chunk| {
            let head = [command.as_bytes().to_vec(), name.to_vec()];
            head.into_iter().chain(chunk.iter().cloned()).collect()
        })
        .collect()
}

/// Everything that a server holds in its first sixteen databases. Keys that expire while they are read are left out.
///
/// # Panics
/// If it answers something else than it should.
pub fn held_by(client: &mut Client) -> Contents {
    let mut all = Contents::new();
    for db in 0..16 {
        ok(client, &[b"SELECT", db.to_string().as_bytes()]);
        for name in elements(ok(client, &["KEYS", "*"])) {
            let Some(content) = content(client, &name) else {
                continue;
            };
            let expire_at = match ok(client, &[b"PEXPIRETIME", name.as_slice()]) {
                Value::Integer(-1) => None,
                Value::Integer(-2) => continue,
                Value::Integer(at) => Some(at),
                other => panic!("{other:?}"),
            };
            all.insert((db, name), Held { content, expire_at });
        }
    }
    all
}

/// What a key holds; none if there is none.
fn content(client: &mut Client, name: &[u8]) -> Option<Content> {
    let kind = ok(client, &[b"TYPE", name]).text().expect("a type");
    let mut list = |command: &[&str]| {
        let head = [command[0].as_bytes(), name];
        let rest = command[1..].iter().map(|word| word.as_bytes());
        elements(ok(
            client,
            &head.into_iter().chain(rest).collect::<Vec<_>>(),
        ))
    };
    let pairs = |flat: Vec<Vec<u8>>| -> Vec<(Vec<u8>, Vec<u8>)> {
        flat.chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect()
    };
    Some(match kind.as_str() {
        "none" => return None,
        "string" => match ok(client, &[b"GET", name]) {
            Value::Bulk(text) => Content::String(text),
            Value::NilBulk | Value::Null => return None,
            other => panic!("{other:?}"),
        },
        "list" => Content::List(list(&["LRANGE", "0", "-1"])),
        "set" => Content::Set(list(&["SMEMBERS"]).into_iter().collect()),
        "hash" => Content::Hash(pairs(list(&["HGETALL"])).into_iter().collect()),
        "zset" => {
            let members = pairs(list(&["ZRANGE", "0", "-1", "WITHSCORES"]));
            let scores = members.into_iter().map(|(member, score)| {
                let text = String::from_utf8_lossy(&score);
                (member, text.parse().expect("a score"))
            });
            Content::Zset(scores.collect())
        }
        other => panic!("a key of the type {other}"),
    })
}

fn elements(reply: Value) -> Vec<Vec<u8>> {
    let Value::Array(elements) = reply else {
        panic!("{reply:?}")
    };
    elements
        .into_iter()
        .map(|element| match element {
            Value::Bulk(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}
