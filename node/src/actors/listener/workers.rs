//! The threads that carry connections.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::ArbiterHandle;

use crate::actors::shard::handle::Shards;
use crate::stats::process::ThreadClock;

thread_local! {
    static SHARDS: RefCell<Option<Shards>> = const { RefCell::new(None) };
}

/// Tells the connections of this thread how to reach the keyspace.
pub fn set_shards(handles: Shards) {
    SHARDS.with(|shards| *shards.borrow_mut() = Some(handles));
}

/// A thread that carries connections.
#[derive(Debug, Clone)]
pub struct Worker(Arc<State>);

#[derive(Debug)]
struct State {
    number: usize,
    arbiter: ArbiterHandle,
    connections: AtomicUsize,
    /// Empty until the thread runs.
    clock: OnceLock<ThreadClock>,
    /// See [`Worker::busy`].
    busy: AtomicU32,
    /// See [`Worker::is_open`].
    is_open: AtomicBool,
}

/// A place on a worker, free again when the connection is over.
#[derive(Debug)]
pub struct Seat(Worker);

impl Worker {
    /// The thread of `arbiter`, without connections.
    pub fn new(number: usize, arbiter: ArbiterHandle) -> Self {
        let worker = Worker(Arc::new(State {
            number,
            arbiter,
            connections: AtomicUsize::default(),
            clock: OnceLock::new(),
            busy: AtomicU32::default(),
            is_open: AtomicBool::new(number == 0),
        }));
        let state = worker.0.clone();
        worker.0.arbiter.spawn_fn(move || {
            if let Some(clock) = ThreadClock::of_this_thread() {
                // Nobody else sets it.
                let _ = state.clock.set(clock);
            }
        });
        worker
    }

    /// Its place among the workers; shard k lives on number k.
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// Connections that it has or is about to have.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Percent of its time that it has lately been at work.
    pub(super) fn busy(&self) -> u32 {
        self.0.busy.load(Ordering::Relaxed)
    }

    pub(super) fn set_busy(&self, percent: u32) {
        self.0.busy.store(percent, Ordering::Relaxed);
    }

    /// Whether it may be given connections at all: the first, those that carry some, and others if a processor is free for them.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn set_open(&self, is_open: bool) {
        self.0.is_open.store(is_open, Ordering::Relaxed);
    }

    /// Processor time that it has used, where the system tells.
    pub(super) fn time(&self) -> Option<Duration> {
        self.0.clock.get()?.time()
    }

    /// A place on it.
    pub fn seat(&self) -> Seat {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        Seat(self.clone())
    }
}

impl Seat {
    /// Has a connection begun on the thread; false = the thread has ended.
    pub fn run(self, begin: impl FnOnce(Shards, Seat) + Send + 'static) -> bool {
        let worker = self.0.clone();
        worker.0.arbiter.spawn_fn(move || {
            if let Some(shards) = SHARDS.with(|shards| shards.borrow().clone()) {
                begin(shards, self);
            }
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
