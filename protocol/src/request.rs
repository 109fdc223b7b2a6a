//! Requests off the wire: every complete request of a read buffer at once, in place.
//!
//! ```text
//!   buffer   *2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSE
//!                        [-]        [-]               [--]
//!   Batch    requests: 0..2, 2..3                  consumed ^   the rest waits in the buffer; the Parser remembers
//!                                                               how far it has got in it
//! ```
//! Arguments are places in the buffer, never copies. The exception is an inline request: its words are unquoted into a
//! side buffer of the batch. Source: the RESP specification of redis.io.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::errors::ProtocolError;
use crate::limits::Limits;
use crate::{inline, number, small};

/// How much a reader may reserve ahead however little has arrived.
const READ_AHEAD_MIN: usize = 32 * 1024;

/// How many places, and how many bytes of inline requests, stay allocated between two uses.
const KEPT: usize = 64 * 1024;

/// So many bytes hold a whole header of up to three digits; no complete bulk string has fewer.
pub(crate) const SHORT_HEADER: usize = 6;

/// A range of the read buffer. No request is longer than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Both ends are below 4 GiB: [`Parser::parse`] looks at no byte beyond.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// For slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One complete request of a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSpan {
    /// Index of its first argument in `Batch::spans`.
    pub first: u32,
    /// How many arguments; at least one.
    pub count: u32,
    /// Where in the buffer the next request begins; empty requests behind this one count as its end.
    pub end: u32,
    /// Whether its arguments lie in the side buffer of the batch.
    pub is_unquoted: bool,
}

/// The complete requests of a buffer. Use it again and again: it keeps its memory.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order of the buffer.
    pub requests: Vec<RequestSpan>,
    /// The arguments of all requests.
    spans: Vec<Span>,
    /// Words of inline requests.
    unquoted: Vec<u8>,
}

impl Batch {
    /// Forgets all requests.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(KEPT);
        self.requests.clear();
        self.unquoted.clear();
        self.unquoted.shrink_to(KEPT);
    }

    /// The arguments of request `i`: a buffer and the ranges to cut from it. `buffer` is the one that was parsed.
    #[inline]
    pub fn slices<'a>(&'a self, buffer: &'a [u8], i: usize) -> (&'a [u8], &'a [Span]) {
        let request = self.requests[i];
        let first = request.first as usize;
        let spans = &self.spans[first..first + request.count as usize];
        match request.is_unquoted {
            true => (&self.unquoted, spans),
            false => (buffer, spans),
        }
    }

    /// The arguments from `first` on are those of a request that ends at `end`. A request of none is no request.
    #[inline]
    fn finish(&mut self, first: usize, end: usize, is_unquoted: bool) {
        let count = self.spans.len() - first;
        if count > 0 {
            self.requests.push(RequestSpan {
                first: first as u32,
                count: count as u32,
                end: end as u32,
                is_unquoted,
            });
        } else if let Some(last) = self.requests.last_mut() {
            last.end = end as u32;
        }
    }
}

/// Reads requests; keeps its place in a half-read one, so no byte is looked at twice.
#[derive(Debug, Default)]
pub struct Parser {
    half: Half,
    /// The arguments of the half-read request that are complete; counted from its start.
    spans: Vec<Span>,
}

/// Where the argument that is half read begins, counted from the start of its request, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfRead {
    /// Bytes of the request before it.
    pub at: usize,
    /// Its bytes, the end of the line not counted.
    pub length: usize,
}

/// The place in a half-read request; all positions count from its start, because the buffer is shifted meanwhile.
#[derive(Debug, Clone, Copy, Default)]
struct Half {
    /// Arguments that are still to come; 0 = the first line is not complete.
    owed: usize,
    /// Where the argument or line begins that is not complete.
    at: usize,
    /// The length of that argument if its header is complete.
    bulk: Option<usize>,
    /// Otherwise up to where the end of the line was sought.
    sought: usize,
    /// Bytes that `bulk` still needs.
    missing: usize,
    /// Bytes of this request that have arrived.
    arrived: usize,
    order: Order,
}

