//! The stream of a primary as its replica takes it, cut and with flipped bits: carried out or refused, and then nothing of it
//! counts. A primary that sends what none would.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use almandine_node::commands::table;
use almandine_node::moment::Moment;
use almandine_node::node::Node;
use almandine_node::params::Params;
use almandine_node::replication::{CopyEnd, STREAM_LIMITS};
use almandine_node::shard::{Requests, Shard};
use almandine_protocol::{Batch, Parser, write_request};

use crate::allocations::allocated;
use crate::{Dice, inputs};

const NOW_MS: i64 = 1_000_000_000_000;

/// The parts of a replica that touch no socket.
struct Replica {
    shard: Shard,
    node: Arc<Node>,
    unread: Vec<u8>,
    parser: Parser,
}

impl Replica {
    fn new(seed: u64) -> Replica {
        let node = Arc::new(Node::new(Params::default(), seed));
        node.replication.follow("127.0.0.1", 1, 0);
        node.journal.turn_on();
        Replica {
            shard: Shard::new(node.clone(), Rc::new(RefCell::default()), seed),
            node,
            unread: Vec::new(),
            parser: Parser::default(),
        }
    }

    /// Takes a piece of the stream. An error ends the link.
    fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        self.unread.extend_from_slice(piece);
        let mut batch = Batch::default();
        loop {
            batch.clear();
            let parsed = self.parser.parse(&self.unread, &STREAM_LIMITS, &mut batch);
            let Some(last) = batch.requests.last() else {
                let skipped = parsed.map_err(|error| format!("{error:?}"))?;
                self.unread.drain(..skipped);
                if skipped == 0 {
                    return Ok(());
                }
                continue;
            };
            let rest = self.unread.split_off(last.end as usize);
            let buffer = std::mem::replace(&mut self.unread, rest);
            let requests = Requests {
                buffer: &buffer,
                batch: &batch,
            };
            let (at, ms) = (Instant::now(), NOW_MS);
            let followed = self.shard.follow(Moment { at, ms }, requests);
            self.shard.journal();
            followed?;
        }
    }

    /// The link is made again.
    fn begin_anew(&mut self) {
        self.unread.clear();
        self.parser = Parser::default();
        self.shard.continue_stream(None);
    }

    /// The stream as it would be passed on.
    fn journal(&self) -> Vec<u8> {
        let (mut bytes, journal) = (Vec::new(), &self.node.journal);
        assert!(journal.read(journal.backlog().0, usize::MAX, &mut bytes));
        bytes
    }
}

fn stream(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_request([&b"SELECT"[..], b"0"].into_iter(), &mut bytes);
    for _ in 0..=dice.below(20) {
        let is_transaction = dice.below(5) == 0;
        let count = if is_transaction { dice.below(4) } else { 1 };
        if is_transaction {
            write_request([&b"MULTI"[..]].into_iter(), &mut bytes);
        }
        for _ in 0..count {
            let (key, value) = (vec![b'a' + dice.below(8) as u8], dice.bytes(30));
            let number = dice.below(200).to_string();
            let (key, value, number) = (key.as_slice(), value.as_slice(), number.as_bytes());
            let words: &[&[u8]] = match dice.below(10) {
                0 => &[b"SET", key, value],
                1 => &[b"RPUSH", key, value, number],
                2 => &[b"SADD", key, value, number],
                3 => &[b"ZADD", key, number, value],
                4 => &[b"HSET", key, value, value],
                5 => &[b"PEXPIREAT", key, b"2000000000000"],
                6 => &[b"SETRANGE", key, number, value],
                7 => &[b"PING"],
                8 => &[b"REPLCONF", b"GETACK", b"*"],
                _ => &[b"DEL", key],
            };
            write_request(words.iter().copied(), &mut bytes);
        }
        if is_transaction {
            write_request([&b"EXEC"[..]].into_iter(), &mut bytes);
        }
    }
    bytes
}

fn pieces(mut bytes: &[u8], dice: &mut Dice, mut take: impl FnMut(&[u8]) -> bool) {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(1 + dice.below(bytes.len()));
        if !take(piece) {
            return;
        }
        bytes = rest;
    }
}

