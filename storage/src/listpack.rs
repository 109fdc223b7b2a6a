//! A sequence of short strings and integers in Redis's `listpack` format, which RDB files hold as it is.
//!
//! ```text
//! | bytes in all u32 | elements u16, 65535 = count them | element ... | 0xff |        all little endian
//!
//! element   | kind, and length or value | the rest of it | length of these, to be read backwards |
//!
//! 0vvvvvvv                  0..127                     11110000 length u32    string
//! 10llllll                  string below 64 bytes      11110001 i16
//! 110vvvvv vvvvvvvv         -4096..4095                11110010 i24
//! 1110llll llllllll         string below 4096 bytes    11110011 i32     11110100 i64
//! ```
//! A string that is the canonical decimal form of an `i64` is stored as that integer, always: each value has one form.
//! Source: the specification by Salvatore Sanfilippo (github.com/antirez/listpack).

mod foreign;

use std::ops::Range;

use crate::entry::canonical_int;
use crate::{Blob, StrRef};

/// In [`Blob::as_slice`], which starts after the length.
const COUNT: Range<usize> = 0..2;
const FIRST: usize = 2;
const END: u8 = 0xff;
/// Count of elements above which the header only says "many".
const MANY: u16 = u16::MAX;
/// Longest head of an element: kind and 64 bits.
const HEAD_MAX: usize = 9;

/// See the module. One pointer wide.
#[derive(Debug, Clone)]
#[repr(transparent)]
pub struct Listpack(Blob);

