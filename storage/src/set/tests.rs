use std::collections::{BTreeMap, BTreeSet};

use super::*;

const LIMITS: Thresholds = Thresholds {
    list_max_listpack_size: -2,
    hash_max_listpack_entries: 512,
    hash_max_listpack_value: 64,
    set_max_intset_entries: 512,
    set_max_listpack_entries: 128,
    set_max_listpack_value: 64,
    zset_max_listpack_entries: 128,
    zset_max_listpack_value: 64,
};

fn of<T: ToString>(members: impl IntoIterator<Item = T>) -> Set {
    let (mut set, mut rng) = (Set::default(), Rng::new(1));
    for member in members {
        set.add(member.to_string().as_bytes(), &LIMITS, &mut rng);
    }
    set
}

fn all(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(StrRef::to_vec).collect()
}

/// A member of the kind that a round of the model test likes: short integers, any integers, words, long words.
fn dice(rng: &mut Rng, kind: usize) -> Vec<u8> {
    let n = rng.bits();
    match if kind < 4 { kind } else { rng.below(4) } {
        0 => (n as i64 % 300).to_string(),
        1 => (n as i64 >> (n % 64)).to_string(),
        2 => format!("word:{}", n % 400),
        _ => format!("{:70}", n % 100),
    }
    .into_bytes()
}

#[test]
fn a_set_behaves_like_a_set_through_all_its_forms() {
    let mut encodings = BTreeSet::new();
    for seed in 0..60 {
        let (mut rng, mut set, mut model) = (Rng::new(seed), Set::default(), BTreeSet::new());
        let mut kind = rng.below(5);
        for step in 0..1_500 {
            if rng.below(500) == 0 {
                kind = rng.below(5);
            }
            let member = dice(&mut rng, kind);
            match rng.below(12) {
                0..6 => assert_eq!(set.add(&member, &LIMITS, &mut rng), model.insert(member)),
                6..9 => assert_eq!(set.remove(&member), model.remove(&member)),
                9 => {
                    let was_empty = model.is_empty();
                    let popped = set.pop(&mut rng, |member| member.to_vec());
                    assert_eq!(
                        popped.is_some_and(|popped| model.remove(&popped)),
                        !was_empty
                    );
                }
                10 if rng.below(40) == 0 => {
                    let count = rng.below(set.len() + 2);
                    set.pop_many(count, &LIMITS, &mut rng, &mut |member| {
                        assert!(model.remove(&member.to_vec()));
                    });
                }
                _ => {
                    let count = rng.below(set.len() + 2);
                    let mut chosen = BTreeSet::new();
                    set.sample(count, &mut rng, &mut |member| {
                        assert!(
                            chosen.insert(member.to_vec()),
                            "seed {seed} step {step}: twice"
                        );
                    });
                    assert_eq!(chosen.len(), count.min(model.len()));
                    assert!(chosen.is_subset(&model));
                }
            }
            encodings.insert(set.encoding());
            assert_eq!(
                (set.len(), set.is_empty()),
                (model.len(), model.is_empty()),
                "seed {seed} step {step}"
            );
            let probe = dice(&mut rng, 4);
            assert_eq!(set.contains(&probe), model.contains(&probe));
        }
        assert_eq!(all(&set), model, "seed {seed}");
        assert_eq!(all(&set.clone()), model, "seed {seed}");
    }
    assert_eq!(encodings.len(), 3, "{encodings:?}");
}

#[test]
fn forms_change_where_those_of_redis_do() {
    assert_eq!(of(0..512).encoding(), "intset");
    assert_eq!(of(0..513).encoding(), "hashtable");
    assert_eq!(
        of((0..127).map(|n| n.to_string()).chain(["x".into()])).encoding(),
        "listpack"
    );
    assert_eq!(
        of((0..128).map(|n| n.to_string()).chain(["x".into()])).encoding(),
        "hashtable"
    );
    assert_eq!(of((0..128).map(|n| format!("m{n}"))).encoding(), "listpack");
    assert_eq!(
        of((0..129).map(|n| format!("m{n}"))).encoding(),
        "hashtable"
    );
    for first in ["1", "word"] {
        assert_eq!(
            of([first.to_string(), "x".repeat(64)]).encoding(),
            "listpack"
        );
        assert_eq!(
            of([first.to_string(), "x".repeat(65)]).encoding(),
            "hashtable"
        );
    }
    assert_eq!(of(["01", "1"]).encoding(), "listpack");
}

#[test]
fn what_is_to_come_decides_the_first_form() {
    let expecting = |there: &[&str], first: &str, count| {
        let (mut set, mut rng) = (of(there), Rng::new(1));
        set.expect(first.as_bytes(), count, &LIMITS, &mut rng);
        set.encoding()
    };
    assert_eq!(expecting(&[], "1", 512), "intset");
    assert_eq!(expecting(&[], "1", 513), "hashtable");
    assert_eq!(expecting(&[], "x", 128), "listpack");
    assert_eq!(expecting(&[], "x", 129), "hashtable");
    assert_eq!(expecting(&["1"], "x", 512), "intset");
    assert_eq!(expecting(&["1"], "x", 513), "hashtable");
    assert_eq!(expecting(&["x"], "1", 128), "listpack");
    assert_eq!(expecting(&["x"], "1", 129), "hashtable");
    let small = Thresholds {
        set_max_intset_entries: 5,
        ..LIMITS
    };
    let mut set = Set::default();
    set.expect(b"1", 6, &small, &mut Rng::new(1));
    assert_eq!(set.encoding(), "listpack");
}

