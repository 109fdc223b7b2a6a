//! What a request costs to parse: `cargo bench -p almandine-protocol`.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use almandine_protocol::{Batch, Limits, Parser};

/// Requests of one pipeline.
const PIPELINE: usize = 64;
/// Pipelines of one measurement.
const ROUNDS: usize = 200_000;

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        wire.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        wire.extend_from_slice(word);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// The best of five, nanoseconds a request.
fn measure(pipeline: &[u8]) -> f64 {
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let limits = Limits::default();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS / 5 {
            let taken = parser.parse(black_box(pipeline), &limits, &mut batch);
            assert_eq!(taken, Ok(pipeline.len()));
            black_box(&batch);
        }
        let ns = start.elapsed().as_nanos() as f64;
        best = best.min(ns / (ROUNDS / 5 * PIPELINE) as f64);
    }
    best
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, words) in [
        ("PING", &[&b"PING"[..]][..]),
        ("GET, key of 16 bytes", &[b"GET", b"key:000000000012"]),
        (
            "SET, value of 16 bytes",
            &[b"SET", b"key:000000000012", b"xxxxxxxxxxxxxxxx"],
        ),
        (
            "SET, value of 200 bytes",
            &[b"SET", b"key:000000000012", &[b'x'; 200]],
        ),
        ("MGET, 10 keys", &[&b"key:000000000012"[..]; 11]),
    ] {
        let pipeline = request(words).repeat(PIPELINE);
        writeln!(out, "{name:24} {:6.1} ns", measure(&pipeline))?;
    }
    Ok(())
}
