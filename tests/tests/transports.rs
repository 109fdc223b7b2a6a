//! Both ways to the clients, io_uring and epoll, under what strains them: each test here runs with either. Everything else is
//! tested with the one that the node chooses; `ALMANDINE_IO_URING=no cargo test -p almandine-tests` takes the other.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use almandine_tests::process::{self, Server, Start, StartError, TestNode};
use almandine_tests::resp::{Client, Value, encode_request, info_field};
use almandine_tests::sys;

const PATIENCE: Duration = Duration::from_secs(30);
const MEGABYTE: usize = 1 << 20;

/// Whether the kernel grants io_uring: asked once, and said if it does not.
fn has_io_uring() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let start = Start::new(Server::Almandine).args(["--io-uring", "yes"]);
        match start.run() {
            Ok(_) => true,
            Err(StartError::Ended { status, log }) => {
                assert!(log.contains("does not grant io_uring"), "{log}");
                assert_eq!(status.code(), Some(3));
                eprintln!("io_uring is not granted here: only epoll is tested");
                false
            }
            Err(other) => panic!("{other}"),
        }
    })
}

/// Plays `scene` with a node of each transport.
#[track_caller]
fn with_each(args: &[&str], mut scene: impl FnMut(&mut TestNode)) {
    for (wish, said) in [
        ("yes", "clients are served by io_uring"),
        ("no", "clients are served by epoll"),
    ] {
        if wish == "yes" && !has_io_uring() {
            continue;
        }
        let mut node = TestNode::start_with(&[&["--io-uring", wish], args].concat());
        assert!(node.log().contains(said), "{}", node.log());
        scene(&mut node);
    }
}

fn connect(node: &TestNode) -> TcpStream {
    let stream = TcpStream::connect(node.address()).expect("the node accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

fn info(control: &mut Client, field: &str) -> u64 {
    let info = control.line("INFO").expect("INFO").text().expect("text");
    info_field(&info, field)
        .and_then(|value| value.parse().ok())
        .expect("a number")
}

/// Nobody but `control` is connected, and the files of the others are closed.
#[track_caller]
fn is_alone(node: &TestNode, control: &mut Client, files: usize) {
    let alone = process::wait_until(PATIENCE, || info(control, "connected_clients") == 1);
    assert!(
        alone,
        "{}",
        control
            .line("CLIENT LIST")
            .expect("a list")
            .text()
            .unwrap_or_default()
    );
    let closed = process::wait_until(PATIENCE, || node.open_files() <= files);
    assert!(closed, "{} files, {files} before", node.open_files());
}

/// A client that means well, and the files that are open for it and the node itself.
fn control(node: &TestNode) -> (Client, usize) {
    let mut control = node.client();
    control.line("PING").expect("the node answers");
    // Every thread has begun, with what it needs, when it has answered.
    let mut others: Vec<Client> = (0..16).map(|_| node.client()).collect();
    for other in &mut others {
        other.line("PING").expect("the node answers");
    }
    (control, node.open_files() - others.len())
}

fn set(key: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&[b"SET".as_slice(), key.as_bytes(), value], &mut bytes);
    bytes
}

fn get(key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&["GET", key], &mut bytes);
    bytes
}

fn expect(stream: &mut impl Read, wanted: &[u8], what: &str) {
    let mut heard = vec![0; wanted.len()];
    stream
        .read_exact(&mut heard)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(heard == wanted, "{what}: another answer");
}

#[test]
fn values_of_every_size_come_back_however_they_are_cut() {
    with_each(&[], |node| {
        let mut stream = connect(node);
        stream.set_nodelay(true).expect("a socket");
        for size in [
            0,
            1,
            100,
            4_095,
            16_383,
            16_384,
            16_385,
            65_536,
            70_000,
            300_000,
            5 * MEGABYTE,
        ] {
            let value: Vec<u8> = (0..size).map(|i| (i * 7 + size) as u8).collect();
            for pieces in [1, 2, 7] {
                let request = set("k", &value);
                for piece in request.chunks(request.len() / pieces + 1) {
                    stream.write_all(piece).expect("the node reads");
                }
                expect(&mut stream, b"+OK\r\n", "SET");
            }
            stream
                .write_all(&get("k").repeat(3))
                .expect("the node reads");
            let reply = [format!("${size}\r\n").as_bytes(), &value, b"\r\n"].concat();
            for _ in 0..3 {
                expect(&mut stream, &reply, "GET");
            }
        }
    });
}

/// Who ends right after a request, in whatever way, is answered where possible, and forgotten. The node hears of the request
/// and of the end at once, for it is busy meanwhile.
#[test]
fn ends_that_come_with_the_last_request_are_seen() {
    with_each(&["--threads", "1"], |node| {
        let (mut control, files) = control(node);
        let mut crowd: Vec<TcpStream> = (0..300).map(|_| connect(node)).collect();
        for stream in &mut crowd {
            stream.write_all(b"PING\r\n").expect("the node reads");
            expect(stream, b"+PONG\r\n", "PING");
        }
        let slow = control.send(&["DEBUG", "SLEEP", "0.5"]);
        slow.expect("the node reads");
        let mut half_closed = Vec::new();
        for (number, mut stream) in crowd.into_iter().enumerate() {
            stream.write_all(b"PING\r\n*1\r\n").expect("the node reads");
            match number % 3 {
                0 => sys::reset_on_close(stream.as_fd()).expect("a socket"),
                1 => {
                    stream.shutdown(Shutdown::Write).expect("a socket");
                    half_closed.push(stream);
                }
                _ => {}
            }
        }
        assert_eq!(control.receive().expect("a reply"), Value::ok());
        for mut stream in half_closed {
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).expect("the node closes");
            assert_eq!(heard, b"+PONG\r\n");
        }
        is_alone(node, &mut control, files);
    });
}