#[test]
fn popping_most_of_a_table_leaves_a_packed_set() {
    let left_after = |mut set: Set, count| {
        set.pop_many(count, &LIMITS, &mut Rng::new(3), &mut |_| {});
        (set.len(), set.encoding())
    };
    assert_eq!(left_after(of(0..1_000), 990), (10, "listpack"));
    assert_eq!(left_after(of(0..1_000), 834), (166, "hashtable"));
    assert_eq!(left_after(of(0..1_000), 100), (900, "hashtable"));
    assert_eq!(left_after(of(0..100), 90), (10, "intset"));
    assert_eq!(left_after(of(["a", "b", "1"]), 2), (1, "listpack"));
}

#[test]
fn every_choice_of_members_has_the_same_chance() {
    let forms = [
        of(0..6),
        of(["a", "b", "c", "d", "e", "f"]),
        of((0..6).map(|n| format!("{n:80}"))),
    ];
    for set in forms {
        let (mut rng, mut pairs) = (Rng::new(11), BTreeMap::<Vec<_>, u32>::new());
        let mut singles = BTreeMap::<_, u32>::new();
        for _ in 0..15_000 {
            let mut chosen = Vec::new();
            set.sample(2, &mut rng, &mut |member| chosen.push(member.to_vec()));
            chosen.sort();
            *pairs.entry(chosen).or_default() += 1;
            let single = set.random(&mut rng).map(StrRef::to_vec);
            *singles.entry(single).or_default() += 1;
        }
        assert_eq!((pairs.len(), singles.len()), (15, 6), "{}", set.encoding());
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
fn every_member_is_popped_with_the_same_chance() {
    for width in [1, 80] {
        for count in [1, 3, 9] {
            let mut times = [0_u32; 10];
            let mut rng = Rng::new(count as u64);
            for _ in 0..5_000 {
                let mut set = of((0..10).map(|n| format!("{n:width$}")));
                set.pop_many(count, &LIMITS, &mut rng, &mut |member| {
                    let text = String::from_utf8(member.to_vec()).unwrap();
                    times[text.trim().parse::<usize>().unwrap()] += 1;
                });
            }
            let expected = 500 * count as u32;
            let slack = 5 * (f64::from(expected).sqrt() as u32);
            assert!(
                times.iter().all(|n| n.abs_diff(expected) < slack),
                "{width} {count} {times:?}"
            );
        }
    }
}

#[test]
fn a_scan_returns_every_member_that_stays_while_others_come_and_go() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut set = of((0..400).map(|n| format!("stays:{n}")));
        let (mut seen, mut cursor, mut calls) = (BTreeSet::new(), 0, 0);
        let growing = seed % 2 == 0;
        if !growing {
            (0..6_000).for_each(|n| {
                set.add(format!("goes:{n}").as_bytes(), &LIMITS, &mut rng);
            });
        }
        loop {
            cursor = set.scan(cursor, &mut |member| {
                seen.insert(member.to_vec());
            });
            calls += 1;
            for _ in 0..rng.below(30) {
                let other = format!("goes:{}", rng.below(6_000));
                if growing && calls < 500 {
                    set.add(other.as_bytes(), &LIMITS, &mut rng);
                } else {
                    set.remove(other.as_bytes());
                }
            }
            if cursor == 0 {
                break;
            }
        }
        assert!(
            (0..400).all(|n| seen.contains(format!("stays:{n}").as_bytes())),
            "seed {seed}"
        );
        assert!(calls > 50);
    }
    let mut seen = BTreeSet::new();
    assert_eq!(
        of(["a", "b"]).scan(77, &mut |member| {
            seen.insert(member.to_vec());
        }),
        0
    );
    assert_eq!(seen.len(), 2);
}

#[test]
fn packed_bytes_of_others_are_checked_and_limited() {
    let (mut rng, mut pack) = (Rng::new(1), Listpack::new());
    pack.push_pair(b"a", b"b");
    let set = Set::from_listpack(pack.clone(), &LIMITS, &mut rng).unwrap();
    assert_eq!(set.packed(), Some(Packed::Listpack(pack.as_bytes())));
    pack.push_back(b"a");
    assert!(Set::from_listpack(pack, &LIMITS, &mut rng).is_none());
    assert!(Set::from_listpack(Listpack::new(), &LIMITS, &mut rng).is_none());
    let mut long = Listpack::new();
    long.push_back(&[b'x'; 65]);
    let set = Set::from_listpack(long, &LIMITS, &mut rng).unwrap();
    assert_eq!((set.encoding(), set.packed()), ("hashtable", None));
    let mut ints = Intset::new();
    (0..513).for_each(|n| {
        ints.add(n);
    });
    assert_eq!(
        Set::from_intset(ints, &LIMITS, &mut rng).encoding(),
        "hashtable"
    );
}

#[test]
fn members_are_cheap() {
    assert!(size_of::<Set>() <= 16);
    assert!(of(0..10).memory(0) <= 32, "{}", of(0..10).memory(0));
    // So many fill the last segment of the table nearly whole.
    const MANY: usize = 86_000;
    let members = || (0..MANY).map(|n| format!("member:{n:05}"));
    let per_member = of(members()).memory(0) / MANY;
    assert!(per_member <= 16 + 14, "{per_member}");
    let sampled = of(members()).memory(5) / MANY;
    assert_eq!(per_member, sampled);
}
