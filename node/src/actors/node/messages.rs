//! What the `NodeActor` is told.

use actix::Message;

/// Stop the node in order. Sent by signals and by SHUTDOWN.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Shutdown;
