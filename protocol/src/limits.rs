//! Every bound on what a client may send, in one place.

/// Bounds of the request parser and of a connection's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest argument, bytes (`proto-max-bulk-len`).
    pub bulk: u64,
    /// Most arguments of one request.
    pub arguments: u64,
    /// Longest inline request or length line, bytes.
    pub line: usize,
    /// Whether the bounds are those of a client that has not authenticated: the errors say so.
    pub is_unauthenticated: bool,
}

impl Limits {
    /// Most bytes of replies that a client which has not authenticated may leave unread.
    pub const UNAUTHENTICATED_OUTPUT: u64 = 64 * 1024;
    /// Most bytes of a request that a client which has not authenticated may leave unfinished.
    pub const UNAUTHENTICATED_QUERY: usize = 1 << 20;

    /// The bounds before AUTH, as Redis 6.2.6 and later: ten arguments of 16 KiB.
    #[must_use]
    pub fn unauthenticated(self) -> Self {
        Limits {
            bulk: self.bulk.min(16384),
            arguments: self.arguments.min(10),
            is_unauthenticated: true,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bulk: 512 << 20,
            arguments: 1024 * 1024,
            line: 64 * 1024,
            is_unauthenticated: false,
        }
    }
}
