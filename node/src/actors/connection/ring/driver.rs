//! Moves the ring on: woken by the kernel's event and by connections with something to ask for, and behind them, so that
//! what all of them ask for is handed over in one call.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::unix::AsyncFd;
use tracing::error;

use super::super::remember;
use super::Ring;

/// See the module.
pub(super) struct Driver {
    ring: Ring,
    event: AsyncFd<OwnedFd>,
}

impl Driver {
    /// Drives `ring`, whose news `event` tells.
    pub(super) fn new(ring: Ring, event: AsyncFd<OwnedFd>) -> Self {
        Driver { ring, event }
    }

    /// The event is never read: each signal is an edge of its own, and only edges count here.
    fn hear(&self, task: &mut Context<'_>) {
        while let Poll::Ready(Ok(mut event)) = self.event.poll_read_ready(task) {
            event.clear_ready();
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        // Before the turn, or news that comes meanwhile would be missed.
        self.hear(task);
        let mut state = self.ring.0.borrow_mut();
        remember(&mut state.driver, task);
        let waker = task.waker();
        match state.turn() {
            Ok(has_woken) => {
                if has_woken || state.queues.is_busy() || !state.dirty.is_empty() {
                    waker.wake_by_ref();
                }
            }
            Err(error) if may_pass(&error) => waker.wake_by_ref(),
            Err(error) => {
                error!(%error, "io_uring has failed, no client can be served: the node stops");
                std::process::exit(1);
            }
        }
        Poll::Pending
    }
}

fn may_pass(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::EAGAIN | libc::EBUSY | libc::ENOMEM)
    )
}
