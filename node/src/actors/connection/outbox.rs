//! Bytes that the socket has not taken yet.

use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use super::socket::Socket;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Whether everything has left.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Gives up what waits.
    pub(super) fn clear(&mut self) {
        (self.bytes, self.sent) = (Vec::new(), 0);
    }

    /// Writes what the socket takes now and keeps the rest; false = the connection is broken.
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> bool {
        let mut written = 0;
        while self.is_empty() && written < bytes.len() {
            match socket.try_write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        if written < bytes.len() {
            self.bytes.extend_from_slice(&bytes[written..]);
        }
        true
    }

    /// Writes on; `task` is woken when the socket takes more.
    pub(super) fn flush(&mut self, socket: &mut Socket, task: &mut Context<'_>) -> io::Result<()> {
        while !self.is_empty() {
            match socket.poll_write(&self.bytes[self.sent..], task) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.sent += count,
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if !self.bytes.is_empty() {
            self.clear();
        }
        Ok(())
    }
}
