//! Small requests: up to nine arguments of less than a hundred bytes each, all of them there. Nearly all requests are, and
//! they are read without the cases that the others need. What is not small, or not right, is left to the parser as it
//! stands, so nothing is decided here but success.

use crate::limits::Limits;
use crate::request::{SHORT_HEADER, Span};

/// The bounds of clients that have not authenticated are wider, so they need no look.
const ARGUMENTS: usize = 9;
const BULK: u64 = 99;
const _: () =
    assert!(ARGUMENTS <= Limits::UNAUTHENTICATED_ARGUMENTS && BULK <= Limits::UNAUTHENTICATED_BULK);

/// Whether no small request can be too large.
pub(crate) fn are_allowed(limits: &Limits) -> bool {
    limits.arguments >= ARGUMENTS && limits.bulk >= BULK
}

/// Appends the arguments of the request at `start` to `spans` and returns its end, if it is a small one.
#[inline]
pub(crate) fn take(buffer: &[u8], start: usize, spans: &mut Vec<Span>) -> Option<usize> {
    let [b'*', count @ b'1'..=b'9', b'\r', b'\n'] = *buffer.get(start..)?.first_chunk()? else {
        return None;
    };
    let (first, mut at) = (spans.len(), start + 4);
    for _ in b'0'..count {
        let Some(span) = argument(buffer, at) else {
            spans.truncate(first);
            return None;
        };
        spans.push(span);
        at = span.end as usize + 2;
    }
    Some(at)
}

/// The argument behind the name of the request that `buffer` begins with, if it is a small one so far. It may be that the
/// parser finds something else.
#[inline]
pub fn glance(buffer: &[u8]) -> Option<&[u8]> {
    let [b'*', b'2'..=b'9', b'\r', b'\n'] = *buffer.first_chunk()? else {
        return None;
    };
    let name = argument(buffer, 4)?;
    let next = argument(buffer, name.end as usize + 2)?;
    Some(&buffer[next.range()])
}

/// The argument whose header is at `at`, if it has less than a hundred bytes and all of them are there.
#[inline(always)]
fn argument(buffer: &[u8], at: usize) -> Option<Span> {
    let rest = buffer.get(at..)?;
    let (length, header) = match *rest.first_chunk::<SHORT_HEADER>()? {
        [b'$', a @ b'0'..=b'9', b'\r', b'\n', ..] => (usize::from(a - b'0'), 4),
        [b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', _] => {
            (usize::from(a - b'0') * 10 + usize::from(b - b'0'), 5)
        }
        _ => return None,
    };
    let end = header + length;
    if rest.get(end..end + 2)? != b"\r\n" {
        return None;
    }
    Some(Span::new(at + header, at + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &[u8]) -> Option<(usize, Vec<Vec<u8>>)> {
        let mut spans = Vec::new();
        let end = take(bytes, 0, &mut spans);
        let words = spans.iter().map(|span| bytes[span.range()].to_vec());
        let words: Vec<_> = words.collect();
        assert!(end.is_some() || words.is_empty(), "a trace is left");
        end.map(|end| (end, words))
    }

    #[test]
    fn a_small_request_is_taken_whole() {
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n";
        assert_eq!(taken(get), Some((20, words(&["GET", "k"]))));
        let long = "x".repeat(99);
        let set = format!("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$99\r\n{long}\r\n");
        let expected = Some((set.len(), words(&["SET", "", &long])));
        assert_eq!(taken(set.as_bytes()), expected);
    }

    #[test]
    fn every_other_request_is_left_alone() {
        let whole = b"*2\r\n$3\r\nGET\r\n$12\r\nkeykeykeykey\r\n";
        assert!(taken(whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(taken(&whole[..end]), None, "cut at {end}");
        }
        let long = format!("*1\r\n$100\r\n{}\r\n", "x".repeat(100));
        for other in [
            long.as_str(),
            "PING\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*10\r\n$1\r\na\r\n",
            "*1\r\n$-1\r\n\r\n",
            "*1\r\n$01\r\na\r\n",
            "*1\r\n$1\r\nabc",
            "*1\r\n:1\r\na\r\n",
            "*1\n\n$1\r\na\r\n",
            "*1\r\n$1\n\na\r\n",
        ] {
            assert_eq!(taken(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_glance_sees_what_stands_behind_the_name() {
        assert_eq!(glance(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), Some(&b"k"[..]));
        let half = b"*3\r\n$3\r\nSET\r\n$2\r\nkk\r\n$1000\r\nx";
        assert_eq!(glance(half), Some(&b"kk"[..]));
        for end in 0..half.len() - 8 {
            assert_eq!(glance(&half[..end]), None, "cut at {end}");
        }
        for other in [&b"*1\r\n$4\r\nPING\r\n"[..], b"GET k\r\n", b"*2\r\n$-1\r\n"] {
            assert_eq!(glance(other), None);
        }
    }

    #[test]
    fn bounds_that_a_small_request_could_reach_forbid_it() {
        let fine = Limits::default();
        assert!(are_allowed(&fine) && are_allowed(&fine.unauthenticated()));
        assert!(!are_allowed(&Limits { bulk: 98, ..fine }));
        assert!(!are_allowed(&Limits {
            arguments: 8,
            ..fine
        }));
    }
}
