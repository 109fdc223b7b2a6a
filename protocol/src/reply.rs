//! Replies on the wire. RESP2 and RESP3 differ in this file and nowhere else.
//!
//! A [`Reply`] writes straight into the output buffer of a batch: no tree, no allocation. Aggregate headers announce
//! how many elements follow; the caller owes exactly that many. Source: the RESP specification of redis.io.

use crate::number::{self, Itoa};

/// The protocol version of a connection, chosen by HELLO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// What a connection speaks before any HELLO.
    #[default]
    Resp2,
    /// Maps, sets, doubles, booleans, nulls and pushes of their own.
    Resp3,
}

impl Version {
    /// Both, the older one first.
    pub const BOTH: [Version; 2] = [Version::Resp2, Version::Resp3];

    /// As HELLO wants it: 2 or 3.
    pub fn number(self) -> u8 {
        match self {
            Version::Resp2 => 2,
            Version::Resp3 => 3,
        }
    }
}

/// Writes the replies of one command.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    version: Version,
}

/// A place where an aggregate header is owed; see [`Reply::reserve`].
#[derive(Debug)]
#[must_use = "the header must be filled in"]
pub struct Reserved(usize);

/// Appends a request to another server: an array of bulk strings.
pub fn write_request<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let mut request = Reply::new(out, Version::Resp2);
    request.array(words.len());
    words.for_each(|word| request.bulk(word));
}

impl<'a> Reply<'a> {
    /// Appends to `out` in `version`.
    pub fn new(out: &'a mut Vec<u8>, version: Version) -> Self {
        Reply { out, version }
    }

