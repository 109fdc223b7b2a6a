//! When and how often a key was used, in 24 bits.
//!
//! LRU: seconds of Unix time modulo 2^24. LFU, as Redis 4.0 and later: minutes of the last decrement in the upper 16 bits,
//! a logarithmic counter in the lower 8 that grows with chance `1 / ((counter - 5) * log_factor + 1)` and falls by one
//! every `decay_minutes`.

/// The counter of a key that was just made.
const LFU_INITIAL: u32 = 5;
const CLOCK: u32 = (1 << 24) - 1;

/// How accesses are remembered, and the clock to do it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The time of the last access.
    Lru {
        /// Unix time in seconds.
        now_s: u64,
    },
    /// How often it was accessed.
    Lfu {
        /// Unix time in seconds.
        now_s: u64,
        /// `lfu-log-factor`.
        log_factor: u32,
        /// `lfu-decay-time`, minutes; 0 = never.
        decay_minutes: u32,
        /// A random number; one per batch is enough.
        dice: u32,
    },
}

/// What is known of the use of a key, as snapshots keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Usage {
    /// Nothing.
    #[default]
    Unknown,
    /// Seconds since the last access.
    Idle(u64),
    /// The logarithmic counter of accesses.
    Frequency(u8),
}

impl Default for Access {
    fn default() -> Self {
        Access::Lru { now_s: 0 }
    }
}

impl Access {
    /// The bits of a new key.
    #[inline]
    pub fn initial(self) -> u32 {
        match self {
            Access::Lru { now_s } => clock(now_s),
            Access::Lfu { now_s, .. } => minutes(now_s) << 8 | LFU_INITIAL,
        }
    }

    /// The bits after one more access.
    #[inline]
    pub fn touch(self, bits: u32) -> u32 {
        match self {
            Access::Lru { now_s } => clock(now_s),
            Access::Lfu {
                now_s,
                log_factor,
                dice,
                ..
            } => {
                let counter = u32::from(self.frequency(bits));
                let steps = counter
                    .saturating_sub(LFU_INITIAL)
                    .saturating_mul(log_factor)
                    .saturating_add(1);
                let throw = mix(dice.wrapping_add(mix(bits))) >> 8;
                let grows = counter < 255 && u64::from(throw) * u64::from(steps) < 1 << 24;
                minutes(now_s) << 8 | (counter + u32::from(grows))
            }
        }
    }

    /// Seconds since the last access (0 under LFU, which does not know).
    pub fn idle_seconds(self, bits: u32) -> u64 {
        match self {
            Access::Lru { now_s } => u64::from(clock(now_s).wrapping_sub(bits) & CLOCK),
            Access::Lfu { .. } => 0,
        }
    }

    /// The counter after its decay (0 under LRU, which does not count).
    pub fn frequency(self, bits: u32) -> u8 {
        match self {
            Access::Lru { .. } => 0,
            Access::Lfu {
                now_s,
                decay_minutes,
                ..
            } => {
                let elapsed = minutes(now_s).wrapping_sub(bits >> 8) & 0xffff;
                let periods = elapsed.checked_div(decay_minutes).unwrap_or(0);
                (bits & 0xff).saturating_sub(periods) as u8
            }
        }
    }

    /// What these bits say of the use of a key.
    pub fn usage(self, bits: u32) -> Usage {
        match self {
            Access::Lru { .. } => Usage::Idle(self.idle_seconds(bits)),
            Access::Lfu { .. } => Usage::Frequency(self.frequency(bits)),
        }
    }

    /// The bits of a key of this usage; none if this policy does not remember such things.
    pub fn recall(self, usage: Usage) -> Option<u32> {
        match (self, usage) {
            (Access::Lru { now_s }, Usage::Idle(seconds)) => {
                // The clock goes round in half a year: older is as old as it can tell.
                Some(clock(now_s.wrapping_sub(seconds.min(u64::from(CLOCK)))))
            }
            (Access::Lfu { now_s, .. }, Usage::Frequency(counter)) => {
                Some(minutes(now_s) << 8 | u32::from(counter))
            }
            _ => None,
        }
    }

    /// The higher, the better to evict.
    pub fn idleness(self, bits: u32) -> u64 {
        match self {
            Access::Lru { .. } => self.idle_seconds(bits),
            Access::Lfu { .. } => u64::from(255 - self.frequency(bits)),
        }
    }
}

/// Spreads the dice of a batch over its keys (the finalizer of "lowbias32" by Chris Wellons).
fn mix(mut x: u32) -> u32 {
    x = (x ^ x >> 16).wrapping_mul(0x7feb_352d);
    x = (x ^ x >> 15).wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

fn clock(now_s: u64) -> u32 {
    now_s as u32 & CLOCK
}

fn minutes(now_s: u64) -> u32 {
    (now_s / 60) as u32 & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lfu(now_s: u64, dice: u32) -> Access {
        Access::Lfu {
            now_s,
            log_factor: 10,
            decay_minutes: 1,
            dice,
        }
    }

    #[test]
    fn idle_time_counts_from_the_last_access_across_the_end_of_the_clock() {
        let bits = Access::Lru {
            now_s: (1 << 24) - 5,
        }
        .touch(0);
        assert_eq!(
            Access::Lru {
                now_s: (1 << 24) + 5
            }
            .idle_seconds(bits),
            10
        );
    }

    #[test]
    fn what_a_snapshot_keeps_of_the_usage_comes_back_under_the_same_policy() {
        let (lru, lfu) = (Access::Lru { now_s: 1_000 }, lfu(6_000, 0));
        for seconds in [0, 1, 5_000, u64::from(CLOCK)] {
            let bits = lru.recall(Usage::Idle(seconds)).expect("a time");
            assert_eq!(lru.usage(bits), Usage::Idle(seconds));
        }
        let oldest = lru.recall(Usage::Idle(u64::MAX)).expect("a time");
        assert_eq!(lru.idle_seconds(oldest), u64::from(CLOCK));
        let bits = lfu.recall(Usage::Frequency(77)).expect("a counter");
        assert_eq!(lfu.usage(bits), Usage::Frequency(77));
        assert_eq!(lru.recall(Usage::Frequency(1)), None);
        assert_eq!(lfu.recall(Usage::Idle(1)), None);
        assert_eq!(lru.recall(Usage::Unknown), None);
    }

    #[test]
    fn the_counter_grows_ever_more_slowly_and_decays_by_the_minute() {
        let mut bits = lfu(0, 0).initial();
        let mut hundred = 0;
        for n in 0..100_000_u32 {
            bits = lfu(0, n.wrapping_mul(2_654_435_761)).touch(bits);
            if n == 100 {
                hundred = lfu(0, 0).frequency(bits);
            }
        }
        let million = lfu(0, 0).frequency(bits);
        assert!(
            (6..30).contains(&hundred) && (100..=200).contains(&million),
            "{hundred} {million}"
        );
        assert_eq!(lfu(180, 0).frequency(bits), million - 3);
    }
}
