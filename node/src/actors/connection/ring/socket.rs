//! The socket of one connection as the connection sees it.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use super::super::remember;
use super::{OUT_MAX, Piece, Receive, Ring};

/// See the module. What it was given to send leaves even if it is dropped, as far as the peer reads it.
pub(in super::super) struct RingSocket {
    ring: Ring,
    number: u32,
}

impl RingSocket {
    pub(super) fn new(ring: Ring, number: u32) -> Self {
        RingSocket { ring, number }
    }

    /// What has come; an empty piece = the peer has closed.
    pub(in super::super) fn poll_read(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<Piece>> {
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        if let Some(piece) = slot.inbox.pop_front() {
            return Poll::Ready(Ok(piece));
        }
        if let Some(code) = slot.broken {
            return Poll::Ready(Err(io::Error::from_raw_os_error(code)));
        }
        match slot.end {
            Some(Ok(())) => return Poll::Ready(Ok(Piece::Own(Vec::new()))),
            Some(Err(code)) => return Poll::Ready(Err(io::Error::from_raw_os_error(code))),
            None => remember(&mut slot.waker, task),
        }
        slot.listens = true;
        if slot.receive == Receive::Off {
            state.mark(self.number);
        }
        Poll::Pending
    }

    /// Appends to `tail` at most `wants` bytes of what has come; 0 = the peer has closed.
    pub(in super::super) fn poll_read_into(
        &mut self,
        tail: &mut Vec<u8>,
        wants: usize,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_read(task).map_ok(|piece| {
            let count = piece.len().min(wants);
            tail.extend_from_slice(&piece[..count]);
            if count < piece.len() {
                let rest = Piece::Own(piece[count..].to_vec());
                let mut state = self.ring.0.borrow_mut();
                state.slot(self.number).inbox.push_front(rest);
            }
            count
        })
    }

    /// Takes some of `bytes` to send them with the others of this turn.
    ///
    /// # Errors
    /// `WouldBlock`: those before have not left; else the connection is broken.
    pub(in super::super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        if let Some(code) = slot.broken {
            return Err(io::Error::from_raw_os_error(code));
        }
        if slot.is_sending || slot.out.len() >= OUT_MAX {
            return Err(ErrorKind::WouldBlock.into());
        }
        if slot.out.capacity() == 0 {
            let spare = state.spare.pop().unwrap_or_default();
            state.slot(self.number).out = spare;
        }
        let slot = state.slot(self.number);
        let count = bytes.len().min(OUT_MAX - slot.out.len());
        slot.out.extend_from_slice(&bytes[..count]);
        state.mark(self.number);
        Ok(count)
    }

    /// As [`RingSocket::try_write`]; `task` is woken when there is room again.
    pub(in super::super) fn poll_write(
        &mut self,
        bytes: &[u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.await_room(task);
                Poll::Pending
            }
            outcome => Poll::Ready(outcome),
        }
    }

    /// Ready when the kernel has nothing more to do with the connection: its descriptor once more, and what has come and was
    /// not looked at.
    pub(in super::super) fn poll_leave(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<(OwnedFd, Vec<u8>)>> {
        if self.poll_drained(task).is_pending() {
            return Poll::Pending;
        }
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        slot.listens = false;
        if slot.receive == Receive::Off {
            let left = slot.fd.try_clone().map(|socket| {
                let pieces: Vec<Piece> = slot.inbox.drain(..).collect();
                (
                    socket,
                    pieces
                        .iter()
                        .flat_map(|piece| piece.iter().copied())
                        .collect(),
                )
            });
            return Poll::Ready(left);
        }
        remember(&mut slot.waker, task);
        state.mark(self.number);
        Poll::Pending
    }

    /// Ready when everything has left, or nothing more can.
    pub(in super::super) fn poll_drained(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        if slot.broken.is_some() || (slot.out.is_empty() && !slot.is_sending) {
            return Poll::Ready(());
        }
        drop(state);
        self.await_room(task);
        Poll::Pending
    }

    fn await_room(&self, task: &mut Context<'_>) {
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        slot.wants_to_send = true;
        remember(&mut slot.waker, task);
    }
}

impl Drop for RingSocket {
    fn drop(&mut self) {
        let mut state = self.ring.0.borrow_mut();
        let slot = state.slot(self.number);
        slot.is_left = true;
        slot.waker = None;
        slot.inbox.clear();
        state.mark(self.number);
    }
}