/// Where an element stands; good until the listpack is changed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(usize);

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Listpack {
    /// No elements.
    pub fn new() -> Self {
        Listpack(Blob::from_slice(&[0, 0, END]))
    }

    /// The bytes of the format.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_raw()
    }

    /// Number of elements; takes a walk beyond 65534.
    pub fn len(&self) -> usize {
        match self.stated() {
            MANY => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes()[FIRST] == END
    }

    /// Bytes of the format, as the limits of lists count.
    #[inline]
    pub fn size(&self) -> usize {
        self.0.len() + 4
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<At> {
        self.here(FIRST)
    }

    /// The last element.
    pub fn last(&self) -> Option<At> {
        self.before(self.bytes().len() - 1)
    }

    /// The element after `at`.
    #[inline]
    pub fn next(&self, at: At) -> Option<At> {
        self.here(after(self.bytes(), at.0))
    }

    /// The element before `at`.
    pub fn previous(&self, at: At) -> Option<At> {
        self.before(at.0)
    }

    /// The element at `index`, from the end that is nearer.
    pub fn seek(&self, index: usize) -> Option<At> {
        let len = usize::from(self.stated());
        if len < usize::from(MANY) && index >= len {
            return None;
        }
        if len < usize::from(MANY) && index > len / 2 {
            return (index + 1..len).try_fold(self.last()?, |at, _| self.previous(at));
        }
        (0..index).try_fold(self.first()?, |at, _| self.next(at))
    }

    /// The element.
    #[inline]
    pub fn get(&self, at: At) -> StrRef<'_> {
        read(self.bytes(), at.0).0
    }

    /// Whether an element stands at `at`: after a removal there, the next one does, unless it was the last.
    pub fn is_at(&self, at: At) -> bool {
        self.bytes()[at.0] != END
    }

    /// All elements.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            bytes: self.bytes(),
            front: FIRST,
            back: self.bytes().len() - 1,
        }
    }

    /// The first element equal to `wanted`, looking at every `stride`-th one: 2 finds fields and skips their values.
    #[inline]
    pub fn find(&self, wanted: &[u8], stride: usize) -> Option<At> {
        let bytes = self.bytes();
        match canonical_int(wanted) {
            Some(n) => find(bytes, stride, |at| is_int(bytes, at, n)),
            None => find(bytes, stride, |at| string(bytes, at) == Some(wanted)),
        }
        .map(At)
    }

    /// Adds an element at the end.
    pub fn push_back(&mut self, element: &[u8]) {
        self.insert_at(self.bytes().len() - 1, element);
    }

    /// Adds an element at the start.
    pub fn push_front(&mut self, element: &[u8]) {
        self.insert_at(FIRST, element);
    }

    /// Adds two elements at the end, as one edit.
    pub fn push_pair(&mut self, first: &[u8], second: &[u8]) {
        let end = self.bytes().len() - 1;
        let mut bytes = Encoded::default();
        bytes.add(first);
        bytes.add(second);
        self.0.splice(end..end, bytes.as_slice());
        self.count(2);
    }

    /// Adds an element before `at`, which is where it then stands.
    pub fn insert_before(&mut self, at: At, element: &[u8]) {
        self.insert_at(at.0, element);
    }

    /// Adds an element after `at`.
    pub fn insert_after(&mut self, at: At, element: &[u8]) {
        self.insert_at(after(self.bytes(), at.0), element);
    }

    /// Another element in the place of the one at `at`.
    pub fn replace(&mut self, at: At, element: &[u8]) {
        let end = after(self.bytes(), at.0);
        let mut bytes = Encoded::default();
        bytes.add(element);
        self.0.splice(at.0..end, bytes.as_slice());
    }

    /// Takes `count` elements out from `at` on, or as many as there are; returns how many.
    pub fn remove(&mut self, at: At, count: usize) -> usize {
        let (mut end, mut removed) = (at.0, 0);
        while removed < count && self.bytes()[end] != END {
            end = after(self.bytes(), end);
            removed += 1;
        }
        let stated = self.stated();
        self.0.splice(at.0..end, &[]);
        if stated == MANY {
            self.restate();
        } else {
            self.state(stated - removed as u16);
        }
        removed
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    #[inline]
    fn stated(&self) -> u16 {
        let bytes = self.bytes();
        u16::from_le_bytes([bytes[0], bytes[1]])
    }

    fn state(&mut self, count: u16) {
        self.0.as_mut_slice()[COUNT].copy_from_slice(&count.to_le_bytes());
    }

    /// After elements were taken out of many: perhaps they can be stated again.
    fn restate(&mut self) {
        let count = u16::try_from(self.iter().count()).unwrap_or(MANY);
        self.state(count);
    }

    fn count(&mut self, added: u16) {
        let stated = self.stated();
        if stated != MANY {
            self.state(stated.saturating_add(added));
        }
    }

    #[inline]
    fn here(&self, offset: usize) -> Option<At> {
        (self.bytes()[offset] != END).then_some(At(offset))
    }

    fn before(&self, offset: usize) -> Option<At> {
        (offset > FIRST).then(|| At(start_before(self.bytes(), offset)))
    }

    fn insert_at(&mut self, offset: usize, element: &[u8]) {
        let mut bytes = Encoded::default();
        bytes.add(element);
        self.0.splice(offset..offset, bytes.as_slice());
        self.count(1);
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = StrRef<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// See [`Listpack::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = StrRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<StrRef<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (element, next) = read(self.bytes, self.front);
        self.front = next;
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = start_before(self.bytes, self.back);
        Some(read(self.bytes, self.back).0)
    }
}

/// Elements on their way into a listpack: on the stack while they are short.
struct Encoded {
    short: [u8; SHORT],
    len: usize,
    long: Vec<u8>,
}

/// Room for a field and a value of 64 bytes each.
const SHORT: usize = 160;

impl Default for Encoded {
    fn default() -> Self {
        Encoded {
            short: [0; SHORT],
            len: 0,
            long: Vec::new(),
        }
    }
}

impl Encoded {
    fn add(&mut self, element: &[u8]) {
        let mut head = [0; HEAD_MAX];
        let (head_len, data) = match canonical_int(element) {
            Some(n) => (head_of_int(n, &mut head), &[][..]),
            None => (head_of_string(element.len(), &mut head), element),
        };
        let (back, back_len) = back_of(head_len + data.len());
        self.write(&head[..head_len]);
        self.write(data);
        self.write(&back[..back_len]);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.long.is_empty() && self.len + bytes.len() <= SHORT {
            self.short[self.len..self.len + bytes.len()].copy_from_slice(bytes);
            self.len += bytes.len();
            return;
        }
        if self.long.is_empty() {
            self.long.reserve(self.len + bytes.len() + HEAD_MAX);
            self.long.extend_from_slice(&self.short[..self.len]);
        }
        self.long.extend_from_slice(bytes);
    }

