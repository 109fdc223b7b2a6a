//! Numbers as Redis reads and prints them; parsed and printed here and nowhere else.
//!
//! Doubles are printed as Redis 7.2 and later do: whole numbers below 2^62 without exponent, others with the fewest digits
//! that read back the same. The arithmetic of INCRBYFLOAT and HINCRBYFLOAT is that of x86's 80-bit `long double`, which
//! [`LongDouble`] follows bit by bit: 64 bits of mantissa, round to nearest, ties to even; 17 decimals when printed.

use std::fmt::{self, Write};

pub use itoa::Buffer as Itoa;
use num_bigint::BigUint;

/// Longest text that is read as a long double, bytes (Redis's `MAX_LONG_DOUBLE_CHARS`).
const LONG_DOUBLE_CHARS: usize = 5 * 1024;
/// Bits of mantissa of x86's extended precision.
const MANTISSA_BITS: u64 = 64;
/// Exponent of the last mantissa bit of the largest finite long double, and of the smallest normal one.
const EXPONENT_MAX: i64 = 16383 - 63;
const EXPONENT_MIN: i64 = -16382 - 63;
/// Decimals of INCRBYFLOAT.
const DECIMALS: u32 = 17;

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
        let exact = LongDouble::parse(text)?;
        let value = exact.to_f64();
        return value.is_finite().then_some(value);
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_underflow = value == 0.0 && mantissa_digits(body).any(|digit| digit != b'0');
    (value.is_finite() && !is_underflow).then_some(value)
}

/// Appends `x` as Redis 7.2 and later print a double.
pub fn write_double(out: &mut Vec<u8>, x: f64) {
    if x.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if x.is_infinite() {
        return out.extend_from_slice(if x < 0.0 { b"-inf" } else { b"inf" });
    }
    if x.fract() == 0.0 && x.abs() < 4_611_686_018_427_387_904.0 {
        return out.extend_from_slice(Itoa::new().format(x as i64).as_bytes());
    }
    if x < 0.0 {
        out.push(b'-');
    }
    let mut digits = Digits::default();
    write!(digits, "{:e}", x.abs()).expect("a buffer for the longest double");
    let (mantissa, exponent) = digits.split();
    write_shortest(out, mantissa, exponent, x < 0.0);
}

/// Lays digits out: `digits` with a point after the first, times ten to `exponent`. The choice between plain and exponent
/// form is fpconv's, which Redis uses.
fn write_shortest(out: &mut Vec<u8>, digits: &[u8], exponent: i32, negative: bool) {
    let count = digits.len() as i32;
    let last = exponent - (count - 1);
    let magnitude = exponent.abs();
    if last >= 0 && magnitude < count + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', last as usize));
    } else if last < 0 && (last > -7 || magnitude < 4) {
        let whole = count + last;
        if whole <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', -whole as usize));
            out.extend_from_slice(digits);
        } else {
            out.extend_from_slice(&digits[..whole as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole as usize..]);
        }
    } else {
        let kept = digits.len().min(18 - usize::from(negative));
        out.push(digits[0]);
        if kept > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..kept]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(Itoa::new().format(magnitude).as_bytes());
    }
}

/// A stack buffer for the exponent form of a double.
#[derive(Default)]
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    /// The digits without the point, and the exponent.
    fn split(&mut self) -> (&[u8], i32) {
        let text = &mut self.bytes[..self.len];
        let e = text
            .iter()
            .position(|byte| *byte == b'e')
            .unwrap_or(text.len());
        let exponent = std::str::from_utf8(&text[(e + 1).min(text.len())..])
            .ok()
            .and_then(|digits| digits.parse().ok());
        let mut count = 1;
        for i in 2..e {
            text[count] = text[i];
            count += 1;
        }
        (&text[..count], exponent.unwrap_or(0))
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self
            .bytes
            .get_mut(self.len..self.len + text.len())
            .ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// A finite number of x86's extended precision: `mantissa * 2^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    /// The highest bit is set, but for zero and for the smallest numbers.
    mantissa: u64,
    exponent: i64,
}

/// Why a text is no [`LongDouble`], or a sum is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Infinite;

