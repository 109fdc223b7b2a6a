//! Payloads of DUMP and RESTORE: a value with its type, the version of the format, a checksum.
//!
//! ```text
//! | type u8 | value | version u16 | checksum u64 |        little endian; the checksum is of everything before it
//! ```

use super::crc64::checksum;
use super::decoder::Decoder;
use super::encoder::{Compression, Encoder};
use super::error::{Error, Flaw};
use super::input::{Input, Slice};
use super::{READ_MAX, VALKEY_VERSION, VERSION, Verify};
use crate::{Rng, Thresholds, Value, ValueRef};

/// Appends the payload of `value` to `out`.
pub fn dump(value: ValueRef<'_>, compression: Compression, out: &mut Vec<u8>) {
    let start = out.len();
    Encoder::new(compression).typed_value(value, out);
    out.extend_from_slice(&(VERSION as u16).to_le_bytes());
    let sum = checksum(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The value of a payload; the footer is checked first. As in Redis, bytes between value and footer are no error.
pub fn restore(
    payload: &[u8],
    limits: &Thresholds,
    rng: &mut Rng,
    verify: Verify,
) -> Result<Value, DumpError> {
    let body = check_footer(payload, verify).map_err(DumpError::Footer)?;
    let mut decoder = Decoder::new(Slice::new(body), limits, rng);
    let kind = decoder.input.byte();
    let value = kind.and_then(|kind| decoder.value(kind));
    value.map_err(|flaw| {
        DumpError::Value(Error {
            offset: decoder.input.offset(),
            key: None,
            flaw,
        })
    })
}

/// Why a payload is refused.
#[derive(Debug)]
pub enum DumpError {
    /// It is too short for one, its version is unknown, or its checksum is wrong.
    Footer(Flaw),
    /// The footer is right and the value is not, or this server has no such values.
    Value(Error),
}

impl std::fmt::Display for DumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DumpError::Footer(flaw) => flaw.fmt(f),
            DumpError::Value(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DumpError {}

/// The version of a payload, if it is long enough for a footer; whether it is a sound one says [`restore`].
pub fn payload_version(payload: &[u8]) -> Option<u32> {
    let (summed, _) = payload.split_last_chunk::<8>()?;
    let version = summed.last_chunk()?;
    Some(u32::from(u16::from_le_bytes(*version)))
}

/// The payload without its footer. A checksum of zero is no exception here, as it is at the end of a file.
fn check_footer(payload: &[u8], verify: Verify) -> Result<&[u8], Flaw> {
    let version = payload_version(payload).ok_or(Flaw::Ended)?;
    let (summed, sum) = payload.split_last_chunk().ok_or(Flaw::Ended)?;
    let (body, _) = summed.split_last_chunk::<2>().ok_or(Flaw::Ended)?;
    if version > READ_MAX && version != VALKEY_VERSION {
        return Err(Flaw::Version(version.to_string()));
    }
    let stated = u64::from_le_bytes(*sum);
    match verify {
        Verify::No => Ok(body),
        Verify::Yes => match checksum(summed) {
            computed if computed == stated => Ok(body),
            computed => Err(Flaw::Checksum { stated, computed }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StrRef;

    fn payload(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        dump(
            ValueRef::String(StrRef::Bytes(value)),
            Compression::Lzf,
            &mut out,
        );
        out
    }

    fn read(payload: &[u8], verify: Verify) -> Result<Value, DumpError> {
        restore(payload, &Thresholds::default(), &mut Rng::new(1), verify)
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        let ten = b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb";
        assert_eq!(payload(b"10"), ten);
        let set = b"\x02\x03\x01a\x01c\x01b\n\x00\r~\x8a\x01L\xfe2l";
        assert!(matches!(read(set, Verify::Yes), Ok(Value::Set(set)) if set.len() == 3));
        let newer = b"\x14\x10\x10\x00\x00\x00\x03\x00\x81a\x02\x81b\x02\x81c\x02\xff\x0c\x00\xcf\x9c\xdd\xd4\xcc\xbd\xee\xf7";
        assert!(matches!(read(newer, Verify::Yes), Ok(Value::Set(set)) if set.len() == 3));
        let valkey = b"\x00\xc0\nP\x00\xa1\xb5\x9e\xd4\x90\xfc\x04O";
        assert!(matches!(read(valkey, Verify::Yes), Ok(Value::String(text)) if text == b"10"));
    }

    #[test]
    fn footers_are_checked_first() {
        let good = payload(b"hello");
        assert!(matches!(read(&good, Verify::Yes), Ok(Value::String(text)) if text == b"hello"));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            assert!(
                matches!(read(&bad, Verify::Yes), Err(DumpError::Footer(_))),
                "byte {at}"
            );
        }
        for end in 0..good.len() {
            assert!(
                matches!(read(&good[..end], Verify::Yes), Err(DumpError::Footer(_))),
                "{end}"
            );
        }
        let mut other_sum = good.clone();
        *other_sum.last_mut().unwrap() ^= 1;
        assert!(read(&other_sum, Verify::No).is_ok());
        for (version, is_read) in [
            (1, true),
            (12, true),
            (13, false),
            (79, false),
            (80, true),
            (81, false),
        ] {
            let mut other = good.clone();
            other[good.len() - 10] = version;
            assert_eq!(
                read(&other, Verify::No).is_ok(),
                is_read,
                "version {version}"
            );
        }
        let mut other_value = good.clone();
        other_value[1] = 7;
        let error = read(&other_value, Verify::No).expect_err("too short");
        assert_eq!(error.to_string(), "the input ends too early at byte 2");
    }
}
