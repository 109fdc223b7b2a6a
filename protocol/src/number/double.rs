//! Doubles as text: Grisu2 (Florian Loitsch, "Printing floating-point numbers quickly and accurately with integers",
//! 2010), with the table of powers that Redis's fpconv has.
//!
//! The digits always read back the same. In one case of a thousand they are not the fewest; a printer that finds the
//! fewest would not answer what Redis answers.

use super::Itoa;

/// Most digits of a double.
const DIGITS_MAX: usize = 18;

/// Redis prints whole numbers up to here, both ways, digit by digit.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

/// The bit that a normal double does not store.
const HIDDEN_BIT: u64 = 1 << 52;

/// The exponents between which a scaled number must lie, so that its whole part has ten digits at most.
const SCALED_EXPONENTS: std::ops::RangeInclusive<i32> = -60..=-32;

/// The first power of ten of [`POWERS`], and the step from one to the next.
const POWERS_FIRST: i32 = -348;
const POWERS_STEP: i32 = 8;

/// Appends `x` as Redis 7.2 and later print a double.
pub fn write_double(out: &mut Vec<u8>, x: f64) {
    if x != 0.0 && x.abs() <= WHOLE_MAX && x == x.trunc() {
        out.extend_from_slice(Itoa::new().format(x as i64).as_bytes());
    } else {
        write_shortest(out, x);
    }
}

/// Appends `x` as fpconv prints it, whole numbers too: what Redis's fingerprints of sorted sets are made of.
pub fn write_shortest(out: &mut Vec<u8>, x: f64) {
    if x.is_nan() {
        out.extend_from_slice(b"nan");
    } else if x.is_infinite() {
        out.extend_from_slice(if x < 0.0 { b"-inf" } else { b"inf" });
    } else if x == 0.0 {
        out.extend_from_slice(if x.is_sign_negative() { b"-0" } else { b"0" });
    } else {
        if x < 0.0 {
            out.push(b'-');
        }
        let digits = Digits::of(x.abs());
        lay_out(out, digits.as_slice(), digits.power, x < 0.0);
    }
}

/// Writes `digits` times ten to `power`. The choice between plain and exponent form is fpconv's.
fn lay_out(out: &mut Vec<u8>, digits: &[u8], power: i32, is_negative: bool) {
    let count = digits.len() as i32;
    let exponent = power + count - 1;
    if power >= 0 && exponent < count + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', power as usize));
    } else if power < 0 && (power > -7 || exponent.abs() < 4) {
        let whole = count + power;
        if whole <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', -whole as usize));
            out.extend_from_slice(digits);
        } else {
            let (whole, decimals) = digits.split_at(whole as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(decimals);
        }
    } else {
        let kept = digits.len().min(DIGITS_MAX - usize::from(is_negative));
        out.push(digits[0]);
        if kept > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..kept]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(Itoa::new().format(exponent.abs()).as_bytes());
    }
}

/// The digits of a number, to be multiplied by ten to `power`.
struct Digits {
    bytes: [u8; DIGITS_MAX],
    count: usize,
    power: i32,
}

