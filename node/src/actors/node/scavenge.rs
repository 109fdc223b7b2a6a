//! Memory that nobody uses any more goes back to the system.
//!
//! The allocator keeps what is freed, and gives it back only while more is allocated and freed. So a node that was full once,
//! or was busy with a client that wanted much, would hold that memory for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use actix::{AsyncContext, Context};
use tracing::warn;

use super::NodeActor;
use crate::memory;
use crate::node::Node;
use crate::stats::process::resident_memory;

const INTERVAL: Duration = Duration::from_secs(1);
/// So many looks in a row must see the memory free: what was freed is often wanted again soon, and to get it from the system
/// costs more than to use it.
const LOOKS: usize = 3;
/// So much is free at any time, so that not every round of freeing and allocating goes to the system.
const SLACK: usize = 16 << 20;
/// The same as a part of what is used.
const SLACK_PART: usize = 4;
/// So much of what could not be given back is forgotten at each look: after a quarter of a minute it is asked for again.
const FORGOTTEN: usize = SLACK / 16;

/// What is known of the last time.
#[derive(Debug, Default)]
struct Scavenger {
    /// What remained resident beyond what was used: pages that are used in part cannot be given back, and asking again at
    /// once would not help. It is forgotten little by little, for what was freed meanwhile may have been counted with it.
    remained: AtomicUsize,
    is_busy: AtomicBool,
}

/// Looks once a second whether much memory is free.
pub(super) fn keep_house(node: &Arc<Node>, ctx: &mut Context<NodeActor>) {
    let purge = node.origin.allocator.purge;
    let scavenger = Arc::new(Scavenger::default());
    let mut looks = Looks::default();
    ctx.run_interval(INTERVAL, move |_, _| {
        let Some(free) = free_memory() else {
            return;
        };
        if scavenger.is_due(looks.least(free), memory::used()) {
            scavenge(&scavenger, purge);
        }
    });
}

/// On a thread of its own: to give back a gigabyte takes as long as many heartbeats.
fn scavenge(scavenger: &Arc<Scavenger>, purge: fn()) {
    let mine = scavenger.clone();
    let work = move || {
        purge();
        mine.done(free_memory().unwrap_or(0));
    };
    if let Err(error) = thread::Builder::new().name("scavenger".into()).spawn(work) {
        warn!(%error, "no thread to give memory back");
        scavenger.done(0);
    }
}

/// Bytes of the process that nobody uses; none where the system does not say.
fn free_memory() -> Option<usize> {
    Some(resident_memory()?.saturating_sub(memory::used()))
}

/// Bytes that were free at the last looks; nothing before the first.
#[derive(Debug, Default)]
struct Looks([usize; LOOKS]);

impl Looks {
    /// What was free at all of them, this one included.
    fn least(&mut self, free: usize) -> usize {
        self.0.rotate_left(1);
        self.0[LOOKS - 1] = free;
        self.0.into_iter().min().unwrap_or(0)
    }
}

impl Scavenger {
    /// Whether so much is free that it is worth while; if so, nothing is due again until [`Scavenger::done`].
    fn is_due(&self, free: usize, used: usize) -> bool {
        let remained = self
            .remained
            .load(Ordering::Relaxed)
            .saturating_sub(FORGOTTEN)
            .min(free);
        self.remained.store(remained, Ordering::Relaxed);
        free - remained > SLACK + used / SLACK_PART && !self.is_busy.swap(true, Ordering::Relaxed)
    }

    fn done(&self, remained: usize) {
        self.remained.store(remained, Ordering::Relaxed);
        self.is_busy.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;

    #[test]
    fn only_what_was_free_at_all_looks_counts() {
        let mut looks = Looks::default();
        for _ in 1..LOOKS {
            assert_eq!(looks.least(500 * MB), 0);
        }
        assert_eq!(looks.least(400 * MB), 400 * MB);
        assert_eq!(looks.least(30 * MB), 30 * MB);
        for _ in 1..LOOKS {
            assert_eq!(looks.least(500 * MB), 30 * MB);
        }
        assert_eq!(looks.least(500 * MB), 500 * MB);
    }

    #[test]
    fn much_free_memory_is_due_once_until_it_is_done() {
        let scavenger = Scavenger::default();
        assert!(!scavenger.is_due(16 * MB, 100 * MB));
        assert!(!scavenger.is_due(41 * MB, 100 * MB));
        assert!(scavenger.is_due(42 * MB, 100 * MB));
        assert!(!scavenger.is_due(42 * MB, 100 * MB));
        scavenger.done(10 * MB);
        assert!(!scavenger.is_due(50 * MB, 100 * MB));
        assert!(scavenger.is_due(51 * MB, 100 * MB));
    }

    #[test]
    fn what_could_not_be_given_back_is_asked_for_later() {
        let scavenger = Scavenger::default();
        assert!(scavenger.is_due(500 * MB, 0));
        scavenger.done(400 * MB);
        let rounds = (1..).find(|_| scavenger.is_due(400 * MB, 0));
        assert_eq!(rounds, Some(17));
    }

    #[test]
    fn what_could_not_be_given_back_is_not_asked_for_at_once() {
        let scavenger = Scavenger::default();
        assert!(scavenger.is_due(400 * MB, 100 * MB));
        scavenger.done(300 * MB);
        assert!(!scavenger.is_due(300 * MB, 100 * MB));
        assert!(
            scavenger.is_due(340 * MB, 60 * MB),
            "more has been freed since"
        );
        scavenger.done(340 * MB);
        // It was used or given back meanwhile: the new level counts.
        assert!(!scavenger.is_due(10 * MB, 390 * MB));
        assert!(scavenger.is_due(300 * MB, 100 * MB));
    }
}
