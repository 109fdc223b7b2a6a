//! The way to the clients that this node takes: io_uring where the kernel grants it, else epoll.

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
        let is_demanded = params.io_uring == IoUring::Yes;
        if params.io_uring == IoUring::No {
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
