//! What a `GateActor` is told.

use actix::Message;

/// A watermark of the journal has moved, or what replies wait for has changed. Sent by
/// [`Gates::tell`](super::Gates::tell) to whom it concerns.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Advanced;
