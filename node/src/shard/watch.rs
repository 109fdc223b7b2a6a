//! WATCH: which clients watch which keys, and whose transaction must fail.

use std::collections::{HashMap, HashSet};

/// Keys are `(number of the database, key)`.
type Key = (usize, Vec<u8>);

/// The watched keys of a shard.
#[derive(Debug, Default)]
pub struct Watches {
    by_key: HashMap<Key, HashSet<u64>>,
    by_client: HashMap<u64, Watcher>,
}

#[derive(Debug, Default)]
struct Watcher {
    keys: Vec<Key>,
    /// One of the keys has changed.
    broken: bool,
}

impl Watches {
    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.by_client.is_empty()
    }

    /// Number of clients that watch keys, and of different keys that are watched.
    pub fn counts(&self) -> (usize, usize) {
        (self.by_client.len(), self.by_key.len())
    }

    /// `client` watches `key` from now on; returns how many keys it watches.
    pub fn watch(&mut self, client: u64, db: usize, key: &[u8]) -> usize {
        let watcher = self.by_client.entry(client).or_default();
        let key = (db, key.to_vec());
        if self.by_key.entry(key.clone()).or_default().insert(client) {
            watcher.keys.push(key);
        }
        watcher.keys.len()
    }

    /// `client` watches nothing any more; says whether one of its keys had changed.
    pub fn unwatch(&mut self, client: u64) -> bool {
        let Some(watcher) = self.by_client.remove(&client) else {
            return false;
        };
        for key in &watcher.keys {
            if let Some(clients) = self.by_key.get_mut(key) {
                clients.remove(&client);
                if clients.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        watcher.broken
    }

    /// A key has changed.
    pub fn touch(&mut self, db: usize, key: Vec<u8>) {
        for client in self.by_key.get(&(db, key)).into_iter().flatten() {
            if let Some(watcher) = self.by_client.get_mut(client) {
                watcher.broken = true;
            }
        }
    }

    /// The keys that `client` watches, with the numbers of their databases.
    pub fn keys_of_client(&self, client: u64) -> Vec<(usize, Vec<u8>)> {
        self.by_client
            .get(&client)
            .map(|watcher| watcher.keys.clone())
            .unwrap_or_default()
    }

    /// The watched keys of a database, for whoever replaces all of it (FLUSHDB, SWAPDB).
    pub fn keys_of(&self, db: usize) -> Vec<Vec<u8>> {
        self.by_key
            .keys()
            .filter(|key| key.0 == db)
            .map(|key| key.1.clone())
            .collect()
    }
}
