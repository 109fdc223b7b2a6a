//! What the node counts of itself: INFO, SLOWLOG, COMMANDLOG, LATENCY and MEMORY read it, CONFIG RESETSTAT empties it.
//!
//! ```text
//!   meter.rs       how long commands take, without a look at the clock for each
//!   commands.rs    calls, time, refusals of each command       errors.rs   error replies by code word
//!   commandlog.rs  slow commands, large requests and replies   latency.rs  events that took long
//!   rates.rs       what happens per second                 tally.rs   what another shard has counted
//!   traffic.rs     what the threads of the connections count   process.rs  what the system knows of the process
//! ```
//!
//! A [`Stats`] belongs to a shard and its thread: counting costs no atomic. Only [`traffic::Traffic`] is shared.

pub mod commandlog;
pub mod commands;
pub mod errors;
pub mod latency;
pub mod meter;
pub mod process;
pub mod rates;
pub mod tally;
pub mod traffic;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use almandine_storage::Databases;

use self::commandlog::CommandLog;
use self::commands::CommandStats;
use self::errors::ErrorStats;
use self::latency::LatencyMonitor;
use self::meter::{Batches, Limits, Meter};
use self::rates::{Rates, Readings};
use self::traffic::Traffic;
use crate::clients::Client;
use crate::commands::table::{self, CommandId};
use crate::commands::{Args, Command, Fault, Flags};
use crate::memory;
use crate::params::Params;

/// How often rates and the peak of memory are sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// See the module.
pub struct Stats {
    /// Calls and times.
    pub commands: CommandStats,
    /// Error replies.
    pub errors: ErrorStats,
    /// SLOWLOG and COMMANDLOG.
    pub log: CommandLog,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// What happens per second.
    pub rates: Rates,
    /// The running measurement.
    pub meter: Meter,
    /// Keys and lookups.
    pub keyspace: Keyspace,
    /// AUTH and HELLO AUTH with a wrong name or password.
    pub auth_denied: u64,
    /// Batches that other shards have run.
    pub batches_of_others: u64,
    /// Most memory ever used, bytes, and when, Unix time in milliseconds.
    pub peak: (usize, i64),
    /// Memory used before the first client came, bytes.
    pub startup_memory: usize,
    /// What [`Traffic`] and the lazy freeing had counted at the last reset: other threads count on, nobody sets them back.
    pub zero: Zero,
    sampled: Instant,
    clock: fn() -> Instant,
}

/// What happened to keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keyspace {
    /// Removed because their time was up.
    pub expired: u64,
    /// Removed to make room.
    pub evicted: u64,
    /// Read lookups that found a key.
    pub hits: u64,
    /// Read lookups that found none.
    pub misses: u64,
    /// Expiry cycles that ended because their time was up.
    pub expiry_cut_short: u64,
    /// Time spent in expiry cycles.
    pub expiry_time: Duration,
    /// Time for which memory was above its limit, milliseconds, the current excess not counted.
    pub excess_ms: u64,
    /// Since when memory is above its limit, Unix time in milliseconds.
    pub excess_since_ms: Option<i64>,
}

/// See [`Stats::zero`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Zero {
    /// The traffic.
    pub traffic: traffic::Totals,
    /// Objects freed by the lazy freeing.
    pub lazyfreed: u64,
}

/// A command that is done and was measured alone.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// Its number.
    pub id: CommandId,
    /// The request.
    pub args: Args<'a>,
    /// Who sent it.
    pub client: &'a Client,
    /// Time it took.
    pub took: Duration,
    /// Bytes of the request.
    pub request_bytes: usize,
    /// Bytes of the reply.
    pub reply_bytes: usize,
    /// Unix time in milliseconds.
    pub now_ms: i64,
}

impl Stats {
    /// Nothing is counted yet.
    pub fn new(params: &Params) -> Self {
        Stats::with_clock(params, Instant::now)
    }

    /// As [`Stats::new`], with a clock of one's own.
    pub fn with_clock(params: &Params, clock: fn() -> Instant) -> Self {
        let now = clock();
        let mut stats = Stats {
            commands: CommandStats::default(),
            errors: ErrorStats::default(),
            log: CommandLog::default(),
            latency: LatencyMonitor::default(),
            rates: Rates::default(),
            meter: Meter::new(now),
            keyspace: Keyspace::default(),
            auth_denied: 0,
            batches_of_others: 0,
            peak: (0, 0),
            startup_memory: memory::used(),
            zero: Zero::default(),
            sampled: now,
            clock,
        };
        stats.configure(params);
        stats
    }

