//! A primary that sends garbage of every kind: the node says what was wrong with it, and lives.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use almandine_tests::contents::{Contents, write_file};
use almandine_tests::process::{TestNode, wait_until};
use almandine_tests::resp::Value;

use crate::stage::{PATIENCE, follow};

/// What it sends to whoever connects, whatever that one says, and what its replica says about it.
struct Case {
    sent: Vec<u8>,
    said: &'static str,
}

/// Answers to PING, and to REPLCONF twice.
const GREETING: &[u8] = b"+PONG\r\n+OK\r\n+OK\r\n";
const COPY: &[u8] = b"+FULLRESYNC 0123456789012345678901234567890123456789 1000\r\n";
const MARK: &[u8] = b"$EOF:mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm\r\n";

fn handshakes() -> Vec<Case> {
    let case = |sent: &[u8], said| Case {
        sent: sent.to_vec(),
        said,
    };
    let psync = |answer: &str, said| Case {
        sent: [GREETING, answer.as_bytes(), b"\r\n"].concat(),
        said,
    };
    vec![
        case(
            b"-ERR go away\r\n",
            "the primary is not ready: -ERR go away",
        ),
        case(b"\x00\xff\x80\r\n", r"\x00\xff\x80"),
        case(&[b'x'; 9000], "a line without an end"),
        case(b"", "Connection with master lost"),
        psync("+FULLRESYNC", "PSYNC: +FULLRESYNC"),
        psync("+FULLRESYNC nonsense 5", "PSYNC: +FULLRESYNC nonsense 5"),
        psync(
            "+FULLRESYNC 0123456789012345678901234567890123456789 18446744073709551615",
            "0123456789 18446744073709551615",
        ),
        psync("+CONTINUE zzz", "PSYNC: +CONTINUE zzz"),
        psync("$5\r\nhello", "PSYNC: $5"),
        psync("*-1", "PSYNC: *-1"),
    ]
}

fn copies() -> Vec<Case> {
    let copy = |parts: &[&[u8]], said| Case {
        sent: [GREETING, COPY, &parts.concat()].concat(),
        said,
    };
    let garbage = [0xa7; 5000];
    let good = write_file(&Contents::default(), &["#!lua name=x"]);
    let mut flipped = good.clone();
    flipped[good.len() - 4] ^= 1;
    let length = format!("${}\r\n", good.len()).into_bytes();
    let whole = "the data of the primary cannot be held";
    let lost = "Connection with master lost";
    vec![
        copy(&[b"$-5\r\n"], "the beginning of a copy: $-5"),
        copy(&[b"$EOF:short\r\n"], "the beginning of a copy: $EOF:short"),
        copy(
            &[b"$99999999999999999999\r\n"],
            "the beginning of a copy: $9999",
        ),
        copy(&[b"REDIS0011\r\n"], "the beginning of a copy: REDIS0011"),
        copy(&[b"$5000\r\n", &garbage], whole),
        copy(&[b"$0\r\n"], whole),
        copy(&[&length, &flipped], "checksum"),
        // A key of 2^63 bytes.
        copy(
            &[b"$24\r\nREDIS0010\x00\x81\x80\x00\x00\x00\x00\x00\x00\x00abcde"],
            whole,
        ),
        copy(&[b"$18446744073709551615\r\nREDIS0010"], lost),
        copy(&[MARK, &good, &garbage], lost),
        copy(&[MARK, &good[..good.len() - 1]], lost),
    ]
}

fn streams() -> Vec<Case> {
    let file = write_file(&Contents::default(), &[]);
    let stream = |bytes: &[u8], said| {
        let length = format!("${}\r\n", file.len()).into_bytes();
        Case {
            sent: [GREETING, COPY, &length, &file, bytes].concat(),
            said,
        }
    };
    let refused = "the data of the primary cannot be held";
    vec![
        stream(b"*1\r\n$-7\r\n", "bad bytes in the stream"),
        stream(b"*99999999999\r\n", "bad bytes in the stream"),
        stream(b"*2\r\n:5\r\n", "bad bytes in the stream"),
        stream(&[b'x'; 70_000], "bad bytes in the stream"),
        stream(b"*1\r\n$8\r\nNONSENSE\r\n", "unknown command"),
        stream(b"*1\r\n$3\r\nSET\r\n", "wrong number of arguments"),
        stream(
            b"*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n",
            "DB index is out of range",
        ),
        stream(
            b"*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$4\r\nabcd\r\n",
            refused,
        ),
        stream(b"*1\r\n$4000000000\r\nabc", "Connection with master lost"),
        stream(b"*2147483647\r\n$1\r\nx\r\n", "Connection with master lost"),
        stream(
            b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n",
            "Connection with master lost",
        ),
    ]
}

/// Sends every connection the script of the hour, and closes it when its end is read.
fn primary() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    let script = Arc::new(Mutex::new(Vec::new()));
    let told = script.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let script = told.lock().expect("nobody panics with it").clone();
            // The node may have heard enough before everything is written.
            let _ = stream.write_all(&script);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (address, script)
}

fn bears(cases: Vec<Case>, diskless: &str) {
    let (address, script) = primary();
    let mut node = TestNode::start_with(&["--repl-diskless-load", diskless]);
    node.announce_lost_links();
    node.announce("the primary cannot be followed");
    node.announce("a library of functions is not kept");
    let mut client = node.client();
    let before = node.resident_bytes();
    for (number, case) in cases.into_iter().enumerate() {
        let seen = node.log().len();
        *script.lock().expect("nobody panics with it") = case.sent;
        follow(&node, address);
        let is_said = wait_until(PATIENCE, || node.log()[seen..].contains(case.said));
        let log = node.log();
        assert!(is_said, "case {number}, '{}': {}", case.said, &log[seen..]);
        let alone = client.call(&["REPLICAOF", "NO", "ONE"]).expect("it lives");
        assert_eq!(alone, Value::ok(), "case {number}");
        let reply = client.call(&["SET", "k", "v"]).expect("it lives");
        assert_eq!(reply, Value::ok(), "case {number}");
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes");
}

#[test]
fn answers_that_are_none_are_said_and_lived_through() {
    bears(handshakes(), "disabled");
}

#[test]
fn copies_that_are_none_are_said_and_lived_through() {
    for diskless in ["disabled", "swapdb", "on-empty-db"] {
        bears(copies(), diskless);
    }
}

#[test]
fn streams_that_are_none_are_said_and_lived_through() {
    bears(streams(), "disabled");
}
