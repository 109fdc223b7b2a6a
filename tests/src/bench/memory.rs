//! Bytes per key.

use super::Failure;
use super::case::{fill, value};
use super::field::{Contender, Field, Pinning, Runner};
use super::table::Table;
use crate::resp::{Client, encode_request};

/// What is filled in: (name, how many, the request of number i).
type Data = (&'static str, fn(&mut Vec<u8>, usize));

const DATA: [Data; 4] = [
    ("string, key of 12 and value of 16 bytes", string),
    ("hash of 5 fields: names and values of 2 bytes", small_hash),
    ("hash of 5 fields: names and values of 6 bytes", hash),
    ("member of one sorted set", member),
];

/// Fills `count` of each kind into each server, started anew each time: what a server keeps after a flush would hide what
/// it takes. The result is a table of bytes for each.
pub fn run(
    contenders: &[Contender],
    pinning: Pinning,
    count: usize,
    mut tell: impl FnMut(&str),
) -> Result<String, Failure> {
    let mut heads = vec![format!("bytes each, {count} of them")];
    for contender in contenders {
        heads.push(format!("{} RSS", contender.name));
        heads.push("used_memory".to_owned());
    }
    let mut table = Table::new(heads);
    for (name, encode) in DATA {
        let mut cells = vec![name.to_owned()];
        for contender in contenders {
            tell(&format!("{name}: {}", contender.name));
            let field = Field::start(std::slice::from_ref(contender), pinning)?;
            let (resident, used) = measure(&field.runners[0], count, encode)?;
            cells.push(format!("{resident:.1}"));
            cells.push(used.map_or("-".to_owned(), |used| format!("{used:.1}")));
        }
        table.row(cells);
    }
    Ok(table.text())
}

fn measure(
    runner: &Runner,
    count: usize,
    encode: fn(&mut Vec<u8>, usize),
) -> Result<(f64, Option<f64>), Failure> {
    let mut client = runner.server.client();
    let resident = runner.server.resident_bytes();
    let used = used_memory(&mut client)?;
    fill(&mut client, count, encode)?;
    let each = |before: u64, after: u64| (after as f64 - before as f64) / count as f64;
    let used = match (used, used_memory(&mut client)?) {
        (Some(before), Some(after)) => Some(each(before, after)),
        _ => None,
    };
    Ok((each(resident, runner.server.resident_bytes()), used))
}

fn used_memory(client: &mut Client) -> Result<Option<u64>, Failure> {
    let info = client.call(&["INFO", "memory"])?.text().unwrap_or_default();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.and_then(|number| number.trim().parse().ok()))
}

fn string(out: &mut Vec<u8>, number: usize) {
    let key = format!("k{number:011}");
    encode_request(&[b"SET", key.as_bytes(), &value(16)], out);
}

fn small_hash(out: &mut Vec<u8>, number: usize) {
    hash_of(out, number, "f", "v");
}

fn hash(out: &mut Vec<u8>, number: usize) {
    hash_of(out, number, "field", "value");
}

fn hash_of(out: &mut Vec<u8>, number: usize, name: &str, value: &str) {
    let key = format!("h{number:011}");
    let mut args = vec!["HSET".to_owned(), key];
    for field in 0..5 {
        args.push(format!("{name}{field}"));
        args.push(format!("{value}{field}"));
    }
    encode_request(&args, out);
}

fn member(out: &mut Vec<u8>, number: usize) {
    let score = number.to_string();
    let member = format!("m{number:011}");
    encode_request(&["ZADD", "zset", &score, &member], out);
}
