//! The arithmetic of INCRBYFLOAT, HINCRBYFLOAT and of timeouts: that of x86's 80-bit `long double`, bit by bit.

use std::fmt;

use num_bigint::BigUint;

use super::{is_hex, is_infinity, split_sign};

/// Longest text that is read as a long double, bytes (Redis's `MAX_LONG_DOUBLE_CHARS`).
const LONG_DOUBLE_CHARS: usize = 5 * 1024;
/// Bits of mantissa of x86's extended precision.
const MANTISSA_BITS: u64 = 64;
/// Exponent of the last mantissa bit of the largest finite long double, and of the smallest normal one.
const EXPONENT_MAX: i64 = 16383 - 63;
const EXPONENT_MIN: i64 = -16382 - 63;
/// Decimals of INCRBYFLOAT.
const DECIMALS: u32 = 17;

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

    /// A thousand times the number, rounded up to a whole one; the nearest that 64 bits hold if it is too large.
    pub fn thousandths(self) -> i64 {
        let limit = if self.negative { i64::MIN } else { i64::MAX };
        let (thousand, one) = (BigUint::from(1000_u16), BigUint::from(1_u8));
        let product = thousand * BigUint::from(self.mantissa);
        let Ok(product) = Self::round(self.negative, product, one, self.exponent) else {
            return limit;
        };
        let (whole, is_inexact) = match u32::try_from(-product.exponent) {
            Ok(shift) => {
                let whole = product.mantissa.checked_shr(shift).unwrap_or(0);
                let back = whole.checked_shl(shift).unwrap_or(0);
                (i128::from(whole), back != product.mantissa)
            }
            Err(_) if product.exponent >= 64 => return limit,
            Err(_) => (i128::from(product.mantissa) << product.exponent, false),
        };
        let up = match self.negative {
            true => -whole,
            false => whole + i128::from(is_inexact),
        };
        i64::try_from(up).unwrap_or(limit)
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
}

impl fmt::Display for LongDouble {
    /// `%.17Lf` without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = BigUint::from(self.mantissa) * BigUint::from(10_u8).pow(DECIMALS);
        let rounded = if self.exponent >= 0 {
            scaled << self.exponent as u64
        } else {
            shifted_to_nearest(scaled, self.exponent.unsigned_abs())
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

/// The double nearest to a hexadecimal number; none if it is no number, too large or too small.
pub(super) fn parse_hex_double(body: &[u8]) -> Option<f64> {
    let (number, _, exponent) = parse_hex(body)?;
    if number == BigUint::ZERO {
        return Some(0.0);
    }
    let surplus = number.bits() as i64 - i64::from(f64::MANTISSA_DIGITS);
    let lowest = exponent.saturating_add(surplus).max(-1074);
    let shift = lowest - exponent;
    let mantissa = match u64::try_from(shift) {
        Ok(shift) => shifted_to_nearest(number.clone(), shift),
        Err(_) => number.clone() << shift.unsigned_abs(),
    };
    // At most 2^53, hence exact, and so are both products.
    let mantissa = u64::try_from(&mantissa).ok()? as f64;
    let half = (lowest / 2).clamp(-1100, 1100) as i32;
    let rest = (lowest - i64::from(half)).clamp(-1100, 1100) as i32;
    let value = mantissa * 2_f64.powi(half) * 2_f64.powi(rest);
    (value.is_finite() && value != 0.0).then_some(value)
}

/// `number / 2^shift`, rounded to the nearest whole number, ties to even.
fn shifted_to_nearest(number: BigUint, shift: u64) -> BigUint {
    let Some(below) = shift.checked_sub(1) else {
        return number;
    };
    let whole = &number >> shift;
    let rest = number - (&whole << shift);
    let half = BigUint::from(1_u8) << below;
    if rest > half || (rest == half && whole.bit(0)) {
        whole + 1_u8
    } else {
        whole
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn thousandths_are_rounded_up() {
        for (text, thousandths) in [
            ("0", 0),
            ("-0", 0),
            ("1.5", 1500),
            ("0.0001", 1),
            ("1e-4900", 1),
            ("-0.0001", 0),
            ("-1.0001", -1000),
            ("-1.5", -1500),
            ("0x10", 16_000),
            ("123456789.123", 123_456_789_123),
            ("9223372036854775", 9_223_372_036_854_775_000),
            ("9223372036854775.808", i64::MAX),
            ("1e15", 1_000_000_000_000_000_000),
            ("1e16", i64::MAX),
            ("-1e16", i64::MIN),
            ("1e4932", i64::MAX),
            ("-1e4932", i64::MIN),
        ] {
            let number = LongDouble::parse(text.as_bytes()).unwrap();
            assert_eq!(number.thousandths(), thousandths, "{text}");
        }
    }
}
