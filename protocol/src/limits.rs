//! Every bound on what a client may send, in one place.

/// Bounds of the request parser and of a connection's buffers. Memory grows with the bytes that have arrived, never with
/// a length that was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest argument, bytes (`proto-max-bulk-len`).
    pub bulk: u64,
    /// Most arguments of one request.
    pub arguments: usize,
    /// Longest inline request or length line without its end, bytes.
    pub line: usize,
    /// Most requests handed out at once.
    pub batch: usize,
    /// Whether the client has not authenticated: then the constants below hold too.
    pub is_unauthenticated: bool,
}

impl Limits {
    /// Most arguments of a request before AUTH.
    pub const UNAUTHENTICATED_ARGUMENTS: usize = 10;
    /// Longest argument before AUTH, bytes.
    pub const UNAUTHENTICATED_BULK: u64 = 16 * 1024;
    /// Most bytes of replies that a client which has not authenticated may leave unread.
    pub const UNAUTHENTICATED_OUTPUT: u64 = 64 * 1024;
    /// Most bytes of a request that a client which has not authenticated may leave unfinished.
    pub const UNAUTHENTICATED_QUERY: usize = 1 << 20;

    /// The bounds before AUTH. Requests come one by one, because AUTH changes the bounds of the next.
    #[must_use]
    pub fn unauthenticated(self) -> Self {
        Limits {
            batch: 1,
            is_unauthenticated: true,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bulk: 512 << 20,
            arguments: i32::MAX as usize,
            line: 64 * 1024,
            batch: 1024,
            is_unauthenticated: false,
        }
    }
}