/// See [`Parser::put_first`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    /// As it came.
    #[default]
    Plain,
    /// The argument at hand is presented first from now on.
    ToTurn,
    /// One argument stands before all others.
    Turned,
}

impl Parser {
    /// Fills `batch` with the complete requests at the beginning of `buffer`, at most `limits.batch`, and returns how
    /// many bytes they take; when that is less than all, and not 0, there may be more. The caller drops these bytes and
    /// presents the rest again, from its first byte, with what has arrived since.
    ///
    /// # Errors
    /// The stream cannot be read any further. The requests of `batch` come before the bad bytes and are to be answered
    /// first.
    pub fn parse(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<usize, ProtocolError> {
        let buffer = &buffer[..buffer.len().min(u32::MAX as usize)];
        batch.clear();
        let mut start = 0;
        if self.half.arrived > 0 {
            match self.resume(buffer, limits, batch)? {
                Some(end) => start = end,
                None => return Ok(0),
            }
        }
        let are_small_allowed = small::are_allowed(limits);
        while start < buffer.len() && batch.requests.len() < limits.batch {
            let first = batch.spans.len();
            if are_small_allowed && let Some(end) = small::take(buffer, start, &mut batch.spans) {
                batch.finish(first, end, false);
                start = end;
                continue;
            }
            match self.begin(buffer, start, limits, batch)? {
                Some(end) => start = end,
                None => break,
            }
        }
        Ok(start)
    }

    /// Room for how many bytes a reader should have, when a long argument is half read: what it still needs, but never
    /// more than has arrived already (or 32 KiB), since a length costs its sender nothing.
    pub fn wants(&self) -> Option<usize> {
        let bound = self.half.arrived.max(READ_AHEAD_MIN);
        (self.half.missing > 0).then(|| self.half.missing.min(bound))
    }

    /// The argument that is half read, if its length is known.
    pub fn half_read(&self) -> Option<HalfRead> {
        let length = self.half.bulk?;
        let at = self.half.at;
        Some(HalfRead { at, length })
    }

    /// The argument that was half read has arrived, and it will be presented first, so that its bytes need not be copied
    /// to be kept: `argument \r\n | what precedes it in the request | what follows it`.
    pub fn put_first(&mut self) {
        debug_assert!(self.half.bulk.is_some() && self.half.order == Order::Plain);
        self.half.order = Order::ToTurn;
    }

    /// Forgets a half-read request: its bytes will be presented again as new ones.
    pub fn reset(&mut self) {
        self.half = Half::default();
        self.spans.clear();
    }

    /// Reads the request at `start`; returns its end.
    #[inline]
    fn begin(
        &mut self,
        buffer: &[u8],
        start: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut half = Half::default();
        if buffer[start] != b'*' {
            return self.inline(buffer, start, half, limits, batch);
        }
        let first = batch.spans.len();
        match half.advance(buffer, start, limits, &mut batch.spans) {
            Ok(Some(end)) => {
                batch.finish(first, end, false);
                Ok(Some(end))
            }
            Ok(None) => {
                self.suspend(buffer, start, half);
                let relative = |span: Span| Span {
                    start: span.start - start as u32,
                    end: span.end - start as u32,
                };
                self.spans.extend(batch.spans.drain(first..).map(relative));
                Ok(None)
            }
            Err(error) => {
                batch.spans.truncate(first);
                Err(error)
            }
        }
    }

    /// Goes on with the half-read request, which begins the buffer.
    #[cold]
    fn resume(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut half = self.half;
        debug_assert!(
            half.arrived <= buffer.len(),
            "the rest must be presented again"
        );
        let end = match half.order {
            Order::Plain if buffer.first() != Some(&b'*') => {
                return self.inline(buffer, 0, half, limits, batch);
            }
            Order::ToTurn => half.turn(buffer, limits, &mut self.spans)?,
            Order::Plain | Order::Turned => half.advance(buffer, 0, limits, &mut self.spans)?,
        };
        match end {
            Some(end) => {
                self.half = Half::default();
                batch.spans.append(&mut self.spans);
                self.spans.shrink_to(KEPT);
                batch.finish(0, end, false);
            }
            None => self.suspend(buffer, 0, half),
        }
        Ok(end)
    }

    fn suspend(&mut self, buffer: &[u8], start: usize, half: Half) {
        self.half = Half {
            arrived: buffer.len() - start,
            ..half
        };
    }

    /// Reads a line of words. As in Redis a NUL hides all that follows it, so such a line never ends.
    #[cold]
    fn inline(
        &mut self,
        buffer: &[u8],
        start: usize,
        mut half: Half,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let from = start + half.sought;
        let stop = memchr2(b'\n', 0, &buffer[from..]).map_or(buffer.len(), |found| from + found);
        if buffer.get(stop) != Some(&b'\n') {
            if buffer.len() - start > limits.line {
                return Err(ProtocolError::TooBigInline);
            }
            half.sought = stop - start;
            self.suspend(buffer, start, half);
            return Ok(None);
        }
        if stop - start > limits.line {
            return Err(ProtocolError::TooBigInline);
        }
        self.half = Half::default();
        let first = batch.spans.len();
        let split = inline::split(&buffer[start..stop], &mut batch.unquoted, &mut batch.spans);
        split.inspect_err(|_| batch.spans.truncate(first))?;
        batch.finish(first, stop + 1, true);
        Ok(Some(stop + 1))
    }
}

impl Half {
    /// Reads on in the request at `start`, appending its arguments to `spans`; returns its end if that has arrived.
    #[inline(always)]
    fn advance(
        &mut self,
        buffer: &[u8],
        start: usize,
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut at = start + self.at;
        self.missing = 0;
        if self.owed == 0 {
            let header = self.header(buffer, at, start, Kind::Multibulk, limits)?;
            let Some((count, next)) = header else {
                return Ok(None);
            };
            self.owed = argument_count(count, limits)?;
            at = next;
        }
        while self.owed > 0 {
            let length = match self.bulk.take() {
                Some(length) => length,
                None => {
                    let header = self.header(buffer, at, start, Kind::Bulk, limits)?;
                    let Some((length, next)) = header else {
                        self.at = at - start;
                        return Ok(None);
                    };
                    at = next;
                    bulk_length(length, limits)?
                }
            };
            let end = at.saturating_add(length);
            match buffer.get(end..end.saturating_add(2)) {
                Some(b"\r\n") => {}
                Some(_) => return Err(ProtocolError::InvalidCrlf),
                None => return self.lack(buffer, at, start, length),
            }
            spans.push(Span::new(at, end));
            at = end + 2;
            self.owed -= 1;
        }
        Ok(Some(at))
    }

