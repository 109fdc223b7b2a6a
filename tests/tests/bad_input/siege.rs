//! A node among hostile clients: what it holds before, meanwhile and afterwards.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use almandine_tests::process::{TestNode, wait_until};
use almandine_tests::resp::{Client, info_field};
use almandine_tests::sys;

use crate::authenticated;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const MB: u64 = 1 << 20;

/// Clients that come and go before the memory is measured: what the first of them leave behind is no leak.
const FIRST: usize = 200;

/// See the module.
pub(crate) struct Siege {
    pub(crate) node: TestNode,
    /// A client that means well.
    pub(crate) control: Client,
    before: u64,
}

impl Siege {
    /// A node with these arguments.
    pub(crate) fn lay(args: &[&str]) -> Siege {
        let mut node = TestNode::start_with(args);
        // A machine that permits fewer files: the crowds are smaller too.
        node.announce("maxclients has been reduced");
        let is_locked = args.contains(&"--requirepass");
        let control = if is_locked {
            authenticated(&node)
        } else {
            node.client()
        };
        let mut siege = Siege {
            node,
            control,
            before: 0,
        };
        let crowd: Vec<TcpStream> = (0..FIRST).map(|_| siege.connect()).collect();
        for mut stream in &crowd {
            stream.write_all(b"PING\r\n").expect("the node listens");
        }
        siege.ping();
        drop(crowd);
        siege.is_alone();
        siege.before = siege.node.resident_bytes();
        siege
    }

    /// A connection that says nothing yet.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.node.address()).expect("the node accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        stream
    }

    /// The client that means well is served.
    #[track_caller]
    pub(crate) fn ping(&mut self) {
        let reply = self
            .control
            .call(&["PING"])
            .expect("the node serves others");
        assert_eq!(reply.text().as_deref(), Some("PONG"));
    }

    /// A request of the client that means well, which is not refused.
    #[track_caller]
    pub(crate) fn order(&mut self, words: &[&str]) {
        let reply = self.control.call(words).expect("the node serves others");
        assert!(!reply.is_error(), "{words:?}: {reply:?}");
    }

    /// A number of INFO.
    pub(crate) fn info(&mut self, field: &str) -> u64 {
        let info = self
            .control
            .call(&["INFO"])
            .expect("INFO")
            .text()
            .unwrap_or_default();
        info_field(&info, field)
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("INFO has no {field}"))
    }

    /// Waits until nobody else is connected.
    #[track_caller]
    pub(crate) fn is_alone(&mut self) {
        let alone = wait_until(PATIENCE, || self.info("connected_clients") == 1);
        assert!(
            alone,
            "{} clients are still connected",
            self.info("connected_clients")
        );
    }

    /// Bytes that the process holds beyond those before.
    pub(crate) fn grown(&self) -> u64 {
        self.node.resident_bytes().saturating_sub(self.before)
    }

    /// The hostile clients are gone, the node serves, and it holds no more than `bound` bytes beyond those before.
    #[track_caller]
    pub(crate) fn is_lifted(&mut self, bound: u64) {
        self.is_alone();
        self.ping();
        let flat = wait_until(PATIENCE, || {
            self.ping();
            self.grown() <= bound
        });
        if std::env::var_os("HOSTILE_SHOW").is_some() {
            eprintln!(
                "{} KiB more than before, at most {}",
                self.grown() >> 10,
                bound >> 10
            );
        }
        assert!(
            flat,
            "{} KiB more than before, {} allowed",
            self.grown() >> 10,
            bound >> 10
        );
    }
}

/// Everything that comes until the server closes.
#[track_caller]
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}: the server does not close"),
    }
    heard
}

/// Sends until the server closes or everything is sent; whether it was all.
pub(crate) fn send_all(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    match stream.write_all(bytes) {
        Ok(()) => true,
        Err(error)
            if [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()) =>
        {
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Reads so many bytes and throws them away.
#[track_caller]
pub(crate) fn skip(stream: &mut TcpStream, bytes: usize) {
    let mut buffer = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let room = left.min(buffer.len());
        match stream
            .read(&mut buffer[..room])
            .expect("the server answers")
        {
            0 => panic!("the server has closed, {left} bytes are missing"),
            count => left -= count,
        }
    }
}

/// Ends a connection as a machine does that has lost its power and found it again.
pub(crate) fn reset(stream: TcpStream) {
    sys::reset_on_close(stream.as_fd()).expect("a socket");
    drop(stream);
}

pub(crate) fn request<A: AsRef<[u8]>>(words: &[A]) -> Vec<u8> {
    let mut bytes = Vec::new();
    almandine_tests::resp::encode_request(words, &mut bytes);
    bytes
}
