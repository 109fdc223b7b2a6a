//! The keys of some slots go from the databases of one shard to those of another, as they stand: nothing is copied.

use std::ops::Range;

use super::Databases;
use crate::entry::Entry;
use crate::tables::Stretch;

/// Keys on their way.
#[derive(Debug)]
pub struct Portion {
    stretch: Stretch<Entry>,
    generation: u32,
}

impl Databases {
    /// Where to cut the slots into `count` stretches with about as many keys each: the first slot of each stretch but the
    /// first. None if a stretch would have no key, or keys are not kept by slot.
    pub fn divide(&self, count: usize) -> Option<Vec<u16>> {
        let begins = self[0].tables.divide(count)?;
        Some(begins.into_iter().map(|slot| slot as u16).collect())
    }

    /// Takes the keys of these slots out; none where keys are not kept by slot.
    ///
    /// # Panics
    /// While a snapshot is taken: it would miss them.
    pub fn take_portion(&mut self, slots: Range<u16>) -> Option<Portion> {
        let db = &mut self[0];
        assert!(db.walk.is_none(), "a snapshot needs all keys");
        let slots = usize::from(slots.start)..usize::from(slots.end);
        Some(Portion {
            stretch: db.tables.take_stretch(slots)?,
            generation: db.generation,
        })
    }

    /// Puts keys in, none of whose slots has a key here.
    ///
    /// # Panics
    /// If one has, or while a snapshot is taken.
    pub fn put_portion(&mut self, portion: Portion) {
        let db = &mut self[0];
        assert!(db.walk.is_none(), "a snapshot is of one moment");
        // While no snapshot is taken all keys are of one generation: those here and those that come.
        assert!(
            db.is_empty() || db.generation == portion.generation,
            "keys of two generations"
        );
        db.generation = portion.generation;
        db.tables.put_stretch(portion.stretch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SAVED;
    use crate::{Layout, Ttl};

    fn by_first_byte(key: &[u8]) -> u16 {
        u16::from(key[0]) * 64
    }

    fn databases(seed: u64) -> Databases {
        Databases::new(1, Layout::BySlot(by_first_byte), seed)
    }

    fn keys(dbs: &Databases) -> Vec<String> {
        let mut keys = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = dbs[0].tables.scan(cursor, &mut |entry| {
                keys.push(String::from_utf8_lossy(entry.key()).into_owned());
            });
            if cursor == 0 {
                keys.sort();
                return keys;
            }
        }
    }

    #[test]
    fn keys_are_found_and_counted_where_they_have_gone_and_where_they_return() {
        let (mut here, mut there) = (databases(1), databases(2));
        for key in [b"a1", b"a2", b"b1", b"c1", b"d1", b"d2"] {
            here[0].set_string(key, key, Ttl::At(i64::MAX));
        }
        let begins = here.divide(2).expect("two stretches");
        assert_eq!(begins, [by_first_byte(b"c")]);
        let slots = begins[0]..crate::SLOTS as u16;
        there.put_portion(here.take_portion(slots.clone()).expect("kept by slot"));
        assert_eq!(keys(&here), ["a1", "a2", "b1"]);
        assert_eq!(keys(&there), ["c1", "d1", "d2"]);
        assert_eq!((here[0].len(), here[0].expires()), (3, 3));
        assert_eq!((there[0].len(), there[0].expires()), (3, 3));
        assert!(there[0].contains(b"d1") && !there[0].contains(b"a1"));
        assert!(there[0].delete(b"d1"));
        there[0].set_string(b"e1", b"new", Ttl::Clear);
        here.put_portion(there.take_portion(slots).expect("kept by slot"));
        assert!(there[0].is_empty());
        assert_eq!(keys(&here), ["a1", "a2", "b1", "c1", "d2", "e1"]);
        assert!(
            keys(&here)
                .iter()
                .all(|key| here[0].contains(key.as_bytes()))
        );
        assert_eq!((here[0].len(), here[0].expires()), (6, 5));
    }

    /// Or the next snapshot would not have them.
    #[test]
    fn keys_made_elsewhere_are_of_the_generation_of_those_that_stayed() {
        let (mut here, mut there) = (databases(1), databases(1));
        here[0].generation = SAVED;
        for key in [b"a", b"b"] {
            here[0].set_string(key, b"v", Ttl::Clear);
        }
        let slots = by_first_byte(b"b")..crate::SLOTS as u16;
        there.put_portion(here.take_portion(slots.clone()).expect("kept by slot"));
        there[0].set_string(b"c", b"v", Ttl::Clear);
        here.put_portion(there.take_portion(slots).expect("kept by slot"));
        let generations = here[0].tables.records().map(Entry::generation);
        assert_eq!(generations.collect::<Vec<_>>(), [SAVED; 3]);
    }
}
