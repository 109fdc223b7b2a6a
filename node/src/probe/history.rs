//! What a writer has sent and heard of it, and what a node holds of that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use almandine_protocol::Value;

use super::client::Client;
use super::watch::Watch;

/// What was there.
#[derive(Debug, Default)]
pub struct Found {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Of these, those that a replica had for certain.
    pub replicated: u64,
    /// Acknowledged by a killed node and on no replica: they are gone.
    pub gone: u64,
    /// Of numbers that are gone: how long before the last answer of that node the first of them was acknowledged, at least.
    pub gone_span: Duration,
    /// Gone, and must not be.
    pub lost: u64,
    /// There more than once, or not in their order.
    pub duplicates: u64,
    /// Nobody knows their fate; they were there.
    pub unheard: u64,
    /// Nobody knows their fate; they were not there.
    pub unheard_gone: u64,
    /// The first thing that must not be.
    pub fault: Option<String>,
}

impl Found {
    pub(super) fn fault(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() {
            self.fault = Some(what());
        }
    }
}

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Unknown,
    /// The moment is one of the [`Watch`].
    Acknowledged {
        by: SocketAddr,
        at: u64,
    },
    Replicated,
}

/// A number.
#[derive(Debug, Clone, Copy)]
struct Sent {
    fate: Fate,
    /// How long the list was with it, if that was answered.
    place: Option<u64>,
}

/// What numbers are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    List,
    Set,
}

/// 0, 1, 2, ... sent to one key, each once.
pub(super) struct Numbers {
    shape: Shape,
    pub(super) key: String,
    /// By number, what was sent and may be there.
    sent: BTreeMap<u64, Sent>,
    pub(super) next: u64,
}

/// Whose acknowledgements may be gone.
pub(super) struct Killed<'a> {
    pub(super) addresses: &'a [SocketAddr],
    pub(super) watch: &'a Watch,
    pub(super) shard: usize,
}

impl Killed<'_> {
    fn has(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// How long before the last answer of `by` something was acknowledged; rather less than that.
    fn span(&self, by: SocketAddr, at: u64) -> Duration {
        let last = self.watch.last_sent(self.shard, by);
        Duration::from_nanos(last.saturating_sub(at))
    }
}

impl Numbers {
    pub(super) fn new(shape: Shape, tag: &str) -> Numbers {
        let name = match shape {
            Shape::List => "list",
            Shape::Set => "set",
        };
        Numbers {
            shape,
            key: format!("{name}:{{{tag}}}"),
            sent: BTreeMap::new(),
            next: 0,
        }
    }

    /// What sends a number.
    pub(super) fn command(&self) -> &'static str {
        match self.shape {
            Shape::List => "RPUSH",
            Shape::Set => "SADD",
        }
    }

    /// What became of the next number, and what was answered to it if anything was.
    ///
    /// # Errors
    /// The answer contradicts what was sent.
    pub(super) fn note(&mut self, fate: Fate, reply: Option<&Value>) -> Result<(), String> {
        let (number, key) = (self.next, &self.key);
        let answered = reply.and_then(Value::integer);
        if self.shape == Shape::Set && reply.is_some() && answered != Some(1) {
            return Err(format!("{key}: {number} was new, but {reply:?}"));
        }
        let place = answered.and_then(|length| u64::try_from(length).ok());
        let place = place.filter(|_| self.shape == Shape::List);
        self.sent.insert(number, Sent { fate, place });
        self.next += 1;
        Ok(())
    }

    /// Compares what is at `client`'s node with what was acknowledged.
    ///
    /// # Errors
    /// The node does not tell.
    pub(super) fn compare(
        &self,
        client: &mut Client,
        killed: &Killed<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        let places = self.places(client, found)?;
        let name = &self.key;
        let mut first_gone = BTreeMap::new();
        for (number, Sent { fate, place: known }) in &self.sent {
            let place = places.get(number);
            if let (Some(place), Some(known)) = (place, known)
                && place != known
            {
                found.fault(|| format!("{name}: {number} was number {known}, and is {place} now"));
            }
            found.acknowledged += u64::from(*fate != Fate::Unknown);
            match (*fate, place) {
                (Fate::Unknown, Some(_)) => found.unheard += 1,
                (Fate::Unknown, None) => found.unheard_gone += 1,
                (Fate::Replicated, Some(_)) => found.replicated += 1,
                (Fate::Replicated, None) => {
                    found.replicated += 1;
                    found.lost += 1;
                    found.fault(|| format!("{name}: {number} was replicated and is lost"));
                }
                (Fate::Acknowledged { by, .. }, Some(_)) => {
                    if let Some(gone) = first_gone.get(&by)
                        && killed.has(by)
                    {
                        found.fault(|| format!("{name}: {gone} is gone, but {number} is there"));
                    }
                }
                (Fate::Acknowledged { by, at }, None) if killed.has(by) => {
                    found.gone += 1;
                    found.gone_span = found.gone_span.max(killed.span(by, at));
                    first_gone.entry(by).or_insert(number);
                }
                (Fate::Acknowledged { by, .. }, None) => {
                    found.lost += 1;
                    found.fault(|| {
                        let dead = killed.addresses;
                        format!("{name}: {number} is lost, which {by} has acknowledged; {dead:?} were killed")
                    });
                }
            }
        }
        Ok(())
    }

    /// Where each number stands, counted from 1. In a list each is there once, in the order in which they were sent.
    fn places(&self, client: &mut Client, found: &mut Found) -> Result<BTreeMap<u64, u64>, String> {
        let (key, shape) = (&self.key, self.shape);
        let elements = match shape {
            Shape::List => call(client, &["LRANGE", key, "0", "-1"])?,
            Shape::Set => call(client, &["SMEMBERS", key])?,
        };
        let mut places = BTreeMap::new();
        let mut last = None;
        for (place, element) in (1..).zip(elements.elements().unwrap_or_default()) {
            let number = element.text().and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("{key}: {element:?}"))?;
            if shape == Shape::List && last.is_some_and(|last| last >= number) {
                found.duplicates += 1;
                found.fault(|| format!("{key}: {number} comes after {last:?}"));
            }
            if !self.sent.contains_key(&number) {
                found.fault(|| format!("{key}: nobody has sent {number}"));
            }
            last = Some(number);
            places.insert(number, place);
        }
        Ok(places)
    }

    pub(super) fn forget(&mut self) {
        self.sent.clear();
    }
}