    /// The argument that was half read stands at the beginning of the buffer now, and behind it what had preceded it.
    fn turn(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<usize>, ProtocolError> {
        self.order = Order::Turned;
        let length = self.bulk.take().unwrap_or(0);
        let end = length + 2;
        if buffer.get(length..end) != Some(b"\r\n") {
            return Err(ProtocolError::InvalidCrlf);
        }
        for span in spans.iter_mut() {
            *span = Span::new(span.range().start + end, span.range().end + end);
        }
        spans.push(Span::new(0, length));
        self.at += end;
        self.owed -= 1;
        match self.owed {
            0 => Ok(Some(self.at)),
            _ => self.advance(buffer, 0, limits, spans),
        }
    }

    /// The number and the end of the header line at `at`.
    #[inline(always)]
    fn header(
        &mut self,
        buffer: &[u8],
        at: usize,
        start: usize,
        kind: Kind,
        limits: &Limits,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        if let Some(bytes) = buffer[at..].first_chunk::<SHORT_HEADER>()
            && bytes[0] == kind.byte()
            && let Some((number, length)) = short_number(bytes)
        {
            return Ok(Some((number, at + length)));
        }
        self.long_header(buffer, at, start, kind, limits)
    }

    /// The same for any header.
    #[cold]
    fn long_header(
        &mut self,
        buffer: &[u8],
        at: usize,
        start: usize,
        kind: Kind,
        limits: &Limits,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        let from = at.max(start + self.sought);
        let stop = memchr(b'\r', &buffer[from..]).map_or(buffer.len(), |found| from + found);
        if stop - at > limits.line {
            return Err(kind.endless());
        }
        let Some(&line_feed) = buffer.get(stop + 1) else {
            self.sought = stop - start;
            return Ok(None);
        };
        if buffer[at] != kind.byte() {
            return Err(ProtocolError::ExpectedDollar(buffer[at]));
        }
        if line_feed != b'\n' {
            return Err(ProtocolError::InvalidCrlf);
        }
        let number = number::parse_i64(&buffer[at + 1..stop]).ok_or(kind.invalid())?;
        Ok(Some((number, stop + 2)))
    }

    /// The argument of `length` bytes at `at` has not arrived as a whole.
    #[cold]
    fn lack(
        &mut self,
        buffer: &[u8],
        at: usize,
        start: usize,
        length: usize,
    ) -> Result<Option<usize>, ProtocolError> {
        let end = at.saturating_add(length).saturating_add(2);
        if end - start > u32::MAX as usize {
            return Err(ProtocolError::InvalidBulkLength);
        }
        self.bulk = Some(length);
        self.at = at - start;
        self.missing = end - buffer.len();
        Ok(None)
    }
}

/// What a header line announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `*n`: arguments.
    Multibulk,
    /// `$n`: bytes of an argument.
    Bulk,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Multibulk => b'*',
            Kind::Bulk => b'$',
        }
    }

    fn invalid(self) -> ProtocolError {
        match self {
            Kind::Multibulk => ProtocolError::InvalidMultibulkLength,
            Kind::Bulk => ProtocolError::InvalidBulkLength,
        }
    }

    fn endless(self) -> ProtocolError {
        match self {
            Kind::Multibulk => ProtocolError::TooBigMultibulkCount,
            Kind::Bulk => ProtocolError::TooBigBulkCount,
        }
    }
}

