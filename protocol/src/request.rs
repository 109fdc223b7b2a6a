//! Requests off the wire: arrays of bulk strings and inline lines, parsed in place.
//!
//! [`Parser::parse`] takes everything that has been read, puts the complete requests into a [`Batch`] as ranges of the
//! read buffer, and remembers how far it came in the half-read one, so that no byte is looked at twice. The bytes of a
//! half-read request are presented again from its first byte. Sources: the RESP specification; the limits and error texts
//! of Redis 7.4.

use std::fmt;

use crate::limits::Limits;
use crate::number::parse_i64;

/// A range of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One request of a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSpan {
    /// Its first span.
    pub first: u32,
    /// Its number of arguments, the command's name included; at least 1.
    pub count: u32,
    /// One past its last byte in the read buffer.
    pub end: u32,
    /// Whether the spans cut the batch's own buffer: an inline request whose quotes were taken away.
    pub is_unquoted: bool,
}

/// The complete requests of a read. Cleared and used again, so it stops allocating.
#[derive(Debug, Default)]
pub struct Batch {
    /// The requests in order.
    pub requests: Vec<RequestSpan>,
    spans: Vec<Span>,
    unquoted: Vec<u8>,
}

/// Where a half-read request stands.
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of it that are understood.
    position: usize,
    /// Arguments that are still to come; 0 = between two requests.
    missing: u64,
    /// Length of the argument whose header is read.
    bulk: Option<usize>,
    /// The arguments read so far, from the beginning of the request.
    spans: Vec<Span>,
}

/// Bytes that are no request. The connection answers `-ERR <text>` and closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtocolError {
    /// `*` without a sensible number.
    InvalidMultibulkLength,
    /// `$` without a sensible number.
    InvalidBulkLength,
    /// Something else where `$` must be.
    ExpectedDollar(u8),
    /// A line without an end.
    TooBigInline,
    /// A `*` line without an end.
    TooBigMultibulkCount,
    /// A `$` line without an end.
    TooBigBulkCount,
    /// An inline request with an open quote.
    UnbalancedQuotes,
    /// Too many arguments before AUTH.
    UnauthenticatedMultibulk,
    /// Too long an argument before AUTH.
    UnauthenticatedBulk,
}

/// Most requests of one batch.
const BATCH_MAX: usize = 1024;

impl Span {
    /// The same range of a buffer that begins `by` bytes earlier (modulo 2^32).
    fn moved(self, by: u32) -> Span {
        Span {
            start: self.start.wrapping_add(by),
            end: self.end.wrapping_add(by),
        }
    }
}

impl Batch {
    /// Forgets the requests and keeps the memory.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.spans.clear();
        self.unquoted.clear();
        if self.spans.capacity() > 1 << 16 || self.unquoted.capacity() > 1 << 16 {
            *self = Batch::default();
        }
    }

    /// The arguments of request `i`: a buffer and the ranges to cut from it. `buffer` is the one that was parsed.
    #[inline]
    pub fn slices<'a>(&'a self, buffer: &'a [u8], i: usize) -> (&'a [u8], &'a [Span]) {
        let request = self.requests[i];
        let first = request.first as usize;
        let spans = &self.spans[first..first + request.count as usize];
        (
            if request.is_unquoted {
                &self.unquoted
            } else {
                buffer
            },
            spans,
        )
    }
}