#[test]
fn a_stream_in_pieces_is_passed_on_as_it_came() {
    for seed in inputs(3_000) {
        let mut dice = Dice::new(seed);
        let (bytes, mut replica) = (stream(&mut dice), Replica::new(seed));
        pieces(&bytes, &mut dice, |piece| {
            let taken = replica.take(piece);
            taken.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            true
        });
        assert!(replica.journal() == bytes, "seed {seed}");
    }
}

#[test]
fn a_damaged_stream_is_carried_out_or_refused_and_costs_no_memory() {
    let (mut refused, mut carried_out) = (0, 0);
    for seed in inputs(15_000) {
        let mut dice = Dice::new(seed);
        let (good, mut replica) = (stream(&mut dice), Replica::new(seed));
        let mut bytes = good.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            match dice.below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, b'0' + dice.below(10) as u8),
                2 => bytes.splice(at..at, dice.bytes(9)).for_each(drop),
                _ => bytes[at] ^= 1 << dice.below(8),
            }
        }
        let before = allocated();
        let mut is_sound = true;
        pieces(&bytes, &mut dice, |piece| {
            is_sound = replica.take(piece).is_ok();
            is_sound
        });
        let most = 64 * bytes.len() + (2 << 20);
        let grown = allocated() - before;
        assert!(grown < most as isize, "seed {seed}: {grown} bytes");
        refused += u32::from(!is_sound);
        carried_out += u32::from(is_sound);
        // Only what is whole was passed on, and the next link is none the worse.
        let passed_on = replica.journal().len();
        assert!(passed_on <= bytes.len(), "seed {seed}");
        replica.begin_anew();
        let again = replica.take(&good);
        again.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let journal = replica.journal();
        assert!(journal.ends_with(&good), "seed {seed}");
    }
    assert!(
        refused > 100 && carried_out > 100,
        "{refused}, {carried_out}"
    );
}

/// Commands that no stream holds, among them those that would make a client wait, subscribe or leave.
#[test]
fn whatever_is_asked_for_in_a_stream_the_replica_lives() {
    let names: Vec<&str> = table::all().map(|command| command.name).collect();
    let names: Vec<&str> = names
        .into_iter()
        // They end the process or let it sleep, as they should.
        .filter(|name| !["debug", "shutdown"].contains(name))
        .collect();
    let words = [
        "a", "b", "0", "1", "-1", "10", "*", "GET", "COUNT", "set", "list",
    ];
    for seed in inputs(3_000) {
        let (mut dice, mut replica) = (Dice::new(seed), Replica::new(seed));
        for _ in 0..40 {
            let mut bytes = Vec::new();
            let mut request = vec![dice.one_of(&names).as_bytes()];
            for _ in 0..dice.below(6) {
                request.push(dice.one_of(&words).as_bytes());
            }
            write_request(request.into_iter(), &mut bytes);
            if replica.take(&bytes).is_err() {
                replica.begin_anew();
            }
        }
        let alive = replica.take(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
        assert_eq!(alive, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_end_of_a_copy_is_found_or_not_but_nothing_is_invented() {
    for seed in inputs(3_000) {
        let mut dice = Dice::new(seed);
        let line = match dice.below(3) {
            0 => format!("$EOF:{}", "m".repeat(35 + dice.below(10))),
            1 => format!(
                "${}",
                dice.one_of(&["0", "7", "300", "-1", "18446744073709551615"])
            ),
            _ => String::from_utf8_lossy(&dice.word(b"$EOF:m0123456789", 60)).into_owned(),
        };
        let Some(end) = CopyEnd::announced(&line) else {
            continue;
        };
        let sent = dice.word(b"mx", 400);
        let (mut unread, mut copy) = (Vec::new(), Vec::new());
        let mut is_over = false;
        pieces(&sent, &mut dice, |piece| {
            unread.extend_from_slice(piece);
            let cut;
            (cut, is_over) = end.cut(&mut unread, copy.len() as u64);
            copy.extend(cut);
            !is_over
        });
        assert!(sent.starts_with(&copy), "seed {seed}: {line}");
        if let CopyEnd::Length(length) = end {
            assert!(copy.len() as u64 <= length, "seed {seed}: {line}");
            assert_eq!(
                is_over && !sent.is_empty(),
                copy.len() as u64 == length && !sent.is_empty(),
                "seed {seed}: {line}"
            );
        }
    }
}