    fn as_slice(&self) -> &[u8] {
        if self.long.is_empty() {
            &self.short[..self.len]
        } else {
            &self.long
        }
    }
}

fn head_of_int(n: i64, head: &mut [u8; HEAD_MAX]) -> usize {
    let (kind, width) = match n {
        0..=127 => {
            head[0] = n as u8;
            return 1;
        }
        -4096..=4095 => {
            let bits = n as u16 & 0x1fff;
            head[..2].copy_from_slice(&(bits | 0xc000).to_be_bytes());
            return 2;
        }
        -0x8000..=0x7fff => (0xf1, 2),
        -0x80_0000..=0x7f_ffff => (0xf2, 3),
        -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
        _ => (0xf4, 8),
    };
    head[0] = kind;
    head[1..=width].copy_from_slice(&n.to_le_bytes()[..width]);
    1 + width
}

fn head_of_string(len: usize, head: &mut [u8; HEAD_MAX]) -> usize {
    match len {
        0..=63 => {
            head[0] = 0x80 | len as u8;
            1
        }
        64..=4095 => {
            head[..2].copy_from_slice(&(0xe000 | len as u16).to_be_bytes());
            2
        }
        _ => {
            let len = u32::try_from(len).expect("the protocol lets no string above 512 MiB in");
            head[0] = 0xf0;
            head[1..5].copy_from_slice(&len.to_le_bytes());
            5
        }
    }
}

/// The length of an element in groups of seven bits, the last byte lowest; all but the first say that more precede.
fn back_of(len: usize) -> ([u8; 5], usize) {
    let width = back_width(len);
    let mut back = [0; 5];
    for (place, byte) in back[..width].iter_mut().enumerate() {
        let more = if place == 0 { 0 } else { 0x80 };
        *byte = (len >> (7 * (width - 1 - place))) as u8 & 0x7f | more;
    }
    (back, width)
}

/// The format leaves the largest number of two, three and four bytes unused.
#[inline]
fn back_width(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The first element at which `is_it` says so.
#[inline]
fn find(bytes: &[u8], stride: usize, is_it: impl Fn(usize) -> bool) -> Option<usize> {
    let mut at = FIRST;
    while bytes[at] != END {
        if is_it(at) {
            return Some(at);
        }
        for _ in 0..stride {
            if bytes[at] == END {
                return None;
            }
            at = after(bytes, at);
        }
    }
    None
}

/// The bytes of the element at `at` if it is a string.
#[inline]
fn string(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let (start, len) = match bytes[at] {
        kind @ 0x80..=0xbf => (at + 1, usize::from(kind & 0x3f)),
        kind @ 0xe0..=0xef => (
            at + 2,
            usize::from(kind & 0x0f) << 8 | usize::from(bytes[at + 1]),
        ),
        0xf0 => (at + 5, long_len(bytes, at)),
        _ => return None,
    };
    Some(&bytes[start..start + len])
}

#[inline]
fn is_int(bytes: &[u8], at: usize, n: i64) -> bool {
    int(bytes, at) == Some(n)
}

/// The element at `at` if it is an integer.
#[inline]
fn int(bytes: &[u8], at: usize) -> Option<i64> {
    Some(match bytes[at] {
        kind @ 0..=0x7f => i64::from(kind),
        kind @ 0xc0..=0xdf => {
            let bits = u16::from_be_bytes([kind, bytes[at + 1]]);
            i64::from((bits << 3) as i16 >> 3)
        }
        kind @ 0xf1..=0xf4 => {
            let width = int_width(kind);
            let mut wide = [0; 8];
            wide[8 - width..].copy_from_slice(&bytes[at + 1..=at + width]);
            i64::from_le_bytes(wide) >> (64 - 8 * width)
        }
        _ => return None,
    })
}

#[inline]
fn int_width(kind: u8) -> usize {
    match kind {
        0xf1 => 2,
        0xf2 => 3,
        0xf3 => 4,
        _ => 8,
    }
}

#[inline]
fn long_len(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at + 1], bytes[at + 2], bytes[at + 3], bytes[at + 4]]) as usize
}

