//! What the `PubSubActor` is told.

use actix::Message;

use crate::pubsub::Kind;

/// Hand a message to all listeners of this node; answers how many. Sent by whoever is not on the shard's thread.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct Publish {
    /// Channel or shard channel.
    pub kind: Kind,
    /// Where.
    pub channel: Vec<u8>,
    /// What.
    pub message: Vec<u8>,
}
