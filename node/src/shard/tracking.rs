//! Client-side caching (CLIENT TRACKING): which clients have read which keys, and who is told when one changes.
//!
//! ```text
//!   reads ──▶ readers: key ──▶ clients ──┐ each is told once, and forgotten
//!   writes, expiry, eviction, flushes ───┤
//!             prefixes ──▶ clients ──────┘ told at the end of the batch, all keys in one message (BCAST)
//! ```
//! Keys are the same in every database, as in Redis. A client is told of its own writes behind their replies.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem;
use std::ops::Bound;
use std::sync::Arc;

use almandine_protocol::{Reply, Version};

use super::Outgoing;
use crate::clients::{Client, Clients};
use crate::commands::call::Call;
use crate::commands::keys;
use crate::commands::spec::Flags;

/// Where clients that speak RESP2 hear of keys that have changed.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// What a session remembers of its tracking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tracks {
    /// Nothing.
    #[default]
    Nothing,
    /// All keys it reads.
    Reads,
    /// Those that the command after CLIENT CACHING YES reads; whether that was said.
    OptIn(bool),
    /// All but those that the command after CLIENT CACHING NO reads; whether that was said.
    OptOut(bool),
    /// Keys with certain prefixes, read or not.
    Prefixes,
}

/// The clients of a shard that track keys.
#[derive(Debug, Default)]
pub struct Tracking {
    trackers: HashMap<u64, Tracker>,
    readers: BTreeMap<Vec<u8>, HashSet<u64>>,
    /// Clients in `readers`, each counted once a key.
    items: usize,
    /// The key that was forgotten last because there were too many.
    forgotten: Vec<u8>,
    prefixes: BTreeMap<Vec<u8>, Broadcast>,
    /// Whether keys wait to be broadcast.
    has_news: bool,
}

/// A client that tracks keys.
#[derive(Debug)]
pub struct Tracker {
    client: Arc<Client>,
    /// Who is told in its place.
    pub redirect: Option<u64>,
    /// It is not told of what it has changed itself.
    pub no_loop: bool,
    /// That client is gone.
    pub is_broken: bool,
    /// BCAST.
    pub broadcast: bool,
    /// In order.
    pub prefixes: BTreeSet<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Broadcast {
    listeners: BTreeSet<u64>,
    /// Changed keys, and who has changed each last.
    keys: BTreeMap<Vec<u8>, Option<u64>>,
}

/// What CLIENT TRACKING ON asks for.
#[derive(Debug, Default)]
pub struct Wish {
    /// Who is told in its place.
    pub redirect: Option<u64>,
    /// BCAST
    pub broadcast: bool,
    /// NOLOOP
    pub no_loop: bool,
    /// PREFIX
    pub prefixes: Vec<Vec<u8>>,
}

impl Tracks {
    /// Whether the keys that are read now are remembered.
    fn remembers(self) -> bool {
        match self {
            Tracks::Nothing | Tracks::Prefixes => false,
            Tracks::Reads => true,
            Tracks::OptIn(is_said) => is_said,
            Tracks::OptOut(is_said) => !is_said,
        }
    }

    /// What CLIENT CACHING has said is over.
    fn forget_caching(&mut self) {
        match self {
            Tracks::OptIn(is_said) | Tracks::OptOut(is_said) => *is_said = false,
            _ => {}
        }
    }
}

impl Tracking {
    /// Whether nobody tracks anything.
    pub fn is_empty(&self) -> bool {
        self.trackers.is_empty()
    }

    /// Clients that track.
    pub fn client_count(&self) -> usize {
        self.trackers.len()
    }

    /// Keys that are remembered, clients that have read them (each counted once a key), and prefixes.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.readers.len(), self.items, self.prefixes.len())
    }

    /// How `client` tracks.
    pub fn get(&self, client: u64) -> Option<&Tracker> {
        self.trackers.get(&client)
    }

    /// `client` tracks from now on; prefixes come to those it has.
    pub fn enable(&mut self, client: &Arc<Client>, wish: Wish) {
        let tracker = self.trackers.entry(client.id).or_insert_with(|| Tracker {
            client: client.clone(),
            redirect: None,
            no_loop: false,
            is_broken: false,
            broadcast: false,
            prefixes: BTreeSet::new(),
        });
        tracker.redirect = wish.redirect;
        tracker.no_loop = wish.no_loop;
        tracker.broadcast = wish.broadcast;
        tracker.is_broken = false;
        tracker.show();
        let all = wish.broadcast && wish.prefixes.is_empty();
        for prefix in wish.prefixes.into_iter().chain(all.then(Vec::new)) {
            tracker.prefixes.insert(prefix.clone());
            let broadcast = self.prefixes.entry(prefix).or_default();
            broadcast.listeners.insert(client.id);
        }
    }

    /// `client` tracks nothing any more.
    pub fn disable(&mut self, client: u64) {
        let Some(tracker) = self.trackers.remove(&client) else {
            return;
        };
        tracker.client.profile().tracking = None;
        for prefix in &tracker.prefixes {
            if let Some(broadcast) = self.prefixes.get_mut(prefix) {
                broadcast.listeners.remove(&client);
                if broadcast.listeners.is_empty() {
                    self.prefixes.remove(prefix);
                }
            }
        }
        if self.trackers.is_empty() {
            *self = Tracking::default();
        }
    }

    /// `client` has read `key`.
    pub fn remember(&mut self, client: u64, key: &[u8]) {
        let is_new = match self.readers.get_mut(key) {
            Some(readers) => readers.insert(client),
            None => {
                self.readers.insert(key.to_vec(), HashSet::from([client]));
                true
            }
        };
        self.items += usize::from(is_new);
    }

