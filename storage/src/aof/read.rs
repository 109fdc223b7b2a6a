//! Requests out of an increment, and how far it is good.
//!
//! An increment is a sequence of requests in RESP. Only the end of the last one may be damaged: a node that was killed, or a
//! machine that lost power, leaves half a request, half a transaction, or a hole of zeros. Everything else is corruption.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;

/// A file that cannot be read to its end.
#[derive(Debug)]
pub enum BadFile {
    /// The system failed.
    Io(io::Error),
    /// Bytes that no node has written.
    Format {
        /// Offset in the file of the request that is damaged.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

/// How a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With a whole request, outside of any transaction.
    Whole,
    /// After `good` bytes begins what was not written to its end.
    Torn {
        /// Bytes of whole requests and transactions.
        good: u64,
    },
}

/// Bounds of a request: nothing larger could have been written.
const ARGUMENTS_MAX: u64 = 1 << 31;
const BULK_MAX: u64 = 1 << 32;
/// Longest header or annotation, bytes.
const LINE_MAX: u64 = 128;
/// Bytes read at a time.
const READ_BUFFER: usize = 1 << 18;

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFile::Io(_) => write!(f, "the file cannot be read"),
            BadFile::Format { offset, reason } => {
                write!(f, "bad format at offset {offset}: {reason}")
            }
        }
    }
}

impl std::error::Error for BadFile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BadFile::Io(error) => Some(error),
            BadFile::Format { .. } => None,
        }
    }
}

/// What stops the reading of one request.
enum Stop {
    End,
    Torn,
    Bad(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

/// The requests of an increment, one after the other; those of a transaction together, and only if it is whole.
#[derive(Debug)]
pub struct Requests<R> {
    source: Source<R>,
    unit: Unit,
}

/// Requests that are carried out together.
#[derive(Debug, Default)]
pub struct Unit {
    /// Offset in the file of the first one.
    pub offset: u64,
    bytes: Vec<u8>,
    /// Where the words stand in the bytes.
    words: Vec<Range<usize>>,
    /// Which words make a request.
    requests: Vec<Range<usize>>,
}

impl Unit {
    /// The requests, each as the places of its words in [`Unit::bytes`].
    pub fn requests(&self) -> impl Iterator<Item = &[Range<usize>]> {
        self.requests
            .iter()
            .map(|request| &self.words[request.clone()])
    }

    /// The words of all requests.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        self.requests.clear();
    }

    /// Whether the last request is this one word.
    fn ends_with(&self, word: &[u8]) -> bool {
        let last = self.requests.last().map(|last| &self.words[last.clone()]);
        matches!(last, Some([only]) if self.bytes[only.clone()].eq_ignore_ascii_case(word))
    }
}

impl<R: Read> Requests<R> {
    /// The requests of `file`. `start` = bytes of the file before the first one (an RDB preamble).
    pub fn new(file: R, start: u64) -> Self {
        Requests {
            source: Source {
                file: BufReader::with_capacity(READ_BUFFER, file),
                at: start,
            },
            unit: Unit::default(),
        }
    }

    /// The next request or transaction; at the end, how the file ends.
    pub fn next_unit(&mut self) -> Result<Result<&Unit, Tail>, BadFile> {
        let (mut is_open, good) = (false, self.source.at);
        self.unit.clear();
        self.unit.offset = good;
        loop {
            let offset = self.source.at;
            match self.source.request(&mut self.unit) {
                Ok(false) => {}
                Ok(true) if !is_open && self.unit.ends_with(b"multi") => {
                    is_open = true;
                    self.unit.clear();
                }
                Ok(true) if !is_open => return Ok(Ok(&self.unit)),
                Ok(true) if self.unit.ends_with(b"exec") => {
                    self.unit.requests.pop();
                    return Ok(Ok(&self.unit));
                }
                Ok(true) => {}
                Err(Stop::End) if !is_open => return Ok(Err(Tail::Whole)),
                Err(Stop::End | Stop::Torn) => return Ok(Err(Tail::Torn { good })),
                Err(Stop::Bad(reason)) => return Err(BadFile::Format { offset, reason }),
                Err(Stop::Io(error)) => return Err(BadFile::Io(error)),
            }
        }
    }

    /// Bytes of the file that have been read.
    pub fn position(&self) -> u64 {
        self.source.at
    }
}

#[derive(Debug)]
struct Source<R> {
    file: BufReader<R>,
    at: u64,
}

impl<R: Read> Source<R> {
    /// Adds the next request to `unit`; false = it was an annotation (`#...`).
    fn request(&mut self, unit: &mut Unit) -> Result<bool, Stop> {
        match self.first_byte()? {
            None => return Err(Stop::End),
            Some(b'#') => return self.line().map(|_| false),
            // A hole: the file had grown, but the bytes did not reach the disk.
            Some(0) => return Err(Stop::Torn),
            Some(_) => {}
        }
        let count = self.header(b'*', ARGUMENTS_MAX)?;
        if count == 0 {
            return Err(Stop::Bad("a request without words"));
        }
        let first = unit.words.len();
        for _ in 0..count {
            let length = self.header(b'$', BULK_MAX)?;
            let start = unit.bytes.len();
            self.bulk(length, &mut unit.bytes)?;
            unit.words.push(start..unit.bytes.len());
        }
        unit.requests.push(first..unit.words.len());
        Ok(true)
    }

