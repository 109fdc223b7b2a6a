//! Bytes that the socket has not taken yet.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::task::{Context, Poll};

use almandine_storage::Shared;

use super::go_on_after_others;
use super::socket::Socket;

/// Small replies share chunks of this size.
const CHUNK: usize = 16 * 1024;
/// Most that a connection writes before others get their turn, bytes.
const WRITE_MAX: usize = 1 << 20;

/// Bytes on their way, held by whoever sends them.
#[derive(Debug)]
pub(super) enum Chunk {
    /// By him alone.
    Own(Vec<u8>),
    /// By him and the key whose value they are.
    Shared(Shared),
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Chunk::Own(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }
}

/// See the module. In chunks, so that a reader who is always behind, but never by much, costs what waits for it and not what
/// it has read.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that have left.
    sent: usize,
    waiting: usize,
}

impl Outbox {
    /// Whether everything has left.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Gives up what waits.
    pub(super) fn clear(&mut self) {
        *self = Outbox::default();
    }

    /// Takes what waits.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let Outbox { chunks, sent, .. } = std::mem::take(self);
        let bytes = chunks.iter().flat_map(|chunk| chunk.iter().copied());
        bytes.skip(sent).collect()
    }

    /// Writes what the socket takes now and keeps the rest; false = the connection is broken.
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> bool {
        let written = self.write(socket, bytes);
        self.keep(&bytes[written.unwrap_or(0)..]);
        written.is_some()
    }

    /// As [`Outbox::send`], without a copy.
    pub(super) fn send_chunk(&mut self, socket: &Socket, chunk: Chunk) -> bool {
        let written = self.write(socket, &chunk);
        let left = chunk.len() - written.unwrap_or(0);
        if left > 0 {
            if self.chunks.is_empty() {
                self.sent = chunk.len() - left;
            }
            self.waiting += left;
            self.chunks.push_back(chunk);
        }
        written.is_some()
    }

    /// Writes what the socket takes now if nothing waits before it; none = the connection is broken.
    fn write(&self, socket: &Socket, bytes: &[u8]) -> Option<usize> {
        let mut written = 0;
        while self.is_empty() && written < bytes.len().min(WRITE_MAX) {
            match socket.try_write(&bytes[written..bytes.len().min(written + WRITE_MAX)]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return None,
            }
        }
        Some(written)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.waiting += bytes.len();
        match self.chunks.back_mut() {
            Some(Chunk::Own(last)) if last.capacity() - last.len() >= bytes.len() => {
                last.extend_from_slice(bytes);
            }
            _ => {
                let mut chunk = Vec::with_capacity(bytes.len().max(CHUNK));
                chunk.extend_from_slice(bytes);
                self.chunks.push_back(Chunk::Own(chunk));
            }
        }
    }

    /// Writes on; `task` is woken when the socket takes more, or has taken so much that others get their turn first.
    pub(super) fn flush(&mut self, socket: &mut Socket, task: &mut Context<'_>) -> io::Result<()> {
        let mut written = 0;
        while let Some(chunk) = self.chunks.front() {
            if written >= WRITE_MAX {
                go_on_after_others(task);
                break;
            }
            let end = chunk.len().min(self.sent + WRITE_MAX);
            match socket.poll_write(&chunk[self.sent..end], task) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    written += count;
                    self.forget(count);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// So many bytes of the first chunk have left.
    fn forget(&mut self, count: usize) {
        self.sent += count;
        self.waiting -= count;
        if self
            .chunks
            .front()
            .is_some_and(|chunk| chunk.len() == self.sent)
        {
            self.chunks.pop_front();
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_held_and_nothing_else() {
        let mut outbox = Outbox::default();
        for number in 0..100_u8 {
            outbox.keep(&[number; 1000]);
        }
        assert_eq!(outbox.len(), 100_000);
        assert!(outbox.chunks.len() <= 100_000 / (CHUNK - 1000) + 1);
        let mut heard = Vec::new();
        while !outbox.is_empty() {
            let chunk = &outbox.chunks[0][outbox.sent..];
            let count = chunk.len().min(777);
            heard.extend_from_slice(&chunk[..count]);
            outbox.forget(count);
            outbox.keep(&[]);
        }
        assert!((0..100_000).all(|i| heard[i] == (i / 1000) as u8));
        assert!(outbox.chunks.is_empty());
        outbox.keep(&vec![1; CHUNK * 10]);
        outbox.keep(&[2]);
        assert_eq!((outbox.len(), outbox.chunks.len()), (CHUNK * 10 + 1, 2));
        outbox.clear();
        assert!(outbox.is_empty());
    }
}
