//! What SCAN, SSCAN, HSCAN and ZSCAN share: cursor, options, and filling one page of the reply.
//!
//! ```text
//! let cursor = scan::cursor(call.args.at(2))?;                     // before the key is looked up
//! let options = Options::parse(call.args, 3, Subject::Fields)?;     // after it was, so a missing key hides bad options
//! options.page(&mut call.reply, cursor, |cursor, page| table.scan(cursor, &mut |f| page.pair(f.key(), |r| r.bulk(f.value()))));
//! ```

use almandine_protocol::{Reply, number};
use almandine_storage::{Kind, glob};

use super::call::Args;
use super::errors::Fault;

/// What is scanned; it decides which options there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// SCAN, which knows TYPE.
    Keys,
    /// SSCAN.
    Members,
    /// HSCAN, which knows NOVALUES.
    Fields,
    /// ZSCAN.
    Scores,
}

/// MATCH, COUNT, TYPE, NOVALUES.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    kind: Option<&'a [u8]>,
    no_values: bool,
}

/// The elements of one reply while they are written.
#[derive(Debug)]
pub struct Page<'p, 'r> {
    options: &'p Options<'p>,
    reply: &'p mut Reply<'r>,
    visited: usize,
    written: usize,
}

const INVALID_CURSOR: Fault = Fault::new("ERR invalid cursor");
const NO_VALUES_ONLY_IN_HSCAN: Fault = Fault::new("ERR NOVALUES option can only be used in HSCAN");

/// A cursor; like `strtoull`, which Redis uses, it takes leading blanks, zeros and signs.
pub fn cursor(text: &[u8]) -> Result<u64, Fault> {
    if let Some(n) = number::parse_i64(text) {
        return u64::try_from(n).map_err(|_| INVALID_CURSOR);
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return Err(INVALID_CURSOR);
    }
    let n: u64 = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(INVALID_CURSOR)?;
    Ok(if negative { n.wrapping_neg() } else { n })
}

/// The reply for a key that is not there.
pub fn no_page(reply: &mut Reply<'_>) {
    let place = reply.reserve();
    reply.fill_page(place, 0, 0);
}

impl<'a> Options<'a> {
    /// The options from argument `at` on.
    pub fn parse(args: Args<'a>, mut at: usize, subject: Subject) -> Result<Self, Fault> {
        let mut options = Options {
            pattern: None,
            count: 10,
            kind: None,
            no_values: false,
        };
        while at < args.len() {
            let value = args.get(at + 1);
            match value {
                Some(_) if args.is(at, "count") => {
                    let count = args.integer(at + 1)?;
                    options.count = usize::try_from(count)
                        .ok()
                        .filter(|count| *count > 0)
                        .ok_or(Fault::SYNTAX)?;
                    at += 2;
                }
                Some(pattern) if args.is(at, "match") => {
                    options.pattern = (pattern != b"*").then_some(pattern);
                    at += 2;
                }
                Some(_) if args.is(at, "type") && subject == Subject::Keys => {
                    options.kind = value;
                    at += 2;
                }
                _ if args.is(at, "novalues") => {
                    if subject != Subject::Fields {
                        return Err(NO_VALUES_ONLY_IN_HSCAN);
                    }
                    options.no_values = true;
                    at += 1;
                }
                _ => return Err(Fault::SYNTAX),
            }
        }
        Ok(options)
    }

    /// Replies `[cursor, [elements]]`. `step` is given a cursor, shows all elements of that place to the page and returns
    /// the next cursor; it is called until COUNT elements were shown or the end (cursor 0) is reached. A long row of
    /// empty places ends the page too, so that one call stays short.
    pub fn page<'r>(
        &self,
        reply: &mut Reply<'r>,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut Page<'_, 'r>) -> u64,
    ) {
        let place = reply.reserve();
        let mut page = Page {
            options: self,
            reply,
            visited: 0,
            written: 0,
        };
        let mut steps_left = self.count.saturating_mul(10);
        loop {
            cursor = step(cursor, &mut page);
            steps_left -= 1;
            if cursor == 0 || steps_left == 0 || page.visited >= self.count {
                break;
            }
        }
        let written = page.written;
        reply.fill_page(place, cursor, written);
    }
}