impl Parser {
    /// Parses the complete requests at the beginning of `buffer` (at most 1,024) into `batch` and returns the bytes they
    /// take; empty requests are skipped. What follows must be presented again, from there, with more bytes behind it.
    ///
    /// # Errors
    /// The first bytes that are no request; the requests before them are in the batch.
    pub fn parse(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<usize, ProtocolError> {
        let mut start = 0;
        while batch.requests.len() < BATCH_MAX && start < buffer.len() {
            let is_array = self.missing > 0 || buffer[start] == b'*';
            let end = if is_array {
                self.array(buffer, start, limits, batch)?
            } else {
                self.inline(buffer, start, limits, batch)?
            };
            let Some(end) = end else { break };
            start = end;
            self.position = 0;
        }
        Ok(start)
    }

    /// Bytes of the argument at hand that have not arrived; for sizing the next read.
    pub fn wants(&self) -> Option<usize> {
        self.bulk.map(|length| length + 2)
    }

    /// Forgets a half-read request: its bytes will be presented again as new ones.
    pub fn reset(&mut self) {
        (self.position, self.missing, self.bulk) = (0, 0, None);
        self.spans.clear();
    }

    /// Reads on in the array that begins at `start`; its end, or none if bytes are missing.
    fn array(
        &mut self,
        buffer: &[u8],
        start: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.missing == 0 {
            let Some((count, after)) = multibulk(buffer, start, limits)? else {
                return Ok(None);
            };
            if count <= 0 {
                return Ok(Some(after));
            }
            self.position = after - start;
            self.missing = count as u64;
        }
        let first = batch.spans.len();
        let shift = start as u32;
        batch
            .spans
            .extend(self.spans.drain(..).map(|span| span.moved(shift)));
        let mut at = start + self.position;
        while self.missing > 0 {
            let length = match self.bulk {
                Some(length) => length,
                None => {
                    let Some((length, after)) =
                        bulk(buffer, at, limits).inspect_err(|_| batch.spans.truncate(first))?
                    else {
                        break;
                    };
                    (at, self.bulk) = (after, Some(length));
                    length
                }
            };
            if buffer.len() - at < length + 2 {
                break;
            }
            batch.spans.push(Span {
                start: at as u32,
                end: (at + length) as u32,
            });
            at += length + 2;
            self.bulk = None;
            self.missing -= 1;
        }
        self.position = at - start;
        if self.missing > 0 {
            self.spans.extend(
                batch
                    .spans
                    .drain(first..)
                    .map(|span| span.moved(shift.wrapping_neg())),
            );
            return Ok(None);
        }
        let count = batch.spans.len() - first;
        batch.requests.push(RequestSpan {
            first: first as u32,
            count: count as u32,
            end: at as u32,
            is_unquoted: false,
        });
        Ok(Some(at))
    }

    /// A line of words, as typed into a terminal.
    fn inline(
        &mut self,
        buffer: &[u8],
        start: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(length) = memchr::memchr(b'\n', &buffer[start + self.position..]) else {
            self.position = buffer.len() - start;
            return if self.position > limits.line {
                Err(ProtocolError::TooBigInline)
            } else {
                Ok(None)
            };
        };
        let newline = start + self.position + length;
        let line = &buffer[start..newline];
        if line.len() > limits.line {
            return Err(ProtocolError::TooBigInline);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let first = batch.spans.len();
        if !split_words(line, &mut batch.unquoted, &mut batch.spans) {
            batch.spans.truncate(first);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        let count = batch.spans.len() - first;
        if count > 0 {
            let end = newline as u32 + 1;
            batch.requests.push(RequestSpan {
                first: first as u32,
                count: count as u32,
                end,
                is_unquoted: true,
            });
        }
        Ok(Some(newline + 1))
    }
}

/// `*<count>\r\n` at `at`: the count and where it ends.
#[inline]
fn multibulk(
    buffer: &[u8],
    at: usize,
    limits: &Limits,
) -> Result<Option<(i64, usize)>, ProtocolError> {
    if let [b'*', digit @ b'1'..=b'9', b'\r', b'\n', ..] = buffer[at..] {
        return Ok(Some((i64::from(digit - b'0'), at + 4)));
    }
    let Some((line, after)) = header(buffer, at + 1, limits, ProtocolError::TooBigMultibulkCount)?
    else {
        return Ok(None);
    };
    match parse_i64(line) {
        Some(count) if count <= i64::from(i32::MAX) && count <= (1 << 20) => {
            if count > 0 && count as u64 > limits.arguments {
                return Err(if limits.is_unauthenticated {
                    ProtocolError::UnauthenticatedMultibulk
                } else {
                    ProtocolError::InvalidMultibulkLength
                });
            }
            Ok(Some((count, after)))
        }
        _ => Err(ProtocolError::InvalidMultibulkLength),
    }
}

/// `$<length>\r\n` at `at`: the length and where it ends.
#[inline]
fn bulk(
    buffer: &[u8],
    at: usize,
    limits: &Limits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    match buffer[at..] {
        [b'$', digit @ b'0'..=b'9', b'\r', b'\n', ..] => {
            return Ok(Some((usize::from(digit - b'0'), at + 4)));
        }
        [
            b'$',
            tens @ b'1'..=b'9',
            ones @ b'0'..=b'9',
            b'\r',
            b'\n',
            ..,
        ] => {
            return Ok(Some((
                usize::from(tens - b'0') * 10 + usize::from(ones - b'0'),
                at + 5,
            )));
        }
        _ => {}
    }
    // Redis looks for the end of the line before it looks at its first byte.
    let Some((line, after)) = header(buffer, at, limits, ProtocolError::TooBigBulkCount)? else {
        return Ok(None);
    };
    let Some((b'$', digits)) = line.split_first() else {
        return Err(ProtocolError::ExpectedDollar(
            line.first().copied().unwrap_or(b'\r'),
        ));
    };
    let length = parse_i64(digits).and_then(|length| u64::try_from(length).ok());
    match length {
        Some(length) if limits.is_unauthenticated && length > limits.bulk => {
            Err(ProtocolError::UnauthenticatedBulk)
        }
        Some(length) if length <= limits.bulk => Ok(Some((length as usize, after))),
        _ => Err(ProtocolError::InvalidBulkLength),
    }
}

/// The line from `at` up to CR, and where it ends; none if its LF has not arrived.
fn header<'a>(
    buffer: &'a [u8],
    at: usize,
    limits: &Limits,
    too_long: ProtocolError,
) -> Result<Option<(&'a [u8], usize)>, ProtocolError> {
    let rest = &buffer[at.min(buffer.len())..];
    match memchr::memchr(b'\r', rest) {
        None if rest.len() > limits.line => Err(too_long),
        None => Ok(None),
        Some(length) if length + 1 >= rest.len() => Ok(None),
        Some(length) => Ok(Some((&rest[..length], at + length + 2))),
    }
}

/// Splits a line as Redis's `sdssplitargs` does: "double quotes" with escapes, 'single quotes' with `\'`. False when a quote
/// is left open or something follows a closing one.
fn split_words(line: &[u8], words: &mut Vec<u8>, spans: &mut Vec<Span>) -> bool {
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        // Redis sees the line as a C string.
        if line.get(at).is_none_or(|byte| *byte == 0) {
            return true;
        }
        let start = words.len() as u32;
        let Some(next) = word(line, at, words) else {
            return false;
        };
        spans.push(Span {
            start,
            end: words.len() as u32,
        });
        at = next;
    }
}

fn word(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line.get(at) {
            None | Some(0) => return Some(at),
            Some(byte) if is_space(*byte) => return Some(at),
            Some(b'"') => return after_quote(line, double_quoted(line, at + 1, out)?),
            Some(b'\'') => return after_quote(line, single_quoted(line, at + 1, out)?),
            Some(byte) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

/// A closing quote must end the word.
fn after_quote(line: &[u8], at: usize) -> Option<usize> {
    line.get(at)
        .is_none_or(|byte| is_space(*byte) || *byte == 0)
        .then_some(at)
}

fn double_quoted(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line[at.min(line.len())..] {
            [] | [0, ..] => return None,
            [b'"', ..] => return Some(at + 1),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(high) << 4 | hex(low));
                at += 4;
            }
            [b'\\', escaped, ..] if escaped != 0 => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line[at.min(line.len())..] {
            [] | [0, ..] => return None,
            [b'\'', ..] => return Some(at + 1),
            [b'\\', b'\'', ..] => {
                out.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ERR Protocol error: ")?;
        match self {
            ProtocolError::InvalidMultibulkLength => f.write_str("invalid multibulk length"),
            ProtocolError::InvalidBulkLength => f.write_str("invalid bulk length"),
            ProtocolError::ExpectedDollar(byte) => {
                write!(f, "expected '$', got '{}'", char::from(*byte))
            }
            ProtocolError::TooBigInline => f.write_str("too big inline request"),
            ProtocolError::TooBigMultibulkCount => f.write_str("too big mbulk count string"),
            ProtocolError::TooBigBulkCount => f.write_str("too big bulk count string"),
            ProtocolError::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::UnauthenticatedMultibulk => {
                f.write_str("unauthenticated multibulk length")
            }
            ProtocolError::UnauthenticatedBulk => f.write_str("unauthenticated bulk length"),
        }
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = Vec<Vec<u8>>;

    /// Feeds `bytes` in the given pieces, as a connection would.
    fn feed(bytes: &[u8], cuts: &[usize], limits: &Limits) -> (Vec<Words>, Option<ProtocolError>) {
        let (mut parser, mut batch) = (Parser::default(), Batch::default());
        let (mut requests, mut buffer, mut at) = (Vec::new(), Vec::new(), 0);
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            buffer.extend_from_slice(&bytes[at..cut]);
            at = cut;
            loop {
                batch.clear();
                let parsed = parser.parse(&buffer, limits, &mut batch);
                for i in 0..batch.requests.len() {
                    let (source, spans) = batch.slices(&buffer, i);
                    requests.push(
                        spans
                            .iter()
                            .map(|s| source[s.start as usize..s.end as usize].to_vec())
                            .collect(),
                    );
                }
                match parsed {
                    Err(error) => return (requests, Some(error)),
                    Ok(0) => break,
                    Ok(used) => drop(buffer.drain(..used)),
                }
            }
        }
        (requests, None)
    }

    fn words(requests: &[Words]) -> Vec<Vec<String>> {
        let text = |word: &Vec<u8>| word.escape_ascii().to_string();
        requests
            .iter()
            .map(|request| request.iter().map(text).collect())
            .collect()
    }

    #[test]
    fn requests_are_the_same_wherever_the_bytes_are_cut() {
        let long = [
            b"*2\r\n$3\r\nGET\r\n$300\r\n".as_slice(),
            &[b'x'; 300],
            b"\r\n",
        ]
        .concat();
        let bytes = [
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\nPING\r\n*0\r\n*-1\r\n\r\n".as_slice(),
            b"set \"a\\x41\\n b\" 'it\\'s'\n*1\r\n$4\r\n\r\n\r\n\r\n",
            &long,
        ]
        .concat();
        let (whole, error) = feed(&bytes, &[], &Limits::default());
        assert_eq!((whole.len(), error), (5, None));
        assert_eq!(words(&whole)[2], ["set", "aA\\n b", "it\\'s"]);
        for cut in 0..bytes.len() {
            assert_eq!(
                feed(&bytes, &[cut], &Limits::default()).0,
                whole,
                "cut at {cut}"
            );
        }
        let all: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(
            feed(&bytes, &all, &Limits::default()).0,
            whole,
            "cut at every byte"
        );
    }

    #[test]
    fn bad_bytes_get_redis_words_after_the_good_requests_before_them() {
        let before_auth = Limits::default().unauthenticated();
        for (limits, bytes, text) in [
            (
                Limits::default(),
                "*1048577\r\n",
                "invalid multibulk length",
            ),
            (
                Limits::default(),
                "*9223372036854775808\r\n",
                "invalid multibulk length",
            ),
            (Limits::default(), "*+1\r\n", "invalid multibulk length"),
            (Limits::default(), "*01\r\n", "invalid multibulk length"),
            (Limits::default(), "*1 \r\n", "invalid multibulk length"),
            (Limits::default(), "*1\r\n$-1\r\n", "invalid bulk length"),
            (
                Limits::default(),
                "*1\r\n$536870913\r\n",
                "invalid bulk length",
            ),
            (
                Limits::default(),
                "*1\r\n$9223372036854775808\r\n",
                "invalid bulk length",
            ),
            (Limits::default(), "*1\r\n:1\r\n", "expected '$', got ':'"),
            (Limits::default(), "*1\r\n*1\r\n", "expected '$', got '*'"),
            (
                Limits::default(),
                "get \"a\r\n",
                "unbalanced quotes in request",
            ),
            (
                Limits::default(),
                "get \"a\"b\r\n",
                "unbalanced quotes in request",
            ),
            (before_auth, "*11\r\n", "unauthenticated multibulk length"),
            (
                before_auth,
                "*1\r\n$16385\r\n",
                "unauthenticated bulk length",
            ),
        ] {
            let bytes = format!("PING\r\n{bytes}");
            let (requests, error) = feed(bytes.as_bytes(), &[], &limits);
            assert_eq!(requests.len(), 1, "{bytes:?}");
            let error = error.map(|error| error.to_string());
            assert_eq!(
                error,
                Some(format!("ERR Protocol error: {text}")),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn lines_without_an_end_are_refused_at_64_kib() {
        for (start, text) in [
            ("", "inline request"),
            ("*", "mbulk count string"),
            ("*1\r\n$", "bulk count string"),
        ] {
            let bytes = format!("{start}{}", "1".repeat(65 * 1024 + 1));
            let error = feed(bytes.as_bytes(), &[], &Limits::default())
                .1
                .map(|error| error.to_string());
            assert_eq!(error, Some(format!("ERR Protocol error: too big {text}")));
        }
    }

    #[test]
    fn random_bytes_never_panic_and_parse_the_same_however_they_are_cut() {
        let alphabet = b"*$0123456789-+\r\n\r\n\r\n\"'\\x abcGET";
        for seed in 1..3_000_u64 {
            let mut state = seed;
            let mut dice = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize
            };
            let bytes: Vec<u8> = (0..dice() % 120)
                .map(|_| alphabet[dice() % alphabet.len()])
                .collect();
            let cut = dice() % (bytes.len() + 1);
            let whole = feed(&bytes, &[], &Limits::default());
            assert_eq!(
                feed(&bytes, &[cut], &Limits::default()),
                whole,
                "seed {seed}, cut at {cut}"
            );
        }
    }
}
