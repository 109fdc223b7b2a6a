//! Numbers as Redis reads and prints them; parsed and printed here and nowhere else.

pub use itoa::Buffer as Itoa;

/// Appends `x` as Redis 7.2 and later print a double.
pub fn write_double(out: &mut Vec<u8>, x: f64) {
    out.extend_from_slice(format!("{x}").as_bytes());
}

/// A canonical decimal `i64`: no plus sign, no leading zeros, no spaces, no `-0`.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let n: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (Itoa::new().format(n).as_bytes() == text).then_some(n)
}

/// A double as Redis's `getDoubleFromObject` reads it: no spaces, no NaN; `inf` in all spellings.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
