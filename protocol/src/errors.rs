//! What makes a byte stream unreadable, in the words of Redis.

use std::fmt;

/// The client does not speak RESP: it is told once, then the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// `*` without a number, or with one that no request has.
    InvalidMultibulkLength,
    /// More arguments than authentication needs.
    UnauthenticatedMultibulkLength,
    /// A `*` line that does not end.
    TooBigMultibulkCount,
    /// Another byte where an argument begins.
    ExpectedDollar(u8),
    /// `$` without a number, with a negative one, or beyond `proto-max-bulk-len`.
    InvalidBulkLength,
    /// A longer argument than authentication needs.
    UnauthenticatedBulkLength,
    /// A `$` line that does not end.
    TooBigBulkCount,
    /// An inline request that does not end.
    TooBigInline,
    /// A quote of an inline request is never closed, or text follows it at once.
    UnbalancedQuotes,
    /// A line or an argument that does not end in CR LF.
    InvalidCrlf,
}

impl ProtocolError {
    /// The error reply, code word first, without dash and line end. [`crate::Reply::error`] makes a line of it.
    pub fn text(self) -> Vec<u8> {
        let mut text = [b"ERR Protocol error: ", self.reason().as_bytes()].concat();
        if let ProtocolError::ExpectedDollar(got) = self {
            text.extend_from_slice(&[got, b'\'']);
        }
        text
    }

    fn reason(self) -> &'static str {
        match self {
            ProtocolError::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolError::TooBigMultibulkCount => "too big mbulk count string",
            ProtocolError::ExpectedDollar(_) => "expected '$', got '",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::TooBigBulkCount => "too big bulk count string",
            ProtocolError::TooBigInline => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::InvalidCrlf => "invalid CRLF in request",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtocolError::ExpectedDollar(got) => {
                write!(f, "expected '$', got '{}'", got.escape_ascii())
            }
            other => f.write_str(other.reason()),
        }
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_redis() {
        let table: &[(ProtocolError, &[u8])] = &[
            (
                ProtocolError::InvalidMultibulkLength,
                b"invalid multibulk length",
            ),
            (
                ProtocolError::UnauthenticatedMultibulkLength,
                b"unauthenticated multibulk length",
            ),
            (
                ProtocolError::TooBigMultibulkCount,
                b"too big mbulk count string",
            ),
            (
                ProtocolError::ExpectedDollar(b'x'),
                b"expected '$', got 'x'",
            ),
            (
                ProtocolError::ExpectedDollar(0xff),
                b"expected '$', got '\xff'",
            ),
            (ProtocolError::InvalidBulkLength, b"invalid bulk length"),
            (
                ProtocolError::UnauthenticatedBulkLength,
                b"unauthenticated bulk length",
            ),
            (ProtocolError::TooBigBulkCount, b"too big bulk count string"),
            (ProtocolError::TooBigInline, b"too big inline request"),
            (
                ProtocolError::UnbalancedQuotes,
                b"unbalanced quotes in request",
            ),
            (ProtocolError::InvalidCrlf, b"invalid CRLF in request"),
        ];
        for (error, words) in table {
            assert_eq!(
                error.text(),
                [b"ERR Protocol error: ", *words].concat(),
                "{error}"
            );
        }
    }
}