#[test]
fn ends_of_unix_sockets_are_seen() {
    let dir = process::build::scratch_dir();
    with_each(
        &[
            "--unixsocket",
            dir.join("transports.sock").to_str().expect("a path"),
        ],
        |node| {
            let (mut control, files) = control(node);
            let path = dir.join("transports.sock");
            for round in 0..500 {
                let mut stream = UnixStream::connect(&path).expect("the node accepts");
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
                stream.write_all(b"PING\r\nPI").expect("the node reads");
                if round % 2 == 0 {
                    stream.shutdown(Shutdown::Write).expect("a socket");
                    let mut heard = Vec::new();
                    stream.read_to_end(&mut heard).expect("the node closes");
                    assert_eq!(heard, b"+PONG\r\n");
                }
            }
            is_alone(node, &mut control, files);
        },
    );
}

/// Far more bytes at once than there are buffers.
#[test]
fn a_crowd_that_sends_much_at_once_is_answered() {
    with_each(&[], |node| {
        let (mut control, files) = control(node);
        let value = vec![b'v'; 50_000];
        let mut crowd: Vec<TcpStream> = (0..400).map(|_| connect(node)).collect();
        for (number, stream) in crowd.iter_mut().enumerate() {
            let request = [set(&number.to_string(), &value), get(&number.to_string())].concat();
            stream.write_all(&request).expect("the node reads");
        }
        let reply = [b"+OK\r\n$50000\r\n".as_slice(), &value, b"\r\n"].concat();
        for stream in &mut crowd {
            expect(stream, &reply, "SET and GET");
        }
        drop(crowd);
        is_alone(node, &mut control, files);
    });
}

/// What a slow reader is to get waits for it, others are served meanwhile; who stops reading for good is closed at its limit.
#[test]
fn slow_readers_get_everything_and_those_who_do_not_read_are_closed() {
    with_each(&[], |node| {
        let (mut control, files) = control(node);
        let value = vec![b'x'; MEGABYTE];
        let mut slow = connect(node);
        slow.write_all(&set("megabyte", &value))
            .expect("the node reads");
        expect(&mut slow, b"+OK\r\n", "SET");
        slow.write_all(&get("megabyte").repeat(30))
            .expect("the node reads");
        let reply = [format!("${MEGABYTE}\r\n").as_bytes(), &value, b"\r\n"].concat();
        for _ in 0..30 {
            assert_eq!(
                control.line("PING").expect("others are served"),
                Value::Simple(b"PONG".to_vec())
            );
            expect(&mut slow, &reply, "GET");
        }
        // QUIT waits until all has left.
        slow.write_all(&[get("megabyte").repeat(10), b"QUIT\r\n".to_vec()].concat())
            .expect("the node reads");
        for _ in 0..10 {
            expect(&mut slow, &reply, "GET");
        }
        expect(&mut slow, b"+OK\r\n", "QUIT");
        assert_eq!(slow.read(&mut [0]).expect("the node closes"), 0);
        let limit = [
            "CONFIG",
            "SET",
            "client-output-buffer-limit",
            "normal 8mb 0 0",
        ];
        assert_eq!(control.call(&limit).expect("a reply"), Value::ok());
        let mut deaf = connect(node);
        deaf.write_all(&get("megabyte").repeat(100))
            .expect("the node reads");
        is_alone(node, &mut control, files);
    });
}

#[test]
fn killed_clients_are_gone_whatever_they_do() {
    with_each(&[], |node| {
        let (mut control, files) = control(node);
        let value = vec![b'x'; MEGABYTE];
        let (mut idle, mut blocked, mut deaf) = (connect(node), connect(node), connect(node));
        idle.write_all(b"PING\r\n").expect("the node reads");
        expect(&mut idle, b"+PONG\r\n", "PING");
        blocked
            .write_all(b"BLPOP nothing 0\r\n")
            .expect("the node reads");
        deaf.write_all(&set("megabyte", &value))
            .expect("the node reads");
        expect(&mut deaf, b"+OK\r\n", "SET");
        deaf.write_all(&get("megabyte").repeat(30))
            .expect("the node reads");
        let waits = process::wait_until(PATIENCE, || {
            let clients = control
                .line("CLIENT LIST")
                .expect("a list")
                .text()
                .unwrap_or_default();
            clients.contains("cmd=blpop") && clients.contains("cmd=get")
        });
        assert!(waits, "the clients are busy");
        let killed = control
            .line("CLIENT KILL TYPE normal SKIPME yes")
            .expect("a reply");
        assert_eq!(killed, Value::Integer(3));
        is_alone(node, &mut control, files);
        assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0);
    });
}