/// A counter, and what was heard of it.
#[derive(Debug, Default)]
pub(super) struct Counter {
    pub(super) key: String,
    sent: u64,
    acknowledged: u64,
    replicated: u64,
    /// Nothing below it can be found any more.
    kept: u64,
    /// The last that each node has answered.
    heard: BTreeMap<SocketAddr, u64>,
    /// The last that anyone has answered.
    last: u64,
    /// Answered counts that were answered again.
    gone: u64,
}

impl Counter {
    pub(super) fn new(tag: &str) -> Counter {
        Counter {
            key: format!("counter:{{{tag}}}"),
            ..Counter::default()
        }
    }

    /// It was counted on, or not; nobody knows.
    pub(super) fn unheard(&mut self) {
        self.sent += 1;
    }

    /// It was counted on.
    ///
    /// # Errors
    /// The answer contradicts an earlier one.
    pub(super) fn heard(
        &mut self,
        by: SocketAddr,
        reply: &Value,
        is_replicated: bool,
    ) -> Result<(), String> {
        self.sent += 1;
        let Counter {
            key, sent, kept, ..
        } = &*self;
        let value = reply.integer().and_then(|value| u64::try_from(value).ok());
        let value = value
            .filter(|value| value > kept && value <= sent)
            .ok_or_else(|| format!("{key}: {reply:?}, but {kept} were kept of {sent} sent"))?;
        self.acknowledged += 1;
        self.heard.insert(by, value);
        self.gone += (self.last + 1).saturating_sub(value);
        self.last = value;
        if is_replicated {
            self.replicated += 1;
            self.kept = value;
        }
        Ok(())
    }

    /// See [`Numbers::compare`].
    ///
    /// # Errors
    /// The node does not tell.
    pub(super) fn compare(
        &self,
        client: &mut Client,
        killed: &Killed<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        let Counter { key, sent, .. } = self;
        let value = call(client, &["GET", key])?.text();
        let value = value.map_or(Ok(0), |text| text.parse::<u64>());
        let value = value.map_err(|error| format!("{key}: {error}"))?;
        let heard = self.heard.iter().filter(|(by, _)| !killed.has(**by));
        let kept = heard.map(|(_, value)| *value).fold(self.kept, u64::max);
        found.acknowledged += self.acknowledged;
        found.replicated += self.replicated;
        let lost = kept.saturating_sub(value);
        found.lost += lost;
        found.gone += self.gone + self.last.saturating_sub(value.max(kept));
        found.duplicates += value.saturating_sub(*sent);
        if !(kept..=*sent).contains(&value) {
            found.fault(|| format!("{key}: {value}, but {kept} were kept of {sent} sent"));
        }
        Ok(())
    }

    pub(super) fn forget(&mut self) {
        *self = Counter {
            key: std::mem::take(&mut self.key),
            ..Counter::default()
        };
    }
}

/// Asks for something that must not be refused.
pub(super) fn call(client: &mut Client, request: &[&str]) -> Result<Value, String> {
    let reply = client.call(request);
    match reply.map_err(|error| format!("{request:?}: {error}"))? {
        Value::Error(reason) => Err(format!("{request:?}: {}", String::from_utf8_lossy(&reason))),
        reply => Ok(reply),
    }
}