    /// Parameters have changed.
    pub fn configure(&mut self, params: &Params) {
        self.commands.tracks_latency = params.latency_tracking;
        self.latency.threshold_ms = params.latency_monitor_threshold;
        self.log.configure(params);
        self.meter.configure(Limits::new(params));
    }

    /// The time, for measuring.
    #[inline]
    pub fn now(&self) -> Instant {
        (self.clock)()
    }

    /// The next command begins now, if what passed before was nobody's time.
    #[inline]
    pub fn resume_meter(&mut self) {
        if self.meter.is_paused() {
            self.meter.resume(self.now());
        }
    }

    /// A command is refused before it runs; `id` is none where nobody has that name.
    #[cold]
    pub fn rejected(&mut self, id: Option<CommandId>, fault: &Fault) {
        self.errors.count(fault.code());
        if let Some(id) = id {
            self.commands.rejected(id);
        }
    }

    /// A command answers with an error.
    #[cold]
    pub fn failed(&mut self, command: &Command, code: &str) {
        self.errors.count(code);
        // Failures are rare: the number of the command is not carried along for them.
        if let Some(id) = table::find_full(command.name.as_bytes()) {
            self.commands.failed(id);
        }
    }

    /// Books a command that was measured alone.
    pub fn executed(&mut self, done: Done<'_>) {
        self.commands.record(done.id, 1, done.took);
        bump(&done.client.commands, 1);
        let event = match done.id.command().flags.contains(Flags::FAST) {
            true => latency::FAST_COMMAND,
            false => latency::COMMAND,
        };
        self.latency.watch(event, done.took, done.now_ms);
        self.log.consider(&done);
    }

    /// Books the open run of commands of `client`. Where each of them counts as slow, says how long each took: the caller
    /// knows the requests, which are to be shown to [`Stats::log_slow`].
    pub fn close_run(&mut self, client: &Client) -> Option<Duration> {
        if self.meter.is_empty() {
            return None;
        }
        let now = self.now();
        let run = self.meter.close(now, &mut self.commands);
        bump(&client.commands, run.count);
        self.log.is_slow(run.share).then_some(run.share)
    }

    /// Logs a command of a run that was slow.
    pub fn log_slow(&mut self, done: &Done<'_>) {
        self.log.consider(done);
    }

    /// Takes over what the databases have counted.
    pub fn gather(&mut self, dbs: &mut Databases) {
        for db in dbs.iter_mut() {
            let (hits, misses) = db.take_hits_and_misses();
            self.keyspace.hits += hits;
            self.keyspace.misses += misses;
        }
    }

    /// Samples rates and memory if it is time to. Called by the shard's tick.
    pub fn tick(&mut self, traffic: &Traffic, now_ms: i64) {
        let now = self.now();
        let elapsed = now.saturating_duration_since(self.sampled);
        if elapsed < SAMPLE_INTERVAL {
            return;
        }
        self.sampled = now;
        let (totals, batches) = (traffic.totals(), self.meter.batches);
        let readings = Readings {
            commands: self.commands.calls(),
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            batches: batches.count,
            batch_micros: batches.micros(),
        };
        self.rates.sample(elapsed, readings);
        self.note_memory(now_ms);
    }

    /// Looks at the memory in use; returns it.
    pub fn note_memory(&mut self, now_ms: i64) -> usize {
        let used = memory::used();
        if used > self.peak.0 {
            self.peak = (used, now_ms);
        }
        used
    }

    /// Memory is above its limit, or not any more.
    pub fn note_excess(&mut self, is_above: bool, now_ms: i64) {
        let keyspace = &mut self.keyspace;
        match (is_above, keyspace.excess_since_ms) {
            (true, None) => keyspace.excess_since_ms = Some(now_ms),
            (false, Some(since)) => {
                keyspace.excess_ms += u64::try_from(now_ms - since).unwrap_or(0);
                keyspace.excess_since_ms = None;
            }
            _ => {}
        }
    }

    /// CONFIG RESETSTAT. The logs, the events of LATENCY and the peak of memory stay.
    pub fn reset(&mut self, zero: Zero, dbs: &mut Databases) {
        self.gather(dbs);
        self.commands.reset();
        self.errors = ErrorStats::default();
        self.rates = Rates::default();
        self.meter.batches = Batches::default();
        self.keyspace = Keyspace {
            excess_since_ms: self.keyspace.excess_since_ms,
            ..Keyspace::default()
        };
        self.auth_denied = 0;
        self.batches_of_others = 0;
        self.zero = zero;
    }
}

/// Adds to a counter that only the calling thread writes: a plain addition that other threads may read.
#[inline]
pub fn bump(counter: &AtomicU64, by: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Relaxed,
    );
}
