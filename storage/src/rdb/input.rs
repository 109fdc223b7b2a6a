//! Where bytes come from: a slice, or a stream that is read in large steps and checked on the way.
//!
//! No length is believed before its bytes are there: memory grows with what has arrived.

use std::io::{self, Read};

use super::crc64::Checksum;
use super::error::Flaw;

/// Bytes that a stream is asked for at a time.
const BUFFER: usize = 64 << 10;
/// What a long string grows by at first; then it doubles.
const STEP: usize = 1 << 20;
/// Longer strings are refused: the lengths of members and keys in memory have 32 bits, and something beside them.
const STRING_MAX: u64 = (1 << 32) - (1 << 16);

/// A source of bytes.
pub(super) trait Input {
    /// Bytes taken so far.
    fn offset(&self) -> u64;

    /// The next `count` bytes, lent until the next call.
    fn bytes(&mut self, count: usize) -> Result<&[u8], Flaw>;

    /// The next `count` bytes, owned.
    fn owned(&mut self, count: usize) -> Result<Vec<u8>, Flaw> {
        self.bytes(count).map(<[u8]>::to_vec)
    }

    /// The next byte.
    #[inline]
    fn byte(&mut self) -> Result<u8, Flaw> {
        self.array().map(|[byte]| byte)
    }

    /// The next bytes of a known number.
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.bytes(N)?.try_into().map_err(|_| Flaw::Ended)
    }
}

/// The length of a string in memory, if any string here can be so long.
#[inline]
pub(super) fn string_len(length: u64) -> Result<usize, Flaw> {
    if length > STRING_MAX {
        return Err(Flaw::Damaged("a string of more than 4 GiB"));
    }
    usize::try_from(length).map_err(|_| Flaw::Damaged("a string beyond the address space"))
}

/// Bytes that are all there.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    rest: &'a [u8],
    taken: u64,
}

impl<'a> Slice<'a> {
    /// All of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Slice {
            rest: bytes,
            taken: 0,
        }
    }
}

impl Input for Slice<'_> {
    fn offset(&self) -> u64 {
        self.taken
    }

    #[inline]
    fn bytes(&mut self, count: usize) -> Result<&[u8], Flaw> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Flaw::Ended)?;
        self.rest = rest;
        self.taken += count as u64;
        Ok(bytes)
    }
}

/// Bytes that are read, and what they are read from.
#[derive(Debug)]
pub(super) struct Stream<R> {
    source: R,
    buffer: Box<[u8]>,
    /// `buffer[start..end]` is read and not taken yet.
    start: usize,
    end: usize,
    /// Bytes of the input before `buffer[0]`.
    before: u64,
    /// `buffer[..counted]` is in the checksum, and so is everything before it; `counted <= start`.
    counted: usize,
    checksum: Option<Checksum>,
    /// What [`Input::bytes`] has lent if it was more than the buffer holds.
    long: Vec<u8>,
}

impl<R: Read> Stream<R> {
    /// Nothing is read yet.
    pub(super) fn new(source: R) -> Self {
        Stream {
            source,
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            before: 0,
            counted: 0,
            checksum: Some(Checksum::new()),
            long: Vec::new(),
        }
    }

    /// Nobody will ask for the checksum.
    pub(super) fn leave_unchecked(&mut self) {
        self.checksum = None;
    }

    /// The checksum of all bytes taken so far, unless nobody wanted it.
    pub(super) fn checksum(&mut self) -> Option<u64> {
        self.count();
        self.checksum.as_ref().map(Checksum::value)
    }

    /// The bytes that were read but not taken, and the source of those after them.
    pub(super) fn into_rest(self) -> (Vec<u8>, R) {
        (self.buffer[self.start..self.end].to_vec(), self.source)
    }

    /// Puts everything taken into the checksum.
    fn count(&mut self) {
        if let Some(checksum) = &mut self.checksum {
            checksum.add(&self.buffer[self.counted..self.start]);
        }
        self.counted = self.start;
    }

    /// Reads until the buffer holds `count` bytes that are not taken; it can hold so many.
    #[cold]
    fn fill(&mut self, count: usize) -> Result<(), Flaw> {
        self.count();
        self.long = Vec::new();
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        (self.end, self.start, self.counted) = (self.end - self.start, 0, 0);
        while self.end < count {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(Flaw::Ended),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes `count` bytes into `long`, which grows only as they arrive.
    fn take_long(&mut self, count: usize, long: &mut Vec<u8>) -> Result<(), Flaw> {
        self.count();
        let buffered = count.min(self.end - self.start);
        self.extend_counted(long, buffered);
        while long.len() < count {
            let step = (count - long.len()).min(STEP.max(long.len()));
            let from = long.len();
            long.reserve_exact(step);
            let read = self.source.by_ref().take(step as u64).read_to_end(long)?;
            if let Some(checksum) = &mut self.checksum {
                checksum.add(&long[from..]);
            }
            self.before += read as u64;
            if read < step {
                return Err(Flaw::Ended);
            }
        }
        Ok(())
    }

    fn extend_counted(&mut self, long: &mut Vec<u8>, buffered: usize) {
        long.extend_from_slice(&self.buffer[self.start..self.start + buffered]);
        self.start += buffered;
        self.count();
    }
}

impl<R: Read> Input for Stream<R> {
    fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    #[inline]
    fn bytes(&mut self, count: usize) -> Result<&[u8], Flaw> {
        if count > self.end - self.start {
            if count > BUFFER {
                let mut long = Vec::new();
                self.take_long(count, &mut long)?;
                self.long = long;
                return Ok(&self.long);
            }
            self.fill(count)?;
        }
        let start = self.start;
        self.start += count;
        Ok(&self.buffer[start..self.start])
    }

    fn owned(&mut self, count: usize) -> Result<Vec<u8>, Flaw> {
        if count <= BUFFER {
            return self.bytes(count).map(<[u8]>::to_vec);
        }
        let mut long = Vec::new();
        self.take_long(count, &mut long)?;
        Ok(long)
    }
}