/// The number and the length of a header line of up to three digits. Nearly all are, so this path has no loop.
#[inline(always)]
fn short_number(bytes: &[u8; SHORT_HEADER]) -> Option<(i64, usize)> {
    let digit = |i: usize| i64::from(bytes[i].wrapping_sub(b'0'));
    let ends = |i: usize| bytes[i] == b'\r' && bytes[i + 1] == b'\n';
    let (a, b, c) = (digit(1), digit(2), digit(3));
    if a <= 9 && ends(2) {
        return Some((a, 4));
    }
    if a > 9 || a == 0 || b > 9 {
        return None;
    }
    if ends(3) {
        return Some((a * 10 + b, 5));
    }
    (c <= 9 && ends(4)).then_some((a * 100 + b * 10 + c, 6))
}

/// How many arguments follow; a negative number means none, as 0 does.
#[inline(always)]
fn argument_count(count: i64, limits: &Limits) -> Result<usize, ProtocolError> {
    let count = usize::try_from(count).unwrap_or(0);
    if count > limits.arguments {
        return Err(ProtocolError::InvalidMultibulkLength);
    }
    if limits.is_unauthenticated && count > Limits::UNAUTHENTICATED_ARGUMENTS {
        return Err(ProtocolError::UnauthenticatedMultibulkLength);
    }
    Ok(count)
}

/// How many bytes follow.
#[inline(always)]
fn bulk_length(length: i64, limits: &Limits) -> Result<usize, ProtocolError> {
    let length = u64::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)?;
    if length > limits.bulk {
        return Err(ProtocolError::InvalidBulkLength);
    }
    if limits.is_unauthenticated && length > Limits::UNAUTHENTICATED_BULK {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    usize::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)
}