impl LongDouble {
    /// Reads a number as `strtold` does; none if it is no number, has blanks around it, or is infinite
    /// or too small.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= LONG_DOUBLE_CHARS {
            return None;
        }
        let (negative, body) = split_sign(text);
        let (numerator, denominator, exponent) = if is_hex(body) {
            parse_hex(&body[2..])?
        } else {
            parse_decimal(body)?
        };
        let is_zero = numerator == BigUint::ZERO;
        let number = Self::round(negative, numerator, denominator, exponent).ok()?;
        (is_zero || number.mantissa != 0).then_some(number)
    }

    /// Whether the text is an infinity, which `strtold` reads too.
    pub fn is_infinity(text: &[u8]) -> bool {
        is_infinity(split_sign(text).1)
    }

    /// The rounded sum; an error if it is too large.
    ///
    /// # Errors
    /// When the sum is not finite.
    pub fn plus(self, other: Self) -> Result<Self, Infinite> {
        let exponent = self.exponent.min(other.exponent);
        let scaled =
            |number: Self| BigUint::from(number.mantissa) << (number.exponent - exponent) as u64;
        let (a, b) = (scaled(self), scaled(other));
        let one = BigUint::from(1_u8);
        if self.negative == other.negative {
            return Self::round(self.negative, a + b, one, exponent);
        }
        if a >= b {
            Self::round(self.negative, a - b, one, exponent)
        } else {
            Self::round(other.negative, b - a, one, exponent)
        }
    }

    /// The nearest `numerator / denominator * 2^exponent`.
    fn round(
        negative: bool,
        numerator: BigUint,
        denominator: BigUint,
        exponent: i64,
    ) -> Result<Self, Infinite> {
        if numerator == BigUint::ZERO {
            return Ok(LongDouble {
                negative: false,
                mantissa: 0,
                exponent: 0,
            });
        }
        // Scale so that the quotient has one bit more than the mantissa, or fewer where the number is very small.
        let excess = numerator.bits() as i64 - denominator.bits() as i64;
        let mut shift = MANTISSA_BITS as i64 + 2 - excess;
        shift = shift.min(exponent - EXPONENT_MIN + 2);
        let (scaled, divisor) = if shift >= 0 {
            (numerator << shift as u64, denominator)
        } else {
            (numerator, denominator << (-shift) as u64)
        };
        let quotient = &scaled / &divisor;
        let is_inexact = &quotient * &divisor != scaled;
        let (mut exponent, surplus) = (
            exponent - shift,
            (quotient.bits() as i64 - MANTISSA_BITS as i64).max(0),
        );
        let surplus = surplus.max(EXPONENT_MIN - exponent).max(0) as u64;
        exponent += surplus as i64;
        let mut mantissa = &quotient >> surplus;
        if surplus > 0 {
            let rest = &quotient - (&mantissa << surplus);
            let half = BigUint::from(1_u8) << (surplus - 1);
            let is_odd = mantissa.bit(0);
            if rest > half || (rest == half && (is_inexact || is_odd)) {
                mantissa += 1_u8;
            }
        }
        if mantissa.bits() > MANTISSA_BITS {
            mantissa >>= 1_u8;
            exponent += 1;
        }
        if exponent > EXPONENT_MAX {
            return Err(Infinite);
        }
        let mantissa = u64::try_from(&mantissa).map_err(|_| Infinite)?;
        Ok(LongDouble {
            negative,
            mantissa,
            exponent,
        })
    }

    fn to_f64(self) -> f64 {
        let magnitude = self.mantissa as f64;
        let half = (self.exponent / 2) as i32;
        let value = magnitude * 2_f64.powi(half) * 2_f64.powi(self.exponent as i32 - half);
        if self.negative { -value } else { value }
    }
}

impl fmt::Display for LongDouble {
    /// `%.17Lf` without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = BigUint::from(self.mantissa) * BigUint::from(10_u8).pow(DECIMALS);
        let rounded = if self.exponent >= 0 {
            scaled << self.exponent as u64
        } else {
            let shift = (-self.exponent) as u64;
            let whole = &scaled >> shift;
            let rest = scaled - (&whole << shift);
            let half = BigUint::from(1_u8) << (shift - 1);
            if rest > half || (rest == half && whole.bit(0)) {
                whole + 1_u8
            } else {
                whole
            }
        };
        let digits = rounded.to_string();
        let digits = format!("{digits:0>width$}", width = DECIMALS as usize + 1);
        let (whole, decimals) = digits.split_at(digits.len() - DECIMALS as usize);
        let decimals = decimals.trim_end_matches('0');
        let sign = if self.negative && rounded != BigUint::ZERO {
            "-"
        } else {
            ""
        };
        if decimals.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{decimals}")
        }
    }
}