impl<'r> Page<'_, 'r> {
    /// A member of a set.
    pub fn member(&mut self, name: &[u8]) {
        if self.admits(name) {
            self.reply.bulk(name);
            self.written += 1;
        }
    }

    /// A key of the keyspace; TYPE may refuse it.
    pub fn key(&mut self, name: &[u8], kind: Kind) {
        let wanted = self.options.kind;
        if wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.name().as_bytes())) {
            self.member(name);
        } else {
            self.visited += 1;
        }
    }

    /// A field or member with what belongs to it; `write` writes exactly one element, and is not called with NOVALUES.
    pub fn pair(&mut self, name: &[u8], write: impl FnOnce(&mut Reply<'r>)) {
        if self.admits(name) {
            self.reply.bulk(name);
            self.written += 1;
            if !self.options.no_values {
                write(self.reply);
                self.written += 1;
            }
        }
    }

    fn admits(&mut self, name: &[u8]) -> bool {
        self.visited += 1;
        self.options
            .pattern
            .is_none_or(|pattern| glob::matches(pattern, name))
    }
}

#[cfg(test)]
mod tests {
    use almandine_protocol::Version;

    use super::*;
    use crate::commands::call::Span;

    fn parsed<T>(
        line: &str,
        use_them: impl FnOnce(Result<Options<'_>, Fault>) -> T,
        subject: Subject,
    ) -> T {
        let mut spans = Vec::new();
        let mut start = 0;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            spans.push(Span {
                start,
                end: start + word.len() as u32,
            });
            start += word.len() as u32 + 1;
        }
        use_them(Options::parse(
            Args::new(line.as_bytes(), &spans),
            0,
            subject,
        ))
    }

    fn refused(line: &str, subject: Subject) -> Option<Fault> {
        parsed(line, |options| options.err(), subject)
    }

    #[test]
    fn cursors_are_read_as_strtoull_reads_them() {
        assert_eq!(cursor(b"0"), Ok(0));
        assert_eq!(cursor(b" +07"), Ok(7));
        assert_eq!(cursor(b"-0"), Ok(0));
        assert_eq!(cursor(b"18446744073709551615"), Ok(u64::MAX));
        for bad in ["", "-1", "+", "++1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(cursor(bad.as_bytes()), Err(INVALID_CURSOR), "{bad}");
        }
    }

    #[test]
    fn options_are_checked_from_left_to_right() {
        assert_eq!(refused("match a count 3", Subject::Members), None);
        assert_eq!(refused("type set", Subject::Keys), None);
        assert_eq!(refused("NoValues", Subject::Fields), None);
        for line in ["count 0", "count -1", "count", "match", "foo", "type set"] {
            assert_eq!(
                refused(line, Subject::Members),
                Some(Fault::SYNTAX),
                "{line}"
            );
        }
        assert_eq!(refused("count x", Subject::Keys), Some(Fault::NOT_INTEGER));
        assert_eq!(
            refused("novalues count 0", Subject::Scores),
            Some(NO_VALUES_ONLY_IN_HSCAN)
        );
    }

    #[test]
    fn a_page_ends_when_enough_elements_were_shown_or_nothing_comes() {
        let page = |line: &str, empty: u64| {
            let mut out = Vec::new();
            parsed(
                line,
                |options| {
                    options.unwrap().page(
                        &mut Reply::new(&mut out, Version::Resp2),
                        0,
                        |cursor, page| {
                            if cursor >= empty {
                                page.pair(cursor.to_string().as_bytes(), |reply| reply.integer(1));
                            }
                            (cursor + 1) % 1_000
                        },
                    );
                },
                Subject::Fields,
            );
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            page("count 2", 0),
            "*2\r\n$1\r\n2\r\n*4\r\n$1\r\n0\r\n:1\r\n$1\r\n1\r\n:1\r\n"
        );
        assert_eq!(
            page("count 2 novalues", 1),
            "*2\r\n$1\r\n3\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n"
        );
        assert_eq!(page("count 2", 900), "*2\r\n$2\r\n20\r\n*0\r\n");
        assert_eq!(page("count 2 match x", 0), "*2\r\n$1\r\n2\r\n*0\r\n");
    }
}
