//! Numbers as Redis reads and prints them; parsed and printed here and nowhere else.
//!
//! Doubles are printed as Redis 7.2 and later do: whole numbers up to 2^62 digit by digit, others as Grisu2 finds them.
//! The arithmetic of INCRBYFLOAT and HINCRBYFLOAT is that of x86's 80-bit `long double`, which [`LongDouble`] follows bit
//! by bit: 64 bits of mantissa, round to nearest, ties to even; 17 decimals when printed.

mod double;
mod long_double;

pub use itoa::Buffer as Itoa;

pub use self::double::{write_double, write_double_in_full, write_shortest};
pub use self::long_double::{Infinite, LongDouble};

/// A canonical decimal `i64`: no plus sign, no leading zeros, no spaces, no `-0` (Redis's `string2ll`).
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.len() > 19 || !(matches!(digits, [b'1'..=b'9', ..]) || text == b"0") {
        return None;
    }
    let magnitude = digits.iter().try_fold(0_u64, |n, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            Some(n * 10 + u64::from(digit))
        }
    })?;
    if digits.len() < text.len() {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// A double as Redis's `string2d` reads it: decimal or hexadecimal, `inf` in all spellings; no blanks, no NaN, nothing that
/// is too large or too small for a double.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let (negative, body) = split_sign(text);
    if is_infinity(body) {
        return Some(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    if is_hex(body) {
        let magnitude = long_double::parse_hex_double(&body[2..])?;
        return Some(if negative { -magnitude } else { magnitude });
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_underflow = value == 0.0 && mantissa_digits(body).any(|digit| digit != b'0');
    (value.is_finite() && !is_underflow).then_some(value)
}

/// A double as SORT reads weights and ranges their bounds: decimal or infinite, no hexadecimal, no NaN; nothing is zero, and what is out of range is
/// infinite or zero. A NUL ends the text.
pub fn parse_weight(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| *byte == 0);
    let text = &text[..end.unwrap_or(text.len())];
    if text.is_empty() {
        return Some(0.0);
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn is_infinity(body: &[u8]) -> bool {
    body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity")
}

fn is_hex(body: &[u8]) -> bool {
    matches!(body, [b'0', b'x' | b'X', _, ..])
}

fn mantissa_digits(body: &[u8]) -> impl Iterator<Item = u8> {
    body.iter()
        .copied()
        .take_while(|byte| !matches!(byte, b'e' | b'E'))
        .filter(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_read_as_strtod_reads_them() {
        for (text, value) in [
            ("1", Some(1.0)),
            ("+1.5e3", Some(1500.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("0x10", Some(16.0)),
            ("-0x1p-2", Some(-0.25)),
            ("Inf", Some(f64::INFINITY)),
            ("-infinity", Some(f64::NEG_INFINITY)),
            ("0x1.00000000000008p0", Some(1.0)),
            ("0x1.000000000000080001p0", Some(1.0 + f64::EPSILON)),
            ("0x1.8p-1074", Some(1e-323)),
            ("0x.8p-1074", None),
            ("0x1p1024", None),
            ("0x0p9999", Some(0.0)),
            ("0x", None),
            ("0x1p", None),
            ("0xp1", None),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("1e400", None),
            ("1e-400", None),
            ("1e", None),
            (".", None),
            ("1_0", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn weights_are_decimal_and_have_no_range() {
        for (text, value) in [
            ("", Some(0.0)),
            ("+1.5e3", Some(1500.0)),
            ("5.", Some(5.0)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("1e400", Some(f64::INFINITY)),
            ("-1e400", Some(f64::NEG_INFINITY)),
            ("1e-400", Some(0.0)),
            ("0x10", None),
            ("nan", None),
            ("2\0x", Some(2.0)),
            (" 1", None),
            ("1 ", None),
            ("1e", None),
            ("-", None),
            (".", None),
        ] {
            assert_eq!(parse_weight(text.as_bytes()), value, "{text}");
        }
        assert_eq!(parse_weight(b"\xff"), None);
    }

    #[test]
    fn integers_are_canonical_or_nothing() {
        let limits = ["9223372036854775807", "-9223372036854775808"];
        assert_eq!(
            limits.map(|text| parse_i64(text.as_bytes())),
            [Some(i64::MAX), Some(i64::MIN)]
        );
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "1 ",
            "9223372036854775808",
            "-9223372036854775809",
            "1a",
            "99999999999999999999",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }
}
