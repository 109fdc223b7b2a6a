//! Who listens to which channel. Pure: a message goes out through a closure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use almandine_protocol::{Reply, Version};
use almandine_storage::glob;

use crate::clients::Client;

/// The three kinds of subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE
    Channel,
    /// PSUBSCRIBE
    Pattern,
    /// SSUBSCRIBE
    Shard,
}

type Name = Arc<[u8]>;

/// All subscriptions of the node.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeMap<Name, BTreeSet<u64>>,
    patterns: BTreeMap<Name, BTreeSet<u64>>,
    shards: BTreeMap<Name, BTreeSet<u64>>,
    subscribers: HashMap<u64, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    client: Arc<Client>,
    version: Version,
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
    shards: BTreeSet<Name>,
}

impl Kind {
    /// The first word of a message of this kind.
    pub fn message(self) -> &'static str {
        match self {
            Kind::Channel => "message",
            Kind::Pattern => "pmessage",
            Kind::Shard => "smessage",
        }
    }
}

impl Subscriptions {
    /// Adds a subscription; says whether it is new.
    pub fn subscribe(
        &mut self,
        client: &Arc<Client>,
        version: Version,
        kind: Kind,
        name: &[u8],
    ) -> bool {
        let name: Name = name.into();
        let subscriber = self
            .subscribers
            .entry(client.id)
            .or_insert_with(|| Subscriber {
                client: client.clone(),
                version,
                channels: BTreeSet::new(),
                patterns: BTreeSet::new(),
                shards: BTreeSet::new(),
            });
        subscriber.version = version;
        let is_new = subscriber.names_mut(kind).insert(name.clone());
        self.listeners_mut(kind)
            .entry(name)
            .or_default()
            .insert(client.id);
        is_new
    }

    /// Takes a subscription away; says whether there was one.
    pub fn unsubscribe(&mut self, client: u64, kind: Kind, name: &[u8]) -> bool {
        let Some(subscriber) = self.subscribers.get_mut(&client) else {
            return false;
        };
        if !subscriber.names_mut(kind).remove(name) {
            return false;
        }
        if subscriber.is_idle() {
            self.subscribers.remove(&client);
        }
        self.forget_listener(client, kind, name);
        true
    }

    /// The names a client has subscribed to.
    pub fn names(&self, client: u64, kind: Kind) -> Vec<Name> {
        self.subscribers
            .get(&client)
            .map(|s| s.names(kind).iter().cloned().collect())
            .unwrap_or_default()
    }

    /// How many channels, patterns and shard channels a client has.
    pub fn counts(&self, client: u64) -> [usize; 3] {
        self.subscribers.get(&client).map_or([0; 3], |s| {
            [s.channels.len(), s.patterns.len(), s.shards.len()]
        })
    }

    /// HELLO has changed the version in which messages are written.
    pub fn set_version(&mut self, client: u64, version: Version) {
        if let Some(subscriber) = self.subscribers.get_mut(&client) {
            subscriber.version = version;
        }
    }

    /// The connection is over, or RESET.
    pub fn drop_client(&mut self, client: u64) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in self.names(client, kind) {
                self.unsubscribe(client, kind, &name);
            }
        }
    }

    /// Hands a message to everybody who listens (`kind`: Channel for PUBLISH, Shard for SPUBLISH); returns how many.
    pub fn publish(
        &self,
        kind: Kind,
        channel: &[u8],
        message: &[u8],
        deliver: &mut dyn FnMut(&Arc<Client>, &[u8]),
    ) -> usize {
        let mut receivers = 0;
        if let Some(listeners) = self.listeners(kind).get(channel) {
            receivers += self.deliver(listeners, deliver, &mut |reply| {
                reply.push(3);
                reply.bulk(kind.message().as_bytes());
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        if kind == Kind::Channel {
            for (pattern, listeners) in self
                .patterns
                .iter()
                .filter(|(pattern, _)| glob::matches(pattern, channel))
            {
                receivers += self.deliver(listeners, deliver, &mut |reply| {
                    reply.push(4);
                    reply.bulk(Kind::Pattern.message().as_bytes());
                    reply.bulk(pattern);
                    reply.bulk(channel);
                    reply.bulk(message);
                });
            }
        }
        receivers
    }

    /// A shard channel is no more here: all who listen to it are told.
    pub fn close_shard_channel(
        &mut self,
        channel: &[u8],
        deliver: &mut dyn FnMut(&Arc<Client>, &[u8]),
    ) {
        for id in self.shards.get(channel).cloned().unwrap_or_default() {
            let Some(subscriber) = self.subscribers.get(&id) else {
                continue;
            };
            let (client, version) = (subscriber.client.clone(), subscriber.version);
            self.unsubscribe(id, Kind::Shard, channel);
            let counts = self.counts(id);
            client.profile().subscriptions = counts;
            let mut bytes = Vec::new();
            let mut reply = Reply::new(&mut bytes, version);
            reply.push(3);
            reply.bulk(b"sunsubscribe");
            reply.bulk(channel);
            reply.length(counts[2]);
            deliver(&client, &bytes);
        }
    }

    /// Whether anybody listens to anything; a keyspace notification can be skipped if not.
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Channels (or shard channels) with at least one listener, in order.
    pub fn active(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        self.listeners(kind).keys().map(|name| &**name)
    }

    /// How many listen to `name`.
    pub fn listener_count(&self, kind: Kind, name: &[u8]) -> usize {
        self.listeners(kind).get(name).map_or(0, BTreeSet::len)
    }

    /// Number of distinct patterns.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// Number of clients with at least one subscription.
    pub fn subscriber_count(&self) -> usize {
        self.subscribers.len()
    }

    fn deliver(
        &self,
        listeners: &BTreeSet<u64>,
        deliver: &mut dyn FnMut(&Arc<Client>, &[u8]),
        write: &mut dyn FnMut(&mut Reply<'_>),
    ) -> usize {
        let mut encoded: [Vec<u8>; 2] = Default::default();
        for subscriber in listeners.iter().filter_map(|id| self.subscribers.get(id)) {
            let bytes = &mut encoded[usize::from(subscriber.version == Version::Resp3)];
            if bytes.is_empty() {
                write(&mut Reply::new(bytes, subscriber.version));
            }
            deliver(&subscriber.client, bytes);
        }
        listeners.len()
    }

    fn listeners(&self, kind: Kind) -> &BTreeMap<Name, BTreeSet<u64>> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn listeners_mut(&mut self, kind: Kind) -> &mut BTreeMap<Name, BTreeSet<u64>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    fn forget_listener(&mut self, client: u64, kind: Kind, name: &[u8]) {
        let listeners = self.listeners_mut(kind);
        if let Some(clients) = listeners.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                listeners.remove(name);
            }
        }
    }
}

impl Subscriber {
    fn names(&self, kind: Kind) -> &BTreeSet<Name> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn names_mut(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }
}
