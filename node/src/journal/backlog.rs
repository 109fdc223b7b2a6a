//! The newest bytes of the stream.

use std::collections::VecDeque;

/// Bytes that are allocated and given up together.
const CHUNK: usize = 64 << 10;

/// A window on the end of the stream: as many bytes as it may hold, or more while a reader still needs them. In chunks,
/// so that neither growing nor shrinking moves a byte.
#[derive(Debug)]
pub struct Backlog {
    /// All but the last one are full.
    chunks: VecDeque<Vec<u8>>,
    /// The offset of the first byte of the first chunk.
    base: u64,
    /// The offset before which nothing may be read any more.
    start: u64,
    end: u64,
    capacity: usize,
}

/// The floor when no reader needs anything.
pub(super) const NO_FLOOR: u64 = u64::MAX;

impl Backlog {
    /// An empty window at `offset` that grows to `capacity` bytes.
    pub fn new(capacity: usize, offset: u64) -> Self {
        Backlog {
            chunks: VecDeque::new(),
            base: offset,
            start: offset,
            end: offset,
            capacity: capacity.max(1),
        }
    }

    /// Appends to the stream. The oldest bytes give way, but for those from `floor` on.
    pub fn append(&mut self, bytes: &[u8], floor: u64) {
        let end = self.end + bytes.len() as u64;
        let surplus = bytes.len().saturating_sub(self.capacity);
        let bytes = if surplus > 0 && floor >= end {
            self.restart(end - self.capacity as u64);
            &bytes[surplus..]
        } else {
            bytes
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
                self.chunks
                    .push_back(Vec::with_capacity(CHUNK.min(self.capacity)));
            }
            let Some(chunk) = self.chunks.back_mut() else {
                unreachable!("one was just made");
            };
            let (now, later) = rest.split_at(rest.len().min(CHUNK - chunk.len()));
            chunk.extend_from_slice(now);
            rest = later;
        }
        self.end = end;
        self.trim(floor);
    }

    /// The offset of the first byte.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset after the last byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Appends the bytes from `offset` on to `into`, at most `max`. False if they are not all here.
    pub fn read(&self, offset: u64, max: usize, into: &mut Vec<u8>) -> bool {
        if offset < self.start || offset > self.end {
            return false;
        }
        let mut at = (offset - self.base) as usize;
        let mut left = max.min((self.end - offset) as usize);
        while left > 0 {
            let chunk = &self.chunks[at / CHUNK][at % CHUNK..];
            let taken = &chunk[..left.min(chunk.len())];
            into.extend_from_slice(taken);
            at += taken.len();
            left -= taken.len();
        }
        true
    }

    /// May hold so many bytes from now on.
    pub fn resize(&mut self, capacity: usize, floor: u64) {
        self.capacity = capacity.max(1);
        self.trim(floor);
    }

    /// Empties the window; the stream goes on at `offset`.
    pub fn restart(&mut self, offset: u64) {
        *self = Backlog::new(self.capacity, offset);
    }

    fn trim(&mut self, floor: u64) {
        let wanted = self.end.saturating_sub(self.capacity as u64).min(floor);
        self.start = self.start.max(wanted);
        while self.base + CHUNK as u64 <= self.start && self.chunks.pop_front().is_some() {
            self.base += CHUNK as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use almandine_storage::Rng;

    use super::*;

    /// What was appended, and what must still be there.
    struct Model {
        backlog: Backlog,
        all: Vec<u8>,
        capacity: usize,
        start: usize,
        floor: u64,
    }

    impl Model {
        fn trim(&mut self) {
            let floor = usize::try_from(self.floor).unwrap_or(usize::MAX);
            let wanted = self.all.len().saturating_sub(self.capacity).min(floor);
            self.start = self.start.max(wanted);
        }

        fn check(&self, rng: &mut Rng, seed: u64) {
            let Model { backlog, all, .. } = self;
            assert_eq!(backlog.end(), all.len() as u64, "seed {seed}");
            assert_eq!(backlog.start(), self.start as u64, "seed {seed}");
            let offset = rng.below(all.len() + 2);
            let max = rng.below(2 * CHUNK);
            let mut read = b"x".to_vec();
            let is_here = offset >= self.start && offset <= all.len();
            assert_eq!(
                backlog.read(offset as u64, max, &mut read),
                is_here,
                "seed {seed}"
            );
            let expected = match is_here {
                true => &all[offset..(offset + max).min(all.len())],
                false => &[],
            };
            assert!(read[1..] == *expected, "seed {seed}");
        }
    }

    fn play(seed: u64, sizes: usize, capacities: usize) {
        let mut rng = Rng::new(seed);
        let capacity = 1 + rng.below(capacities);
        let mut model = Model {
            backlog: Backlog::new(capacity, 7),
            all: vec![0; 7],
            capacity,
            start: 7,
            floor: NO_FLOOR,
        };
        for _ in 0..100 {
            let bytes: Vec<u8> = (0..rng.below(sizes)).map(|_| rng.bits() as u8).collect();
            if rng.below(5) == 0 {
                let kept = model.all.len() - rng.below(model.all.len() - model.start + 1);
                model.floor = if rng.below(2) == 0 {
                    kept as u64
                } else {
                    NO_FLOOR
                };
            }
            model.backlog.append(&bytes, model.floor);
            model.all.extend(&bytes);
            model.trim();
            if rng.below(10) == 0 {
                model.capacity = 1 + rng.below(capacities);
                model.backlog.resize(model.capacity, model.floor);
                model.trim();
            }
            model.check(&mut rng, seed);
        }
    }

    #[test]
    fn it_holds_the_end_of_whatever_was_appended_and_what_is_needed() {
        for seed in 0..200 {
            play(seed, 40, 50);
        }
        for seed in 0..10 {
            play(seed, 50_000, 300_000);
        }
    }

    #[test]
    fn memory_that_nobody_needs_is_given_up() {
        let mut backlog = Backlog::new(2 * CHUNK, 0);
        for _ in 0..100 {
            backlog.append(&vec![1; CHUNK / 3], NO_FLOOR);
            assert!(backlog.chunks.len() <= 3);
        }
        backlog.append(&vec![1; 10 * CHUNK], 0);
        assert!(backlog.chunks.len() > 10, "a reader needs them");
        backlog.append(b"1", NO_FLOOR);
        assert!(backlog.chunks.len() <= 3);
    }

    #[test]
    fn a_restart_forgets() {
        let mut backlog = Backlog::new(10, 0);
        backlog.append(b"abc", NO_FLOOR);
        backlog.restart(100);
        assert_eq!((backlog.start(), backlog.end()), (100, 100));
        assert!(!backlog.read(2, 1, &mut Vec::new()));
        assert!(backlog.read(100, 1, &mut Vec::new()));
    }
}
