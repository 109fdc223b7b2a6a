//! A value as it is on the disk: `[length u32][version u8][crc32c u32][bytes]`, numbers with the low byte first. The checksum
//! covers the key, the length and the version too, so a value that turns up under another key is found out.

use crc::{CRC_32_ISCSI, Crc};

use super::error::Damage;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
const VERSION: u8 = 1;
const HEADER: usize = 9;

/// `value` of `key`, as it is written.
pub(super) fn frame(key: &[u8], value: &[u8]) -> Vec<u8> {
    // A value of this size would be a bug, and the length must not lie.
    let length = u32::try_from(value.len()).expect("a value of the vault is far below 4 GiB");
    let mut framed = Vec::with_capacity(HEADER + value.len());
    framed.extend_from_slice(&length.to_le_bytes());
    framed.push(VERSION);
    framed.extend_from_slice(&checksum(key, length, VERSION, value).to_le_bytes());
    framed.extend_from_slice(value);
    framed
}

/// The value in `framed`, if it is whole and of `key`.
pub(super) fn deframe<'a>(key: &[u8], framed: &'a [u8]) -> Result<&'a [u8], Damage> {
    let Some((header, value)) = framed.split_first_chunk::<HEADER>() else {
        return Err(Damage::Length);
    };
    let [a, b, c, d, version, e, f, g, h] = *header;
    let length = u32::from_le_bytes([a, b, c, d]);
    if value.len() as u64 != u64::from(length) {
        return Err(Damage::Length);
    }
    if version != VERSION {
        return Err(Damage::Version);
    }
    if u32::from_le_bytes([e, f, g, h]) != checksum(key, length, version, value) {
        return Err(Damage::Checksum);
    }
    Ok(value)
}

fn checksum(key: &[u8], length: u32, version: u8, value: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(key);
    digest.update(&length.to_le_bytes());
    digest.update(&[version]);
    digest.update(value);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_frame_is_what_it_was_and_will_be() {
        let framed = frame(b"k", b"value");
        assert_eq!(framed, b"\x05\x00\x00\x00\x01lT\x87\xd1value");
        assert_eq!(deframe(b"k", &framed), Ok(&b"value"[..]));
        assert_eq!(deframe(b"k", &frame(b"k", b"")), Ok(&b""[..]));
    }

    #[test]
    fn a_value_under_another_key_is_found_out() {
        assert_eq!(deframe(b"l", &frame(b"k", b"value")), Err(Damage::Checksum));
    }

    #[test]
    fn no_damaged_frame_is_taken_for_a_value() {
        let mut rng = Rng::new(7);
        for _ in 0..20_000 {
            let key: Vec<u8> = (0..rng.below(20)).map(|_| rng.bits() as u8).collect();
            let value: Vec<u8> = (0..rng.below(300)).map(|_| rng.bits() as u8).collect();
            let whole = frame(&key, &value);
            let mut framed = whole.clone();
            match rng.below(4) {
                0 => framed.truncate(rng.below(whole.len())),
                1 => framed.extend((0..=rng.below(9)).map(|_| rng.bits() as u8)),
                // A checksum of 32 bits finds every burst of up to 32.
                2 => {
                    let at = rng.below(whole.len());
                    framed[at] ^= 1 << rng.below(8);
                }
                _ => {
                    let (at, other) = (rng.below(whole.len()), rng.below(whole.len()));
                    framed.swap(at, other);
                }
            }
            if framed != whole {
                assert!(deframe(&key, &framed).is_err(), "{key:?} {framed:?}");
            }
        }
    }
}
