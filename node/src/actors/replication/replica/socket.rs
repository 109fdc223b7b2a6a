//! The connection of a replica, moved to the thread of the links.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

/// See the module.
#[derive(Debug)]
pub(super) enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// The connection behind `fd`.
    pub(super) fn open(fd: OwnedFd, is_unix: bool) -> io::Result<Self> {
        if is_unix {
            let stream = std::os::unix::net::UnixStream::from(fd);
            stream.set_nonblocking(true)?;
            return UnixStream::from_std(stream).map(Socket::Unix);
        }
        let stream = std::net::TcpStream::from(fd);
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream).map(Socket::Tcp)
    }

    /// Waits until there is something to read or, where that is wanted, something can be written.
    pub(super) async fn ready(&mut self, writes: bool) -> io::Result<Ready> {
        let interest = match writes {
            true => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        match self {
            Socket::Tcp(stream) => stream.ready(interest).await,
            Socket::Unix(stream) => stream.ready(interest).await,
        }
    }

    /// Reads what is there now.
    pub(super) fn try_read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_read_buf(into),
            Socket::Unix(stream) => stream.try_read_buf(into),
        }
    }

    /// Writes what the socket takes now.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_write(bytes),
            Socket::Unix(stream) => stream.try_write(bytes),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
        }
    }
}
