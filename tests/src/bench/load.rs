//! A load generator: one thread, many connections, requests encoded beforehand, replies counted and not decoded.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::Failure;
use crate::sys::{self, Interest, Poll};

/// Requests of equal length one after the other, and what their replies look like.
pub(super) struct Requests {
    bytes: Vec<u8>,
    count: usize,
    reply: ReplyForm,
}

/// What every reply to a [`Requests`] looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplyForm {
    /// `+`, `:` or `$`.
    pub(super) first: u8,
    /// How many lines a reply has.
    pub(super) lines: usize,
}

impl Requests {
    /// Joins `count` requests that `encode` writes.
    ///
    /// # Panics
    /// If they are not of equal length.
    pub(super) fn encode(
        count: usize,
        reply: ReplyForm,
        mut encode: impl FnMut(&mut Vec<u8>),
    ) -> Requests {
        let mut bytes = Vec::new();
        for number in 1..=count {
            encode(&mut bytes);
            assert!(
                bytes.len() % number == 0,
                "requests of equal length have known places"
            );
        }
        Requests {
            bytes,
            count,
            reply,
        }
    }

    fn slice(&self, from: usize, count: usize) -> (usize, usize) {
        let length = self.bytes.len() / self.count;
        (from * length, (from + count) * length)
    }
}

/// How the load is applied.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections.
    pub clients: usize,
    /// Requests that a connection sends before it awaits their replies.
    pub pipeline: usize,
    /// Time before measuring begins.
    pub warm_up: Duration,
    /// Time that is measured.
    pub measured: Duration,
}

/// What a load showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) requests: u64,
    pub(super) elapsed: Duration,
    /// CPU time of the server.
    pub(super) server_cpu: Duration,
}

/// Applies `load` to the process `pid` that listens at `address`.
pub(super) fn apply(
    load: Load,
    requests: &Requests,
    address: SocketAddr,
    pid: u32,
) -> Result<Sample, Failure> {
    let mut generator = Generator::connect(load, requests, address)?;
    generator.run_for(load.warm_up)?;
    let mark = |done: u64| -> Result<Mark, Failure> {
        Ok(Mark {
            done,
            at: Instant::now(),
            server_cpu: sys::cpu_time(pid)?,
        })
    };
    let start = mark(generator.done)?;
    generator.run_for(load.measured)?;
    let end = mark(generator.done)?;
    generator.drain()?;
    Ok(Sample {
        requests: end.done - start.done,
        elapsed: end.at - start.at,
        server_cpu: end.server_cpu - start.server_cpu,
    })
}

struct Mark {
    done: u64,
    at: Instant,
    server_cpu: Duration,
}

/// How long replies that are still due may take in the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
const READ_SIZE: usize = 256 * 1024;

struct Generator<'a> {
    requests: &'a Requests,
    pipeline: usize,
    poll: Poll,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    ready: Vec<usize>,
    /// Replies received.
    done: u64,
    draining: bool,
}

struct Connection {
    stream: TcpStream,
    /// Number of the next request.
    next: usize,
    /// Bytes of the requests that the socket has not taken yet.
    unsent: (usize, usize),
    /// Lines that the replies to the last batch still have.
    lines_due: usize,
    waits_for_room: bool,
}

impl<'a> Generator<'a> {
    fn connect(
        load: Load,
        requests: &'a Requests,
        address: SocketAddr,
    ) -> Result<Generator<'a>, Failure> {
        assert!(
            requests.count >= load.pipeline,
            "enough requests for a batch"
        );
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..load.clients {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            poll.add(stream.as_fd(), number, Interest::Read)?;
            let share = requests.count / load.clients;
            connections.push(Connection {
                stream,
                next: (number * share).min(requests.count - load.pipeline),
                unsent: (0, 0),
                lines_due: 0,
                waits_for_room: false,
            });
        }
        let mut generator = Generator {
            requests,
            pipeline: load.pipeline,
            poll,
            connections,
            buffer: vec![0; READ_SIZE],
            ready: Vec::new(),
            done: 0,
            draining: false,
        };
        for number in 0..load.clients {
            generator.send_batch(number)?;
        }
        Ok(generator)
    }

    fn run_for(&mut self, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Failure> {
        self.draining = true;
        let end = Instant::now() + DRAIN_TIMEOUT;
        while self.connections.iter().any(|c| c.lines_due > 0) {
            if Instant::now() > end {
                return Err("the server owes replies".into());
            }
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Failure> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poll.wait(Duration::from_millis(100), &mut ready)?;
        for number in &ready {
            self.receive(*number)?;
            if self.connections[*number].waits_for_room {
                self.send(*number)?;
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn receive(&mut self, number: usize) -> Result<(), Failure> {
        let batch_lines = self.pipeline * self.requests.reply.lines;
        loop {
            let connection = &mut self.connections[number];
            let length = match connection.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let received = &self.buffer[..length];
            if connection.lines_due == batch_lines && received[0] != self.requests.reply.first {
                let reply = String::from_utf8_lossy(&received[..length.min(200)]);
                return Err(format!("an unexpected reply: {reply}").into());
            }
            let lines = memchr::memchr_iter(b'\n', received).count();
            let Some(due) = connection.lines_due.checked_sub(lines) else {
                return Err("more replies than requests".into());
            };
            connection.lines_due = due;
            if due == 0 {
                self.done += self.pipeline as u64;
                if self.draining {
                    return Ok(());
                }
                return self.send_batch(number);
            }
            if length < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn send_batch(&mut self, number: usize) -> Result<(), Failure> {
        let connection = &mut self.connections[number];
        if connection.next + self.pipeline > self.requests.count {
            connection.next = 0;
        }
        connection.unsent = self.requests.slice(connection.next, self.pipeline);
        connection.next += self.pipeline;
        connection.lines_due = self.pipeline * self.requests.reply.lines;
        self.send(number)
    }

    fn send(&mut self, number: usize) -> Result<(), Failure> {
        let connection = &mut self.connections[number];
        while connection.unsent.0 < connection.unsent.1 {
            let unsent = &self.requests.bytes[connection.unsent.0..connection.unsent.1];
            match connection.stream.write(unsent) {
                Ok(length) => connection.unsent.0 += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    connection.waits_for_room = true;
                    let socket = connection.stream.as_fd();
                    return Ok(self.poll.change(socket, number, Interest::ReadWrite)?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if connection.waits_for_room {
            connection.waits_for_room = false;
            let socket = connection.stream.as_fd();
            self.poll.change(socket, number, Interest::Read)?;
        }
        Ok(())
    }
}
