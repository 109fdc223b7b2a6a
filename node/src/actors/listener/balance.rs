//! Which worker carries which connection.
//!
//! The shard lives on worker 0: whoever is carried by it reaches the keys without a message, so all are, as long as that
//! thread has time. A thread that has none passes some of its connections on to the next one, and gets them back when
//! they fit again. Nothing is passed on unless a processor has as much time to spare as the thread has used: a message between
//! threads costs more than they gain that share what others have left.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::Recipient;
use tracing::debug;

use super::workers::Worker;
use crate::actors::connection::messages::Move;
use crate::actors::lifeline::ChildExited;
use crate::clients::Client;
use crate::moment::now_ms;
use crate::node::Node;
use crate::stats::process;

/// How often the threads are looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// Of the connections of a busy thread that are in use, every so many-th is passed on at a time.
const PART: usize = 4;
/// Looks in a row that must find room before connections are brought back.
const CALM: u32 = 20;
/// Connections moved at a time at most.
const MOVES: usize = 256;

/// What was seen at the last look.
pub(super) struct Balance {
    workers: Vec<Worker>,
    at: Instant,
    times: Vec<Option<Duration>>,
    /// Percent.
    busy: Vec<u32>,
    idle: Option<Duration>,
    /// Percent of one processor.
    spare: u32,
    calm: u32,
}

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shift {
    /// Some of the connections of a worker go to another one.
    Relieve { from: usize, to: usize },
    /// All of them go back.
    Return { from: usize, to: usize },
}

/// The worker for a new connection: the first that has time, or, if none has, that with the fewest connections.
pub(super) fn choose(workers: &[Worker], limit: u32) -> Option<&Worker> {
    let open = || {
        let all = workers.iter();
        all.filter(move |worker| limit == 0 || worker.is_open())
    };
    let free = open().find(|worker| worker.busy() < limit);
    free.or_else(|| open().min_by_key(|worker| worker.connections()))
}

impl Balance {
    pub(super) fn new(workers: Vec<Worker>) -> Self {
        Balance {
            at: Instant::now(),
            times: workers.iter().map(Worker::time).collect(),
            busy: vec![0; workers.len()],
            idle: process::idle_time(),
            spare: 0,
            calm: 0,
            workers,
        }
    }

    /// Measures, and has connections moved if that helps.
    pub(super) fn look(&mut self, node: &Node, parent: &Recipient<ChildExited>) {
        if self.workers.len() < 2 {
            return;
        }
        let limit = node.params().thread_busy_limit;
        let has_spare = self.measure(limit);
        let busy: Vec<u32> = self.workers.iter().map(Worker::busy).collect();
        let seats: Vec<usize> = self.workers.iter().map(Worker::connections).collect();
        let shift = shift(&busy, &seats, has_spare, limit);
        self.calm = match shift {
            Some(Shift::Return { .. }) => self.calm + 1,
            _ => 0,
        };
        let (chosen, to) = match shift {
            Some(Shift::Relieve { from, to }) => (some_of(active(node, from)), to),
            Some(Shift::Return { from, to }) if self.calm >= CALM => (carried_by(node, from), to),
            _ => return,
        };
        debug!(
            ?shift,
            ?busy,
            connections = chosen.len(),
            "connections move"
        );
        for client in chosen.iter().take(MOVES) {
            client.relocate(Move {
                worker: self.workers[to].clone(),
                parent: parent.clone(),
            });
        }
    }

    /// A thread counts as busy as in the less busy of the last two intervals: one slow command says nothing. So do processors:
    /// returns whether one has as much to spare as the limit says.
    fn measure(&mut self, limit: u32) -> bool {
        let elapsed = self.at.elapsed().max(Duration::from_millis(1));
        self.at += elapsed;
        let idle = process::idle_time();
        let unused = idle.zip(self.idle);
        let unused = unused.map(|(now, before)| now.saturating_sub(before));
        // Where the system does not tell, there is one.
        let spare = unused.map_or(100, |unused| percent(unused, elapsed));
        let has_spare = spare.min(self.spare) >= limit;
        (self.idle, self.spare) = (idle, spare);
        for (number, worker) in self.workers.iter().enumerate() {
            let time = worker.time();
            let used = time
                .zip(self.times[number])
                .map(|(now, before)| now.saturating_sub(before));
            // Where the system does not tell, nobody is known to have time: all threads get equally many connections.
            let busy = used.map_or(100, |used| percent(used, elapsed));
            worker.set_busy(busy.min(self.busy[number]));
            worker.set_open(number == 0 || worker.connections() > 0 || has_spare);
            (self.times[number], self.busy[number]) = (time, busy);
        }
        has_spare
    }
}

