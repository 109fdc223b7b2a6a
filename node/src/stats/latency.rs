//! Events that took long: LATENCY LATEST, HISTORY, RESET, GRAPH, DOCTOR.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A command that is flagged FAST.
pub const FAST_COMMAND: &str = "fast-command";
/// Any other command.
pub const COMMAND: &str = "command";
/// A round of the search for expired keys.
pub const EXPIRE_CYCLE: &str = "expire-cycle";
/// Making room before a command.
pub const EVICTION_CYCLE: &str = "eviction-cycle";
/// Removing one key to make room.
pub const EVICTION_DEL: &str = "eviction-del";

/// Samples kept of an event.
const SAMPLES_MAX: usize = 160;

/// See the module.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    /// `latency-monitor-threshold`; 0 = nothing is kept.
    pub threshold_ms: u64,
    events: BTreeMap<&'static str, Series>,
}

/// What is known of one event.
#[derive(Debug, Default)]
pub struct Series {
    /// Oldest first, at most one a second.
    samples: VecDeque<Sample>,
    /// The longest ever, milliseconds.
    pub worst_ms: u64,
}

/// The longest time of an event within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Unix time in seconds.
    pub time_s: i64,
    /// How long.
    pub took_ms: u64,
}

/// A summary of a series.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Mean, milliseconds.
    pub mean_ms: u64,
    /// Mean distance from the mean, milliseconds.
    pub deviation_ms: u64,
    /// Since the oldest sample, seconds; at least one.
    pub period_s: i64,
}

impl LatencyMonitor {
    /// Nothing has happened yet.
    pub fn new(threshold_ms: u64) -> Self {
        LatencyMonitor {
            threshold_ms,
            events: BTreeMap::new(),
        }
    }

    /// An event took this long.
    #[inline]
    pub fn watch(&mut self, event: &'static str, took: Duration, now_ms: i64) {
        if self.threshold_ms > 0 && took.as_millis() >= u128::from(self.threshold_ms) {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.note(event, took_ms, now_ms / 1000);
        }
    }

    /// Hands out what was kept, and begins anew.
    pub fn take(&mut self) -> LatencyMonitor {
        let fresh = LatencyMonitor::new(self.threshold_ms);
        std::mem::replace(self, fresh)
    }

    /// Adds what was kept elsewhere.
    pub fn absorb(&mut self, other: &LatencyMonitor) {
        for (event, series) in other.events() {
            for Sample { time_s, took_ms } in series.samples() {
                self.note(event, took_ms, time_s);
            }
        }
    }

    #[cold]
    fn note(&mut self, event: &'static str, took_ms: u64, time_s: i64) {
        let series = self.events.entry(event).or_default();
        series.worst_ms = series.worst_ms.max(took_ms);
        match series.samples.back_mut() {
            Some(last) if last.time_s == time_s => last.took_ms = last.took_ms.max(took_ms),
            _ => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back(Sample { time_s, took_ms });
            }
        }
    }

    /// The events that have happened, by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(event, series)| (*event, series))
    }

    /// One of them.
    pub fn series(&self, event: &[u8]) -> Option<&Series> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// Forgets an event, its name in any letter case, or all of them; says how many.
    pub fn reset(&mut self, event: Option<&[u8]>) -> usize {
        let before = self.events.len();
        self.events.retain(|name, _| {
            event.is_some_and(|event| !name.as_bytes().eq_ignore_ascii_case(event))
        });
        before - self.events.len()
    }
}

impl Series {
    /// Oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = Sample> + ExactSizeIterator {
        self.samples.iter().copied()
    }

    /// What the doctor tells of it.
    pub fn summary(&self, now_s: i64) -> Summary {
        let count = self.samples.len().max(1) as u64;
        let mean_ms = self.samples().map(|sample| sample.took_ms).sum::<u64>() / count;
        let distances = self
            .samples()
            .map(|sample| sample.took_ms.abs_diff(mean_ms));
        let oldest_s = self.samples().map(|sample| sample.time_s).min();
        Summary {
            mean_ms,
            deviation_ms: distances.sum::<u64>() / count,
            period_s: (now_s - oldest_s.unwrap_or(now_s)).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(samples: &[(i64, u64)]) -> LatencyMonitor {
        let mut monitor = LatencyMonitor::new(10);
        for (time_s, took_ms) in samples {
            monitor.watch(COMMAND, Duration::from_millis(*took_ms), time_s * 1000);
        }
        monitor
    }

    #[test]
    fn the_longest_of_a_second_is_kept_if_it_reaches_the_threshold() {
        let monitor = monitor(&[(1, 9), (1, 10), (1, 30), (1, 20), (2, 15)]);
        let series = monitor.series(b"command").expect("it happened");
        let samples: Vec<_> = series.samples().map(|s| (s.time_s, s.took_ms)).collect();
        assert_eq!(samples, [(1, 30), (2, 15)]);
        assert_eq!(series.worst_ms, 30);
        assert!(monitor.series(b"COMMAND").is_none());
    }

    #[test]
    fn nothing_is_kept_without_a_threshold() {
        let mut monitor = LatencyMonitor::default();
        monitor.watch(COMMAND, Duration::from_secs(9), 1000);
        assert_eq!(monitor.events().len(), 0);
    }

    #[test]
    fn the_oldest_of_160_samples_goes_first() {
        let samples: Vec<_> = (0..170).map(|n| (n, 10 + n as u64)).collect();
        let monitor = monitor(&samples);
        let series = monitor.series(b"command").expect("it happened");
        assert_eq!(series.samples().len(), 160);
        assert_eq!(
            series.samples().next().map(|sample| sample.time_s),
            Some(10)
        );
    }

    #[test]
    fn a_summary_has_mean_deviation_and_period() {
        let monitor = monitor(&[(100, 10), (104, 20), (106, 60)]);
        let series = monitor.series(b"command").expect("it happened");
        let wanted = Summary {
            mean_ms: 30,
            deviation_ms: 20,
            period_s: 10,
        };
        assert_eq!(series.summary(110), wanted);
        assert_eq!(series.summary(100).period_s, 1);
    }

    #[test]
    fn a_reset_forgets_one_event_or_all() {
        let mut monitor = monitor(&[(1, 10)]);
        monitor.watch(EXPIRE_CYCLE, Duration::from_millis(10), 1000);
        assert_eq!(monitor.reset(Some(b"nothing")), 0);
        assert_eq!(monitor.reset(Some(b"Command")), 1);
        assert_eq!(monitor.reset(None), 1);
        assert_eq!(monitor.events().len(), 0);
    }
}
