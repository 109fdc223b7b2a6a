//! What is done to the nodes, and waited for.

use super::super::*;
use super::plan::node;
use super::world::{ABORTS, ASKS, Happening, World};

impl World {
    /// Starts a host, with what it had on its disk.
    pub(super) fn start(&mut self, number: usize) {
        let settings = self.settings();
        let true_ms = self.now;
        let host = &mut self.hosts[number];
        host.start += 1;
        host.is_alive = true;
        host.is_current = false;
        host.leader = None;
        host.claims_since = None;
        host.hears_since.clear();
        host.verdicts.clear();
        host.authority = Authority::No(Reason::NotPrimary);
        host.failover = Failover::new(host.node, host.start, settings, host.now(true_ms));
        let (own, start) = (host.own, host.start);
        if !self.hosts[number].is_reading {
            self.tell(number, Event::Own(own));
        }
        self.changed(number);
        let at = true_ms + self.dice.below(25);
        self.plan(
            at,
            Happening::Tick {
                host: number,
                start,
            },
        );
        for other in 0..self.hosts.len() {
            if other != number && self.hosts[other].is_alive {
                self.link(number, other, true);
                self.link(other, number, true);
            }
        }
    }

    /// kill -9: links break at once.
    pub(super) fn kill(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        host.is_alive = false;
        host.frozen_at = None;
        host.backlog.clear();
        host.is_asked = false;
        host.paused = None;
        for other in 0..self.hosts.len() {
            if other != number && self.hosts[other].is_alive {
                self.link(other, number, false);
            }
        }
    }

    pub(super) fn freeze(&mut self, number: usize) {
        if self.hosts[number].is_awake() {
            self.hosts[number].frozen_at = Some(self.now);
        }
    }

    pub(super) fn thaw(&mut self, number: usize) {
        let true_ms = self.now;
        let host = &mut self.hosts[number];
        let Some(at) = host.frozen_at.take() else {
            return;
        };
        let is_given = host.authority.is_given(host.now(true_ms).ms);
        if is_given && true_ms > at + LEASE_MS + 20 && self.electorate.can_lose_one() {
            self.blame(format!("host {number} acts after a sleep"));
        }
        self.seen.thawed += 1;
        for event in std::mem::take(&mut self.hosts[number].backlog) {
            self.tell(number, event);
        }
    }

    /// The link to `other` is up or down, as `number` sees it.
    pub(super) fn link(&mut self, number: usize, other: usize, is_up: bool) {
        let node = self.hosts[other].node;
        let event = match is_up {
            true => Event::LinkUp { node },
            false => Event::LinkLost { node },
        };
        let at = self.now + self.dice.below(10);
        self.plan(at, Happening::Deliver { to: number, event });
    }

    /// Cuts all that goes from one to the other.
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.cuts.insert((from, to));
    }

    pub(super) fn heal(&mut self) {
        self.cuts.clear();
        self.loss_percent = 0;
        self.is_log_slow = false;
        for number in 0..self.hosts.len() {
            match self.hosts[number].is_alive {
                true => self.thaw(number),
                false => self.start(number),
            }
        }
    }

    /// CLUSTER FAILOVER.
    pub(super) fn ask(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        if host.is_awake() && !host.is_asked {
            host.is_asked = true;
            host.outcome = None;
            self.tell(number, Event::Wish { client: ASKS });
        }
    }

    /// CLUSTER FAILOVER ABORT.
    pub(super) fn abort(&mut self, number: usize) {
        self.hosts[number].aborted = None;
        self.tell(number, Event::Abort { client: ABORTS });
    }

    /// The host wants to end, but for the end itself.
    pub(super) fn depart(&mut self, number: usize, patience_ms: u64) {
        self.hosts[number].departed = None;
        self.tell(number, Event::Depart { patience_ms });
    }

    /// Only these vote, all know.
    pub(super) fn set_voters(&mut self, numbers: &[usize]) {
        self.electorate = Electorate::settled(numbers.iter().map(|&number| node(number)));
        for number in 0..self.hosts.len() {
            self.hosts[number].electorate = self.electorate.clone();
            self.changed(number);
        }
    }

    /// Both directions.
    pub(super) fn separate(&mut self, one: usize, other: usize) {
        self.cut(one, other);
        self.cut(other, one);
    }

    /// Plays until something is true; the milliseconds that it took.
    #[track_caller]
    pub(super) fn until(&mut self, at_most: u64, is_true: impl Fn(&World) -> bool) -> u64 {
        let from = self.now;
        while !is_true(self) {
            assert!(self.now < from + at_most, "it is not true in time");
            self.run(self.now + 2);
            assert_eq!(self.broken, None);
        }
        self.now - from
    }

    /// The host ends, and starts without its data.
    pub(super) fn lose_data(&mut self, number: usize) {
        self.kill(number);
        let own = &mut self.hosts[number].own;
        own.is_whole = false;
        own.position = Position::default();
        self.start(number);
    }
}
