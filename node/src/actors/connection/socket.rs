//! A TCP or unix socket, served by epoll or, where the thread has a ring, by io_uring.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::ring::{self, Piece, RingSocket};

/// Most that one read appends, bytes: others wait meanwhile.
const READ_MAX: u64 = 256 * 1024;

/// See the module.
pub struct Socket(Way);

enum Way {
    Tcp(TcpStream),
    Unix(UnixStream),
    Ring(RingSocket),
}

/// Bytes that a read has brought.
pub(super) enum Bytes<'a> {
    /// In the memory that was offered.
    Room(&'a [u8]),
    /// In a buffer of the ring.
    Piece(Piece),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Room(bytes) => bytes,
            Bytes::Piece(piece) => piece,
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0 {
            Way::Tcp(_) => "tcp",
            Way::Unix(_) => "unix",
            Way::Ring(_) => "ring",
        })
    }
}

impl Socket {
    /// TCP, with TCP_NODELAY set; served by this thread.
    ///
    /// # Errors
    /// The thread has no event loop, or no room in it.
    pub fn tcp(stream: std::net::TcpStream) -> io::Result<Self> {
        Ok(Socket(match ring::here() {
            Some(ring) => Way::Ring(ring.adopt(stream.into())),
            None => Way::Tcp(TcpStream::from_std(stream)?),
        }))
    }

    /// A unix socket, served by this thread.
    ///
    /// # Errors
    /// As above.
    pub fn unix(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        Ok(Socket(match ring::here() {
            Some(ring) => Way::Ring(ring.adopt(stream.into())),
            None => Way::Unix(UnixStream::from_std(stream)?),
        }))
    }

    /// Reads, into `room` if need be; nothing = the peer has closed.
    pub(super) fn poll_read<'a>(
        &mut self,
        room: &'a mut [u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes<'a>>> {
        let mut buffer = ReadBuf::new(room);
        let outcome = match &mut self.0 {
            Way::Tcp(stream) => Pin::new(stream).poll_read(task, &mut buffer),
            Way::Unix(stream) => Pin::new(stream).poll_read(task, &mut buffer),
            Way::Ring(socket) => return socket.poll_read(task).map_ok(Bytes::Piece),
        };
        let count = buffer.filled().len();
        outcome.map_ok(|()| Bytes::Room(&room[..count]))
    }

    /// Appends to `tail`; `wants` = bytes that the request at hand still lacks. 0 = the peer has closed.
    pub(super) fn read_into(
        &mut self,
        tail: &mut Vec<u8>,
        wants: usize,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let most = READ_MAX.min(wants as u64);
        match &mut self.0 {
            Way::Tcp(stream) => {
                tail.reserve(wants);
                pin!(stream.take(most).read_buf(tail)).poll(task)
            }
            Way::Unix(stream) => {
                tail.reserve(wants);
                pin!(stream.take(most).read_buf(tail)).poll(task)
            }
            Way::Ring(socket) => socket.poll_read_into(tail, wants, task),
        }
    }

    /// The same connection for another thread, and what has come of it and was not read.
    pub(super) fn poll_leave(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<(OwnedFd, Vec<u8>)>> {
        let socket = match &mut self.0 {
            Way::Tcp(stream) => stream.as_fd().try_clone_to_owned(),
            Way::Unix(stream) => stream.as_fd().try_clone_to_owned(),
            Way::Ring(socket) => return socket.poll_leave(task),
        };
        Poll::Ready(socket.map(|socket| (socket, Vec::new())))
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Way::Tcp(stream) => stream.try_write(bytes),
            Way::Unix(stream) => stream.try_write(bytes),
            Way::Ring(socket) => socket.try_write(bytes),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        bytes: &[u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Way::Tcp(stream) => Pin::new(stream).poll_write(task, bytes),
            Way::Unix(stream) => Pin::new(stream).poll_write(task, bytes),
            Way::Ring(socket) => socket.poll_write(bytes, task),
        }
    }

    /// Ready when the system has everything that was written.
    pub(super) fn poll_drained(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Way::Tcp(_) | Way::Unix(_) => Poll::Ready(()),
            Way::Ring(socket) => socket.poll_drained(task),
        }
    }
}
