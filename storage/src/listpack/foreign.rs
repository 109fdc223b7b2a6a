//! Listpacks that others have made: checked before they are believed, taken apart where they are too large.

use std::collections::HashSet;

use super::{
    END, Encoded, FIRST, Listpack, MANY, after, back_of, canonical_int, front_len, string,
};
use crate::{Blob, StrRef};

/// So few elements are compared with each other; more are looked up in a table.
const COMPARED: usize = 16;

/// What a walk through bytes from outside has found.
struct Walked {
    count: usize,
    /// Whether every string that could be an integer is stored as one: look-ups rely on it.
    canonical: bool,
}

impl Listpack {
    /// A listpack from its bytes as found in an RDB file or a DUMP: none if they are not a well-formed one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (total, body) = bytes.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*total) as usize != bytes.len() {
            return None;
        }
        let walked = walk(body)?;
        let stated = u16::from_le_bytes(*body.first_chunk()?);
        if stated != MANY && usize::from(stated) != walked.count {
            return None;
        }
        let pack = Listpack(Blob::from_slice(body));
        Some(if walked.canonical {
            pack
        } else {
            pack.iter().map(StrRef::to_vec).collect()
        })
    }

    /// Whether no two of the elements are equal, looking at every `stride`-th one.
    pub fn all_differ(&self, stride: usize) -> bool {
        let elements = || self.iter().step_by(stride);
        if self.len() / stride <= COMPARED {
            return elements()
                .enumerate()
                .all(|(at, element)| !elements().take(at).any(|other| other == element));
        }
        let hasher = foldhash::fast::RandomState::default();
        let mut seen = HashSet::with_capacity_and_hasher(self.len() / stride + 1, hasher);
        elements().all(|element| seen.insert(element))
    }

    /// The same elements in listpacks of at most `most` bytes each, except where one element alone is longer.
    pub(crate) fn divided(&self, most: usize) -> impl Iterator<Item = Listpack> {
        let bytes = self.bytes();
        let mut next = FIRST;
        std::iter::from_fn(move || {
            let (start, mut count) = (next, 0_usize);
            while bytes[next] != END {
                let end = after(bytes, next);
                if count > 0 && end - start + FIRST + 5 > most {
                    break;
                }
                (next, count) = (end, count + 1);
            }
            (count > 0).then(|| Listpack::of(count, &bytes[start..next]))
        })
    }

    /// A listpack of `count` elements in their encoded form.
    fn of(count: usize, elements: &[u8]) -> Self {
        let count = u16::try_from(count).unwrap_or(MANY);
        let mut pack = Listpack(Blob::from_slice(&[0, 0, END]));
        pack.0.splice(FIRST..FIRST, elements);
        pack.state(count);
        pack
    }
}

impl<E: AsRef<[u8]>> FromIterator<E> for Listpack {
    fn from_iter<I: IntoIterator<Item = E>>(elements: I) -> Self {
        let mut encoded = Encoded::default();
        let mut count = 0;
        for element in elements {
            encoded.add(element.as_ref());
            count += 1;
        }
        Listpack::of(count, encoded.as_slice())
    }
}

/// None if any element is not as this module would have written it.
fn walk(bytes: &[u8]) -> Option<Walked> {
    let (mut at, mut count, mut canonical) = (FIRST, 0, true);
    loop {
        let rest = bytes.get(at..)?;
        match *rest.first()? {
            END => return (rest.len() == 1).then_some(Walked { count, canonical }),
            0xf5..=0xfe => return None,
            0xe0..=0xef if rest.len() < 2 => return None,
            0xf0 if rest.len() < 5 => return None,
            _ => {}
        }
        let len = front_len(bytes, at);
        let (back, width) = back_of(len);
        if rest.get(len..len + width)? != &back[..width] {
            return None;
        }
        canonical &= string(bytes, at).is_none_or(|text| canonical_int(text).is_none());
        at += len + width;
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
        pack.iter().map(StrRef::to_vec).collect()
    }

    #[test]
    fn digits_stored_as_a_string_become_the_integer_that_look_ups_expect() {
        let bytes = [13, 0, 0, 0, 2, 0, 0x82, b'1', b'2', 3, 7, 1, 0xff];
        let pack = Listpack::from_bytes(&bytes).expect("well-formed");
        assert_eq!(texts(&pack), [b"12".to_vec(), b"7".to_vec()]);
        assert!(pack.find(b"12", 1).is_some());
        assert_eq!(pack.as_bytes().len(), 11);
    }

    #[test]
    fn equal_elements_are_noticed_among_few_and_among_many() {
        for count in [1, 2, 15, 16, 17, 40, 500] {
            let mut pack: Listpack = (0..count).map(|n| format!("member {n}")).collect();
            assert!(pack.all_differ(1), "{count}");
            pack.push_back(format!("member {}", count / 2).as_bytes());
            assert!(!pack.all_differ(1), "{count}");
            let pairs: Listpack = (0..count)
                .flat_map(|n| [n.to_string(), "same".to_owned()])
                .collect();
            assert!(pairs.all_differ(2), "{count}");
            assert_eq!(pairs.all_differ(1), count == 1, "{count}");
        }
    }

    #[test]
    fn a_divided_listpack_holds_the_same_elements_in_small_parts() {
        let mut rng = Rng::new(3);
        for most in [10, 64, 1024, 1 << 20] {
            let elements: Vec<Vec<u8>> = (0..400)
                .map(|n| match rng.below(4) {
                    0 => (n * 977).to_string().into_bytes(),
                    1 => vec![b'x'; rng.below(300)],
                    _ => vec![b'y'; rng.below(20)],
                })
                .collect();
            let whole: Listpack = elements.iter().collect();
            let parts: Vec<Listpack> = whole.divided(most).collect();
            assert!(parts.iter().all(|p| p.size() <= most || p.len() == 1));
            assert_eq!(parts.iter().map(Listpack::len).sum::<usize>(), 400);
            assert!(parts.iter().flat_map(texts).eq(elements));
        }
        assert_eq!(Listpack::new().divided(100).count(), 0);
    }
}
