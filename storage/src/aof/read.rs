//! Requests out of an increment, and how far it is good.
//!
//! An increment is a sequence of requests in RESP. Only the end of the last one may be damaged: a node that was killed, or a
//! machine that lost power, leaves half a request, half a transaction, or a hole of zeros. Everything else is corruption.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

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
    /// A request that could not be carried out.
    Refused {
        /// Offset in the file.
        offset: u64,
        /// Why.
        reason: String,
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
/// Memory set aside for an argument before its bytes have come.
const RESERVED_MAX: usize = 1 << 16;

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFile::Io(_) => write!(f, "the file cannot be read"),
            BadFile::Format { offset, reason } => {
                write!(f, "bad format at offset {offset}: {reason}")
            }
            BadFile::Refused { offset, reason } => {
                write!(f, "the request at offset {offset} was refused: {reason}")
            }
        }
    }
}

impl std::error::Error for BadFile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BadFile::Io(error) => Some(error),
            BadFile::Format { .. } | BadFile::Refused { .. } => None,
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

/// Hands every request of `file` to `visit`, which may refuse it. `start` = bytes of the file before the first one (an
/// RDB preamble). Transactions are handed out only if they are whole.
pub fn read_requests(
    file: impl Read,
    start: u64,
    mut visit: impl FnMut(&[Vec<u8>]) -> Result<(), String>,
) -> Result<Tail, BadFile> {
    let mut source = Source {
        file: BufReader::new(file),
        at: start,
    };
    let mut transaction: Option<Transaction> = None;
    loop {
        let offset = source.at;
        // Before an open transaction, where there is one: it has not been carried out.
        let good = transaction.as_ref().map_or(offset, |open| open.offset);
        let request = match source.request() {
            Ok(request) => request,
            Err(Stop::End) if transaction.is_none() => return Ok(Tail::Whole),
            Err(Stop::End | Stop::Torn) => return Ok(Tail::Torn { good }),
            Err(Stop::Bad(reason)) => return Err(BadFile::Format { offset, reason }),
            Err(Stop::Io(error)) => return Err(BadFile::Io(error)),
        };
        let refused = |reason| BadFile::Refused { offset, reason };
        match (&mut transaction, request.as_slice()) {
            (_, []) => {}
            (None, [word]) if word.eq_ignore_ascii_case(b"multi") => {
                transaction = Some(Transaction {
                    offset,
                    requests: Vec::new(),
                });
            }
            (Some(open), [word]) if word.eq_ignore_ascii_case(b"exec") => {
                for request in &open.requests {
                    visit(request).map_err(refused)?;
                }
                transaction = None;
            }
            (Some(open), _) => open.requests.push(request),
            (None, request) => visit(request).map_err(refused)?,
        }
    }
}

struct Transaction {
    offset: u64,
    requests: Vec<Vec<Vec<u8>>>,
}

struct Source<R> {
    file: BufReader<R>,
    at: u64,
}

impl<R: Read> Source<R> {
    /// The next request; of an annotation (`#...`), no words.
    fn request(&mut self) -> Result<Vec<Vec<u8>>, Stop> {
        match self.first_byte()? {
            None => return Err(Stop::End),
            Some(b'#') => return self.line().map(|_| Vec::new()),
            // A hole: the file had grown, but the bytes did not reach the disk.
            Some(0) => return Err(Stop::Torn),
            Some(_) => {}
        }
        let count = self.header(b'*', ARGUMENTS_MAX)?;
        if count == 0 {
            return Err(Stop::Bad("a request without words"));
        }
        let mut words = Vec::new();
        for _ in 0..count {
            let length = self.header(b'$', BULK_MAX)?;
            words.push(self.bulk(length)?);
        }
        Ok(words)
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

    fn bulk(&mut self, length: u64) -> Result<Vec<u8>, Stop> {
        let reserved = usize::try_from(length).unwrap_or(RESERVED_MAX);
        let mut bytes = Vec::with_capacity(reserved.min(RESERVED_MAX));
        let read = (&mut self.file).take(length).read_to_end(&mut bytes)?;
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
            b"\r\n" => Ok(bytes),
            [0, _] | [_, 0] => Err(Stop::Torn),
            _ => Err(Stop::Bad("an argument that is longer than its length says")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<String>, Result<Tail, String>) {
        let mut seen = Vec::new();
        let tail = read_requests(bytes, 0, |request| {
            let words = request.iter().map(|word| String::from_utf8_lossy(word));
            seen.push(words.collect::<Vec<_>>().join(" "));
            Ok(())
        });
        (seen, tail.map_err(|error| error.to_string()))
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
