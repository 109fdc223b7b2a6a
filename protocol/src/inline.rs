//! Inline requests: a line of words, for people at a telnet prompt.
//!
//! ```text
//!   word         up to the next blank; quotes may begin inside it
//!   "text"       \n \r \t \a \b \xHH, any other escaped byte stands for itself
//!   'text'       \' only
//! ```
//! A closing quote ends its word: a blank or the end of the line must follow.

use crate::errors::ProtocolError;
use crate::request::Span;

/// Cuts `line` (without its line end) into words. Their bytes are appended to `text`, their places in it to `spans`. On
/// an error both may hold words of the broken line.
pub(crate) fn split(
    line: &[u8],
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        let blanks = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Ok(());
        }
        let start = text.len();
        rest = word(rest, text)?;
        spans.push(Span::new(start, text.len()));
    }
}

/// Appends the word at the beginning of `rest` to `text`; returns what follows it.
fn word<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    while let Some((&first, after)) = rest.split_first() {
        match first {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => return ended(double_quoted(after, text)?),
            b'\'' => return ended(single_quoted(after, text)?),
            byte => text.push(byte),
        }
        rest = after;
    }
    Ok(rest)
}

/// What follows a closing quote must not belong to the word.
fn ended(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                text.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                text.push(unescape(*escaped));
                after
            }
            [b'"', after @ ..] => return Ok(after),
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return Err(ProtocolError::UnbalancedQuotes),
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [b'\\', b'\'', after @ ..] => {
                text.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return Ok(after),
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return Err(ProtocolError::UnbalancedQuotes),
        }
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        other => other,
    }
}

/// The value of a digit that is known to be hexadecimal.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// C's `isspace`: unlike Rust's, the vertical tab counts.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, ProtocolError> {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split(line.as_bytes(), &mut text, &mut spans)?;
        let word = |span: &Span| text[span.range()].escape_ascii().to_string();
        Ok(spans.iter().map(word).collect())
    }

    #[test]
    fn words_are_cut_at_blanks_and_quotes_are_undone() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\x0b\x0c\r\n", &[]),
            ("PING", &["PING"]),
            ("  GET   key ", &["GET", "key"]),
            ("a\tb\rc", &["a", "b", "c"]),
            ("a\x0bb", &[r"a\x0bb"]),
            ("\x0bb", &["b"]),
            (r#""" ''"#, &["", ""]),
            (r#"a"b c""#, &["ab c"]),
            (r"a'b c'", &["ab c"]),
            (r"a\x41", &[r"a\\x41"]),
            (
                r#""\x41\xfF\n\r\t\a\b\q\"\\""#,
                &[r#"A\xff\n\r\t\x07\x08q\"\\"#],
            ),
            (r#""\x4""#, &["x4"]),
            (r#""\xzz""#, &["xzz"]),
            (r"'a\'b\n'", &[r"a\'b\\n"]),
            ("'a'\x0b'b'", &["a", "b"]),
        ];
        for (line, expected) in table {
            let expected: Vec<String> = expected.iter().map(|word| word.to_string()).collect();
            assert_eq!(words(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn a_quote_must_be_closed_and_end_its_word() {
        for line in [
            r#"ECHO "a"#,
            "ECHO 'a",
            r#"ECHO "a"b"#,
            "ECHO 'a'b",
            r#"ECHO "a"'b'"#,
            r#"ECHO "a\"#,
            r#"ECHO "\"#,
            "'",
        ] {
            assert_eq!(
                words(line),
                Err(ProtocolError::UnbalancedQuotes),
                "{line:?}"
            );
        }
    }
}
