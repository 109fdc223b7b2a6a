//! What others of the machine take from a measurement.
//!
//! On a machine of two processors, whatever else runs has its turn on that of the server or on that of the thread that measures: for
//! 1 to 4 ms at a time, inside the kernel, where no priority helps, and often enough to be all of p99.9. A server was
//! disturbed for as long as one of its threads was ready and waited for its processor, and no thread of its own process had
//! that meanwhile.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::mem;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::Failure;
use crate::sys;

/// How often is looked, and what is taken in less is not noticed.
const EVERY: Duration = Duration::from_micros(250);
/// What may be taken at once without a disturbance being made of it.
const TOLERATED: Duration = Duration::from_micros(100);
/// What a call of this thread takes at the most: a host that takes a processor from its machine is not seen in processor time.
const CALL: Duration = Duration::from_micros(10);
/// How far back is known what the server used: no wait is longer.
const PAST: Duration = Duration::from_millis(50);

/// Watches the threads that a server had in the beginning, and the one that calls, which must never sleep.
pub(super) struct Witness {
    pid: u32,
    /// `/proc/<pid>/task/<tid>/schedstat`: nanoseconds on a processor, nanoseconds ready without one, turns.
    threads: Vec<File>,
    account: Account,
    /// When it looked last, and what processor time this thread had used then.
    own: (Instant, Duration),
    /// When it was asked last.
    asked: Instant,
}

impl Witness {
    pub(super) fn new(pid: u32) -> Result<Witness, Failure> {
        let mut threads = Vec::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = thread?.path().join("schedstat");
            let thread = File::open(&path).map_err(|error| format!("{}: {error}", path.display()));
            threads.push(thread?);
        }
        let own = (Instant::now(), sys::thread_time()?);
        let account = Account::new(own.0, sys::cpu_time(pid)?, waited(&threads)?);
        Ok(Witness {
            pid,
            threads,
            account,
            own,
            asked: own.0,
        })
    }

    /// Whether the server or this thread was disturbed since the last look. Looks if it is time, or if it is `urgent`. This is
    /// called after every few requests and replies, `calls` of the system altogether.
    pub(super) fn was_disturbed(&mut self, urgent: bool, calls: u32) -> Result<bool, Failure> {
        let now = Instant::now();
        let round = now - mem::replace(&mut self.asked, now);
        let passed = now - self.own.0;
        let is_late = round > TOLERATED + CALL * calls;
        if passed < EVERY && !urgent && !is_late {
            return Ok(false);
        }
        let own = sys::thread_time()?;
        let lost = passed.saturating_sub(own.saturating_sub(self.own.1));
        self.own = (now, own);
        let (used, waited) = (sys::cpu_time(self.pid)?, waited(&self.threads)?);
        Ok(self.account.taken(now, used, waited) > TOLERATED || lost > TOLERATED || is_late)
    }
}

/// How long these threads have waited for a processor, together. A wait counts when it is over.
fn waited(threads: &[File]) -> Result<Duration, Failure> {
    let mut sum = 0;
    for thread in threads {
        let mut text = [0; 64];
        // A thread that has ended waits for nothing.
        let length = thread.read_at(&mut text, 0).unwrap_or(0);
        let text = str::from_utf8(&text[..length])?;
        let figure = text.split_whitespace().nth(1);
        sum += figure.map_or(Ok(0), str::parse::<u64>)?;
    }
    Ok(Duration::from_nanos(sum))
}

/// The processor time of a server, and what its threads waited for it.
struct Account {
    waited: Duration,
    /// What it had used, and when.
    used: VecDeque<(Instant, Duration)>,
}

impl Account {
    fn new(now: Instant, used: Duration, waited: Duration) -> Account {
        Account {
            waited,
            used: VecDeque::from([(now, used)]),
        }
    }

    /// What others took since the last call: the threads have waited so long, and meanwhile the process used less.
    fn taken(&mut self, now: Instant, used: Duration, waited: Duration) -> Duration {
        let wait = waited.saturating_sub(self.waited);
        self.waited = waited;
        // From a look within the wait: what it slept or computed before is nobody's fault.
        let before = self.used.iter().find(|(at, _)| now - *at <= wait);
        let unused = before.map_or(Duration::ZERO, |(at, before)| {
            (now - *at).saturating_sub(used.saturating_sub(*before))
        });
        self.used.push_back((now, used));
        while self.used.front().is_some_and(|(at, _)| now - *at > PAST) {
            self.used.pop_front();
        }
        wait.min(unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server on one processor: every quarter of a millisecond what it has used and waited, in microseconds; what others took.
    fn taken(course: &[(u64, u64)]) -> Vec<u64> {
        let start = Instant::now();
        let micros = Duration::from_micros;
        let mut account = Account::new(start, Duration::ZERO, Duration::ZERO);
        let looks = (1..).zip(course);
        let taken = looks.map(|(nth, (used, waited))| {
            let now = start + EVERY * nth;
            account.taken(now, micros(*used), micros(*waited))
        });
        taken.map(|taken| taken.as_micros() as u64).collect()
    }

    #[test]
    fn a_wait_while_another_process_runs_is_a_disturbance() {
        let course = [(100, 0), (100, 0), (100, 0), (100, 600), (200, 600)];
        assert_eq!(taken(&course), [0, 0, 0, 500, 0]);
    }

    #[test]
    fn a_wait_for_a_thread_of_the_server_itself_is_none() {
        let course = [(250, 0), (500, 0), (750, 0), (1_000, 700), (1_100, 700)];
        assert_eq!(taken(&course), [0; 5]);
        let after_sleep = [(0, 0), (0, 0), (200, 0), (450, 400), (700, 400)];
        assert_eq!(taken(&after_sleep), [0; 5]);
    }

    #[test]
    fn what_the_server_sleeps_or_computes_is_no_disturbance() {
        let course = [(10, 0), (10, 0), (10, 0), (260, 0), (510, 0)];
        assert_eq!(taken(&course), [0; 5]);
    }
}