/// `fraction * 2^exponent`.
#[derive(Debug, Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    /// The exact parts of a positive double.
    fn of(x: f64) -> Self {
        let bits = x.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        match (bits >> 52) as i32 {
            0 => Scaled {
                fraction,
                exponent: -1074,
            },
            biased => Scaled {
                fraction: fraction | HIDDEN_BIT,
                exponent: biased - 1075,
            },
        }
    }

    /// The same number with its highest bit set.
    fn normalized(self) -> Self {
        let shift = self.fraction.leading_zeros();
        Scaled {
            fraction: self.fraction << shift,
            exponent: self.exponent - shift as i32,
        }
    }

    /// Half way to the doubles above and below; the exponents of both are the same.
    fn neighbours(self) -> (Scaled, Scaled) {
        let upper = Scaled {
            fraction: (self.fraction << 1) + 1,
            exponent: self.exponent - 1,
        }
        .normalized();
        // Below a power of two the doubles lie twice as close.
        let shift = if self.fraction == HIDDEN_BIT { 2 } else { 1 };
        let exponent = self.exponent - shift;
        let lower = Scaled {
            fraction: ((self.fraction << shift) - 1) << (exponent - upper.exponent),
            exponent: upper.exponent,
        };
        (upper, lower)
    }

    /// The upper half of the product, rounded.
    fn times(self, other: Scaled) -> Scaled {
        let product = u128::from(self.fraction) * u128::from(other.fraction);
        Scaled {
            fraction: ((product + (1 << 63)) >> 64) as u64,
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// The power of ten that brings a number of this exponent into [`SCALED_EXPONENTS`], and its logarithm.
fn power_for(exponent: i32) -> (Scaled, i32) {
    let estimate = f64::from(-(exponent + POWERS.len() as i32)) * std::f64::consts::LOG10_2;
    let mut i = ((estimate as i32 - POWERS_FIRST) / POWERS_STEP) as usize;
    loop {
        let (fraction, power) = POWERS[i];
        let scaled = exponent + i32::from(power) + 64;
        if scaled < *SCALED_EXPONENTS.start() {
            i += 1;
        } else if scaled > *SCALED_EXPONENTS.end() {
            i -= 1;
        } else {
            let power = Scaled {
                fraction,
                exponent: i32::from(power),
            };
            return (power, POWERS_FIRST + i as i32 * POWERS_STEP);
        }
    }
}

impl Digits {
    /// The digits of a positive number.
    fn of(x: f64) -> Self {
        let exact = Scaled::of(x);
        let (upper, lower) = exact.neighbours();
        let (power, logarithm) = power_for(upper.exponent);
        let number = exact.normalized().times(power);
        // One unit inwards, because the products are rounded.
        let upper_fraction = upper.times(power).fraction - 1;
        let lower_fraction = lower.times(power).fraction + 1;
        let mut digits = Digits {
            bytes: [0; DIGITS_MAX],
            count: 0,
            power: -logarithm,
        };
        digits.generate(
            upper_fraction,
            -number.exponent as u32,
            upper_fraction - lower_fraction,
            upper_fraction - number.fraction,
        );
        digits
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// Digits of `upper / 2^point`, until they name a number at most `delta` below it; then down towards the number
    /// itself, which lies `distance` below.
    fn generate(&mut self, upper: u64, point: u32, mut delta: u64, distance: u64) {
        let one = 1_u64 << point;
        let (mut whole, mut part) = (upper >> point, upper & (one - 1));
        let mut unit = 1_000_000_000_u64;
        for left in (0..10).rev() {
            self.push(whole / unit);
            whole %= unit;
            let rest = (whole << point) + part;
            if rest <= delta {
                self.power += left;
                return self.approach(delta, rest, unit << point, distance);
            }
            unit /= 10;
        }
        let mut scale = 1_u64;
        loop {
            part *= 10;
            delta *= 10;
            scale = scale.wrapping_mul(10);
            self.power -= 1;
            self.push(part >> point);
            part &= one - 1;
            if part < delta {
                return self.approach(delta, part, one, distance.wrapping_mul(scale));
            }
        }
    }

    /// Leading zeros are no digits.
    fn push(&mut self, digit: u64) {
        if digit > 0 || self.count > 0 {
            self.bytes[self.count] = b'0' + digit as u8;
            self.count += 1;
        }
    }

    /// Lowers the last digit as long as that comes nearer to the number.
    fn approach(&mut self, delta: u64, mut rest: u64, step: u64, distance: u64) {
        while rest < distance
            && delta - rest >= step
            && (rest + step < distance || distance - rest > rest + step - distance)
        {
            self.bytes[self.count - 1] -= 1;
            rest += step;
        }
    }
}

/// Every eighth power of ten from 10^-348 to 10^340: 64 bits of it, rounded, and the power of two to multiply them by.
#[rustfmt::skip]
static POWERS: [(u64, i16); 87] = [
    (0xfa8fd5a0081c0288, -1220), (0xbaaee17fa23ebf76, -1193), (0x8b16fb203055ac76, -1166), (0xcf42894a5dce35ea, -1140),
    (0x9a6bb0aa55653b2d, -1113), (0xe61acf033d1a45df, -1087), (0xab70fe17c79ac6ca, -1060), (0xff77b1fcbebcdc4f, -1034),
    (0xbe5691ef416bd60c, -1007), (0x8dd01fad907ffc3c, -980), (0xd3515c2831559a83, -954), (0x9d71ac8fada6c9b5, -927),
    (0xea9c227723ee8bcb, -901), (0xaecc49914078536d, -874), (0x823c12795db6ce57, -847), (0xc21094364dfb5637, -821),
    (0x9096ea6f3848984f, -794), (0xd77485cb25823ac7, -768), (0xa086cfcd97bf97f4, -741), (0xef340a98172aace5, -715),
    (0xb23867fb2a35b28e, -688), (0x84c8d4dfd2c63f3b, -661), (0xc5dd44271ad3cdba, -635), (0x936b9fcebb25c996, -608),
    (0xdbac6c247d62a584, -582), (0xa3ab66580d5fdaf6, -555), (0xf3e2f893dec3f126, -529), (0xb5b5ada8aaff80b8, -502),
    (0x87625f056c7c4a8b, -475), (0xc9bcff6034c13053, -449), (0x964e858c91ba2655, -422), (0xdff9772470297ebd, -396),
    (0xa6dfbd9fb8e5b88f, -369), (0xf8a95fcf88747d94, -343), (0xb94470938fa89bcf, -316), (0x8a08f0f8bf0f156b, -289),
    (0xcdb02555653131b6, -263), (0x993fe2c6d07b7fac, -236), (0xe45c10c42a2b3b06, -210), (0xaa242499697392d3, -183),
    (0xfd87b5f28300ca0e, -157), (0xbce5086492111aeb, -130), (0x8cbccc096f5088cc, -103), (0xd1b71758e219652c, -77),
    (0x9c40000000000000, -50), (0xe8d4a51000000000, -24), (0xad78ebc5ac620000, 3), (0x813f3978f8940984, 30),
    (0xc097ce7bc90715b3, 56), (0x8f7e32ce7bea5c70, 83), (0xd5d238a4abe98068, 109), (0x9f4f2726179a2245, 136),
    (0xed63a231d4c4fb27, 162), (0xb0de65388cc8ada8, 189), (0x83c7088e1aab65db, 216), (0xc45d1df942711d9a, 242),
    (0x924d692ca61be758, 269), (0xda01ee641a708dea, 295), (0xa26da3999aef774a, 322), (0xf209787bb47d6b85, 348),
    (0xb454e4a179dd1877, 375), (0x865b86925b9bc5c2, 402), (0xc83553c5c8965d3d, 428), (0x952ab45cfa97a0b3, 455),
    (0xde469fbd99a05fe3, 481), (0xa59bc234db398c25, 508), (0xf6c69a72a3989f5c, 534), (0xb7dcbf5354e9bece, 561),
    (0x88fcf317f22241e2, 588), (0xcc20ce9bd35c78a5, 614), (0x98165af37b2153df, 641), (0xe2a0b5dc971f303a, 667),
    (0xa8d9d1535ce3b396, 694), (0xfb9b7cd9a4a7443c, 720), (0xbb764c4ca7a44410, 747), (0x8bab8eefb6409c1a, 774),
    (0xd01fef10a657842c, 800), (0x9b10a4e5e9913129, 827), (0xe7109bfba19c0c9d, 853), (0xac2820d9623bf429, 880),
    (0x80444b5e7aa7cf85, 907), (0xbf21e44003acdd2d, 933), (0x8e679c2f5e44ff8f, 960), (0xd433179d9c8cb841, 986),
    (0x9e19db92b4e31ba9, 1013), (0xeb96bf6ebadf77d9, 1039), (0xaf87023b9bf0ee6b, 1066),
];

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::number::parse_double;

    fn printed(x: f64) -> String {
        let mut out = Vec::new();
        write_double(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_printed_as_redis_prints_them() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e17, "100000000000000000"),
            (1e18, "1000000000000000000"),
            (4.611686018427388e18, "4611686018427387904"),
            (-4.611686018427388e18, "-4611686018427387904"),
            (4.611_686_018_427_389e18, "4611686018427389000"),
            (1e19, "1e+19"),
            (1.5e19, "1.5e+19"),
            (1.234_567_890_123_456_7e19, "12345678901234567000"),
            (1e300, "1e+300"),
            // Not the fewest digits, as in Redis.
            (5.71e21, "5710000000000001000000"),
            (1.5e-7, "1.5e-7"),
            (0.000_001_5, "1.5e-6"),
            (0.000_015, "0.000015"),
            (0.000_1, "0.0001"),
            (123_456.789, "123456.789"),
            (-1.25e-10, "-1.25e-10"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(printed(x), text);
        }
    }

    #[test]
    fn printed_doubles_read_back_the_same() {
        let mut state = 7_u64;
        for _ in 0..100_000 {
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
    fn the_powers_of_ten_are_exact_to_the_last_bit() {
        for (i, (fraction, exponent)) in POWERS.iter().enumerate() {
            let power = POWERS_FIRST + i as i32 * POWERS_STEP;
            let ten = BigUint::from(10_u8).pow(power.unsigned_abs());
            // 2 * 10^power is within one of 2 * fraction, both times 2^-exponent.
            let (a, b) = match power < 0 {
                true => (
                    BigUint::from(1_u8) << (1 - exponent) as u32,
                    BigUint::from(*fraction) * 2_u8 * &ten,
                ),
                false if *exponent < 0 => (
                    ten.clone() << (1 - exponent) as u32,
                    BigUint::from(*fraction) * 2_u8,
                ),
                false => (
                    ten.clone() * 2_u8,
                    BigUint::from(*fraction) << (exponent + 1) as u32,
                ),
            };
            let unit = match power < 0 {
                true => ten,
                false if *exponent < 0 => BigUint::from(1_u8),
                false => BigUint::from(1_u8) << *exponent as u32,
            };
            let difference = if a > b { a - b } else { b - a };
            assert!(difference <= unit, "10^{power}");
        }
    }
}