fn percent(part: Duration, whole: Duration) -> u32 {
    (part.as_secs_f64() / whole.as_secs_f64() * 100.0) as u32
}

fn shift(busy: &[u32], seats: &[usize], has_spare: bool, limit: u32) -> Option<Shift> {
    if let Some(from) = busy.iter().position(|busy| *busy >= limit) {
        if !has_spare {
            return None;
        }
        let to = (from + 1..busy.len()).find(|to| busy[*to] < limit)?;
        return Some(Shift::Relieve { from, to });
    }
    let from = (1..seats.len()).rfind(|worker| seats[*worker] > 0)?;
    // Two thirds of the limit: else they would soon be moved again.
    let to = (0..from).find(|to| busy[*to] + busy[from] < limit * 2 / 3)?;
    Some(Shift::Return { from, to })
}

/// Of several, for a single one would gain nothing.
fn some_of(clients: Vec<Arc<Client>>) -> Vec<Arc<Client>> {
    match clients.len() {
        0 | 1 => Vec::new(),
        _ => clients.into_iter().step_by(PART).collect(),
    }
}

fn carried_by(node: &Node, worker: usize) -> Vec<Arc<Client>> {
    let mut clients = node.clients.all();
    clients.retain(|client| client.worker.load(Ordering::Relaxed) == worker);
    clients
}

/// Those that have lately asked for anything.
fn active(node: &Node, worker: usize) -> Vec<Arc<Client>> {
    let since = now_ms() - 2 * INTERVAL.as_millis() as i64;
    let mut clients = carried_by(node, worker);
    clients.retain(|client| client.active_ms.load(Ordering::Relaxed) >= since);
    clients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_passes_on_to_the_next_that_has_time() {
        let relieve = |from, to| Some(Shift::Relieve { from, to });
        assert_eq!(shift(&[89, 0], &[50, 0], true, 90), None);
        assert_eq!(shift(&[90, 0], &[50, 0], true, 90), relieve(0, 1));
        assert_eq!(shift(&[90, 95, 10], &[9, 9, 0], true, 90), relieve(0, 2));
        assert_eq!(shift(&[70, 95, 10], &[9, 9, 0], true, 90), relieve(1, 2));
        assert_eq!(shift(&[99, 99], &[9, 9], true, 90), None, "nobody has time");
        assert_eq!(
            shift(&[70, 95], &[9, 9], true, 90),
            None,
            "only the next ones help"
        );
    }

    #[test]
    fn nothing_is_passed_on_where_no_processor_is_free() {
        assert_eq!(shift(&[95, 0], &[50, 0], false, 90), None);
        let back = Some(Shift::Return { from: 1, to: 0 });
        assert_eq!(shift(&[20, 10], &[9, 9], false, 90), back);
    }

    #[test]
    fn connections_come_back_when_they_fit_well() {
        let back = |from, to| Some(Shift::Return { from, to });
        assert_eq!(shift(&[40, 20], &[9, 9], true, 90), None);
        assert_eq!(shift(&[40, 19], &[9, 9], true, 90), back(1, 0));
        assert_eq!(shift(&[40, 19], &[9, 0], true, 90), None, "there are none");
        assert_eq!(shift(&[59, 30, 10], &[9, 9, 9], true, 90), back(2, 1));
    }

    #[test]
    fn without_a_limit_nothing_moves() {
        assert_eq!(shift(&[0, 0], &[9, 9], true, 0), None);
        assert_eq!(shift(&[100, 0], &[9, 9], true, 0), None);
    }
}
