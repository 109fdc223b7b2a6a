use std::collections::{BTreeMap, BTreeSet};

use super::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn of(fields: impl IntoIterator<Item = (String, String)>) -> Hash {
    let (mut hash, mut rng) = (Hash::default(), Rng::new(1));
    for (field, value) in fields {
        hash.set(
            field.as_bytes(),
            value.as_bytes(),
            &Thresholds::default(),
            &mut rng,
        );
    }
    hash
}

fn numbered(count: usize) -> Hash {
    of((0..count).map(|n| (format!("field:{n}"), n.to_string())))
}

fn all(hash: &Hash) -> Model {
    hash.iter()
        .map(|(field, value)| (field.to_vec(), value.to_vec()))
        .collect()
}

/// Integers, words of all lengths up to `longest`.
fn dice(rng: &mut Rng, longest: usize) -> Vec<u8> {
    match rng.below(3) {
        0 => rng.below(200).to_string().into_bytes(),
        1 => format!("-{}", rng.below(100_000) + 1).into_bytes(),
        _ => vec![b'a' + rng.below(26) as u8; rng.below(longest + 1)],
    }
}

#[test]
fn a_hash_behaves_like_a_map_through_both_forms() {
    let mut encodings = BTreeSet::new();
    for seed in 0..60 {
        let (mut rng, mut hash, mut model) = (Rng::new(seed), Hash::default(), Model::new());
        let limits = Thresholds {
            hash_max_listpack_entries: [10, 64, 512][rng.below(3)],
            ..Thresholds::default()
        };
        let longest = [20, 64, 70][rng.below(3)];
        for step in 0..1_500 {
            let field = dice(&mut rng, 30);
            match rng.below(8) {
                0..4 => {
                    let value = dice(&mut rng, longest);
                    let is_new = model.insert(field.clone(), value.clone()).is_none();
                    assert_eq!(hash.set(&field, &value, &limits, &mut rng), is_new);
                }
                4..6 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                6 => {
                    let count = rng.below(model.len() + 2);
                    let mut chosen = Model::new();
                    hash.sample(count, &mut rng, &mut |(field, value)| {
                        assert!(chosen.insert(field.to_vec(), value.to_vec()).is_none());
                    });
                    assert_eq!(chosen.len(), count.min(model.len()));
                    assert!(
                        chosen
                            .iter()
                            .all(|(field, value)| model.get(field) == Some(value))
                    );
                }
                _ => {
                    let drawn = hash.random(&mut rng).map(|(f, v)| (f.to_vec(), v.to_vec()));
                    assert_eq!(drawn.is_none(), model.is_empty());
                    assert!(drawn.is_none_or(|(f, v)| model.get(&f) == Some(&v)));
                }
            }
            encodings.insert(hash.encoding());
            assert_eq!(
                (hash.len(), hash.is_empty()),
                (model.len(), model.is_empty()),
                "seed {seed} step {step}"
            );
            let probe = dice(&mut rng, 30);
            assert_eq!(
                hash.get(&probe).map(StrRef::to_vec).as_ref(),
                model.get(&probe)
            );
            assert_eq!(hash.contains(&probe), model.contains_key(&probe));
        }
        assert_eq!(all(&hash), model, "seed {seed}");
        assert_eq!(all(&hash.clone()), model, "seed {seed}");
    }
    assert_eq!(encodings.len(), 2);
}

#[test]
fn forms_change_where_those_of_redis_do() {
    assert_eq!(numbered(512).encoding(), "listpack");
    assert_eq!(numbered(513).encoding(), "hashtable");
    let one = |field: usize, value: usize| of([("f".repeat(field), "v".repeat(value))]).encoding();
    assert_eq!(
        (one(64, 64), one(65, 1), one(1, 65)),
        ("listpack", "hashtable", "hashtable")
    );
    let expecting = |count, longest| {
        let mut hash = numbered(3);
        hash.expect(count, longest, &Thresholds::default(), &mut Rng::new(1));
        hash.encoding()
    };
    assert_eq!(
        (expecting(512, 64), expecting(513, 1), expecting(1, 65)),
        ("listpack", "hashtable", "hashtable")
    );
}

