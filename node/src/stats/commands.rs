//! What each command has done: INFO commandstats and latencystats, LATENCY HISTOGRAM.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::commands::table::{self, CommandId};

/// Times are kept with two digits, from a nanosecond to a second; longer ones count as a second. As Redis does, so that
/// the same tools draw the same curves.
const LONGEST_NS: u64 = 1_000_000_000;
const DIGITS: u8 = 2;
/// The first step of a distribution, nanoseconds; every further one is twice as long.
const FIRST_STEP_NS: u64 = 1024;

/// The statistics of all commands, by their numbers.
#[derive(Debug)]
pub struct CommandStats {
    rows: Box<[Row]>,
    calls: u64,
    /// `latency-tracking`.
    pub tracks_latency: bool,
}

/// The statistics of one command.
#[derive(Debug, Default)]
pub struct Row {
    /// How often it ran.
    pub calls: u64,
    nanos: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it answered with an error.
    pub failed: u64,
    histogram: Option<Box<Histogram<u64>>>,
}

/// How long the calls of a command took.
#[derive(Debug, PartialEq, Eq)]
pub struct Distribution {
    /// How many calls are in it.
    pub calls: u64,
    /// Pairs: microseconds, and how many calls took no longer. Steps without a call of their own are left out.
    pub steps: Vec<(u64, u64)>,
}

impl Default for CommandStats {
    fn default() -> Self {
        let rows = std::iter::repeat_with(Row::default);
        CommandStats {
            rows: rows.take(table::count()).collect(),
            calls: 0,
            tracks_latency: true,
        }
    }
}

impl CommandStats {
    /// A command ran `count` times and took `each` time.
    pub fn record(&mut self, id: CommandId, count: u64, each: Duration) {
        let nanos = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
        let row = &mut self.rows[id.index()];
        row.calls += count;
        row.nanos = row.nanos.saturating_add(nanos.saturating_mul(count));
        self.calls += count;
        if self.tracks_latency {
            row.histogram
                .get_or_insert_with(|| Box::new(new_histogram()))
                .saturating_record_n(nanos.clamp(1, LONGEST_NS), count);
        }
    }

    /// A command was refused.
    pub fn rejected(&mut self, id: CommandId) {
        self.rows[id.index()].rejected += 1;
    }

    /// A command answered with an error.
    pub fn failed(&mut self, id: CommandId) {
        self.rows[id.index()].failed += 1;
    }

    /// Calls of all commands.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Time of all calls, microseconds.
    pub fn micros(&self) -> u64 {
        self.rows.iter().map(|row| row.nanos).sum::<u64>() / 1000
    }

    /// The statistics of one command.
    pub fn row(&self, id: CommandId) -> &Row {
        &self.rows[id.index()]
    }

    /// Hands out what was recorded, and begins anew.
    pub fn take(&mut self) -> CommandStats {
        let fresh = CommandStats {
            tracks_latency: self.tracks_latency,
            ..CommandStats::default()
        };
        std::mem::replace(self, fresh)
    }

    /// Adds what was recorded elsewhere.
    pub fn absorb(&mut self, other: &CommandStats) {
        self.calls += other.calls;
        for (row, other) in self.rows.iter_mut().zip(&other.rows) {
            row.absorb(other);
        }
    }

    /// Back to nothing.
    pub fn reset(&mut self) {
        self.rows.fill_with(Row::default);
        self.calls = 0;
    }
}

impl Row {
    fn absorb(&mut self, other: &Row) {
        self.calls += other.calls;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.rejected += other.rejected;
        self.failed += other.failed;
        if let Some(times) = &other.histogram {
            let own = &mut self.histogram;
            let own = own.get_or_insert_with(|| Box::new(new_histogram()));
            own.add(&**times).expect("both have the same bounds");
        }
    }

