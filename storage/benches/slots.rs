//! What it costs to keep keys by slot: `cargo bench -p almandine-storage --bench slots`. Nanoseconds for each GET and SET of a
//! random key, looked ahead at as a shard does within a pipeline; medians of rounds that take turns.

use std::io::{self, Write};
use std::time::Instant;

use almandine_cluster::slot::Slot;
use almandine_storage::{Access, Databases, Db, Layout, Rng, Ttl};

const KEYS: usize = 1_000_000;
const REQUESTS: usize = 400_000;
const ROUNDS: usize = 15;
const VALUE: &[u8] = &[b'v'; 16];
/// As the shard looks ahead: at buckets, at entries, at chained buckets.
const AHEAD: [usize; 3] = [16, 8, 4];

#[derive(Debug, Clone, Copy)]
enum What {
    Get,
    Set,
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let by_slot = Layout::BySlot(|key| Slot::of(key).into());
    let mut keyspaces = Vec::new();
    for (name, layout) in [("one table", Layout::Whole), ("by slot", by_slot)] {
        let mut dbs = Databases::new(1, layout, 1);
        dbs.set_now(1, Access::default());
        let began = Instant::now();
        (0..KEYS).for_each(|n| dbs[0].set_string(&key(n), VALUE, Ttl::Clear));
        let filling = began.elapsed().as_nanos() as f64 / KEYS as f64;
        let table = dbs[0].table_memory() as f64 / KEYS as f64;
        writeln!(
            out,
            "{name:9} {filling:6.1} ns to add a key, {table:.1} bytes of tables for each"
        )?;
        keyspaces.push(dbs);
    }
    for what in [What::Get, What::Set] {
        for pipeline in [1, 16, 64] {
            let mut figures = [const { Vec::new() }; 2];
            for round in 0..ROUNDS {
                for (dbs, figures) in keyspaces.iter_mut().zip(&mut figures) {
                    figures.push(measure(&mut dbs[0], what, pipeline, round as u64));
                }
            }
            let [whole, by_slot] = figures.map(|mut figures| {
                figures.sort_by(f64::total_cmp);
                figures[ROUNDS / 2]
            });
            let (more, ratio) = (by_slot - whole, by_slot / whole);
            writeln!(
                out,
                "{what:?} at pipeline {pipeline:2}: one table {whole:6.1} ns, by slot {by_slot:6.1} ns: {more:+.1} ns, {ratio:.2}x"
            )?;
        }
    }
    Ok(())
}

fn key(n: usize) -> Vec<u8> {
    format!("key:{n:012}").into_bytes()
}

/// Nanoseconds for each request.
fn measure(db: &mut Db, what: What, pipeline: usize, seed: u64) -> f64 {
    let mut rng = Rng::new(seed);
    let keys: Vec<u8> = (0..REQUESTS).flat_map(|_| key(rng.below(KEYS))).collect();
    let keys: Vec<&[u8]> = keys.chunks_exact(16).collect();
    let began = Instant::now();
    for batch in keys.chunks(pipeline) {
        run(db, what, batch);
    }
    began.elapsed().as_nanos() as f64 / REQUESTS as f64
}

fn run(db: &mut Db, what: What, batch: &[&[u8]]) {
    let (mut hashes, mut looked) = ([None; AHEAD[0]], [0; 3]);
    let window = hashes.len();
    for (i, key) in batch.iter().enumerate() {
        let ends = AHEAD.map(|ahead| batch.len().min(i + ahead));
        let is_alone = batch.len() == 1;
        while !is_alone && looked[0] < ends[0] {
            let hash = db.hash_of(batch[looked[0]]);
            db.prefetch_bucket(hash);
            hashes[looked[0] % window] = Some(hash);
            looked[0] += 1;
        }
        while !is_alone && looked[1] < ends[1] {
            let hash = &mut hashes[looked[1] % window];
            *hash = hash.filter(|hash| db.prefetch_entry(*hash));
            looked[1] += 1;
        }
        while !is_alone && looked[2] < ends[2] {
            if let Some(hash) = hashes[looked[2] % window] {
                db.prefetch_chained(hash);
            }
            looked[2] += 1;
        }
        match what {
            What::Get => assert!(db.string(key).is_ok_and(|value| value.is_some())),
            What::Set => db.set_string(key, VALUE, Ttl::Clear),
        }
    }
}
