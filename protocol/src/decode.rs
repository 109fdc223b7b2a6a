//! Bytes to replies, for whoever asks a server. Strict: what no server may send is an error, never skipped.

use std::fmt;

use crate::value::Value;

/// Bytes that are no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What was wrong.
    pub reason: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed reply: {}", self.reason)
    }
}

impl std::error::Error for Malformed {}

/// Deeper replies than this are an error: they would come from a server that has lost its count.
const DEPTH_MAX: usize = 64;

/// Reads one reply from the beginning of `input`: the reply and its length in bytes, `None` if more bytes are needed.
pub fn decode(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut reader = Reader { input, at: 0 };
    Ok(reader.value(0)?.map(|value| (value, reader.at)))
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

/// `None`: more bytes are needed.
type Read<T> = Result<Option<T>, Malformed>;

macro_rules! some_or_wait {
    ($read:expr) => {
        match $read? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth > DEPTH_MAX {
            return Err(malformed("nested too deeply"));
        }
        let line = some_or_wait!(self.line());
        let Some((kind, rest)) = line.split_first() else {
            return Err(malformed("an empty line"));
        };
        match kind {
            b'+' => Ok(Some(Value::Simple(rest.to_vec()))),
            b'-' => Ok(Some(Value::Error(rest.to_vec()))),
            b':' => Ok(Some(Value::Integer(number(rest)?))),
            b',' => Ok(Some(Value::Double(rest.to_vec()))),
            b'(' => Ok(Some(Value::BigNumber(rest.to_vec()))),
            b'#' => boolean(rest),
            b'_' if rest.is_empty() => Ok(Some(Value::Null)),
            b'$' if rest == b"-1" => Ok(Some(Value::NilBulk)),
            b'*' if rest == b"-1" => Ok(Some(Value::NilArray)),
            b'$' => self.body(rest, Value::Bulk),
            b'!' => self.body(rest, Value::BulkError),
            b'=' => {
                let body = some_or_wait!(self.body(rest, Value::Bulk));
                verbatim(body.bytes().unwrap_or_default()).map(Some)
            }
            b'*' => self.aggregate(rest, depth, Value::Array),
            b'~' => self.aggregate(rest, depth, Value::Set),
            b'>' => self.aggregate(rest, depth, Value::Push),
            b'%' => Ok(self.pairs(rest, depth)?.map(Value::Map)),
            b'|' => {
                let pairs = some_or_wait!(self.pairs(rest, depth));
                let value = some_or_wait!(self.value(depth + 1));
                Ok(Some(Value::Attribute(pairs, Box::new(value))))
            }
            _ => Err(malformed(&format!("a line {:?}", Lossy(line)))),
        }
    }

    /// A line without its end.
    fn line(&mut self) -> Read<&'a [u8]> {
        let rest = &self.input[self.at..];
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Ok(None);
        };
        if end == 0 || rest[end - 1] != b'\r' {
            return Err(malformed(&format!(
                "a line without CR: {:?}",
                Lossy(&rest[..end])
            )));
        }
        self.at += end + 1;
        Ok(Some(&rest[..end - 1]))
    }

    fn body(&mut self, length: &[u8], make: fn(Vec<u8>) -> Value) -> Read<Value> {
        let length = count(length)?;
        let Some(body) = self.input.get(self.at..self.at + length + 2) else {
            return Ok(None);
        };
        if !body.ends_with(b"\r\n") {
            return Err(malformed("a bulk string without CRLF after it"));
        }
        self.at += body.len();
        Ok(Some(make(body[..length].to_vec())))
    }

    fn aggregate(
        &mut self,
        length: &[u8],
        depth: usize,
        make: fn(Vec<Value>) -> Value,
    ) -> Read<Value> {
        let mut elements = Vec::new();
        for _ in 0..count(length)? {
            elements.push(some_or_wait!(self.value(depth + 1)));
        }
        Ok(Some(make(elements)))
    }

    fn pairs(&mut self, length: &[u8], depth: usize) -> Read<Vec<(Value, Value)>> {
        let mut pairs = Vec::new();
        for _ in 0..count(length)? {
            let key = some_or_wait!(self.value(depth + 1));
            let value = some_or_wait!(self.value(depth + 1));
            pairs.push((key, value));
        }
        Ok(Some(pairs))
    }
}

fn number(text: &[u8]) -> Result<i64, Malformed> {
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    // A server writes numbers in one form only.
    match parsed {
        Some(number) if i64::to_string(&number).as_bytes() == text => Ok(number),
        _ => Err(malformed(&format!("a number {:?}", Lossy(text)))),
    }
}

fn count(text: &[u8]) -> Result<usize, Malformed> {
    usize::try_from(number(text)?).map_err(|_| malformed("a negative length"))
}

fn boolean(text: &[u8]) -> Read<Value> {
    match text {
        b"t" => Ok(Some(Value::Boolean(true))),
        b"f" => Ok(Some(Value::Boolean(false))),
        _ => Err(malformed(&format!("a boolean {:?}", Lossy(text)))),
    }
}

fn verbatim(body: &[u8]) -> Result<Value, Malformed> {
    match body {
        [a, b, c, b':', text @ ..] => Ok(Value::Verbatim([*a, *b, *c], text.to_vec())),
        _ => Err(malformed("a verbatim string without its format")),
    }
}

fn malformed(reason: &str) -> Malformed {
    Malformed {
        reason: reason.to_owned(),
    }
}

struct Lossy<'a>(&'a [u8]);

impl fmt::Debug for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_KIND: &[u8] = b"%2\r\n+ok\r\n*9\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n_\r\n,1.5\r\n#t\r\n(12\r\n!3\r\nERR\r\n=5\r\ntxt:a\r\n:-7\r\n|1\r\n+a\r\n:1\r\n~2\r\n>0\r\n-ERR x\r\n";

    #[test]
    fn every_kind_is_read_and_no_beginning_of_it_is_an_answer() {
        let (value, length) = decode(EVERY_KIND).expect("well formed").expect("complete");
        assert_eq!(length, EVERY_KIND.len());
        assert!(value.fits(crate::Version::Resp2) == value.fits(crate::Version::Resp3));
        for end in 0..EVERY_KIND.len() {
            assert_eq!(decode(&EVERY_KIND[..end]), Ok(None), "cut at {end}");
        }
    }

    #[test]
    fn what_no_server_may_say_is_an_error() {
        for bad in [
            "\r\n",
            "+a\n",
            ":01\r\n",
            ":+1\r\n",
            "$-2\r\n",
            "$1\r\nabc",
            "#x\r\n",
            "=2\r\nab\r\n",
            "?\r\n",
            "*-2\r\n",
            "_x\r\n",
        ] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
