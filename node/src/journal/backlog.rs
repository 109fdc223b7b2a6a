//! The newest bytes of the stream.

use std::collections::VecDeque;

/// A window on the end of the stream: as many bytes as it may hold, and the offset of the first.
#[derive(Debug)]
pub struct Backlog {
    bytes: VecDeque<u8>,
    start: u64,
    capacity: usize,
}

impl Backlog {
    /// An empty window at `offset` that grows to `capacity` bytes.
    pub fn new(capacity: usize, offset: u64) -> Self {
        Backlog {
            bytes: VecDeque::new(),
            start: offset,
            capacity: capacity.max(1),
        }
    }

    /// Appends to the stream; the oldest bytes give way.
    pub fn append(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.capacity)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(self.capacity);
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
        self.start += (surplus + bytes.len() - kept.len()) as u64;
    }

    /// The offset of the first byte.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset after the last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends the bytes from `offset` on to `into`, at most `max`. False if they are not all here.
    pub fn read(&self, offset: u64, max: usize, into: &mut Vec<u8>) -> bool {
        let Some(skipped) = offset.checked_sub(self.start) else {
            return false;
        };
        let Ok(from) = usize::try_from(skipped) else {
            return false;
        };
        if from > self.bytes.len() {
            return false;
        }
        let to = from.saturating_add(max).min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        into.extend_from_slice(&front[from.min(front.len())..to.min(front.len())]);
        let (from, to) = (
            from.saturating_sub(front.len()),
            to.saturating_sub(front.len()),
        );
        into.extend_from_slice(&back[from..to]);
        true
    }

    /// May hold so many bytes from now on.
    pub fn resize(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
        let surplus = self.bytes.len().saturating_sub(self.capacity);
        self.bytes.drain(..surplus);
        self.bytes.shrink_to(self.capacity);
        self.start += surplus as u64;
    }

    /// Empties the window; the stream goes on at `offset`.
    pub fn restart(&mut self, offset: u64) {
        *self = Backlog::new(self.capacity, offset);
    }
}

#[cfg(test)]
mod tests {
    use almandine_storage::Rng;

    use super::*;

    #[test]
    fn it_holds_the_end_of_whatever_was_appended() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut capacity = 1 + rng.below(50);
            let mut backlog = Backlog::new(capacity, 7);
            let mut all: Vec<u8> = vec![0; 7];
            for _ in 0..100 {
                let bytes: Vec<u8> = (0..rng.below(40)).map(|_| rng.bits() as u8).collect();
                backlog.append(&bytes);
                all.extend(&bytes);
                if rng.below(10) == 0 {
                    capacity = 1 + rng.below(50);
                    backlog.resize(capacity);
                }
                assert_eq!(backlog.end(), all.len() as u64, "seed {seed}");
                assert!(backlog.len() <= capacity, "seed {seed}");
                let offset = rng.below(all.len() + 2);
                let max = rng.below(20);
                let mut read = b"x".to_vec();
                let is_here = offset as u64 >= backlog.start() && offset <= all.len();
                assert_eq!(
                    backlog.read(offset as u64, max, &mut read),
                    is_here,
                    "seed {seed}"
                );
                let expected = match is_here {
                    true => &all[offset..(offset + max).min(all.len())],
                    false => &[],
                };
                assert_eq!(read[1..], *expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_restart_forgets() {
        let mut backlog = Backlog::new(10, 0);
        backlog.append(b"abc");
        backlog.restart(100);
        assert_eq!((backlog.start(), backlog.end()), (100, 100));
        assert!(!backlog.read(2, 1, &mut Vec::new()));
        assert!(backlog.read(100, 1, &mut Vec::new()));
    }
}
