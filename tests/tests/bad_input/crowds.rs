//! Many clients that each want little, or much that they never pay for.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use almandine_tests::process::wait_until;
use almandine_tests::sys;

use crate::PASSWORD;
use crate::siege::{MB, PATIENCE, Siege, request, reset, rest, send_all, skip};

/// How many clients there are at a time, if the machine permits so many.
const CROWD: usize = 10_000;
/// Files that the process of the tests has open beside the sockets of a crowd.
const OTHER_FILES: u64 = 1_000;
const MANY_CLIENTS: &[&str] = &["--maxclients", "12000"];
/// Bytes that a client may cost beside what it has sent: its actor, its session, its entry in the list of clients.
const PER_CLIENT: u64 = 4 * 1024;
/// What may remain of a crowd: freed, but not yet given back by the allocator.
const REMAINS: u64 = 16 * MB;

/// One crowd at a time, or they would want more files than the machine permits.
fn crowd() -> (MutexGuard<'static, ()>, usize) {
    static ONE: Mutex<()> = Mutex::new(());
    static SIZE: OnceLock<usize> = OnceLock::new();
    let size = SIZE.get_or_init(|| {
        // The node inherits the limit.
        let permitted = sys::raise_open_files(CROWD as u64 + OTHER_FILES);
        let permitted = permitted.expect("the limit of open files can be asked for");
        let size = permitted.saturating_sub(OTHER_FILES).min(CROWD as u64) as usize;
        if size < CROWD {
            eprintln!(
                "{permitted} open files are permitted: crowds are {size} clients, not {CROWD}"
            );
        }
        size
    });
    (ONE.lock().unwrap_or_else(PoisonError::into_inner), *size)
}

/// A crowd of which everyone says `words` and then nothing more.
fn gather(siege: &Siege, size: usize, words: &[u8]) -> Vec<TcpStream> {
    let say = |_| {
        let mut stream = siege.connect();
        send_all(&mut stream, words);
        stream
    };
    (0..size).map(say).collect()
}

#[test]
fn half_open_requests_cost_what_has_arrived_and_not_what_is_announced() {
    let (_turn, size) = crowd();
    for (words, args) in [
        (&b"*1000000\r\n"[..], &[][..]),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nx", &[]),
        (b"SET k \"half", &[]),
        (b"*10\r\n$4\r\nAUTH\r\n$16384\r\nx", PASSWORD),
    ] {
        let mut siege = Siege::lay(&[MANY_CLIENTS, args].concat());
        let crowd = gather(&siege, size, words);
        let all = wait_until(PATIENCE, || {
            siege.info("connected_clients") == size as u64 + 1
        });
        assert!(
            all,
            "{} of {size} clients are connected",
            siege.info("connected_clients")
        );
        siege.ping();
        let each = siege.grown() / size as u64;
        if std::env::var_os("HOSTILE_SHOW").is_some() {
            eprintln!("{each} bytes for each of {size} clients");
        }
        assert!(
            each <= PER_CLIENT,
            "{each} bytes for each who says {:?}",
            words.escape_ascii().to_string()
        );
        drop(crowd);
        siege.is_lifted(REMAINS);
    }
}

#[test]
fn strangers_who_announce_much_are_sent_away() {
    let (_turn, size) = crowd();
    let mut siege = Siege::lay(&[MANY_CLIENTS, PASSWORD].concat());
    for (words, reason) in [
        (&b"*1000000\r\n"[..], "multibulk"),
        (b"*2\r\n$4\r\nAUTH\r\n$1000000\r\n", "bulk"),
    ] {
        let crowd = gather(&siege, size, words);
        siege.ping();
        for mut stream in crowd {
            let expected = format!("-ERR Protocol error: unauthenticated {reason} length\r\n");
            assert_eq!(String::from_utf8_lossy(&rest(&mut stream)), expected);
        }
        siege.is_lifted(REMAINS);
    }
}

/// `HOSTILE_CONNECTS` says how many there are, for longer runs.
#[test]
fn a_storm_of_connections_passes() {
    let (_turn, _) = crowd();
    let wanted =
        std::env::var("HOSTILE_CONNECTS").map_or(20_000, |text| text.parse().expect("a number"));
    let mut siege = Siege::lay(MANY_CLIENTS);
    let files = siege.node.open_files();
    for number in 0..wanted {
        let mut stream = siege.connect();
        match number % 4 {
            0 => {}
            1 => drop(send_all(&mut stream, b"*1\r\n$4\r\nPI")),
            2 => drop(send_all(&mut stream, b"PING\r\n")),
            _ => drop(send_all(&mut stream, b"*3\r\n$3\r\nSET\r\n")),
        }
        // A polite end would keep the port for a minute.
        reset(stream);
    }
    siege.is_lifted(REMAINS);
    assert!(wait_until(PATIENCE, || siege.node.open_files() <= files));
}

/// Twenty thousand leave no more than a thousand do: under io_uring many are served at a time, and the allocator keeps a part
/// of what they held. Any leak of what was sent would be 200 MB.
const REMAINS_OF_MANY: u64 = 48 * MB;

#[test]
fn resets_inside_a_bulk_leave_nothing() {
    let mut siege = Siege::lay(&[]);
    let files = siege.node.open_files();
    let half = [
        &b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n"[..],
        &[b'x'; 100_000],
    ]
    .concat();
    for _ in 0..2_000 {
        let mut stream = siege.connect();
        send_all(&mut stream, &half);
        reset(stream);
    }
    siege.is_lifted(REMAINS_OF_MANY);
    assert!(wait_until(PATIENCE, || siege.node.open_files() <= files));
}

#[test]
fn a_half_closed_connection_gets_its_answers_and_is_closed() {
    let mut siege = Siege::lay(&[]);
    let pings = b"*1\r\n$4\r\nPING\r\n".repeat(10_000);
    let pongs = "+PONG\r\n".repeat(10_000);
    for (sent, reply) in [
        (&b"PING\r\n"[..], "+PONG\r\n"),
        (b"PING\r\n*1\r\n$4\r\nPI", "+PONG\r\n"),
        (b"*1\r\n$4\r\nPI", ""),
        (b"", ""),
        (&pings, &pongs),
    ] {
        let mut stream = siege.connect();
        stream.write_all(sent).expect("the node listens");
        stream.shutdown(Shutdown::Write).expect("a socket");
        let heard = rest(&mut stream);
        assert!(
            heard == reply.as_bytes(),
            "{} bytes instead of {}",
            heard.len(),
            reply.len()
        );
    }
    siege.is_lifted(REMAINS);
}

/// Slow writers: half a request each, and bytes that come one by one.
#[test]
fn slow_writers_cost_what_they_have_sent() {
    const CLIENTS: usize = 500;
    const SENT: usize = 20_000;
    let mut siege = Siege::lay(&[]);
    let half = [
        &b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n"[..],
        &[b'x'; SENT],
    ]
    .concat();
    let crowd = gather(&siege, CLIENTS, &half);
    siege.ping();
    // Room for twice as much is made ahead, so that long arguments are not moved too often.
    let bound = CLIENTS as u64 * (3 * SENT as u64 + PER_CLIENT);
    assert!(siege.grown() <= bound, "{} KiB", siege.grown() >> 10);
    drop(crowd);
    siege.is_lifted(REMAINS);

    let slow = request(&["ECHO", &"x".repeat(100)]);
    let mut stream = siege.connect();
    for byte in &slow {
        stream.write_all(&[*byte]).expect("the node listens");
        siege.ping();
    }
    skip(&mut stream, b"$100\r\n".len() + 100 + 2);
}
