//! What waits while the disk has something to keep.

use super::{Event, Machine};
use crate::topology::Refusal;

/// Events that wait for the disk; the rest is as lost as if the network had lost it.
const INBOX_MAX: usize = 4096;

impl Machine {
    /// What has waited for the disk, if that is free.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        if self.pending.is_some() {
            return None;
        }
        match self.ticks.checked_sub(1) {
            Some(rest) => {
                self.ticks = rest;
                Some(Event::Tick)
            }
            None => self.inbox.pop_front(),
        }
    }

    pub(super) fn defer(&mut self, event: Event) {
        if self.inbox.len() < INBOX_MAX {
            self.inbox.push_back(event);
            return;
        }
        match event {
            Event::Propose { client, .. }
            | Event::Meet { client, .. }
            | Event::Reset { client, .. }
            | Event::Force { client, .. } => {
                let text = "TRYAGAIN The node has too much to write down";
                self.answer(client, Err(Refusal(text.to_owned())));
            }
            _ => self.dropped += 1,
        }
    }
}
