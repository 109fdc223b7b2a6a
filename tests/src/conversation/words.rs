//! A line as one types it into redis-cli, to arguments and back.

/// The arguments of `line`, which redis-cli's rules separate: blanks, `"a\x00b"`, `'a'`. Beyond those, `"ab"*3` repeats.
/// The error says what is wrong.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, after) = next_word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// `text` in double quotes, as redis-cli prints it.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// `args` as a line that [`split`] reads back.
pub fn join<A: AsRef<[u8]>>(args: &[A]) -> String {
    let words: Vec<String> = args
        .iter()
        .map(|arg| {
            let arg = arg.as_ref();
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
            match !arg.is_empty() && arg.iter().all(plain) {
                true => String::from_utf8_lossy(arg).into_owned(),
                false => quote(arg),
            }
        })
        .collect();
    words.join(" ")
}

/// The string that begins with the double quote at the start of `text`, and what follows it.
pub(super) fn quoted(text: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut word = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        match rest {
            [] => return Err("a quote is not closed".to_owned()),
            [b'"', after @ ..] => return repeated(word, after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) * 16 + hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(unescaped(*escaped));
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn next_word(text: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [] => return Ok((word, rest)),
            [byte, ..] if byte.is_ascii_whitespace() => return Ok((word, rest)),
            [b'"', ..] => {
                let (part, after) = quoted(rest)?;
                ends_word(after)?;
                word.extend(part);
                rest = after;
            }
            [b'\'', after @ ..] => {
                let (part, after) = single_quoted(after)?;
                ends_word(after)?;
                word.extend(part);
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn ends_word(rest: &[u8]) -> Result<(), String> {
    match rest.first() {
        Some(byte) if !byte.is_ascii_whitespace() => {
            Err("a closing quote must end its argument".to_owned())
        }
        _ => Ok(()),
    }
}

fn single_quoted(text: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [] => return Err("a quote is not closed".to_owned()),
            [b'\'', after @ ..] => return Ok((word, after)),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// Applies a `*3` after a closing quote.
fn repeated(word: Vec<u8>, after: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let [b'*', digits @ ..] = after else {
        return Ok((word, after));
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let times: usize = std::str::from_utf8(&digits[..end])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or("a number must follow \"...\"*")?;
    Ok((word.repeat(times), &digits[end..]))
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&[u8]]) {
        assert_eq!(split(line), Ok(words.iter().map(|w| w.to_vec()).collect()));
    }

    #[test]
    fn words_are_split_as_redis_cli_splits_them() {
        check("  SET k  v ", &[b"SET", b"k", b"v"]);
        check(r#"SET k "a b\x00\n\"" "#, &[b"SET", b"k", b"a b\0\n\""]);
        check(r"SET k 'a\n\'' ''", &[b"SET", b"k", b"a\\n'", b""]);
        check(r#""ab"*3 ""*2"#, &[b"ababab", b""]);
        assert!(split(r#""a"b"#).is_err());
        assert!(split(r#""a"#).is_err());
        assert!(split(r#""a"*x"#).is_err());
    }

    #[test]
    fn what_is_joined_splits_into_the_same() {
        let args: [&[u8]; 5] = [b"a", b"", b"\x00\xff\r\n\"'\\", b"a b", b"it's"];
        let line = join(&args);
        assert_eq!(split(&line), Ok(args.iter().map(|a| a.to_vec()).collect()));
    }
}
