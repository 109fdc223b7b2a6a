//! A sorted array of integers in Redis's `intset` format, which RDB files hold as it is.
//!
//! ```text
//! | width u32: 2, 4 or 8 | count u32 | integers, ascending, `width` bytes each |          all little endian
//! ```
//! All integers have the width of the widest one ever added; it never shrinks.

use std::cmp::Ordering;

use crate::{Blob, Rng};

const HEADER: usize = 8;

/// See the module. One pointer wide.
#[derive(Debug, Clone)]
pub struct Intset(Blob);

impl Default for Intset {
    fn default() -> Self {
        Intset::new()
    }
}

impl Intset {
    /// No integers.
    pub fn new() -> Self {
        Intset(Blob::from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]))
    }

    /// A set from its bytes as found in an RDB file or a DUMP: none if they are not a well-formed one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(HEADER)?;
        let width = word(head, 0) as usize;
        if !matches!(width, 2 | 4 | 8)
            || body.len() as u64 != u64::from(word(head, 4)) * width as u64
        {
            return None;
        }
        let set = Intset(Blob::from_slice(bytes));
        let is_sorted = (1..set.len()).all(|at| set.at(at - 1) < set.at(at));
        is_sorted.then_some(set)
    }

    /// The bytes of the format.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// How many integers.
    #[inline]
    pub fn len(&self) -> usize {
        word(self.as_bytes(), 4) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The integer at `index` of the ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// In ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Whether `n` is in the set.
    pub fn contains(&self, n: i64) -> bool {
        width_of(n) <= self.width() && self.find(n).is_ok()
    }

    /// Adds an integer; false if it was there.
    pub fn add(&mut self, n: i64) -> bool {
        let width = width_of(n);
        if width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.find(n) else {
            return false;
        };
        let at = HEADER + index * self.width();
        let width = self.width();
        self.0.splice(at..at, &n.to_le_bytes()[..width]);
        self.set_len(self.len() + 1);
        true
    }

    /// Takes an integer out; false if it was not there.
    pub fn remove(&mut self, n: i64) -> bool {
        if width_of(n) > self.width() {
            return false;
        }
        let Ok(index) = self.find(n) else {
            return false;
        };
        let at = HEADER + index * self.width();
        let width = self.width();
        self.0.splice(at..at + width, &[]);
        self.set_len(self.len() - 1);
        true
    }

    /// An integer chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<i64> {
        (!self.is_empty()).then(|| self.at(rng.below(self.len())))
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    #[inline]
    fn width(&self) -> usize {
        word(self.as_bytes(), 0) as usize
    }

    #[inline]
    fn at(&self, index: usize) -> i64 {
        read(&self.as_bytes()[HEADER..], self.width(), index)
    }

    /// Where `n` is, or where it belongs. Appending in ascending order, the usual way to fill one, costs one comparison.
    fn find(&self, n: i64) -> Result<usize, usize> {
        let (body, width) = (&self.as_bytes()[HEADER..], self.width());
        let (mut low, mut high) = (0, self.len());
        if high > 0 && read(body, width, high - 1) < n {
            return Err(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match read(body, width, middle).cmp(&n) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity(HEADER + (self.len() + 1) * width);
        bytes.extend_from_slice(&(width as u32).to_le_bytes());
        bytes.extend_from_slice(&self.as_bytes()[4..HEADER]);
        self.iter()
            .for_each(|n| bytes.extend_from_slice(&n.to_le_bytes()[..width]));
        self.0 = Blob::from_slice(&bytes);
    }

    fn set_len(&mut self, len: usize) {
        let len = u32::try_from(len).expect("a set of integers leaves this form long before 2^32");
        self.0.as_mut_slice()[4..HEADER].copy_from_slice(&len.to_le_bytes());
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline]
fn read(body: &[u8], width: usize, index: usize) -> i64 {
    let bytes = &body[index * width..(index + 1) * width];
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("a width of 2, 4 or 8"),
    }
}

fn width_of(n: i64) -> usize {
    if i16::try_from(n).is_ok() {
        2
    } else if i32::try_from(n).is_ok() {
        4
    } else {
        8
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_intset_behaves_like_an_ordered_set_at_every_width() {
        for seed in 0..30 {
            let (mut rng, mut set, mut model) = (Rng::new(seed), Intset::new(), BTreeSet::new());
            for step in 0..2_000 {
                let bits = [7, 15, 16, 31, 32, 63][rng.below(1 + (step / 400).min(5))];
                let mut n = (rng.bits() as i64) >> (63 - bits);
                if rng.below(10) == 0 {
                    n = [i64::MIN, i64::MAX, 0, -1][rng.below(4)] >> (63 - bits);
                }
                if rng.below(3) < 2 {
                    assert_eq!(set.add(n), model.insert(n), "seed {seed} step {step} {n}");
                } else {
                    assert_eq!(
                        set.remove(n),
                        model.remove(&n),
                        "seed {seed} step {step} {n}"
                    );
                }
                let probe = (rng.bits() as i64) >> (63 - bits);
                assert_eq!(set.contains(probe), model.contains(&probe));
                assert_eq!(set.len(), model.len());
            }
            assert!(set.iter().eq(model.iter().copied()), "seed {seed}");
            let copy = Intset::from_bytes(set.as_bytes()).expect("its own bytes");
            assert!(copy.iter().eq(set.iter()));
        }
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut set = Intset::new();
        for n in [3, 1, 2] {
            set.add(n);
        }
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, 0]);
        set.add(-40_000);
        assert_eq!(
            set.as_bytes()[..12],
            [4, 0, 0, 0, 4, 0, 0, 0, 0xc0, 0x63, 0xff, 0xff]
        );
        assert_eq!(set.as_bytes().len(), 8 + 4 * 4);
    }

    #[test]
    fn bytes_that_are_no_intset_are_refused() {
        let good: [u8; 12] = [2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0];
        assert!(Intset::from_bytes(&good).is_some());
        for end in 0..good.len() {
            assert!(Intset::from_bytes(&good[..end]).is_none(), "cut at {end}");
        }
        for (at, byte) in [
            (0, 3),
            (0, 4),
            (4, 1),
            (4, 3),
            (7, 255),
            (8, 2),
            (8, 3),
            (1, 1),
        ] {
            let mut bad = good;
            bad[at] = byte;
            assert!(Intset::from_bytes(&bad).is_none(), "byte {at} = {byte}");
        }
    }

    #[test]
    fn all_have_the_same_chance() {
        let mut set = Intset::new();
        (0..10).for_each(|n| assert!(set.add(n)));
        let (mut rng, mut counts) = (Rng::new(5), [0; 10]);
        (0..10_000).for_each(|_| counts[set.random(&mut rng).unwrap() as usize] += 1);
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
        assert_eq!(Intset::new().random(&mut rng), None);
    }
}
