use std::collections::BTreeMap;

use super::*;
use crate::tables::tests::LAYOUTS;
use crate::{Databases, Rng};

/// What a database should hold: the value and the time of expiry.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

struct Twin {
    rng: Rng,
    layout: Layout,
    dbs: Databases,
    model: Model,
    now: i64,
}

impl Twin {
    fn new(layout: Layout, seed: u64) -> Self {
        Twin {
            rng: Rng::new(seed),
            layout,
            dbs: Databases::new(1, layout, seed),
            model: Model::new(),
            now: 1,
        }
    }

    fn key(&mut self) -> Vec<u8> {
        format!("key:{}", self.rng.below(2_000)).into_bytes()
    }

    fn slot_of(&self, key: &[u8]) -> u16 {
        self.layout.slot_of(key).expect("kept by slot")
    }

    fn of_slot(&self, slot: u16) -> Vec<Vec<u8>> {
        let keys = self.model.keys();
        let keys = keys.filter(|key| self.slot_of(key) == slot);
        keys.cloned().collect()
    }

    /// Time goes on; keys whose time is up are gone from the model, and sooner or later from the database.
    fn pass_time(&mut self) {
        self.now += self.rng.below(30) as i64;
        let now = self.now;
        self.dbs.set_now(now, Access::default());
        self.model
            .retain(|_, (_, expire_at)| expire_at.is_none_or(|at| at > now));
    }

    fn step(&mut self, is_growing: bool) {
        self.pass_time();
        let (key, at) = (self.key(), self.now + 1 + self.rng.below(3_000) as i64);
        let value = self.rng.bits().to_string().into_bytes();
        let db = &mut self.dbs[0];
        let choice = self.rng.below(if is_growing { 7 } else { 12 });
        match choice {
            0..=2 => {
                db.set_string(&key, &value, Ttl::Clear);
                self.model.insert(key, (value, None));
            }
            3 => {
                db.set_string(&key, &value, Ttl::At(at));
                self.model.insert(key, (value, Some(at)));
            }
            4 => {
                let held = self.model.get_mut(&key);
                assert_eq!(db.set_expire_at(&key, Some(at)), held.is_some());
                if let Some((_, expire_at)) = held {
                    *expire_at = Some(at);
                }
            }
            5 => {
                let held = self.model.get(&key).map(|(value, _)| value.clone());
                let found = db.string(&key).expect("a string");
                assert_eq!(found.map(|value| value.to_vec()), held);
            }
            6 => {
                let taken = db.take(&key).map(|(_, expire_at)| expire_at);
                let held = self.model.remove(&key).map(|(_, expire_at)| expire_at);
                assert_eq!(taken, held);
            }
            7 => {
                let found = db.random_key(&mut self.rng);
                assert_eq!(found.is_none(), self.model.is_empty());
                assert!(found.is_none_or(|key| self.model.contains_key(&key)));
            }
            8 => {
                db.expire_some(16);
            }
            _ => assert_eq!(db.delete(&key), self.model.remove(&key).is_some()),
        }
    }

    fn empty_something(&mut self) {
        let key = self.key();
        let Some(slot) = self.layout.slot_of(&key).filter(|_| self.rng.below(4) > 0) else {
            drop(self.dbs[0].take_all());
            self.model.clear();
            return;
        };
        let keys = self.of_slot(slot);
        drop(self.dbs[0].take_slot(slot));
        keys.iter().for_each(|key| drop(self.model.remove(key)));
        assert_eq!(self.dbs[0].count_in_slot(slot), 0);
    }

    /// Everything is as in the model once no key is there whose time is up.
    fn compare(&mut self) {
        self.pass_time();
        let db = &mut self.dbs[0];
        let timed = |(_, expire_at): &&(Vec<u8>, Option<i64>)| expire_at.is_some();
        let timed = self.model.values().filter(timed).count();
        // Each round passes every bucket once.
        for _ in 0..100_000 {
            if db.expires() == timed {
                break;
            }
            db.expire_some(16);
        }
        assert_eq!((db.len(), db.expires()), (self.model.len(), timed));
        let mut all = Model::new();
        db.for_each_entry(|key, value, expire_at| {
            let ValueRef::String(value) = value else {
                panic!("nothing but strings")
            };
            assert!(
                all.insert(key.to_vec(), (value.to_vec(), expire_at))
                    .is_none()
            );
        });
        assert!(all == self.model);
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = db.scan(cursor, &mut |key, _| seen.push(key.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        seen.sort_unstable();
        assert!(
            seen.iter().eq(self.model.keys()),
            "nothing changed: once each"
        );
        if let Layout::BySlot(_) = self.layout {
            self.compare_slots();
        }
    }

    fn compare_slots(&self) {
        let mut slots = BTreeMap::<u16, Vec<&Vec<u8>>>::new();
        for key in self.model.keys() {
            slots.entry(self.slot_of(key)).or_default().push(key);
        }
        let db = &self.dbs[0];
        let counts = (0..crate::SLOTS as u16).map(|slot| db.count_in_slot(slot));
        assert_eq!(counts.sum::<usize>(), db.len());
        for (slot, keys) in slots {
            assert_eq!(db.count_in_slot(slot), keys.len());
            let mut found = db.keys_in_slot(slot, usize::MAX);
            found.sort_unstable();
            assert!(found.iter().eq(keys.iter().copied()));
            let some = db.keys_in_slot(slot, keys.len() / 2);
            assert_eq!(some.len(), keys.len() / 2);
            assert!(some.iter().all(|key| keys.contains(&key)));
        }
    }
}

#[test]
fn a_database_behaves_like_a_map_in_which_keys_expire() {
    for (seed, layout) in (0..3).flat_map(|seed| LAYOUTS.map(|layout| (seed, layout))) {
        let mut twin = Twin::new(layout, seed);
        for round in 0..6 {
            (0..1_500).for_each(|_| twin.step(round % 3 != 2));
            twin.compare();
            if round % 2 == 1 {
                twin.empty_something();
                twin.compare();
            }
        }
    }
}

/// Whoever makes room goes on until nothing is left, and finds every key.
#[test]
fn candidates_for_eviction_are_found_to_the_last_one() {
    for (layout, only_timed) in LAYOUTS
        .into_iter()
        .flat_map(|layout| [(layout, false), (layout, true)])
    {
        let (mut db, mut rng) = (Db::new(layout, 1), Rng::new(2));
        for n in 0..600 {
            let ttl = if n % 3 == 0 {
                Ttl::At(1 << 40)
            } else {
                Ttl::Clear
            };
            db.set_string(format!("key:{n}").as_bytes(), b"value", ttl);
        }
        let mut evicted = 0;
        while let Some(candidate) = db.candidate(&mut rng, only_timed) {
            assert!(!only_timed || candidate.expire_at.is_some());
            let key = candidate.key.to_vec();
            assert!(db.delete(&key));
            evicted += 1;
        }
        let left = if only_timed { 400 } else { 0 };
        assert_eq!((evicted, db.len(), db.expires()), (600 - left, left, 0));
    }
}

#[test]
fn keys_that_are_not_kept_by_slot_are_in_none() {
    let mut db = Db::new(Layout::Whole, 1);
    db.set_string(b"k", b"v", Ttl::Clear);
    let found = (0..crate::SLOTS as u16).find(|slot| db.count_in_slot(*slot) > 0);
    assert_eq!((found, db.keys_in_slot(0, 9).len()), (None, 0));
    drop(db.take_slot(0));
    assert!(db.contains(b"k"));
}
