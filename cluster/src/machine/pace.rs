//! How fast time passes for the log. While the disk has something to keep, a node hears nobody and says nothing; on a disk that
//! takes as long as an election does, every leader would be given up for its silence before anything is decided, and every new
//! term would be one more thing to keep. So the log's time passes the slower the longer the disk takes: others are given several
//! writes' time to answer. On a disk that takes less than four ticks nothing changes, and nothing on one that is slow now and
//! then: where it is quick again, a primary that is gone must be replaced as soon as ever.
//!
//! Each node goes by its own disk. A leader whose disk alone is slow is given up by the others, as it should be.

/// The log's time passes once in as many ticks as a quarter of a write takes: it waits for a leader for eleven or more.
const PARTS: u32 = 4;
/// What a write takes counts up to this (2 s): a process that stood still for longer says nothing of its disk.
const MOST: u32 = 80;
/// So many writes in a row show how slow a disk is.
const WRITES: usize = 3;
/// Ticks without a write after which nothing is known of the disk (10 s).
const FORGET: u32 = 400;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Ticks that each of the last writes has taken.
    writes: [u32; WRITES],
    /// Ticks since the last of them.
    age: u32,
    /// Ticks since the log's time passed.
    passed: u32,
}

impl Pace {
    /// The disk is done, after so many ticks.
    pub(super) fn wrote(&mut self, ticks: u32) {
        self.writes.rotate_right(1);
        self.writes[0] = ticks.min(MOST);
        self.age = 0;
    }

    /// A tick; whether it is one for the log.
    pub(super) fn tick(&mut self) -> bool {
        self.age += 1;
        if self.age >= FORGET {
            *self = Pace::default();
        }
        self.passed += 1;
        let write = self.writes.iter().min().copied().unwrap_or(0);
        let is_due = self.passed > write / PARTS;
        if is_due {
            self.passed = 0;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writes: [u32; WRITES]) -> Pace {
        let mut pace = Pace::default();
        writes.into_iter().for_each(|ticks| pace.wrote(ticks));
        pace
    }

    fn passes(pace: &mut Pace, ticks: u32) -> usize {
        (0..ticks).filter(|_| pace.tick()).count()
    }

    #[test]
    fn time_passes_as_ever_on_a_quick_disk_and_on_one_that_is_slow_now_and_then() {
        for writes in [[3, 3, 3], [80, 0, 80], [0, 80, 80], [80, 80, 3]] {
            assert_eq!(passes(&mut after(writes), 100), 100, "{writes:?}");
        }
    }

    #[test]
    fn a_slow_disk_slows_time_down_until_it_is_forgotten() {
        let mut pace = after([12, 30, 20]);
        assert_eq!(passes(&mut pace, 16), 4);
        passes(&mut pace, FORGET);
        assert_eq!(passes(&mut pace, 100), 100);
    }

    #[test]
    fn one_that_has_stood_still_does_not_wait_for_ever() {
        let mut pace = after([100_000; WRITES]);
        assert!(passes(&mut pace, 22) > 0);
    }
}
