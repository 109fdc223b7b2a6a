//! What MEMORY USAGE tells is what the allocator counts.

use std::alloc::System;

use almandine_node::memory::{Counting, used};
use almandine_storage::list::End;
use almandine_storage::{Db, Layout, Rng, Thresholds, Ttl};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

/// The bytes that `make` allocates for the key `key` must be those that the database tells of it.
#[track_caller]
fn check(what: &str, make: impl FnOnce(&mut Db)) {
    let mut db = Db::new(Layout::Whole, 1);
    let (table, before) = (db.table_memory(), used());
    make(&mut db);
    let allocated = used() - before - (db.table_memory() - table);
    let details = db.details(b"key", 0).expect("the key was made");
    assert_eq!(details.block + details.heap, allocated, "{what}");
    assert_eq!(details.memory(), allocated + size_of::<usize>(), "{what}");
}

/// No harness: its threads would allocate meanwhile.
fn main() {
    for length in (0..100).chain([1279, 1280, 1281, 5000, 100_000]) {
        let text = vec![b'x'; length];
        check("string", |db| db.set_string(b"key", &text, Ttl::Clear));
        check("timed", |db| db.set_string(b"key", &text, Ttl::At(1 << 50)));
        check("edited", |db| {
            let edit = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&text);
            db.edit_string(b"key", edit).expect("a string");
        });
    }
    check("int", |db| db.set_int(b"key", 123_456));
    let limits = Thresholds::default();
    for count in [1, 2, 10, 100, 129, 513, 3000] {
        let names: Vec<String> = (0..count)
            .map(|n| format!("{n}{}", "m".repeat(n % 90)))
            .collect();
        let mut rng = Rng::new(1);
        check("list", |db| {
            let list = db.list_or_create(b"key").expect("no other type");
            for name in &names {
                list.push(End::Right, name.as_bytes(), &limits);
            }
        });
        check("set", |db| {
            let set = db.set_or_create(b"key").expect("no other type");
            for name in &names {
                set.add(name.as_bytes(), &limits, &mut rng);
            }
        });
        check("intset", |db| {
            let set = db.set_or_create(b"key").expect("no other type");
            for n in 0..count {
                set.add((n * 70_000).to_string().as_bytes(), &limits, &mut rng);
            }
        });
        check("hash", |db| {
            let hash = db.hash_or_create(b"key").expect("no other type");
            for name in &names {
                hash.set(name.as_bytes(), name.as_bytes(), &limits, &mut rng);
            }
        });
        check("sorted set", |db| {
            let zset = db.zset_or_create(b"key").expect("no other type");
            for (n, name) in names.iter().enumerate() {
                zset.set(name.as_bytes(), n as f64 / 8.0, &limits, &mut rng);
            }
        });
    }
    samples_stand_for_the_rest();
}

fn samples_stand_for_the_rest() {
    let (limits, mut rng) = (Thresholds::default(), Rng::new(1));
    let mut db = Db::new(Layout::Whole, 1);
    let hash = db.hash_or_create(b"key").expect("no other type");
    for n in 0..2000 {
        hash.set(
            format!("field {n:04}").as_bytes(),
            b"value",
            &limits,
            &mut rng,
        );
    }
    let exact = db.details(b"key", 0).map(|details| details.memory());
    for samples in [1, 5, 2000, usize::MAX] {
        let sampled = db.details(b"key", samples).map(|details| details.memory());
        assert_eq!(sampled, exact, "{samples}");
    }
}
