//! One look at the clock for both: the time of day, by which keys expire, and the time by which commands are measured.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// For how long the time of day is derived from an earlier look at it: that soon an operator who sets the clock is obeyed.
const FRESH: Duration = Duration::from_millis(10);
/// Between the two looks of an anchor no more may pass, else they do not belong together.
const TOGETHER: Duration = Duration::from_micros(100);

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For measuring.
    pub at: Instant,
    /// Unix time in milliseconds.
    pub ms: i64,
}

/// Both clocks at one time.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    at: Instant,
    /// Unix time in microseconds.
    micros: i64,
}

thread_local! {
    static ANCHOR: Cell<Option<Anchor>> = const { Cell::new(None) };
}

impl Moment {
    /// Now, with another time of day.
    #[cfg(test)]
    pub fn of_day(ms: i64) -> Moment {
        let at = Instant::now();
        Moment { at, ms }
    }

    /// Now.
    #[inline]
    pub fn now() -> Moment {
        let at = Instant::now();
        match ANCHOR.get().and_then(|anchor| anchor.derive(at)) {
            Some(ms) => Moment { at, ms },
            None => Moment::anchored(at),
        }
    }

    #[cold]
    fn anchored(at: Instant) -> Moment {
        let micros = unix_micros();
        let is_good = at.elapsed() < TOGETHER;
        ANCHOR.set(is_good.then_some(Anchor { at, micros }));
        let ms = micros / 1000;
        Moment { at, ms }
    }
}

impl Anchor {
    /// Unix time in milliseconds, unless the anchor is too old.
    fn derive(self, at: Instant) -> Option<i64> {
        let elapsed = at.saturating_duration_since(self.at);
        (elapsed < FRESH).then(|| (self.micros + i64::from(elapsed.subsec_micros())) / 1000)
    }
}

/// Unix time in milliseconds. Nobody else asks the system for it but the command TIME.
pub fn now_ms() -> i64 {
    unix_micros() / 1000
}

fn unix_micros() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_time_of_day_follows_the_clock_until_it_is_too_old() {
        let at = Instant::now();
        let anchor = Anchor {
            at,
            micros: 1_000_000_999,
        };
        assert_eq!(anchor.derive(at), Some(1_000_000));
        assert_eq!(
            anchor.derive(at + Duration::from_micros(1)),
            Some(1_000_001)
        );
        let last = at + FRESH - Duration::from_nanos(1);
        assert_eq!(anchor.derive(last), Some(1_000_010));
        assert_eq!(anchor.derive(at + FRESH), None);
    }

    #[test]
    fn moments_agree_with_the_time_of_day() {
        let end = Instant::now() + FRESH * 3;
        let mut widest = 0;
        while Instant::now() < end {
            let (before, moment, after) = (now_ms(), Moment::now(), now_ms());
            // The clock of the system may be steered a little between two looks.
            widest = widest.max(before - moment.ms).max(moment.ms - after);
        }
        assert!(widest <= 1, "{widest} ms apart");
    }
}
