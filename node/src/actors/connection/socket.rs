//! A TCP or unix socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Most that one read appends, bytes: others wait meanwhile.
const READ_MAX: u64 = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub enum Socket {
    /// TCP, with TCP_NODELAY set.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Reads into the beginning of `buffer`; 0 = the peer has closed.
    pub(super) fn poll_read(
        &mut self,
        buffer: &mut [u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let outcome = match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(task, &mut buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(task, &mut buffer),
        };
        outcome.map_ok(|()| buffer.filled().len())
    }

    /// Appends to `tail`; `wants` = bytes that the request at hand still lacks.
    pub(super) fn read_into(
        &mut self,
        tail: &mut Vec<u8>,
        wants: usize,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        tail.reserve(wants);
        let most = READ_MAX.min(wants as u64);
        match self {
            Socket::Tcp(stream) => pin!(stream.take(most).read_buf(tail)).poll(task),
            Socket::Unix(stream) => pin!(stream.take(most).read_buf(tail)).poll(task),
        }
    }

    /// The same connection once more.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Socket::Tcp(stream) => stream.as_fd().try_clone_to_owned(),
            Socket::Unix(stream) => stream.as_fd().try_clone_to_owned(),
        }
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_write(bytes),
            Socket::Unix(stream) => stream.try_write(bytes),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        bytes: &[u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(task, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(task, bytes),
        }
    }
}
