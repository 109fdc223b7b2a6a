//! How long a value is in the format of RDB files: the `serializedlength` of DEBUG OBJECT.
//!
//! Counted without writing and without LZF, which shortens long strings in a file.

use crate::set::Packed;
use crate::{StrRef, ValueRef};

/// Bytes of `value` in an RDB file, its type and its key not counted.
pub fn serialized_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::String(value) => string(value),
        ValueRef::List(list) => {
            // A byte says that a node is packed.
            let nodes = list.nodes().map(|node| 1 + blob(node.as_bytes()));
            length(list.nodes().count()) + nodes.sum::<usize>()
        }
        ValueRef::Set(set) => match set.packed() {
            Some(Packed::Intset(bytes) | Packed::Listpack(bytes)) => blob(bytes),
            None => length(set.len()) + set.iter().map(string).sum::<usize>(),
        },
        ValueRef::Hash(hash) => match hash.packed() {
            Some(bytes) => blob(bytes),
            None => {
                let pairs = hash
                    .iter()
                    .map(|(field, value)| string(field) + string(value));
                length(hash.len()) + pairs.sum::<usize>()
            }
        },
        ValueRef::Zset(zset) => match zset.packed() {
            Some(bytes) => blob(bytes),
            None => {
                let members = zset.iter().map(|(member, _)| string(member) + SCORE);
                length(zset.len()) + members.sum::<usize>()
            }
        },
    }
}

/// Bytes of a score.
const SCORE: usize = 8;

fn string(value: StrRef<'_>) -> usize {
    let n = match value {
        StrRef::Int(n) => Some(n),
        StrRef::Bytes(bytes) => crate::entry::canonical_int(bytes),
    };
    // One byte says how wide the integer is.
    match n {
        Some(n) if i8::try_from(n).is_ok() => 2,
        Some(n) if i16::try_from(n).is_ok() => 3,
        Some(n) if i32::try_from(n).is_ok() => 5,
        _ => length(value.len()) + value.len(),
    }
}

fn blob(bytes: &[u8]) -> usize {
    length(bytes.len()) + bytes.len()
}

fn length(n: usize) -> usize {
    match n {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hash, List, Rng, Set, Thresholds, Zset, list::End};

    /// The lengths that Redis 8.2 tells of the same values.
    #[test]
    fn lengths_are_those_of_redis() {
        let (limits, mut rng) = (Thresholds::default(), Rng::new(1));
        for (text, expected) in [
            ("1", 2),
            ("-129", 3),
            ("2147483647", 5),
            ("2147483648", 11),
            ("01", 3),
            ("hello", 6),
        ] {
            let value = StrRef::Bytes(text.as_bytes());
            assert_eq!(serialized_len(ValueRef::String(value)), expected, "{text}");
        }
        let (mut list, mut ints, mut letters) = (List::default(), Set::default(), Set::default());
        for element in ["a", "b", "c", "1", "2"] {
            list.push(End::Right, element.as_bytes(), &limits);
        }
        for n in ["1", "2", "3"] {
            ints.add(n.as_bytes(), &limits, &mut rng);
        }
        for letter in ["a", "b", "c"] {
            letters.add(letter.as_bytes(), &limits, &mut rng);
        }
        let mut hash = Hash::default();
        hash.set(b"f", b"v", &limits, &mut rng);
        hash.set(b"g", b"w", &limits, &mut rng);
        assert_eq!(serialized_len(ValueRef::List(&list)), 23);
        assert_eq!(serialized_len(ValueRef::Set(&ints)), 15);
        assert_eq!(serialized_len(ValueRef::Set(&letters)), 17);
        assert_eq!(serialized_len(ValueRef::Hash(&hash)), 20);
        let mut zset = Zset::default();
        zset.set(b"a", 1.0, &limits, &mut rng);
        zset.set(b"b", 2.5, &limits, &mut rng);
        assert_eq!(serialized_len(ValueRef::Zset(&zset)), 21);
    }

    #[test]
    fn tables_count_every_string() {
        let limits = Thresholds {
            set_max_listpack_entries: 0,
            hash_max_listpack_entries: 0,
            zset_max_listpack_entries: 0,
            ..Thresholds::default()
        };
        let mut rng = Rng::new(1);
        let (mut set, mut hash, mut zset) = (Set::default(), Hash::default(), Zset::default());
        set.add(b"ab", &limits, &mut rng);
        hash.set(b"field", b"7", &limits, &mut rng);
        zset.set(b"ab", 2.5, &limits, &mut rng);
        assert_eq!(serialized_len(ValueRef::Set(&set)), 1 + 3);
        assert_eq!(serialized_len(ValueRef::Hash(&hash)), 1 + 6 + 2);
        assert_eq!(serialized_len(ValueRef::Zset(&zset)), 1 + 3 + 8);
    }
}
