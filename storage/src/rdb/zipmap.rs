//! Zipmaps, small hashes of Redis before 2.6.
//!
//! ```text
//! | pairs u8, 254 = count them | field | value | ... | 0xff |
//!
//! field   | length: u8, or 254 and u32 little endian | bytes |
//! value   | length, as above | unused bytes u8 | bytes | that many unused bytes |
//! ```

use crate::Listpack;

const END: u8 = 255;
/// A length of four bytes follows, or the number of pairs is not said.
const LONG: u8 = 254;

/// Fields and values in turn; none if the bytes are no zipmap.
pub(super) fn to_listpack(bytes: &[u8]) -> Option<Listpack> {
    let (&stated, mut rest) = bytes.split_first()?;
    let mut elements = Vec::new();
    while *rest.first()? != END {
        let (field_len, after) = length(rest)?;
        let (field, after) = after.split_at_checked(field_len)?;
        let (value_len, after) = length(after)?;
        let (&unused, after) = after.split_first()?;
        let (value, after) = after.split_at_checked(value_len)?;
        rest = after.get(usize::from(unused)..)?;
        elements.extend([field, value]);
    }
    let is_stated = stated >= LONG || usize::from(stated) == elements.len() / 2;
    (rest.len() == 1 && is_stated).then(|| elements.into_iter().collect())
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&END, _) => None,
        (&LONG, rest) => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*length) as usize, rest))
        }
        (&short, rest) => Some((usize::from(short), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StrRef;

    #[test]
    fn pairs_are_read_without_the_unused_bytes() {
        let long = [b'v'; 300];
        let mut bytes = b"\x03\x03foo\x03\0bar\x05hello\x05\x02world..\x01k\xfe".to_vec();
        bytes.extend_from_slice(&300_u32.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&long);
        bytes.push(END);
        let pack = to_listpack(&bytes).expect("well-formed");
        let expected: [&[u8]; 6] = [b"foo", b"bar", b"hello", b"world", b"k", &long];
        assert!(pack.iter().map(StrRef::to_vec).eq(expected));
        for end in 0..bytes.len() {
            assert!(to_listpack(&bytes[..end]).is_none(), "cut at {end}");
        }
        bytes[0] = 2;
        assert!(to_listpack(&bytes).is_none());
        bytes[0] = LONG;
        assert!(to_listpack(&bytes).is_some());
        assert!(to_listpack(b"\x00\xff").expect("empty").is_empty());
    }
}