    /// `key` has changed, or is gone.
    pub fn changed(&mut self, key: &[u8], clients: &Clients, outgoing: &mut Outgoing) {
        let writer = outgoing.running();
        for (prefix, broadcast) in &mut self.prefixes {
            if key.starts_with(prefix) {
                broadcast.keys.insert(key.to_vec(), writer);
                self.has_news = true;
            }
        }
        self.invalidate(key, clients, outgoing);
    }

    fn invalidate(&mut self, key: &[u8], clients: &Clients, outgoing: &mut Outgoing) {
        let Some(readers) = self.readers.remove(key) else {
            return;
        };
        self.items -= readers.len();
        for reader in readers {
            if let Some(tracker) = self.trackers.get_mut(&reader)
                && !tracker.broadcast
                && !(tracker.no_loop && outgoing.running() == Some(reader))
            {
                tracker.tell(&[key], clients, outgoing);
            }
        }
    }

    /// All keys are gone.
    pub fn flushed(&mut self, clients: &Clients, outgoing: &mut Outgoing) {
        for tracker in self.trackers.values_mut() {
            tracker.send(clients, outgoing, |reply| reply.null());
        }
        self.readers.clear();
        self.items = 0;
    }

    /// At most `most` keys are remembered; whoever has read another is told that it is not any more. 0 = no limit.
    pub fn forget_beyond(&mut self, most: u64, clients: &Clients, outgoing: &mut Outgoing) {
        while most > 0 && self.readers.len() as u64 > most {
            let after = (Bound::Excluded(&self.forgotten), Bound::Unbounded);
            let next = self.readers.range::<Vec<u8>, _>(after).next();
            let Some((key, _)) = next.or_else(|| self.readers.first_key_value()) else {
                return;
            };
            let key = key.clone();
            self.invalidate(&key, clients, outgoing);
            self.forgotten = key;
        }
    }

    /// A batch is over: who listens to prefixes is told.
    pub fn broadcast(&mut self, clients: &Clients, outgoing: &mut Outgoing) {
        if !mem::take(&mut self.has_news) {
            return;
        }
        for broadcast in self.prefixes.values_mut() {
            let keys = mem::take(&mut broadcast.keys);
            for listener in &broadcast.listeners {
                let Some(tracker) = self.trackers.get_mut(listener) else {
                    continue;
                };
                let is_told = |writer: &Option<u64>| !tracker.no_loop || *writer != Some(*listener);
                let told = keys.iter().filter(|(_, writer)| is_told(writer));
                let keys: Vec<&[u8]> = told.map(|(key, _)| key.as_slice()).collect();
                if !keys.is_empty() {
                    tracker.tell(&keys, clients, outgoing);
                }
            }
        }
    }
}

impl Tracker {
    fn tell(&mut self, keys: &[&[u8]], clients: &Clients, outgoing: &mut Outgoing) {
        self.send(clients, outgoing, |reply| {
            reply.array(keys.len());
            for key in keys {
                reply.bulk(key);
            }
        });
    }

    fn send(&mut self, clients: &Clients, outgoing: &mut Outgoing, write: impl Fn(&mut Reply<'_>)) {
        let receiver = match self.redirect {
            None => self.client.clone(),
            Some(id) => match clients.get(id) {
                Some(receiver) => receiver,
                None => return self.break_off(id, outgoing),
            },
        };
        let (version, hears) = {
            let profile = receiver.profile();
            (profile.version(), profile.is_subscribed())
        };
        let mut bytes = Vec::new();
        let mut reply = Reply::new(&mut bytes, version);
        match version {
            Version::Resp3 => {
                reply.push(2);
                reply.bulk(b"invalidate");
            }
            Version::Resp2 if self.redirect.is_some() && hears => {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
            }
            // There is no way to tell it.
            Version::Resp2 => return,
        }
        write(&mut reply);
        outgoing.push(&receiver, &bytes);
    }

    /// Whoever was to be told is gone: the client itself hears of that, if it can.
    fn break_off(&mut self, gone: u64, outgoing: &mut Outgoing) {
        self.is_broken = true;
        self.show();
        let version = self.client.profile().version();
        if version == Version::Resp3 {
            let mut bytes = Vec::new();
            let mut reply = Reply::new(&mut bytes, version);
            reply.push(2);
            reply.bulk(b"tracking-redir-broken");
            reply.integer(gone as i64);
            outgoing.push(&self.client, &bytes);
        }
    }

    /// For CLIENT LIST.
    fn show(&self) {
        self.client.profile().tracking = Some(crate::clients::Tracking {
            redirect: self.redirect.unwrap_or(0),
            broadcast: self.broadcast,
            is_broken: self.is_broken,
        });
    }
}

/// After a command: what it has read is remembered if its client tracks that.
#[cold]
pub(super) fn note(call: &mut Call<'_>) {
    let (client, command) = (call.session.id(), call.command);
    if command.flags.contains(Flags::READONLY) && call.session.tracking.remembers() {
        let (args, tracking) = (call.args, &mut *call.tracking);
        // A request whose keys cannot be told was refused by its handler.
        let _ = keys::each(command, args, |key| {
            if let Some(key) = args.get(key.at) {
                tracking.remember(client, key);
            }
        });
    }
    let is_queueing = call.in_exec || call.session.transaction.is_some();
    if !is_queueing && !command.name.starts_with("client|") {
        call.session.tracking.forget_caching();
    }
}
