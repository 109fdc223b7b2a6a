//! Keys that somebody waits for.

use std::mem;

use super::Db;

impl Db {
    /// Somebody waits for `key` to be made; every [`Db::wait_for`] is undone by one [`Db::wait_no_more`].
    pub fn wait_for(&mut self, key: &[u8]) {
        *self.waiting.entry(key.to_vec()).or_default() += 1;
    }

    /// See [`Db::wait_for`].
    pub fn wait_no_more(&mut self, key: &[u8]) {
        if let Some(count) = self.waiting.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(key);
            }
        }
    }

    /// Keys that somebody waits for and that were made since the last call, in the order of their making.
    pub fn drain_ready(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.ready)
    }

    #[inline]
    pub(super) fn announce(&mut self, key: &[u8]) {
        if !self.waiting.is_empty() && self.waiting.contains_key(key) {
            self.ready.push(key.to_vec());
        }
    }

    /// Whoever waits is told of the keys that are there now.
    pub(super) fn announce_all(&mut self) {
        let there = self.waiting.keys();
        let there = there.filter(|key| self.tables.get(key).is_some());
        self.ready.extend(there.cloned());
    }
}
