//! The way to the clients that this node takes: io_uring where the kernel grants it, else epoll.

use std::io;

use actix::System;
use tracing::{error, info, warn};

use super::super::connection::{probe, start_ring};
use crate::params::{IoUring, Params};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Asks which sockets are ready, then reads and writes each.
    Epoll,
    /// Asks the kernel to read and write.
    Ring {
        /// A thread that is refused a ring may not serve without.
        is_demanded: bool,
    },
}

impl Transport {
    /// As `io-uring` says.
    ///
    /// # Errors
    /// It is demanded, and the kernel refuses.
    pub fn choose(params: &Params) -> Result<Self, String> {
        Transport::choose_by(params.io_uring, probe)
    }

    fn choose_by<P: FnOnce() -> io::Result<()>>(wish: IoUring, probe: P) -> Result<Self, String> {
        let is_demanded = wish == IoUring::Yes;
        if wish == IoUring::No {
            info!("clients are served by epoll");
            return Ok(Transport::Epoll);
        }
        match probe() {
            Ok(()) => {
                info!("clients are served by io_uring");
                Ok(Transport::Ring { is_demanded })
            }
            Err(error) if is_demanded => Err(format!(
                "The kernel does not grant io_uring ({error}), which --io-uring yes demands; --io-uring auto does without"
            )),
            Err(error) => {
                info!("clients are served by epoll: the kernel does not grant io_uring ({error})");
                Ok(Transport::Epoll)
            }
        }
    }

    /// Makes ready the current thread, which is to carry connections.
    pub(super) fn start_here(self) {
        let Transport::Ring { is_demanded } = self else {
            return;
        };
        match start_ring() {
            Ok(()) => {}
            Err(error) if is_demanded => {
                error!(%error, "a thread gets no io_uring, which --io-uring yes demands");
                System::current().stop_with_code(1);
            }
            Err(error) => warn!(%error, "a thread gets no io_uring and serves by epoll"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_decides_unless_it_is_told() {
        type Probe = fn() -> io::Result<()>;
        let granted: Probe = || Ok(());
        let refused: Probe = || Err(io::ErrorKind::PermissionDenied.into());
        let choose = Transport::choose_by::<Probe>;
        let ring = |is_demanded| Ok(Transport::Ring { is_demanded });
        assert_eq!(choose(IoUring::Auto, granted), ring(false));
        assert_eq!(choose(IoUring::Yes, granted), ring(true));
        assert_eq!(choose(IoUring::No, granted), Ok(Transport::Epoll));
        assert_eq!(choose(IoUring::Auto, refused), Ok(Transport::Epoll));
        assert_eq!(choose(IoUring::No, refused), Ok(Transport::Epoll));
        let reason = choose(IoUring::Yes, refused).expect_err("it is demanded");
        assert_eq!(
            reason,
            "The kernel does not grant io_uring (permission denied), which --io-uring yes demands; --io-uring auto does without"
        );
    }
}
