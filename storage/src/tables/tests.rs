use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::pair::Pair;

/// Every layout of a test: keys in few slots, with many keys each, and in many.
pub(crate) const LAYOUTS: [Layout; 3] = [
    Layout::Whole,
    Layout::BySlot(few_slots),
    Layout::BySlot(any_slot),
];

/// The first slot, the last one, and some between.
fn few_slots(key: &[u8]) -> u16 {
    [0, 1, 7_000, 7_001, 16_383][usize::from(any_slot(key)) % 5]
}

fn any_slot(key: &[u8]) -> u16 {
    let mixed = key.iter().fold(7_u64, |mixed, &byte| {
        (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (mixed >> 20) as u16 % SLOTS as u16
}

impl Layout {
    /// The slot of a key, if keys are kept by slot.
    pub(crate) fn slot_of(self, key: &[u8]) -> Option<u16> {
        match self {
            Layout::Whole => None,
            Layout::BySlot(slot_of) => Some(slot_of(key)),
        }
    }
}

fn key(n: u64) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

fn insert(tables: &mut Tables<Pair>, key: &[u8]) {
    let hash = tables.hash(key);
    if tables.get_hashed(hash, key).is_none() {
        let place = tables.insert_new(hash, Pair::new(key, key));
        assert_eq!(place.key(), key);
    }
}

fn remove(tables: &mut Tables<Pair>, key: &[u8]) -> bool {
    tables.remove_hashed(tables.hash(key), key).is_some()
}

#[test]
fn tables_cost_what_one_costs() {
    assert_eq!(size_of::<Tables<Pair>>(), size_of::<Table<Pair>>());
}

#[test]
fn a_scan_returns_every_key_that_stays_while_others_come_and_go() {
    for (seed, layout) in (0..12).flat_map(|seed| LAYOUTS.map(|layout| (seed, layout))) {
        let (mut rng, mut tables) = (Rng::new(seed), Tables::new(layout, seed));
        let staying = 400;
        (0..staying).for_each(|n| insert(&mut tables, &key(n)));
        let (mut seen, mut cursor, mut fresh) = (BTreeSet::new(), 0, staying);
        for step in 0.. {
            // As for clients: what the reply says is all that is known.
            let mut visit = |pair: &Pair| {
                seen.insert(pair.key().to_vec());
            };
            cursor = match step % 2 {
                0 => tables.scan(cursor, &mut visit),
                _ => tables.scan_mut(cursor, &mut |pair| visit(pair)),
            };
            for _ in 0..rng.below(40) {
                if rng.below(3) < 2 {
                    fresh += 1;
                    insert(&mut tables, &key(fresh));
                } else {
                    remove(
                        &mut tables,
                        &key(staying + 1 + rng.bits() % (fresh - staying + 1)),
                    );
                }
            }
            if cursor == 0 {
                break;
            }
            if tables.len() > 6_000 {
                for n in staying + 1..=fresh {
                    remove(&mut tables, &key(n));
                }
            }
        }
        assert!((0..staying).all(|n| seen.contains(&key(n))), "seed {seed}");
    }
}

#[test]
fn any_cursor_leads_to_an_end() {
    for layout in LAYOUTS {
        let mut tables = Tables::new(layout, 1);
        (0..300).for_each(|n| insert(&mut tables, &key(n)));
        let mut rng = Rng::new(5);
        let edges = [u64::MAX, 1 << 63, SLOTS as u64 - 1, SLOTS as u64];
        for cursor in edges.into_iter().chain((0..40).map(|_| rng.bits())) {
            let (mut cursor, mut steps) = (cursor, 0);
            while cursor != 0 && steps < 2_000 {
                cursor = tables.scan(cursor, &mut |_| {});
                steps += 1;
            }
            assert_eq!(cursor, 0);
        }
    }
}

#[test]
fn random_records_have_equal_chances_in_full_and_in_sparse_slots() {
    // One slot holds half of the keys.
    let crowded: SlotOf = |key| match key.len() {
        ..7 => 5,
        _ => any_slot(key),
    };
    let layouts = LAYOUTS.into_iter().chain([Layout::BySlot(crowded)]);
    for (layout, only_marked) in layouts.flat_map(|layout| [(layout, false), (layout, true)]) {
        let (mut rng, mut tables) = (Rng::new(9), Tables::new(layout, 3));
        (0..200).for_each(|n| insert(&mut tables, &key(n)));
        for n in (0..200).filter(|n| n % 4 == 0) {
            tables.mark(tables.hash(&key(n)), &key(n), true);
        }
        let count = if only_marked { 50 } else { 200 };
        let mut counts = BTreeMap::<Vec<u8>, u64>::new();
        for _ in 0..count * 200 {
            let record = match only_marked {
                true => tables.random_marked(&mut rng),
                false => tables.random(&mut rng),
            };
            *counts.entry(record.unwrap().key().to_vec()).or_default() += 1;
        }
        assert_eq!(counts.len() as u64, count);
        let off = |n: &u64| (*n as f64 - 200.0).powi(2) / 200.0;
        let (squares, freedom) = (counts.values().map(off).sum::<f64>(), (count - 1) as f64);
        let limit = freedom + 5.0 * (2.0 * freedom).sqrt();
        assert!(squares <= limit, "chi square {squares} of {freedom}");
    }
}

#[test]
fn marked_records_of_all_slots_are_drained_in_turn() {
    for layout in LAYOUTS {
        let mut tables = Tables::new(layout, 3);
        (0..3_000).for_each(|n| insert(&mut tables, &key(n)));
        let marked = |n: &u64| n.is_multiple_of(10);
        for n in (0..3_000).filter(marked) {
            tables.mark(tables.hash(&key(n)), &key(n), true);
        }
        assert_eq!(tables.marked(), 300);
        // Nothing is over: a round asks of each marked record once.
        let (mut at, mut asked, mut out, mut steps) = (0, BTreeMap::new(), Vec::new(), 0);
        loop {
            at = tables.drain_marked(
                at,
                7,
                &mut |pair| {
                    *asked.entry(pair.key().to_vec()).or_insert(0) += 1;
                    false
                },
                &mut out,
            );
            steps += 1;
            if at == 0 {
                break;
            }
        }
        assert!(asked.len() == 300 && asked.values().all(|times| *times == 1));
        assert!(steps > 40 && out.is_empty(), "{steps} steps");
        while tables.marked() > 0 {
            at = tables.drain_marked(at, 7, &mut |_| true, &mut out);
        }
        assert_eq!((out.len(), tables.len()), (300, 2_700));
        assert!((0..3_000).all(|n| tables.get(&key(n)).is_none() == marked(&n)));
    }
}

#[test]
fn a_slot_has_a_table_while_it_has_keys() {
    let mut tables = Tables::new(Layout::BySlot(any_slot), 1);
    let (empty, seed_of_hash) = (tables.memory(), tables.hash(b"x"));
    assert_eq!(tables.fresh().hash(b"x"), seed_of_hash);
    (0..20_000).for_each(|n| insert(&mut tables, &key(n)));
    let slots = (0..SLOTS as u16).filter_map(|slot| tables.slot(slot));
    assert_eq!(slots.map(Table::len).sum::<usize>(), 20_000);
    assert_eq!(tables.spread(true).records, 20_000);
    let buckets: usize = tables.spread(true).buckets_of.iter().sum();
    assert_eq!(buckets, tables.buckets());
    (0..20_000).for_each(|n| assert!(remove(&mut tables, &key(n))));
    assert_eq!((tables.iter().count(), tables.memory()), (0, empty));
    assert!(tables.spread(true).records == 0 && tables.random(&mut Rng::new(1)).is_none());
    assert!(tables.slot(SLOTS as u16).is_none() && tables.take_slot(u16::MAX).is_none());
}

#[test]
fn slots_are_absorbed_where_there_is_none() {
    let layout = Layout::BySlot(few_slots);
    let (mut ours, mut theirs) = (Tables::new(layout, 1), Tables::new(layout, 1));
    for n in 0..500 {
        insert(&mut theirs, &key(n));
        let marked = theirs.hash(&key(n));
        theirs.mark(marked, &key(n), true);
        if few_slots(&key(n)) == 0 {
            insert(&mut ours, &key(n));
        }
    }
    let count = ours.len();
    let rest = ours.absorb(theirs);
    assert_eq!((rest.len(), rest.iter().count()), (count, 1));
    assert_eq!((ours.len(), ours.marked()), (500, 500 - count));
    assert!((0..500).all(|n| ours.get(&key(n)).is_some()));
}
