//! What happens per second: the mean of the last samples, so that a reader sees no single burst.

use std::time::Duration;

/// Samples of which the mean is made; at ten a second they tell of the last 1.6 seconds.
const SAMPLES: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct Rates {
    commands: Rate,
    bytes_in: Rate,
    bytes_out: Rate,
    batches: Rate,
    batch_micros: Rate,
}

/// The counters of which the rates are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readings {
    /// Commands that have run.
    pub commands: u64,
    /// Bytes that came in.
    pub bytes_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
    /// Batches that have run.
    pub batches: u64,
    /// How long they took.
    pub batch_micros: u64,
}

#[derive(Debug, Default)]
struct Rate {
    /// The counter at the last sample; a rate needs two readings.
    last: Option<u64>,
    per_second: [u64; SAMPLES],
    next: usize,
}

impl Rates {
    /// The counters `elapsed` after the last sample.
    pub fn sample(&mut self, elapsed: Duration, now: Readings) {
        self.commands.sample(elapsed, now.commands);
        self.bytes_in.sample(elapsed, now.bytes_in);
        self.bytes_out.sample(elapsed, now.bytes_out);
        self.batches.sample(elapsed, now.batches);
        self.batch_micros.sample(elapsed, now.batch_micros);
    }

    /// Commands per second.
    pub fn commands(&self) -> u64 {
        self.commands.mean()
    }

    /// Kilobytes per second that came in.
    pub fn kilobytes_in(&self) -> f64 {
        self.bytes_in.mean() as f64 / 1024.0
    }

    /// Kilobytes per second that went out.
    pub fn kilobytes_out(&self) -> f64 {
        self.bytes_out.mean() as f64 / 1024.0
    }

    /// Batches per second.
    pub fn batches(&self) -> u64 {
        self.batches.mean()
    }

    /// How long a batch takes, microseconds.
    pub fn micros_per_batch(&self) -> u64 {
        self.batch_micros.mean() / self.batches().max(1)
    }
}

impl Rate {
    fn sample(&mut self, elapsed: Duration, reading: u64) {
        if let Some(last) = self.last {
            let happened = reading.saturating_sub(last) as f64;
            self.per_second[self.next] = (happened / elapsed.as_secs_f64().max(1e-3)) as u64;
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some(reading);
    }

    fn mean(&self) -> u64 {
        self.per_second.iter().sum::<u64>() / SAMPLES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(commands: u64) -> Readings {
        Readings {
            commands,
            ..Readings::default()
        }
    }

    #[test]
    fn a_steady_stream_has_its_rate_after_sixteen_samples() {
        let mut rates = Rates::default();
        for n in 0..=16 {
            let now = Readings {
                commands: n * 50,
                bytes_in: n * 1024,
                bytes_out: n * 2048,
                batches: n * 10,
                batch_micros: n * 300,
            };
            rates.sample(Duration::from_millis(100), now);
        }
        assert_eq!(rates.commands(), 500);
        assert_eq!((rates.kilobytes_in(), rates.kilobytes_out()), (10.0, 20.0));
        assert_eq!((rates.batches(), rates.micros_per_batch()), (100, 30));
    }

    #[test]
    fn the_first_reading_and_a_silence_are_no_rate() {
        let mut rates = Rates::default();
        rates.sample(Duration::from_millis(100), readings(1_000_000));
        assert_eq!(rates.commands(), 0);
        rates.sample(Duration::from_millis(200), readings(1_000_320));
        assert_eq!(rates.commands(), 1600 / 16);
        for _ in 0..16 {
            rates.sample(Duration::from_millis(100), readings(1_000_320));
        }
        assert_eq!((rates.commands(), rates.micros_per_batch()), (0, 0));
    }
}
