//! What the `ConfigActor` is told.

use actix::Message;

/// CONFIG SET has published new values of these parameters. Sent by the shard that ran it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ParametersChanged(pub Vec<String>);
