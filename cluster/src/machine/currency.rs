//! Whether a node knows what its cluster has decided. What it finds on its disk at a start may be old by then: the others may
//! have chosen another primary meanwhile. So it asks the leader how far the log is decided, who asks a majority in turn, and
//! applies as much. Questions and answers may be lost, so it asks until it knows.

use super::Machine;
use crate::raft::state::{decode, encode};
use crate::switches::{Rule, is_off};
use crate::topology::RaftId;

/// Ticks between two questions (150 ms).
const ASK_AGAIN: u32 = 6;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Currency {
    is_current: bool,
    /// Counts the questions since the start.
    asked: u64,
    /// How many of them were about earlier logs.
    before: u64,
    /// Ticks since the last question; none = it is due.
    age: Option<u32>,
    /// What was decided when one of the questions arrived.
    decided: Option<u64>,
}

impl Currency {
    /// The log is another one.
    pub(super) fn begin(&mut self) {
        *self = Currency {
            asked: self.asked,
            before: self.asked,
            ..Currency::default()
        };
    }

    /// Somebody else leads.
    pub(super) fn hurry(&mut self) {
        self.age = None;
    }
}

impl Machine {
    /// Whether [`Machine::topology`] was the committed one at some moment since the start and since the node has its log.
    pub fn is_current(&self) -> bool {
        self.currency.is_current
    }

    pub(super) fn tick_currency(&mut self) {
        if self.currency.is_current || !self.knows_the_log() {
            return;
        }
        let age = self.currency.age.map_or(ASK_AGAIN, |age| age + 1);
        self.currency.age = Some(age % ASK_AGAIN);
        if age >= ASK_AGAIN {
            self.currency.asked += 1;
            let question = (self.engine.id(), self.identity.start, self.currency.asked);
            self.engine.ask_index(encode(&question));
        }
    }

    /// A question was answered.
    pub(super) fn learn_index(&mut self, question: &[u8], index: u64) {
        let Ok((id, start, number)) = decode::<(RaftId, u64, u64)>(question) else {
            return;
        };
        let is_own = id == self.engine.id() && start == self.identity.start;
        if is_own && number > self.currency.before {
            self.currency.decided.get_or_insert(index);
        }
    }

    /// Whether something has made it so.
    pub(super) fn look_at_currency(&mut self) {
        let applied = self.engine.log().applied();
        let decided = self.currency.decided;
        let is_reached = decided.is_some_and(|decided| applied >= decided)
            || (is_off(Rule::CurrencyIsAsked) && self.knows_the_log());
        if !self.currency.is_current && (is_reached || self.engine.decides_alone()) {
            self.currency.is_current = true;
            self.effects.push(super::Effect::Changed);
        }
    }
}
