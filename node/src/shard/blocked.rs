//! Clients that wait in a blocking command, first come, first served.

use std::collections::{BTreeSet, HashMap, VecDeque};

use almandine_storage::Databases;

use super::waiting::Waiting;
use crate::session::Session;

type Key = (usize, Vec<u8>);

/// The blocked clients of a shard.
#[derive(Debug, Default)]
pub struct Blocked {
    clients: HashMap<u64, Waiter>,
    queues: HashMap<Key, VecDeque<u64>>,
    deadlines: BTreeSet<(i64, u64)>,
    /// Those that wait for acknowledgements.
    acknowledgements: BTreeSet<u64>,
}

/// One of them.
#[derive(Debug)]
pub struct Waiter {
    /// What waits, and for what.
    pub waiting: Waiting,
    /// The connection as it was when it began to wait; it changes nothing while it waits.
    pub session: Session,
}

impl Waiter {
    /// Whether CLIENT UNBLOCK ends it: keys that are on their way to another server cannot be called back.
    pub fn may_give_up(&self) -> bool {
        let wait = &self.waiting.wait;
        !wait.keys.is_empty() || wait.acknowledgements.is_some()
    }

    /// It waits no more: its keys need not be watched for it, and others see it so.
    pub fn stop_waiting(&self, dbs: &mut Databases) {
        let db = &mut dbs[self.session.db];
        let keys = &self.waiting.wait.keys;
        keys.iter().for_each(|key| db.wait_no_more(key));
        let mut profile = self.session.client.profile();
        (profile.blocked, profile.blocked_memory) = (false, 0);
    }
}

impl Blocked {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// Whether this client waits.
    pub fn contains(&self, client: u64) -> bool {
        self.clients.contains_key(&client)
    }

    /// A client begins to wait, last in the queue of each of its keys.
    pub fn add(&mut self, client: u64, waiter: Waiter) {
        for key in &waiter.waiting.wait.keys {
            self.queues
                .entry((waiter.session.db, key.clone()))
                .or_default()
                .push_back(client);
        }
        if let Some(deadline) = waiter.waiting.wait.deadline_ms {
            self.deadlines.insert((deadline, client));
        }
        if waiter.waiting.wait.acknowledgements.is_some() {
            self.acknowledgements.insert(client);
        }
        self.clients.insert(client, waiter);
    }

    /// A client waits no more.
    pub fn remove(&mut self, client: u64) -> Option<Waiter> {
        let waiter = self.clients.remove(&client)?;
        for key in &waiter.waiting.wait.keys {
            let key = (waiter.session.db, key.clone());
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.retain(|waiting| *waiting != client);
                if queue.is_empty() {
                    self.queues.remove(&key);
                }
            }
        }
        if let Some(deadline) = waiter.waiting.wait.deadline_ms {
            self.deadlines.remove(&(deadline, client));
        }
        self.acknowledgements.remove(&client);
        Some(waiter)
    }

    /// Who waits for a key, longest first.
    pub fn queue(&self, db: usize, key: &[u8]) -> Vec<u64> {
        self.queues
            .get(&(db, key.to_vec()))
            .map(|queue| queue.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Who waits for keys or for acknowledgements.
    pub fn who_wait_for_data(&self) -> Vec<u64> {
        let clients = self.clients.iter();
        let clients = clients.filter(|(_, waiter)| waiter.may_give_up());
        clients.map(|(client, _)| *client).collect()
    }

    /// Who waits for acknowledgements.
    pub fn who_wait_for_acknowledgements(&self) -> Vec<u64> {
        self.acknowledgements.iter().copied().collect()
    }

    /// How many do.
    pub fn acknowledgement_count(&self) -> usize {
        self.acknowledgements.len()
    }

    /// The keys of `db` for which somebody waits.
    pub fn keys_of(&self, db: usize) -> Vec<Vec<u8>> {
        self.queues
            .keys()
            .filter(|key| key.0 == db)
            .map(|key| key.1.clone())
            .collect()
    }

    /// The one who waits.
    pub fn get(&self, client: u64) -> Option<&Waiter> {
        self.clients.get(&client)
    }

    /// The one who waits.
    pub fn get_mut(&mut self, client: u64) -> Option<&mut Waiter> {
        self.clients.get_mut(&client)
    }

    /// How many different keys are waited for.
    pub fn key_count(&self) -> usize {
        self.queues.len()
    }

    /// How many wait no longer than a deadline.
    pub fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }

    /// The earliest deadline, Unix time in milliseconds.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The clients whose time is up, earliest first.
    pub fn overdue(&self, now_ms: i64) -> Vec<u64> {
        self.deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now_ms)
            .map(|(_, client)| *client)
            .collect()
    }
}
