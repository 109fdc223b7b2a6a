//! What the bus counts: everything that it has carried, and everything that it has dropped, by reason.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A connection that does not begin as one of a node.
    Greeting,
    /// Of a version that we do not speak.
    Version,
    /// A frame that is too short or too long.
    Length,
    /// A kind of frames that we do not know.
    Kind,
    /// Not made with our secret for this connection.
    Tag,
    /// Seen already, or something before it is missing.
    Replay,
    /// The connection has ended within a frame.
    Truncated,
    /// From another cluster; the link stays.
    Cluster,
    /// Another node than the one that was to be there.
    Stranger,
    /// We ourselves.
    Itself,
    /// Nothing was heard for too long.
    Silence,
    /// More connections than may wait to show who they are.
    Crowd,
    /// More than may wait to be sent; the link stays.
    Queue,
    /// No link to whom it was to be sent.
    NoLink,
}

impl Fault {
    /// All of them, with what is wrong, for people.
    pub const ALL: [(Fault, &'static str); 14] = [
        (Fault::Greeting, "it does not speak as a node"),
        (Fault::Version, "it speaks a version that we do not know"),
        (Fault::Length, "a frame is too short or too long"),
        (Fault::Kind, "a frame is of a kind that we do not know"),
        (Fault::Tag, "a frame is not made with our secret"),
        (Fault::Replay, "a frame is not the next one"),
        (Fault::Truncated, "it has ended within a frame"),
        (Fault::Cluster, "a frame is from another cluster"),
        (
            Fault::Stranger,
            "it is another node than the one expected there",
        ),
        (Fault::Itself, "it is this node itself"),
        (Fault::Silence, "nothing was heard for too long"),
        (Fault::Crowd, "too many wait to show who they are"),
        (Fault::Queue, "too much waits to be sent"),
        (Fault::NoLink, "there is no link"),
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Fault::ALL.iter().find(|(fault, _)| fault == self);
        f.write_str(found.map_or("", |(_, text)| text))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct BusCounters {
    sent: AtomicU64,
    received: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
}

impl BusCounters {
    /// How often something was dropped for this reason.
    pub fn dropped(&self, fault: Fault) -> u64 {
        self.faults[fault as usize].load(Ordering::Relaxed)
    }

    /// Frames and their bytes that were sent, signs of life included.
    pub fn sent(&self) -> (u64, u64) {
        let bytes = self.sent_bytes.load(Ordering::Relaxed);
        (self.sent.load(Ordering::Relaxed), bytes)
    }

    /// Frames and the bytes of their bodies that were received and taken.
    pub fn received(&self) -> (u64, u64) {
        let bytes = self.received_bytes.load(Ordering::Relaxed);
        (self.received.load(Ordering::Relaxed), bytes)
    }

    pub(super) fn drop_for(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn send(&self, bytes: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn receive(&self, bytes: usize) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.received_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
