//! How long commands take. A look at the clock costs as much as a quarter of a GET, so quick commands are measured
//! together: a run of them ends with one look, and the time is shared equally among them.
//!
//! ```text
//!   GET GET SET GET │ LRANGE │ GET GET │          │ = a look at the clock
//!   └── 4 quick ──┘   alone    └ 2 ──┘
//! ```

use std::time::{Duration, Instant};

use super::commands::CommandStats;
use crate::commands::table::{self, CommandId};
use crate::commands::{Command, Flags};
use crate::params::Params;

/// A request or reply beyond this takes time of its own, bytes.
const LARGE: usize = 16 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Meter {
    /// What is measured alone.
    pub limits: Limits,
    /// The end of what is booked: the open run began here.
    since: Instant,
    /// Since then something happened that is nobody's time.
    is_stale: bool,
    /// The bytes of the batch.
    bytes: usize,
    /// Every quick command joins the run: no request is too long, and no time is to be left out.
    all_join: bool,
    /// By command.
    cells: Box<[Cell]>,
    /// The commands of which there are any in the open run.
    ids: Vec<CommandId>,
    /// Number of the batch's request with which the open run began.
    first: usize,
    /// Where the running batch began.
    begun: Instant,
    /// Batches, and the time they took.
    pub batches: Batches,
}

/// What the meter knows of a command.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// How many of it are in the open run.
    count: u32,
    /// Whether it may join a run.
    is_quick: bool,
}

/// How much the shard has worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Batches {
    /// How often it was given a batch.
    pub count: u64,
    /// How long they took together.
    pub took: Duration,
}

/// Commands that are measured alone whatever they are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All of them.
    everything: bool,
    /// Those with longer requests, bytes.
    pub request: usize,
    /// Those with longer replies, bytes.
    pub reply: usize,
}

/// A run that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Commands.
    pub count: u64,
    /// Time of each.
    pub share: Duration,
}

