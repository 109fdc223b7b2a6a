//! Golden RDB files with flipped bits, cut files, invented lengths: an error or a value, no panic, and memory within bounds.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use almandine_storage::Rng;
use almandine_storage::rdb::Verify;
use almandine_tests::contents::read_file;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Compressed strings become at most 88 times as long, everything else a few times.
const EXPANSION_MAX: usize = 100;

/// Reads a file and returns whether it could be, and the most memory that took.
fn read(bytes: &[u8]) -> (bool, usize) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let is_read = read_file(bytes, Verify::No).is_ok();
    (is_read, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}

/// One test for all: another one at the same time would be counted too.
#[test]
fn damaged_golden_files_are_errors_or_values_and_cost_no_memory() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/golden/rdb");
    for entry in fs::read_dir(dir).expect("the golden files") {
        let path = entry.expect("a golden file").path();
        let good = fs::read(&path).expect("a golden file");
        let seed = 1 + good.len() as u64;
        let (mut rng, mut values) = (Rng::new(seed), 0);
        assert!(read(&good).0, "{}", path.display());
        for round in 0..1_500 {
            let mut bad = good.clone();
            let at = 9 + rng.below(bad.len() - 9);
            match round % 4 {
                0 => bad.truncate(at),
                1 => bad[at] ^= 1 << rng.below(8),
                2 => bad[at] = rng.bits() as u8,
                // A length of 32 or 64 bits where none was.
                _ => {
                    let length = [
                        0x80 | rng.below(2) as u8,
                        rng.bits() as u8,
                        rng.bits() as u8,
                    ];
                    let end = bad.len().min(at + length.len());
                    bad[at..end].copy_from_slice(&length[..end - at]);
                }
            }
            let (is_read, memory) = read(&bad);
            values += usize::from(is_read);
            let whose = format!("{} seed {seed} round {round}", path.display());
            assert!(
                memory < good.len() * EXPANSION_MAX,
                "{memory} bytes: {whose}"
            );
            assert!(!is_read || round % 4 != 0, "a cut file was read: {whose}");
        }
        assert!(
            values > 100,
            "flipped bits of plain text are values: {values}"
        );
    }
}
