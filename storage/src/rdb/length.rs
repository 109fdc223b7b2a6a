//! Lengths, and the special forms of strings that share their first byte.
//!
//! ```text
//! 00llllll                    length below 64                    11000000 i8
//! 01llllll llllllll           length below 16384                 11000001 i16
//! 10000000 length u32         big endian                         11000010 i32       little endian
//! 10000001 length u64         big endian                         11000011 compressed: two lengths and the bytes
//! ```

use super::error::Flaw;
use super::input::Input;

/// The first byte of an integer of 8 bits; 16 and 32 follow.
const INT8: u8 = 0xc0;
const INT16: u8 = 0xc1;
const INT32: u8 = 0xc2;
const COMPRESSED: u8 = 0xc3;

/// What stands where a length is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// A length.
    Of(u64),
    /// A string that is an integer.
    Int(i64),
    /// A compressed string.
    Compressed,
}

/// Reads a length or the beginning of a special string.
#[inline]
pub(super) fn read(input: &mut impl Input) -> Result<Length, Flaw> {
    let first = input.byte()?;
    Ok(match (first >> 6, first) {
        (0, _) => Length::Of(u64::from(first)),
        (1, _) => Length::Of(u64::from(first & 0x3f) << 8 | u64::from(input.byte()?)),
        (2, 0x80) => Length::Of(u64::from(u32::from_be_bytes(input.array()?))),
        (2, 0x81) => Length::Of(u64::from_be_bytes(input.array()?)),
        (_, INT8) => Length::Int(i64::from(i8::from_le_bytes(input.array()?))),
        (_, INT16) => Length::Int(i64::from(i16::from_le_bytes(input.array()?))),
        (_, INT32) => Length::Int(i64::from(i32::from_le_bytes(input.array()?))),
        (_, COMPRESSED) => Length::Compressed,
        _ => return Err(Flaw::Damaged("a length of an unknown form")),
    })
}

/// Reads a length that is nothing else.
pub(super) fn read_plain(input: &mut impl Input) -> Result<u64, Flaw> {
    match read(input)? {
        Length::Of(length) => Ok(length),
        Length::Int(_) | Length::Compressed => Err(Flaw::Damaged("a string instead of a length")),
    }
}

/// Writes a length.
pub(super) fn write(length: u64, out: &mut Vec<u8>) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(0x80);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

/// Writes a string that is an integer; false if it is too large for that.
pub(super) fn write_int(n: i64, out: &mut Vec<u8>) -> bool {
    if let Ok(n) = i8::try_from(n) {
        out.push(INT8);
        out.extend_from_slice(&n.to_le_bytes());
    } else if let Ok(n) = i16::try_from(n) {
        out.push(INT16);
        out.extend_from_slice(&n.to_le_bytes());
    } else if let Ok(n) = i32::try_from(n) {
        out.push(INT32);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        return false;
    }
    true
}

/// Writes the beginning of a compressed string.
pub(super) fn write_compressed(compressed: usize, original: usize, out: &mut Vec<u8>) {
    out.push(COMPRESSED);
    write(compressed as u64, out);
    write(original as u64, out);
}

#[cfg(test)]
mod tests {
    use super::super::input::Slice;
    use super::*;

    #[test]
    fn lengths_come_back_and_take_as_few_bytes_as_in_redis() {
        for (length, bytes) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16_383, 2),
            (16_384, 5),
            (u64::from(u32::MAX), 5),
            (1 << 32, 9),
            (u64::MAX, 9),
        ] {
            let mut out = Vec::new();
            write(length, &mut out);
            assert_eq!(out.len(), bytes);
            assert_eq!(read(&mut Slice::new(&out)).unwrap(), Length::Of(length));
            for end in 0..out.len() {
                let cut = read(&mut Slice::new(&out[..end]));
                assert!(matches!(cut, Err(Flaw::Ended)));
            }
        }
        let mut out = Vec::new();
        write(300, &mut out);
        assert_eq!(out, [0x41, 0x2c]);
    }

    #[test]
    fn integers_come_back_in_their_width() {
        for (n, bytes) in [
            (0, 2),
            (-128, 2),
            (127, 2),
            (128, 3),
            (-32_768, 3),
            (32_768, 5),
            (i64::from(i32::MAX), 5),
            (i64::from(i32::MIN), 5),
        ] {
            let mut out = Vec::new();
            assert!(write_int(n, &mut out));
            assert_eq!(out.len(), bytes);
            assert_eq!(read(&mut Slice::new(&out)).unwrap(), Length::Int(n));
        }
        assert!(!write_int(i64::from(i32::MAX) + 1, &mut Vec::new()));
        for unknown in [0x82, 0xbf, 0xc4, 0xff] {
            assert!(matches!(
                read(&mut Slice::new(&[unknown, 0, 0, 0, 0, 0, 0, 0, 0])),
                Err(Flaw::Damaged(_))
            ));
        }
    }
}