impl Batches {
    /// How long they took together, microseconds.
    pub fn micros(self) -> u64 {
        u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Limits {
    /// A log of commands faster than a millisecond, and the monitor of latency, want to know each command's own time.
    pub fn new(params: &Params) -> Self {
        let larger_than = |threshold: i64| match usize::try_from(threshold) {
            Ok(bytes) => LARGE.min(bytes.saturating_sub(1)),
            Err(_) => LARGE,
        };
        Limits {
            everything: (0..1000).contains(&params.slowlog_log_slower_than)
                || params.latency_monitor_threshold > 0,
            request: larger_than(params.commandlog_request_larger_than),
            reply: larger_than(params.commandlog_reply_larger_than),
        }
    }
}

impl Meter {
    /// Nothing is measured yet.
    pub fn new(now: Instant) -> Self {
        let idle = Cell {
            count: 0,
            is_quick: false,
        };
        let mut meter = Meter {
            limits: Limits::new(&Params::default()),
            since: now,
            is_stale: false,
            bytes: usize::MAX,
            all_join: false,
            cells: vec![idle; table::count()].into(),
            ids: Vec::new(),
            first: 0,
            begun: now,
            batches: Batches::default(),
        };
        meter.configure(meter.limits);
        meter
    }

    /// Other limits hold from now on.
    pub fn configure(&mut self, limits: Limits) {
        self.limits = limits;
        self.all_join = false;
        for id in table::ids() {
            self.cells[id.index()].is_quick = !limits.everything && is_quick(id.command());
        }
    }

    /// A batch of so many bytes begins with its request number `first`.
    pub fn begin(&mut self, now: Instant, first: usize, bytes: usize) {
        debug_assert!(self.is_empty(), "a batch closes its runs");
        (self.since, self.is_stale, self.first) = (now, false, first);
        (self.bytes, self.begun) = (bytes, now);
        self.all_join = bytes <= self.limits.request;
    }

    /// The batch is over.
    pub fn end(&mut self) {
        debug_assert!(self.is_empty(), "a batch closes its runs");
        self.batches.count += 1;
        self.batches.took += self.since.saturating_duration_since(self.begun);
    }

    /// What passes until the next command is nobody's time. There is no open run.
    pub fn pause(&mut self) {
        debug_assert!(self.is_empty(), "the run is closed first");
        (self.is_stale, self.all_join) = (true, false);
    }

    /// Whether the clock must be looked at before the next command: see [`Meter::resume`].
    #[inline]
    pub fn is_paused(&self) -> bool {
        self.is_stale
    }

    /// The next command begins now.
    pub fn resume(&mut self, now: Instant) {
        (self.since, self.is_stale) = (now, false);
        self.all_join = self.bytes <= self.limits.request;
    }

    /// Whether a command joins a run, given how long its request is. After a pause none does: the clock is to be looked at.
    #[inline]
    pub fn joins(&self, id: CommandId, request_bytes: impl FnOnce() -> usize) -> bool {
        self.cells[id.index()].is_quick
            && (self.all_join || (!self.is_stale && request_bytes() <= self.limits.request))
    }

    /// The command of request `i` has run, and is a part of the open run.
    #[inline]
    pub fn join(&mut self, id: CommandId, i: usize) {
        let cell = &mut self.cells[id.index()];
        cell.count += 1;
        if cell.count == 1 {
            if self.ids.is_empty() {
                self.first = i;
            }
            self.ids.push(id);
        }
    }

    /// Whether no run is open.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many commands are in the open run.
    fn total(&self) -> u32 {
        let counts = self.ids.iter().map(|id| self.cells[id.index()].count);
        counts.sum()
    }

    /// The requests of the open run, by number: its commands follow one another.
    pub fn requests(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.total() as usize
    }

    /// A command that is measured alone is over; says how long it took.
    pub fn lap(&mut self, now: Instant) -> Duration {
        debug_assert!(self.is_empty(), "the run is closed before");
        let took = now.saturating_duration_since(self.since);
        self.since = now;
        took
    }

    /// Closes the open run and books it.
    pub fn close(&mut self, now: Instant, commands: &mut CommandStats) -> Run {
        let (elapsed, total) = (now.saturating_duration_since(self.since), self.total());
        let share = elapsed / total.max(1);
        for id in self.ids.drain(..) {
            let count = std::mem::take(&mut self.cells[id.index()].count);
            commands.record(id, u64::from(count), share);
        }
        self.since = now;
        Run {
            count: u64::from(total),
            share,
        }
    }
}

/// FAST is Redis's word for commands that never take long by themselves. SET has not got it, because it may free an old
/// value; here that is done elsewhere, so single steps on a key are quick too. A command that waits takes its time, and
/// one that governs the server is worth a look at the clock.
fn is_quick(command: &Command) -> bool {
    let flags = command.flags;
    let is_short =
        flags.contains(Flags::FAST) || (command.complexity == "O(1)" && !command.keys.is_empty());
    is_short && !flags.intersects(Flags::BLOCKING.union(Flags::ADMIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> CommandId {
        table::find_full(name.as_bytes()).expect("a command")
    }

    fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    fn meter(change: impl FnOnce(&mut Params)) -> Meter {
        let mut params = Params::default();
        change(&mut params);
        let mut meter = Meter::new(Instant::now());
        meter.configure(Limits::new(&params));
        meter
    }

    #[test]
    fn a_run_shares_its_time_equally_among_its_commands() {
        let (mut meter, mut commands) = (meter(|_| {}), CommandStats::default());
        let start = meter.since;
        meter.begin(start, 5, usize::MAX);
        for (i, name) in ["get", "set", "get", "get"].into_iter().enumerate() {
            meter.join(id(name), 5 + i);
        }
        assert_eq!(meter.requests(), 5..9);
        let run = meter.close(start + micros(40), &mut commands);
        assert_eq!((run.count, run.share), (4, micros(10)));
        let (get, set) = (commands.row(id("get")), commands.row(id("set")));
        assert_eq!((get.calls, get.micros()), (3, 30));
        assert_eq!((set.calls, set.micros()), (1, 10));
        assert!(meter.is_empty());
    }

    #[test]
    fn what_is_measured_alone_begins_where_the_run_before_it_ended() {
        let (mut meter, mut commands) = (meter(|_| {}), CommandStats::default());
        let start = meter.since;
        meter.begin(start, 0, usize::MAX);
        meter.join(id("get"), 0);
        meter.close(start + micros(3), &mut commands);
        assert_eq!(meter.lap(start + micros(10)), micros(7));
        meter.join(id("get"), 2);
        let run = meter.close(start + micros(12), &mut commands);
        assert_eq!((run.count, run.share), (1, micros(2)));
        assert_eq!(commands.row(id("get")).micros(), 5);
    }

    #[test]
    fn a_pause_is_nobodys_time() {
        let mut meter = meter(|_| {});
        let start = meter.since;
        meter.begin(start, 0, usize::MAX);
        assert!(meter.joins(id("get"), || 10));
        meter.pause();
        assert!(meter.is_paused() && !meter.joins(id("get"), || 10));
        meter.resume(start + micros(1000));
        assert!(!meter.is_paused() && meter.joins(id("get"), || 10));
        assert_eq!(meter.lap(start + micros(1004)), micros(4));
    }

    #[test]
    fn only_quick_commands_with_short_requests_join_a_run() {
        let meter = meter(|_| {});
        for name in ["get", "set", "incr", "ping", "lpush", "zadd", "multi"] {
            assert!(meter.joins(id(name), || 100), "{name}");
        }
        for name in [
            "lrange",
            "bzpopmin",
            "blmove",
            "keys",
            "del",
            "exec",
            "info",
            "config|get",
            "sort",
            "flushall",
            "blpop",
        ] {
            assert!(!meter.joins(id(name), || 100), "{name}");
        }
        assert!(meter.joins(id("get"), || LARGE));
        assert!(!meter.joins(id("get"), || LARGE + 1));
    }

    #[test]
    fn short_batches_are_not_looked_at_request_by_request() {
        let mut meter = meter(|_| {});
        let start = meter.since;
        meter.begin(start, 0, LARGE);
        assert!(meter.joins(id("get"), || panic!("the batch is short enough")));
        meter.begin(start, 0, LARGE + 1);
        assert!(!meter.joins(id("get"), || LARGE + 1));
        // Limits may change within a batch.
        meter.begin(start, 0, 200);
        let params = Params {
            commandlog_request_larger_than: 100,
            ..Params::default()
        };
        meter.configure(Limits::new(&params));
        assert!(!meter.joins(id("get"), || 200));
    }

    #[test]
    fn logs_of_short_times_and_small_sizes_want_commands_alone() {
        for (micros, joins) in [(0, false), (999, false), (1000, true), (-1, true)] {
            let meter = meter(|params| params.slowlog_log_slower_than = micros);
            assert_eq!(meter.joins(id("get"), || 10), joins, "{micros}");
        }
        assert!(!meter(|params| params.latency_monitor_threshold = 1).joins(id("get"), || 10));
        let meter = meter(|params| params.commandlog_request_larger_than = 100);
        assert!(meter.joins(id("get"), || 99));
        assert!(!meter.joins(id("get"), || 100));
    }
}
