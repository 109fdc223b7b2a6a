//! Ziplists, what listpacks were before Redis 7.0.
//!
//! ```text
//! | bytes in all u32 | offset of the last element u32 | elements u16, 65535 = count them | element ... | 0xff |  little endian
//!
//! element   | length of the element before: u8, or 254 and u32 | kind, and length or value | the rest of it |
//!
//! 00llllll                    string below 64 bytes          11000000 i16     11010000 i32     11100000 i64
//! 01llllll llllllll           string below 16384 bytes       11110000 i24     11111110 i8
//! 10...... length u32         string; big endian             1111vvvv         v - 1: 0..12
//! ```

use crate::Listpack;

const HEADER: usize = 10;
const END: u8 = 0xff;
/// The length of the element before has five bytes.
const LONG_BEFORE: u8 = 254;
/// The header does not say how many.
const MANY: u16 = u16::MAX;

/// The elements of a ziplist; none if any byte of it is not as Redis would have written it.
pub(super) fn to_listpack(bytes: &[u8]) -> Option<Listpack> {
    let total = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let tail = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    let stated = u16::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    if total != bytes.len() {
        return None;
    }
    let (mut at, mut before, mut last) = (HEADER, 0, HEADER);
    let mut elements = Vec::new();
    while *bytes.get(at)? != END {
        let (element, len) = element(&bytes[at..], before)?;
        elements.push(element);
        (last, before, at) = (at, len, at + len);
    }
    let is_stated = stated == MANY || usize::from(stated) == elements.len();
    (at + 1 == total && tail == last && is_stated).then(|| elements.into_iter().collect())
}

/// An element, which may have to be printed first.
enum Element<'a> {
    Int(Box<str>),
    Bytes(&'a [u8]),
}

impl AsRef<[u8]> for Element<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Element::Int(digits) => digits.as_bytes(),
            Element::Bytes(bytes) => bytes,
        }
    }
}

/// The element at the beginning of `bytes`, and its length there. The one before it has `before` bytes.
fn element(bytes: &[u8], before: usize) -> Option<(Element<'_>, usize)> {
    let (stated, head) = match bytes.split_first()? {
        (&LONG_BEFORE, rest) => (u32::from_le_bytes(*rest.first_chunk()?) as usize, 5),
        (&short, _) => (usize::from(short), 1),
    };
    if stated != before {
        return None;
    }
    let (&kind, rest) = bytes.get(head..)?.split_first()?;
    let (width, len) = match kind {
        0x00..=0x3f => (0, usize::from(kind)),
        0x40..=0x7f => (
            1,
            usize::from(kind & 0x3f) << 8 | usize::from(*rest.first()?),
        ),
        0x80..=0xbf => (4, u32::from_be_bytes(*rest.first_chunk()?) as usize),
        _ => {
            let (n, width) = int(kind, rest)?;
            let digits = itoa::Buffer::new().format(n).into();
            return Some((Element::Int(digits), head + 1 + width));
        }
    };
    let string = rest.get(width..)?.get(..len)?;
    Some((Element::Bytes(string), head + 1 + width + len))
}

/// The integer of this kind at the beginning of `rest`, and its bytes there.
fn int(kind: u8, rest: &[u8]) -> Option<(i64, usize)> {
    let width = match kind {
        0xfe => 1,
        0xc0 => 2,
        0xf0 => 3,
        0xd0 => 4,
        0xe0 => 8,
        0xf1..=0xfd => return Some((i64::from(kind & 0x0f) - 1, 0)),
        _ => return None,
    };
    let mut wide = [0; 8];
    wide[8 - width..].copy_from_slice(rest.get(..width)?);
    Some((i64::from_le_bytes(wide) >> (64 - 8 * width), width))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::entry::canonical_int;
    use crate::{Rng, StrRef};

    /// A ziplist as Redis writes it.
    pub(in crate::rdb) fn ziplist(elements: &[&[u8]]) -> Vec<u8> {
        let (mut bytes, mut before, mut last) = (vec![0; HEADER], 0, HEADER);
        for element in elements {
            last = bytes.len();
            match u8::try_from(before) {
                Ok(short) if short < LONG_BEFORE => bytes.push(short),
                _ => {
                    bytes.push(LONG_BEFORE);
                    bytes.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            match canonical_int(element) {
                Some(n) => push_int(n, &mut bytes),
                None => push_string(element, &mut bytes),
            }
            before = bytes.len() - last;
        }
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        let count = u16::try_from(elements.len()).unwrap_or(MANY);
        bytes[8..10].copy_from_slice(&count.to_le_bytes());
        bytes
    }

    fn push_int(n: i64, bytes: &mut Vec<u8>) {
        let (kind, width) = match n {
            0..=12 => (0xf1 + n as u8, 0),
            -0x80..=0x7f => (0xfe, 1),
            -0x8000..=0x7fff => (0xc0, 2),
            -0x80_0000..=0x7f_ffff => (0xf0, 3),
            -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
            _ => (0xe0, 8),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&n.to_le_bytes()[..width]);
    }

    fn push_string(text: &[u8], bytes: &mut Vec<u8>) {
        match text.len() {
            len @ 0..64 => bytes.push(len as u8),
            len @ 64..16_384 => bytes.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
            len => {
                bytes.push(0x80);
                bytes.extend_from_slice(&(len as u32).to_be_bytes());
            }
        }
        bytes.extend_from_slice(text);
    }

    fn samples() -> Vec<Vec<u8>> {
        let numbers = [
            0,
            12,
            13,
            -1,
            127,
            128,
            -128,
            -129,
            32_767,
            32_768,
            -8_388_608,
            8_388_608,
            i64::MAX,
            i64::MIN,
        ];
        let lengths = [0, 1, 63, 64, 249, 250, 251, 252, 253, 254, 16_383, 16_384];
        let numbers = numbers.iter().map(|n| n.to_string().into_bytes());
        let strings = lengths.iter().map(|len| vec![b'x'; *len]);
        numbers.chain(strings).collect()
    }

    #[test]
    fn elements_of_every_form_are_read() {
        let samples = samples();
        let elements: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
        let bytes = ziplist(&elements);
        let pack = to_listpack(&bytes).expect("well-formed");
        assert!(pack.iter().map(StrRef::to_vec).eq(samples));
        assert!(to_listpack(&ziplist(&[])).expect("empty").is_empty());
        let example = b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff";
        let pack = to_listpack(example).expect("the example of Redis");
        assert!(pack.iter().eq([StrRef::Int(2), StrRef::Int(5)]));
    }

    #[test]
    fn damaged_ziplists_are_refused_or_still_elements() {
        let samples = samples();
        let elements: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
        let good = ziplist(&elements);
        for end in (0..good.len()).filter(|end| *end < 400 || end % 97 == 0) {
            assert!(to_listpack(&good[..end]).is_none(), "cut at {end}");
        }
        let mut rng = Rng::new(4);
        for _ in 0..5_000 {
            let mut bad = good.clone();
            let at = rng.below(600);
            bad[at] = rng.bits() as u8;
            if let Some(pack) = to_listpack(&bad) {
                assert!(pack.size() <= bad.len() * 2, "byte {at}");
            }
        }
    }
}
