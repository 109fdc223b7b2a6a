//! What the threads of the connections count. Each thread has a cell of its own, so that counting is a plain addition.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bump;

/// See the module.
#[derive(Debug)]
pub struct Traffic {
    cells: Box<[Cell]>,
    /// Connections let in and refused; counted by the listener.
    pub doors: Doors,
}

/// The counters of one thread; nobody else writes them. A cache line of its own, for others are written all the time.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Cell {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    protocol_errors: AtomicU64,
    query_limit: AtomicU64,
    output_limit: AtomicU64,
}

/// See [`Traffic::doors`].
#[derive(Debug, Default)]
pub struct Doors {
    accepted: AtomicU64,
    refused: AtomicU64,
}

/// All counters at one time, or what they have gained since another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Reads that brought something.
    pub reads: u64,
    /// Replies handed to the system.
    pub writes: u64,
    /// Of the reads, those of threads without a shard.
    pub threaded_reads: u64,
    /// Of the writes, those of threads without a shard.
    pub threaded_writes: u64,
    /// Requests that could not be parsed.
    pub protocol_errors: u64,
    /// Connections closed because their request was too long.
    pub query_limit: u64,
    /// Connections closed because they did not read their replies.
    pub output_limit: u64,
    /// Connections let in.
    pub accepted: u64,
    /// Connections refused.
    pub refused: u64,
}

impl Traffic {
    /// Nothing has passed yet. `threads` carry connections; the first has the shard.
    pub fn new(threads: usize) -> Self {
        let cells = std::iter::repeat_with(Cell::default).take(threads.max(1));
        Traffic {
            cells: cells.collect(),
            doors: Doors::default(),
        }
    }

    /// The counters of thread `worker`, for that thread alone.
    pub fn of(&self, worker: usize) -> &Cell {
        &self.cells[worker % self.cells.len()]
    }

    /// What all threads have counted.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (worker, cell) in self.cells.iter().enumerate() {
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let (reads, writes) = (read(&cell.reads), read(&cell.writes));
            totals.bytes_in += read(&cell.bytes_in);
            totals.bytes_out += read(&cell.bytes_out);
            totals.reads += reads;
            totals.writes += writes;
            if worker > 0 {
                totals.threaded_reads += reads;
                totals.threaded_writes += writes;
            }
            totals.protocol_errors += read(&cell.protocol_errors);
            totals.query_limit += read(&cell.query_limit);
            totals.output_limit += read(&cell.output_limit);
        }
        totals.accepted = self.doors.accepted.load(Ordering::Relaxed);
        totals.refused = self.doors.refused.load(Ordering::Relaxed);
        totals
    }
}

impl Cell {
    /// A read brought `bytes`.
    #[inline]
    pub fn read(&self, bytes: u64) {
        bump(&self.bytes_in, bytes);
        bump(&self.reads, 1);
    }

    /// Replies of `bytes` were handed on.
    #[inline]
    pub fn wrote(&self, bytes: u64) {
        bump(&self.bytes_out, bytes);
        bump(&self.writes, 1);
    }

    /// A request could not be parsed.
    pub fn protocol_error(&self) {
        bump(&self.protocol_errors, 1);
    }

    /// A connection is closed because its request is too long.
    pub fn query_too_long(&self) {
        bump(&self.query_limit, 1);
    }

    /// A connection is closed because it does not read its replies.
    pub fn output_too_long(&self) {
        bump(&self.output_limit, 1);
    }
}

impl Doors {
    /// A connection is let in.
    pub fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is refused.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Totals {
    /// What was counted since `earlier`.
    pub fn since(self, earlier: Totals) -> Totals {
        Totals {
            bytes_in: self.bytes_in - earlier.bytes_in,
            bytes_out: self.bytes_out - earlier.bytes_out,
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
            threaded_reads: self.threaded_reads - earlier.threaded_reads,
            threaded_writes: self.threaded_writes - earlier.threaded_writes,
            protocol_errors: self.protocol_errors - earlier.protocol_errors,
            query_limit: self.query_limit - earlier.query_limit,
            output_limit: self.output_limit - earlier.output_limit,
            accepted: self.accepted - earlier.accepted,
            refused: self.refused - earlier.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_of_all_threads_add_up() {
        let traffic = Traffic::new(2);
        traffic.of(0).read(100);
        traffic.of(1).read(20);
        traffic.of(1).wrote(7);
        traffic.doors.accept();
        let totals = traffic.totals();
        assert_eq!((totals.bytes_in, totals.reads), (120, 2));
        assert_eq!((totals.threaded_reads, totals.threaded_writes), (1, 1));
        traffic.of(0).read(1);
        let gained = traffic.totals().since(totals);
        assert_eq!(
            (gained.bytes_in, gained.bytes_out, gained.accepted),
            (1, 0, 0)
        );
    }
}
