//! Whether the kernel grants what the ring needs. Containers often forbid it, and kernels before 6.1 lack a part of it.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::queues::{Done, Queues};

/// Rounds in which bytes must have made their way from one end of a socket to the other.
const ROUNDS: usize = 100;

/// Receives and sends a few bytes.
///
/// # Errors
/// What the kernel has refused.
pub fn probe() -> io::Result<()> {
    let mut queues = Queues::new()?;
    let (mut near, far) = UnixStream::pair()?;
    queues.receive(0, far.as_fd());
    queues.enter()?;
    near.write_all(b"there")?;
    queues.send(1, far.as_fd(), b"back".to_vec(), 0, true);
    let (mut done, mut received, mut sent) = (Vec::new(), false, false);
    for _ in 0..ROUNDS {
        queues.enter()?;
        queues.reap(&mut done);
        for done in done.drain(..) {
            match done {
                Done::HungUp { .. } => {}
                Done::Received { outcome, .. } => {
                    received = outcome?.is_some_and(|bytes| bytes[..] == *b"there");
                }
                Done::Sent { outcome, .. } => sent = outcome? == 4,
            }
        }
        if received && sent {
            return Ok(());
        }
    }
    Err(ErrorKind::Unsupported.into())
}