/// The element at `at`, and where the next one starts.
#[inline]
fn read(bytes: &[u8], at: usize) -> (StrRef<'_>, usize) {
    let element = match string(bytes, at) {
        Some(string) => StrRef::Bytes(string),
        None => StrRef::Int(int(bytes, at).unwrap_or_default()),
    };
    (element, after(bytes, at))
}

/// Length of the element at `at` without the length that follows it.
#[inline]
fn front_len(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        0..=0x7f => 1,
        kind @ 0x80..=0xbf => 1 + usize::from(kind & 0x3f),
        0xc0..=0xdf => 2,
        kind @ 0xe0..=0xef => 2 + (usize::from(kind & 0x0f) << 8 | usize::from(bytes[at + 1])),
        0xf0 => 5 + long_len(bytes, at),
        kind => 1 + int_width(kind),
    }
}

/// Where the element after the one at `at` starts.
#[inline]
fn after(bytes: &[u8], at: usize) -> usize {
    let len = front_len(bytes, at);
    at + len + back_width(len)
}

/// Where the element that ends before `end` starts.
fn start_before(bytes: &[u8], end: usize) -> usize {
    let (mut len, mut width) = (0, 0);
    loop {
        let byte = bytes[end - 1 - width];
        len |= usize::from(byte & 0x7f) << (7 * width);
        width += 1;
        if byte & 0x80 == 0 {
            return end - width - len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn samples() -> Vec<Vec<u8>> {
        let numbers: [i64; 21] = [
            0,
            1,
            127,
            128,
            -1,
            4095,
            4096,
            -4096,
            -4097,
            32_767,
            32_768,
            -32_768,
            -32_769,
            8_388_607,
            8_388_608,
            -8_388_608,
            -8_388_609,
            2_147_483_647,
            -2_147_483_649,
            i64::MAX,
            i64::MIN,
        ];
        let lengths = [0, 1, 63, 64, 4095, 4096, 16_377, 16_378, 16_379, 70_000];
        let odd = ["-0", "00", "+1", "1.0", "9223372036854775808", " 1"];
        numbers
            .iter()
            .map(|n| n.to_string().into_bytes())
            .chain(lengths.iter().map(|len| vec![b'x'; *len]))
            .chain(odd.iter().map(|text| text.as_bytes().to_vec()))
            .collect()
    }

    fn all(pack: &Listpack) -> Vec<Vec<u8>> {
        pack.iter().map(StrRef::to_vec).collect()
    }

    #[test]
    fn a_listpack_behaves_like_a_vector() {
        let samples = samples();
        for seed in 0..12 {
            let (mut rng, mut pack) = (Rng::new(seed), Listpack::new());
            let mut model: Vec<Vec<u8>> = Vec::new();
            for step in 0..300 {
                let element = samples[rng.below(samples.len())].clone();
                let index = rng.below(model.len() + 1);
                match (rng.below(8), pack.seek(index)) {
                    (0, _) => {
                        pack.push_front(&element);
                        model.insert(0, element);
                    }
                    (1 | 2, Some(at)) => {
                        pack.insert_before(at, &element);
                        model.insert(index, element);
                    }
                    (3, Some(at)) => {
                        pack.insert_after(at, &element);
                        model.insert(index + 1, element);
                    }
                    (4, Some(at)) => {
                        pack.replace(at, &element);
                        model[index] = element;
                    }
                    (5, Some(at)) => {
                        let count = rng.below(4);
                        let removed = model.drain(index..(index + count).min(model.len())).count();
                        assert_eq!(pack.remove(at, count), removed);
                    }
                    (6, _) => {
                        pack.push_pair(&element, b"second");
                        model.extend([element, b"second".to_vec()]);
                    }
                    _ => {
                        pack.push_back(&element);
                        model.push(element);
                    }
                }
                assert_eq!(
                    (pack.len(), pack.is_empty()),
                    (model.len(), model.is_empty())
                );
                let probe = &samples[rng.below(samples.len())];
                let stride = 1 + rng.below(3);
                let found = pack.find(probe, stride).map(|at| pack.get(at).to_vec());
                assert_eq!(
                    found,
                    model.iter().step_by(stride).find(|e| *e == probe).cloned()
                );
                let at = rng.below(model.len() + 2);
                assert_eq!(
                    pack.seek(at).map(|at| pack.get(at).to_vec()),
                    model.get(at).cloned()
                );
                assert_eq!(all(&pack), model, "seed {seed} step {step}");
            }
            let backwards: Vec<_> = pack.iter().rev().map(StrRef::to_vec).collect();
            assert!(backwards.iter().eq(model.iter().rev()), "seed {seed}");
            let copy = Listpack::from_bytes(pack.as_bytes()).expect("its own bytes");
            assert_eq!(all(&copy), model);
        }
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut pack = Listpack::new();
        assert_eq!(pack.as_bytes(), [7, 0, 0, 0, 0, 0, 0xff]);
        for element in ["a", "5", "-1", "1000", "70000"] {
            pack.push_back(element.as_bytes());
        }
        let elements = [
            &[0x81, b'a', 2][..],
            &[5, 1],
            &[0xdf, 0xff, 2],
            &[0xc3, 0xe8, 2],
            &[0xf2, 0x70, 0x11, 0x01, 4],
        ];
        let bytes = [&[23, 0, 0, 0, 5, 0], &elements.concat()[..], &[0xff]].concat();
        assert_eq!(pack.as_bytes(), bytes);
        let mut long = Listpack::new();
        long.push_back(&[b'x'; 200]);
        assert_eq!(long.as_bytes()[6..8], [0xe0, 200]);
        assert_eq!(long.as_bytes()[208..], [1, 0x80 | 74, 0xff]);
    }

    #[test]
    fn beyond_65534_elements_are_counted_by_a_walk() {
        let mut pack = Listpack::new();
        (0..65_534).for_each(|_| pack.push_back(b"1"));
        assert_eq!((pack.len(), pack.stated()), (65_534, 65_534));
        pack.push_pair(b"1", b"2");
        pack.push_front(b"0");
        assert_eq!((pack.len(), pack.stated()), (65_537, MANY));
        assert_eq!(
            pack.seek(65_536).map(|at| pack.get(at)),
            Some(StrRef::Int(2))
        );
        assert_eq!(pack.seek(65_537), None);
        let first = pack.first().unwrap();
        assert_eq!(pack.remove(first, 10), 10);
        assert_eq!((pack.len(), pack.stated()), (65_527, 65_527));
    }

    #[test]
    fn damaged_bytes_are_refused_or_still_safe_to_read() {
        let mut pack = Listpack::new();
        samples()
            .iter()
            .filter(|s| s.len() < 100)
            .for_each(|s| pack.push_back(s));
        pack.push_back(&[b'y'; 5_000]);
        let good = pack.as_bytes().to_vec();
        for end in 0..good.len() {
            assert!(Listpack::from_bytes(&good[..end]).is_none(), "cut at {end}");
        }
        let mut rng = Rng::new(1);
        for round in 0..20_000 {
            let mut bad = good.clone();
            let at = if round % 2 == 0 {
                rng.below(250)
            } else {
                rng.below(bad.len())
            };
            bad[at] = rng.bits() as u8;
            if let Some(pack) = Listpack::from_bytes(&bad) {
                let forward = all(&pack);
                let backward: Vec<_> = pack.iter().rev().map(StrRef::to_vec).collect();
                assert!(forward.iter().eq(backward.iter().rev()), "byte {at}");
            }
        }
    }
}
