//! How a parent learns that a child is gone: actix neither restarts nor reports a panic.

use actix::{Message, Recipient};

/// Which child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// The parameters.
    Config,
    /// The listening sockets.
    Listener,
    /// The subscriptions.
    PubSub,
    /// The keyspace.
    Shard,
    /// The files.
    Persistence,
    /// The state of the cluster.
    Vault,
    /// The links to other nodes of the cluster.
    Bus,
    /// Who is there.
    FailureDetector,
    /// The link with this number.
    BusLink(u64),
    /// The gate of a worker.
    Gate,
    /// The links to replicas and to the primary.
    Replication,
    /// The link to the primary.
    PrimaryLink,
    /// The link to the replica with this id.
    ReplicaLink(u64),
    /// The connection with this id.
    Connection(u64),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was told to, or had nothing left to do.
    Stopped,
    /// A bug.
    Panicked,
}

/// A child is gone. Sent by its [`Lifeline`], once per life.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ChildExited {
    /// Who.
    pub child: Child,
    /// How.
    pub exit: Exit,
}

/// Held by a child; tells the parent when it is dropped, also by a panic.
#[derive(Debug)]
pub struct Lifeline {
    child: Child,
    parent: Recipient<ChildExited>,
}

impl Lifeline {
    /// A line from `child` to `parent`.
    pub fn new(child: Child, parent: Recipient<ChildExited>) -> Self {
        Lifeline { child, parent }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let exit = if std::thread::panicking() {
            Exit::Panicked
        } else {
            Exit::Stopped
        };
        self.parent.do_send(ChildExited {
            child: self.child,
            exit,
        });
    }
}