/// Digits with at most one point and an optional exponent, as `(numerator, denominator, power of two)`.
fn parse_decimal(body: &[u8]) -> Option<(BigUint, BigUint, i64)> {
    let e = body
        .iter()
        .position(|byte| matches!(byte, b'e' | b'E'))
        .unwrap_or(body.len());
    let exponent = if e < body.len() {
        parse_exponent(&body[e + 1..])?
    } else {
        0
    };
    let (digits, decimals) = point(&body[..e], |byte| byte.is_ascii_digit())?;
    let number = BigUint::parse_bytes(&digits, 10)?;
    // Beyond this every number is infinite or zero; within it the powers stay small.
    let power = (exponent - decimals).clamp(-6000, 6000);
    let ten = BigUint::from(10_u8).pow(power.unsigned_abs() as u32);
    let one = BigUint::from(1_u8);
    Some(if power >= 0 {
        (number * ten, one, 0)
    } else {
        (number, ten, 0)
    })
}

/// Hexadecimal digits with at most one point and an optional binary exponent.
fn parse_hex(body: &[u8]) -> Option<(BigUint, BigUint, i64)> {
    let p = body
        .iter()
        .position(|byte| matches!(byte, b'p' | b'P'))
        .unwrap_or(body.len());
    let exponent = if p < body.len() {
        parse_exponent(&body[p + 1..])?
    } else {
        0
    };
    let (digits, decimals) = point(&body[..p], |byte| byte.is_ascii_hexdigit())?;
    let number = BigUint::parse_bytes(&digits, 16)?;
    let exponent = (exponent - 4 * decimals).clamp(-40_000, 40_000);
    Some((number, BigUint::from(1_u8), exponent))
}

/// Takes the point out; the number of digits behind it.
fn point(body: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<(Vec<u8>, i64)> {
    let point = body.iter().position(|byte| *byte == b'.');
    let digits: Vec<u8> = body
        .iter()
        .copied()
        .enumerate()
        .filter(|(i, _)| Some(*i) != point)
        .map(|(_, byte)| byte)
        .collect();
    let is_number = !digits.is_empty() && digits.iter().all(is_digit);
    let decimals = point.map_or(0, |point| (body.len() - point - 1) as i64);
    is_number.then_some((digits, decimals))
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |n, digit| {
        (n * 10 + i64::from(digit - b'0')).min(100_000)
    });
    Some(if negative { -magnitude } else { magnitude })
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

    fn printed(x: f64) -> String {
        let mut out = Vec::new();
        write_double(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_printed_as_redis_prints_them() {
        for (x, text) in [
            (0.1, "0.1"),
            (3.0, "3"),
            (-0.0, "0"),
            (1e17, "100000000000000000"),
            (1e18, "1000000000000000000"),
            (1e19, "1e+19"),
            (1e300, "1e+300"),
            (1.5e-7, "1.5e-7"),
            (0.000_001_5, "1.5e-6"),
            (0.000_015, "0.000015"),
            (123_456.789, "123456.789"),
            (-1.25e-10, "-1.25e-10"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(printed(x), text);
        }
    }

    #[test]
    fn printed_doubles_read_back_the_same() {
        let mut state = 7_u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let x = f64::from_bits(state ^ state >> 29);
            if x.is_finite() && x != 0.0 {
                assert_eq!(parse_double(printed(x).as_bytes()), Some(x));
            }
        }
    }

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

    #[test]
    fn long_doubles_add_as_x86_does() {
        for (a, b, sum) in [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "200", "5200"),
            ("3", "1.1", "4.1"),
            ("1", "-1", "0"),
            ("-0.5", "0.25", "-0.25"),
            ("0.1", "0.2", "0.3"),
            ("1e17", "0.1", "100000000000000000.1015625"),
            ("17179869184.00000000001", "0", "17179869184"),
            ("1", "0x10", "17"),
            ("1e-4940", "0", "0"),
        ] {
            let [a, b] = [a, b].map(|text| LongDouble::parse(text.as_bytes()).unwrap());
            assert_eq!(a.plus(b).unwrap().to_string(), sum);
        }
        let huge = LongDouble::parse(b"1e4932").unwrap();
        assert_eq!(huge.plus(huge), Err(Infinite));
        assert_eq!(LongDouble::parse(b"1e5000"), None);
        assert_eq!(LongDouble::parse(b"1e-4990"), None);
    }
}