    /// The same place for a nested command, which may speak another version (HELLO inside a transaction).
    pub fn reborrow(&mut self, version: Version) -> Reply<'_> {
        Reply {
            out: self.out,
            version,
        }
    }

    /// The version in which this reply is written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// A change of version in the middle of a command: HELLO answers in the version it selects.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Bytes written so far into the buffer (of the whole batch).
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written since `position`.
    pub fn rewind(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string; `text` must hold neither CR nor LF.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.line(b'+', text.as_bytes());
    }

    /// An error, code word first (`ERR syntax error`). CR and LF in `text` become spaces, so no reply can be forged.
    pub fn error(&mut self, text: &[u8]) {
        self.out.push(b'-');
        self.out.extend(
            text.iter()
                .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }),
        );
        self.out.extend_from_slice(b"\r\n");
    }

    /// `:n`.
    pub fn integer(&mut self, n: i64) {
        self.header(b':', n);
    }

    /// A length or count.
    pub fn length(&mut self, n: usize) {
        self.header(b':', i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.count(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// What surrounds a bulk string of `length` bytes that come from elsewhere; returns the position where they belong.
    pub fn bulk_around(&mut self, length: usize) -> usize {
        self.count(b'$', length);
        let position = self.out.len();
        self.out.extend_from_slice(b"\r\n");
        position
    }

    /// A number as a bulk string.
    pub fn bulk_integer(&mut self, n: i64) {
        let mut digits = Itoa::new();
        self.bulk(digits.format(n).as_bytes());
    }

    /// A double as a bulk string in both versions, as INCRBYFLOAT answers.
    pub fn bulk_double(&mut self, x: f64) {
        let mut text = Vec::with_capacity(24);
        number::write_double(&mut text, x);
        self.bulk(&text);
    }

    /// A double with 17 digits as a bulk string in both versions.
    pub fn bulk_double_in_full(&mut self, x: f64) {
        let mut text = Vec::with_capacity(24);
        number::write_double_in_full(&mut text, x);
        self.bulk(&text);
    }

    /// No value: `$-1`, or `_` in RESP3.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.version {
            Version::Resp2 => b"$-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// No array: `*-1`, or `_` in RESP3.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.version {
            Version::Resp2 => b"*-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// `length` elements follow.
    pub fn array(&mut self, length: usize) {
        self.count(b'*', length);
    }

    /// `pairs` keys and values follow: a map, or an array of twice the length in RESP2.
    pub fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Resp2 => self.count(b'*', pairs * 2),
            Version::Resp3 => self.count(b'%', pairs),
        }
    }

    /// `length` distinct elements follow: a set, or an array in RESP2.
    pub fn set(&mut self, length: usize) {
        match self.version {
            Version::Resp2 => self.count(b'*', length),
            Version::Resp3 => self.count(b'~', length),
        }
    }

    /// `length` elements of an out-of-band push follow: a push, or an array in RESP2.
    pub fn push(&mut self, length: usize) {
        match self.version {
            Version::Resp2 => self.count(b'*', length),
            Version::Resp3 => self.count(b'>', length),
        }
    }

    /// `pairs` attribute keys and values follow, and then the reply they describe. RESP3 only.
    pub fn attribute(&mut self, pairs: usize) {
        debug_assert_eq!(self.version, Version::Resp3);
        self.count(b'|', pairs);
    }

    /// A double: `,x`, or a bulk string in RESP2.
    pub fn double(&mut self, x: f64) {
        match self.version {
            Version::Resp2 => self.bulk_double(x),
            Version::Resp3 => {
                self.out.push(b',');
                number::write_double(self.out, x);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A truth value: `#t`, or `:1` in RESP2.
    pub fn boolean(&mut self, yes: bool) {
        match self.version {
            Version::Resp2 => self.integer(i64::from(yes)),
            Version::Resp3 => self
                .out
                .extend_from_slice(if yes { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// Text with a three-letter format (`txt`, `mkd`): a verbatim string, or a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        match self.version {
            Version::Resp2 => self.bulk(text),
            Version::Resp3 => {
                self.count(b'=', text.len() + 4);
                self.out.extend_from_slice(format);
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An integer of any size in decimal digits: `(n`, or a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.version {
            Version::Resp2 => self.bulk(digits),
            Version::Resp3 => self.line(b'(', digits),
        }
    }

    /// Remembers this place for a header whose count is not known yet. Fill it in with [`Reply::fill_array`] or a sibling.
    pub fn reserve(&mut self) -> Reserved {
        Reserved(self.out.len())
    }

    /// Makes what was written since `place` an array of `length` elements.
    pub fn fill_array(&mut self, place: Reserved, length: usize) {
        self.fill(place, |reply| reply.array(length));
    }

    /// Makes what was written since `place` a map of `pairs`.
    pub fn fill_map(&mut self, place: Reserved, pairs: usize) {
        self.fill(place, |reply| reply.map(pairs));
    }

    /// Makes what was written since `place` a set of `length` elements.
    pub fn fill_set(&mut self, place: Reserved, length: usize) {
        self.fill(place, |reply| reply.set(length));
    }

    /// Makes what was written since `place` the answer of a scan: `[cursor, [length elements]]`.
    pub fn fill_page(&mut self, place: Reserved, cursor: u64, length: usize) {
        self.fill(place, |reply| {
            reply.array(2);
            reply.bulk(Itoa::new().format(cursor).as_bytes());
            reply.array(length);
        });
    }

    fn fill(&mut self, place: Reserved, header: impl FnOnce(&mut Self)) {
        let end = self.out.len();
        header(self);
        let written = self.out.len() - end;
        self.out[place.0..].rotate_right(written);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    fn count(&mut self, kind: u8, n: usize) {
        self.header(kind, i64::try_from(n).unwrap_or(i64::MAX));
    }

    fn header(&mut self, kind: u8, n: i64) {
        if (0..10).contains(&n) {
            self.out
                .extend_from_slice(&[kind, b'0' + n as u8, b'\r', b'\n']);
            return;
        }
        let mut digits = Itoa::new();
        self.line(kind, digits.format(n).as_bytes());
    }
}
