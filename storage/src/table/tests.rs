use std::collections::{BTreeMap, BTreeSet};

use super::segments::{LARGE, SMALL_SEGMENTS};
use super::*;
use crate::Rng;
use crate::pair::Pair;

fn key(n: u64) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

#[test]
fn segments_follow_each_other_without_gap() {
    let mut expected = (0, 0);
    for index in BLOCK_MAX..1 << 18 {
        assert_eq!(place_of(index), expected, "bucket {index}");
        expected.1 += 1;
        if expected.1 == size_of_segment(expected.0) {
            expected = (expected.0 + 1, 0);
        }
    }
    assert_eq!(place_of(LARGE), (SMALL_SEGMENTS, 0));
}

#[test]
fn a_table_behaves_like_a_map_through_growth_and_shrinking() {
    for seed in 0..4 {
        let (mut rng, mut table, mut model) =
            (Rng::new(seed), Table::<Pair>::new(seed), BTreeMap::new());
        for step in 0..40_000_u64 {
            let k = key(rng.bits() % 3_000);
            let growing = (step / 8_000) % 2 == 0;
            if (rng.below(10) < 7) == growing {
                let value = step.to_string().into_bytes();
                let old = table
                    .insert(Pair::new(&k, &value))
                    .map(|pair| pair.value().to_vec());
                assert_eq!(old, model.insert(k, value), "seed {seed} step {step}");
            } else {
                let old = table.remove(&k).map(|pair| pair.value().to_vec());
                assert_eq!(old, model.remove(&k), "seed {seed} step {step}");
            }
            assert_eq!(table.len(), model.len());
        }
        let all: BTreeMap<_, _> = table
            .iter()
            .map(|pair| (pair.key().to_vec(), pair.value().to_vec()))
            .collect();
        assert_eq!(all, model, "seed {seed}");
    }
}

#[test]
fn a_scan_returns_every_key_that_stays_while_others_come_and_go() {
    for seed in 0..20 {
        let (mut rng, mut table) = (Rng::new(seed), Table::<Pair>::new(seed));
        let staying = 500;
        for n in 0..staying {
            table.insert(Pair::new(&key(n), b""));
        }
        let (mut seen, mut cursor, mut fresh) = (BTreeSet::new(), 0, staying);
        loop {
            cursor = table.scan(cursor, &mut |pair| {
                seen.insert(pair.key().to_vec());
            });
            for _ in 0..rng.below(80) {
                if rng.below(3) < 2 {
                    fresh += 1;
                    table.insert(Pair::new(&key(fresh), b""));
                } else {
                    table.remove(&key(staying + 1 + rng.bits() % (fresh - staying + 1)));
                }
            }
            if cursor == 0 {
                break;
            }
            if table.len() > 8_000 {
                (staying + 1..=fresh).for_each(|n| drop(table.remove(&key(n))));
            }
        }
        assert!((0..staying).all(|n| seen.contains(&key(n))), "seed {seed}");
    }
}

#[test]
fn marks_follow_their_records_and_are_drained() {
    let mut table = Table::<Pair>::new(7);
    for n in 0..5_000 {
        table.insert(Pair::new(&key(n), b""));
        let hash = table.hash(&key(n));
        table.mark(hash, &key(n), n % 3 == 0);
    }
    assert_eq!(table.marked(), 1_667);
    assert!((0..5_000).all(|n| table.is_marked(table.hash(&key(n)), &key(n)) == (n % 3 == 0)));
    let mut rng = Rng::new(1);
    assert!((0..100).all(|_| {
        let name = table.random_marked(&mut rng).unwrap().key().to_vec();
        std::str::from_utf8(&name[4..])
            .unwrap()
            .parse::<u64>()
            .unwrap()
            % 3
            == 0
    }));
    let (mut at, mut out) = (0, Vec::new());
    loop {
        at = table.drain_marked(at, 10, &mut |_| true, &mut out);
        if at == 0 {
            break;
        }
    }
    while table.marked() > 0 {
        at = table.drain_marked(at, 10, &mut |_| true, &mut out);
    }
    assert_eq!((out.len(), table.len()), (1_667, 3_333));
}

#[test]
fn random_records_have_equal_chances_in_long_chains_too() {
    for count in [1, 3, 100, 997, 3_000] {
        let mut table = Table::<Pair>::new(3);
        (0..count).for_each(|n| drop(table.insert(Pair::new(&key(n), b""))));
        let (mut rng, mut counts) = (Rng::new(9), BTreeMap::<Vec<u8>, u64>::new());
        for _ in 0..count * 200 {
            let name = table.random(&mut rng).unwrap().key().to_vec();
            *counts.entry(name).or_default() += 1;
        }
        assert_eq!(counts.len() as u64, count);
        let squares: f64 = counts
            .values()
            .map(|n| (*n as f64 - 200.0).powi(2) / 200.0)
            .sum();
        let freedom = (count - 1) as f64;
        assert!(
            squares <= freedom + 5.0 * (2.0 * freedom).sqrt(),
            "chi square {squares} of {freedom}"
        );
    }
}

#[test]
fn taking_random_records_empties_the_table() {
    let mut table = Table::<Pair>::new(5);
    (0..2_000).for_each(|n| drop(table.insert(Pair::new(&key(n), b""))));
    let (mut rng, mut taken) = (Rng::new(2), BTreeSet::new());
    while let Some(pair) = table.take_random(&mut rng) {
        assert!(taken.insert(pair.key().to_vec()));
        assert_eq!(table.len() + taken.len(), 2_000);
    }
    assert_eq!((taken.len(), table.buckets()), (2_000, 1));
}

#[test]
fn a_clone_holds_the_same_and_lives_on_its_own() {
    let mut table = Table::<Pair>::new(5);
    (0..5_000).for_each(|n| drop(table.insert(Pair::new(&key(n), &key(n + 1)))));
    let copy = table.clone();
    (0..5_000).for_each(|n| drop(table.remove(&key(n))));
    assert_eq!((table.len(), copy.len()), (0, 5_000));
    assert!((0..5_000).all(|n| copy.get(&key(n)).unwrap().value() == key(n + 1)));
    assert!(copy.memory() < 5_000 * 20, "{}", copy.memory());
}