    fn first_byte(&mut self) -> Result<Option<u8>, Stop> {
        Ok(self.file.fill_buf()?.first().copied())
    }

    fn header(&mut self, mark: u8, max: u64) -> Result<u64, Stop> {
        let line = self.line()?;
        let Some((first, digits)) = line.split_first() else {
            return Err(Stop::Bad("an empty line"));
        };
        match *first {
            0 => return Err(Stop::Torn),
            first if first != mark => return Err(Stop::Bad("not the header that must stand here")),
            _ => {}
        }
        let digits = std::str::from_utf8(digits).ok();
        let number = digits.and_then(|digits| digits.parse::<u64>().ok());
        number
            .filter(|number| *number <= max)
            .ok_or(Stop::Bad("a length that is no number in its range"))
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Vec<u8>, Stop> {
        let mut line = Vec::new();
        let read = (&mut self.file)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)?;
        self.at += read as u64;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None if line.ends_with(b"\n") => Err(Stop::Bad("a line that does not end with CR LF")),
            None if line.contains(&0) => Err(Stop::Torn),
            None if (read as u64) < LINE_MAX => Err(Stop::Torn),
            None => Err(Stop::Bad("a header without an end")),
        }
    }

    /// Memory grows with the bytes that come, not with the length that was announced.
    fn bulk(&mut self, length: u64, into: &mut Vec<u8>) -> Result<(), Stop> {
        let read = (&mut self.file).take(length).read_to_end(into)?;
        self.at += read as u64;
        let mut end = [0; 2];
        for byte in &mut end {
            let Some(next) = self.first_byte()? else {
                return Err(Stop::Torn);
            };
            self.file.consume(1);
            self.at += 1;
            *byte = next;
        }
        match &end {
            b"\r\n" => Ok(()),
            [0, _] | [_, 0] => Err(Stop::Torn),
            _ => Err(Stop::Bad("an argument that is longer than its length says")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<String>, Result<Tail, String>) {
        let (mut seen, mut requests) = (Vec::new(), Requests::new(bytes, 0));
        loop {
            let unit = match requests.next_unit() {
                Ok(Ok(unit)) => unit,
                Ok(Err(tail)) => return (seen, Ok(tail)),
                Err(error) => return (seen, Err(error.to_string())),
            };
            for request in unit.requests() {
                let words = request.iter().map(|word| &unit.bytes()[word.clone()]);
                let words = words.map(String::from_utf8_lossy);
                seen.push(words.collect::<Vec<_>>().join(" "));
            }
        }
    }

    const SET: &str = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n";
    const MULTI: &str = "*1\r\n$5\r\nMULTI\r\n";
    const EXEC: &str = "*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn whole_files_are_read_to_their_end() {
        let text = format!("#TS:1\r\n{SET}{MULTI}{SET}{SET}{EXEC}{SET}");
        let (seen, tail) = read(text.as_bytes());
        assert_eq!(seen, ["SET k \r\n"; 4]);
        assert_eq!(tail, Ok(Tail::Whole));
        assert_eq!(read(b""), (vec![], Ok(Tail::Whole)));
    }

    #[test]
    fn a_file_cut_anywhere_is_good_up_to_the_last_whole_request() {
        let text = format!("{SET}{SET}");
        for cut in 0..text.len() {
            let whole = cut / SET.len();
            let (seen, tail) = read(&text.as_bytes()[..cut]);
            assert_eq!(seen.len(), whole, "cut at {cut}");
            let good = (whole * SET.len()) as u64;
            let expected = match cut as u64 == good {
                true => Tail::Whole,
                false => Tail::Torn { good },
            };
            assert_eq!(tail, Ok(expected), "cut at {cut}");
        }
    }

    #[test]
    fn an_open_transaction_is_not_carried_out() {
        let text = format!("{SET}{MULTI}{SET}");
        let (seen, tail) = read(text.as_bytes());
        assert_eq!(seen.len(), 1);
        let good = SET.len() as u64;
        assert_eq!(tail, Ok(Tail::Torn { good }));
    }

    #[test]
    fn a_hole_of_zeros_is_a_torn_tail() {
        for cut in SET.len()..2 * SET.len() {
            let mut bytes = format!("{SET}{SET}").into_bytes();
            bytes.truncate(cut);
            bytes.resize(600, 0);
            let (_, tail) = read(&bytes);
            // A hole inside an argument is noticed behind it.
            let good = SET.len() as u64;
            assert_eq!(tail, Ok(Tail::Torn { good }), "cut at {cut}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let text = format!("{SET}+OK\r\n{SET}");
        let (seen, tail) = read(text.as_bytes());
        assert_eq!(seen.len(), 1);
        let error = format!(
            "bad format at offset {}: not the header that must stand here",
            SET.len()
        );
        assert_eq!(tail, Err(error));
        for bad in [
            "*0\r\n",
            "*-1\r\n",
            "*1\n$4\r\nPING\r\n",
            "*1\r\n$5\r\nPING\r\n*1\r\n",
            "*9999999999999999999999\r\n",
            "*1\r\n$99999999999999\r\nx",
        ] {
            let (_, tail) = read(bad.as_bytes());
            assert!(tail.is_err(), "{bad:?}: {tail:?}");
        }
    }
}