    /// Whether there is nothing to tell of the command.
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.rejected == 0 && self.failed == 0
    }

    /// Time of all calls.
    pub fn micros(&self) -> u64 {
        self.nanos / 1000
    }

    /// Mean time of a call, microseconds.
    pub fn micros_each(&self) -> f64 {
        self.nanos as f64 / 1000.0 / self.calls.max(1) as f64
    }

    /// Whether times of single calls were kept.
    pub fn has_times(&self) -> bool {
        self.histogram.is_some()
    }

    /// The distribution of the times, if any was kept.
    pub fn distribution(&self) -> Option<Distribution> {
        self.histogram.as_deref().map(distribution)
    }

    /// The time below which `percentile` of the calls stayed, microseconds, if any time was kept.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let histogram = self.histogram.as_deref()?;
        Some(histogram.value_at_percentile(percentile) as f64 / 1000.0)
    }
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are constants that fit")
}

/// Steps at powers of two; the value in a bucket of the histogram is known no better than the bucket is wide, hence a
/// step shows the upper end of its bucket.
fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let mut buckets = histogram.iter_recorded().peekable();
    let (mut steps, mut seen, mut step_ns) = (Vec::new(), 0, FIRST_STEP_NS);
    while buckets.peek().is_some() {
        let (end, before) = (histogram.highest_equivalent(step_ns), seen);
        while let Some(bucket) = buckets.next_if(|bucket| bucket.value_iterated_to() <= end) {
            seen += bucket.count_since_last_iteration();
        }
        if seen > before {
            steps.push((end / 1000, seen));
        }
        step_ns *= 2;
    }
    Distribution {
        calls: histogram.len(),
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get() -> CommandId {
        table::find(b"get").expect("GET exists")
    }

    #[test]
    fn a_distribution_has_the_steps_of_redis() {
        // Redis's answers to LATENCY HISTOGRAM are 1, 2, 4, 8, 16, 33, 66, ... microseconds.
        let mut stats = CommandStats::default();
        for exponent in 0..=20 {
            let nanos = FIRST_STEP_NS << exponent;
            stats.record(get(), 1, Duration::from_nanos(nanos));
        }
        let distribution = stats.row(get()).distribution().expect("times were kept");
        let micros: Vec<u64> = distribution.steps.iter().map(|step| step.0).collect();
        assert_eq!(micros[..9], [1, 2, 4, 8, 16, 33, 66, 132, 264]);
        assert_eq!(distribution.steps.last(), Some(&(1_082_130, 21)));
        assert_eq!(distribution.calls, 21);
    }

    #[test]
    fn a_distribution_counts_up_and_leaves_out_empty_steps() {
        let mut stats = CommandStats::default();
        stats.record(get(), 7, Duration::from_nanos(300));
        stats.record(get(), 2, Duration::from_micros(3));
        stats.record(get(), 1, Duration::from_micros(100));
        let distribution = stats.row(get()).distribution().expect("times were kept");
        assert_eq!(distribution.steps, [(1, 7), (4, 9), (132, 10)]);
        assert_eq!(
            stats.row(get()).micros(),
            (7 * 300 + 6_000 + 100_000) / 1000
        );
    }

    #[test]
    fn percentiles_show_the_end_of_their_bucket() {
        let mut stats = CommandStats::default();
        stats.record(get(), 1, Duration::from_micros(6));
        // Redis prints p50=6.015 for a call of 6 microseconds.
        assert_eq!(stats.row(get()).percentile(50.0), Some(6.015));
    }

    #[test]
    fn times_beyond_a_second_count_as_a_second_in_the_histogram_alone() {
        let mut stats = CommandStats::default();
        stats.record(get(), 2, Duration::from_secs(3));
        assert_eq!(stats.row(get()).micros(), 6_000_000);
        let percentile = stats.row(get()).percentile(100.0).expect("kept");
        assert!(
            (1_000_000.0..1_010_000.0).contains(&percentile),
            "{percentile}"
        );
    }

    #[test]
    fn without_tracking_no_time_is_kept_but_the_sum() {
        let mut stats = CommandStats {
            tracks_latency: false,
            ..CommandStats::default()
        };
        stats.record(get(), 3, Duration::from_micros(2));
        assert_eq!(stats.row(get()).distribution(), None);
        assert_eq!((stats.calls(), stats.micros()), (3, 6));
        stats.reset();
        assert!(stats.row(get()).is_empty() && stats.calls() == 0);
    }
}
