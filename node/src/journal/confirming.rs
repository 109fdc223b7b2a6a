//! How far replicas have confirmed the stream, and when nobody waits for that any more.
//!
//! A reply waits for the offset after its batch, in the reign in which the batch began. A reign ends when the node is to lead no
//! more, or was to have more replicas than it has: what was not confirmed by then is confirmed by nobody, whatever comes later.

use std::sync::atomic::Ordering;

use super::{Demand, Journal};

/// Nobody is waited for.
const NOBODY: u64 = u64::MAX;

/// What a batch's replies wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Up to here the journal must be safe.
    pub offset: u64,
    /// The reign in which the batch began.
    pub reign: u64,
}

/// What becomes of a reply that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may leave.
    Safe,
    /// It must wait.
    Waits,
    /// Nobody will ever know.
    Uncertain,
}

impl Journal {
    /// How often a reign has ended.
    #[inline]
    pub fn reign(&self) -> u64 {
        self.reign.load(Ordering::Acquire)
    }

    /// Whether replies wait for replicas.
    #[inline]
    pub fn awaits_replicas(&self) -> bool {
        self.confirmed.load(Ordering::Acquire) != NOBODY
    }

    /// What is not confirmed yet will never be.
    pub fn end_reign(&self) {
        let _inner = self.lock();
        // In this order: whoever sees what is confirmed from here on sees that it is another reign.
        self.reign.fetch_add(1, Ordering::AcqRel);
        self.confirmed.store(0, Ordering::Release);
    }

    /// From now on replicas are waited for. What was appended before may have been answered already.
    pub fn await_replicas(&self) {
        let inner = self.lock();
        let end = inner.backlog.end();
        // Whoever appends after this does not see any more that nobody is waited for.
        let _ = self
            .confirmed
            .compare_exchange(NOBODY, end, Ordering::AcqRel, Ordering::Acquire);
    }

    /// From now on nobody is waited for.
    pub fn await_nobody(&self) {
        self.confirmed.store(NOBODY, Ordering::Release);
    }

    /// All that are waited for have everything up to `offset`. Whether that is news.
    pub fn confirm(&self, offset: u64) -> bool {
        self.confirmed.fetch_max(offset, Ordering::AcqRel) < offset
    }

    /// Up to where the stream is confirmed; none = nobody is asked.
    pub fn confirmed(&self) -> Option<u64> {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        (confirmed != NOBODY).then_some(confirmed)
    }

    /// What becomes of a reply that waits for `awaited`.
    #[inline]
    pub fn verdict(&self, demand: Demand, awaited: Awaited) -> Verdict {
        let is_met = self.meets(demand, awaited.offset);
        match awaited.reign == self.reign() {
            false => Verdict::Uncertain,
            true if is_met => Verdict::Safe,
            true => Verdict::Waits,
        }
    }

    /// Up to where this node itself would have everything again after whatever `demand` is about.
    pub fn safe_offset(&self, demand: Demand) -> u64 {
        let offset = self.offset();
        let mark = match demand {
            Demand::Nothing => return offset,
            _ if !self.has_log() => return offset,
            Demand::Written => &self.written,
            Demand::Synced => &self.synced,
        };
        mark.load(Ordering::Acquire).min(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::journal;
    use super::*;

    fn verdict(journal: &Journal, reign: u64, offset: u64) -> Verdict {
        journal.verdict(Demand::Nothing, Awaited { offset, reign })
    }

    #[test]
    fn replies_wait_for_replicas_while_there_are_some_to_wait_for() {
        let journal = journal();
        journal.append(b"12345");
        assert!(!journal.awaits_replicas());
        assert_eq!(verdict(&journal, 0, 5), Verdict::Safe);
        journal.await_replicas();
        journal.append(b"678");
        assert_eq!(journal.confirmed(), Some(5));
        assert_eq!(verdict(&journal, 0, 5), Verdict::Safe, "it may have left");
        assert_eq!(verdict(&journal, 0, 8), Verdict::Waits);
        assert!(journal.confirm(8) && !journal.confirm(7));
        assert_eq!(verdict(&journal, 0, 8), Verdict::Safe);
        journal.append(b"9");
        journal.await_nobody();
        assert_eq!(verdict(&journal, 0, 9), Verdict::Safe);
    }

    #[test]
    fn what_was_not_confirmed_in_its_reign_never_is() {
        let journal = journal();
        journal.await_replicas();
        journal.append(b"12345");
        journal.end_reign();
        assert_eq!(verdict(&journal, 0, 5), Verdict::Uncertain);
        assert_eq!(
            verdict(&journal, 1, 5),
            Verdict::Waits,
            "nothing was confirmed"
        );
        journal.await_nobody();
        assert_eq!(verdict(&journal, 0, 5), Verdict::Uncertain);
        assert_eq!(verdict(&journal, 1, 5), Verdict::Safe);
    }

    #[test]
    fn a_replica_has_for_good_what_its_own_replies_would_wait_for() {
        let journal = journal();
        journal.append(b"12345");
        assert_eq!(journal.safe_offset(Demand::Written), 5, "nobody writes it");
        journal.set_written(true);
        journal.append(b"678");
        assert_eq!(journal.safe_offset(Demand::Nothing), 8);
        assert_eq!(journal.safe_offset(Demand::Written), 5);
        journal.advance(8, false);
        assert_eq!(journal.safe_offset(Demand::Written), 8);
        assert_eq!(journal.safe_offset(Demand::Synced), 5);
    }
}