#[test]
fn a_value_is_not_mistaken_for_a_field() {
    let mut hash = of([("a".into(), "b".into()), ("c".into(), "a".into())]);
    assert!(!hash.contains(b"b") && !hash.remove(b"b"));
    assert!(hash.remove(b"a") && !hash.contains(b"a"));
    assert_eq!(hash.get(b"c"), Some(StrRef::Bytes(b"a")));
}

#[test]
fn every_choice_of_fields_has_the_same_chance() {
    let long = of((0..6).map(|n| (n.to_string(), "v".repeat(100))));
    for hash in [numbered(6), long] {
        let (mut rng, mut pairs, mut singles) = (
            Rng::new(4),
            BTreeMap::<_, u32>::new(),
            BTreeMap::<_, u32>::new(),
        );
        for _ in 0..15_000 {
            let mut chosen = Vec::new();
            hash.sample(2, &mut rng, &mut |(field, _)| chosen.push(field.to_vec()));
            chosen.sort();
            *pairs.entry(chosen).or_default() += 1;
            let (field, _) = hash.random(&mut rng).unwrap();
            *singles.entry(field.to_vec()).or_default() += 1;
        }
        assert_eq!((pairs.len(), singles.len()), (15, 6), "{}", hash.encoding());
        assert!(
            pairs.values().all(|count| (870..1_130).contains(count)),
            "{pairs:?}"
        );
        assert!(
            singles.values().all(|count| (2_300..2_700).contains(count)),
            "{singles:?}"
        );
    }
}

#[test]
fn a_scan_returns_every_field_that_stays_while_others_come_and_go() {
    for seed in 0..10 {
        let (mut rng, mut hash) = (Rng::new(seed), numbered(600));
        let limits = Thresholds::default();
        let growing = seed % 2 == 0;
        for n in 0..if growing { 0 } else { 6_000 } {
            hash.set(format!("goes:{n}").as_bytes(), b"x", &limits, &mut rng);
        }
        let (mut seen, mut cursor, mut calls) = (Model::new(), 0, 0);
        loop {
            cursor = hash.scan(cursor, &mut |field, value| {
                seen.insert(field.to_vec(), value.to_vec());
            });
            calls += 1;
            for _ in 0..rng.below(30) {
                let other = format!("goes:{}", rng.below(6_000));
                if growing && calls < 500 {
                    hash.set(other.as_bytes(), b"y", &limits, &mut rng);
                } else {
                    hash.remove(other.as_bytes());
                }
            }
            if cursor == 0 {
                break;
            }
        }
        assert!(
            all(&numbered(600))
                .iter()
                .all(|(field, value)| seen.get(field) == Some(value)),
            "seed {seed}"
        );
        assert!(calls > 50);
    }
}

#[test]
fn packed_bytes_of_others_are_checked_and_limited() {
    let (mut rng, limits, mut pack) = (Rng::new(1), Thresholds::default(), Listpack::new());
    assert!(Hash::from_listpack(pack.clone(), &limits, &mut rng).is_none());
    pack.push_pair(b"a", b"1");
    pack.push_pair(b"b", b"a");
    let hash = Hash::from_listpack(pack.clone(), &limits, &mut rng).unwrap();
    assert_eq!((hash.len(), hash.packed()), (2, Some(pack.as_bytes())));
    pack.push_back(b"c");
    assert!(Hash::from_listpack(pack.clone(), &limits, &mut rng).is_none());
    pack.push_back(&[b'x'; 65]);
    let long = Hash::from_listpack(pack.clone(), &limits, &mut rng).unwrap();
    assert_eq!((long.encoding(), long.packed()), ("hashtable", None));
    pack.push_pair(b"a", b"2");
    assert!(Hash::from_listpack(pack, &limits, &mut rng).is_none());
}

#[test]
fn fields_are_cheap() {
    assert!(size_of::<Hash>() <= 16);
    assert!(numbered(5).memory(0) <= 80, "{}", numbered(5).memory(0));
    let one_long = of([("name".into(), "x".repeat(100))]);
    assert!(one_long.memory(0) <= 300, "{}", one_long.memory(0));
    let (all, sampled) = (numbered(10_000).memory(0), numbered(10_000).memory(5));
    assert!(all.abs_diff(sampled) < all / 4, "{all} {sampled}");
}
