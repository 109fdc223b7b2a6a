//! One client that writes to its shard, wherever that is, and what it may find of it afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use almandine_protocol::Value;

use super::client::{Client, ClientError};
use super::wait::wait_until;
use super::watch::Watch;

/// Longer than a failover lets writes wait.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts while nobody takes a write.
const PAUSE: Duration = Duration::from_millis(4);
/// How long a replica may take to confirm a write, in milliseconds.
const CONFIRMATION_MS: &str = "100";

/// See the module.
pub struct Writer {
    shard: usize,
    list: String,
    counter: String,
    /// The nodes of the shard.
    addresses: Vec<SocketAddr>,
    /// Where the next attempt goes.
    target: SocketAddr,
    client: Option<Client>,
    /// Whether it asks after each write that a replica has it.
    is_careful: bool,
    /// Whether what was acknowledged and not replicated may be lost.
    may_lose: bool,
    /// By number, what was sent to the list and may be there.
    sent: BTreeMap<u64, Sent>,
    next: u64,
    counts: Counts,
}

/// A number.
#[derive(Debug, Clone, Copy)]
struct Sent {
    fate: Fate,
    /// How long the list was with it, if that was answered.
    length: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Acknowledged { by: SocketAddr },
    Replicated,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    acknowledged: u64,
    replicated: u64,
    /// Nothing below it can be found any more.
    kept: u64,
    /// The last that each node has answered.
    heard: BTreeMap<SocketAddr, u64>,
}

/// What was there.
#[derive(Debug, Default)]
pub struct Found {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Of these, those that a replica had for certain.
    pub replicated: u64,
    /// Acknowledged by the killed node and on no replica: they are gone.
    pub gone: u64,
    /// Gone, and must not be.
    pub lost: u64,
    /// There more than once, or not in their order.
    pub duplicates: u64,
    /// Nobody knows their fate; they were there.
    pub unheard: u64,
    /// The first thing that must not be.
    pub fault: Option<String>,
}

impl Found {
    fn fault(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() {
            self.fault = Some(what());
        }
    }
}

/// What came of an attempt.
enum Attempt {
    Done {
        is_replicated: bool,
        reply: Value,
    },
    /// It was not carried out.
    Refused(Vec<u8>),
    /// Nobody knows.
    Broken,
}

impl Writer {
    /// `tag` gives its keys a slot of the shard, which the nodes at `addresses` may lead. Who `is_careful` asks after each write
    /// whether a replica has it; unless it `may_lose` something nothing that was acknowledged may be gone.
    pub fn new(
        shard: usize,
        tag: &str,
        addresses: Vec<SocketAddr>,
        is_careful: bool,
        may_lose: bool,
    ) -> Writer {
        Writer {
            shard,
            list: format!("list:{{{tag}}}"),
            counter: format!("counter:{{{tag}}}"),
            target: addresses[0],
            addresses,
            client: None,
            is_careful,
            may_lose,
            sent: BTreeMap::new(),
            next: 0,
            counts: Counts::default(),
        }
    }

    /// Which shard it writes to.
    pub fn shard(&self) -> usize {
        self.shard
    }

    /// Writes until it is over. What contradicts an earlier answer is an error.
    ///
    /// # Errors
    /// That contradiction.
    pub fn write(&mut self, watch: &Watch) -> Result<(), String> {
        while !watch.is_over() {
            self.push(watch);
            self.count(watch)?;
        }
        Ok(())
    }

    fn push(&mut self, watch: &Watch) {
        let number = self.next.to_string();
        let list = self.list.clone();
        while !watch.is_over() {
            let by = self.target;
            let (fate, reply) = match self.attempt(&["RPUSH", &list, &number], watch) {
                Attempt::Done {
                    is_replicated: true,
                    reply,
                } => (Fate::Replicated, Some(reply)),
                Attempt::Done { reply, .. } => (Fate::Acknowledged { by }, Some(reply)),
                Attempt::Broken => (Fate::Unknown, None),
                Attempt::Refused(_) => continue,
            };
            let length = reply.and_then(|reply| u64::try_from(reply.integer()?).ok());
            self.sent.insert(self.next, Sent { fate, length });
            self.next += 1;
            return;
        }
    }

    fn count(&mut self, watch: &Watch) -> Result<(), String> {
        let counter = self.counter.clone();
        while !watch.is_over() {
            let by = self.target;
            match self.attempt(&["INCR", &counter], watch) {
                Attempt::Refused(_) => {}
                Attempt::Broken => {
                    self.counts.sent += 1;
                    return Ok(());
                }
                Attempt::Done {
                    is_replicated,
                    reply,
                } => {
                    self.counts.sent += 1;
                    let value = reply.integer().and_then(|value| u64::try_from(value).ok());
                    let Counts { sent, kept, .. } = self.counts;
                    let value = value
                        .filter(|value| *value > kept && *value <= sent)
                        .ok_or_else(|| {
                            format!("{counter}: {reply:?}, but {kept} were kept of {sent} sent")
                        })?;
                    self.counts.acknowledged += 1;
                    self.counts.heard.insert(by, value);
                    if is_replicated {
                        self.counts.replicated += 1;
                        self.counts.kept = value;
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One attempt; if it has not succeeded the next one goes where the slot may be.
    fn attempt(&mut self, request: &[&str], watch: &Watch) -> Attempt {
        let (sent, by) = (watch.now(), self.target);
        let attempt = match self.connected() {
            None => Attempt::Refused(b"no connection".to_vec()),
            Some(mut client) => {
                let attempt = self.ask(&mut client, request, watch, sent);
                if !matches!(attempt, Attempt::Broken) {
                    self.client = Some(client);
                }
                attempt
            }
        };
        let moved = match &attempt {
            Attempt::Done { .. } => return attempt,
            Attempt::Refused(reason) => moved_to(reason),
            Attempt::Broken => None,
        };
        watch.failed(self.shard);
        let others = self.addresses.iter().copied();
        let next = moved.or_else(|| others.cycle().skip_while(|other| *other != by).nth(1));
        self.target = next.unwrap_or(by);
        if self.target != by {
            self.client = None;
        }
        if moved.is_none() {
            wait_until(PAUSE, || watch.is_over());
        }
        attempt
    }

    fn connected(&mut self) -> Option<Client> {
        match self.client.take() {
            Some(client) => Some(client),
            None => {
                let mut client = Client::connect(self.target).ok()?;
                client.timeout(REPLY_TIMEOUT);
                Some(client)
            }
        }
    }

    fn ask(&self, client: &mut Client, request: &[&str], watch: &Watch, sent: u64) -> Attempt {
        let exchange = |client: &mut Client| -> Result<Value, ClientError> {
            client.send(request)?;
            if self.is_careful {
                client.send(&["WAIT", "1", CONFIRMATION_MS])?;
            }
            client.receive()
        };
        let Ok(reply) = exchange(client) else {
            return Attempt::Broken;
        };
        if !reply.is_error() {
            watch.acknowledged(self.shard, sent);
        }
        let confirmations = match self.is_careful {
            true => client.receive().ok(),
            false => None,
        };
        let is_replicated = confirmations
            .as_ref()
            .and_then(Value::integer)
            .is_some_and(|count| count > 0);
        match reply {
            Value::Error(reason) if reason.starts_with(b"UNCERTAIN ") => Attempt::Broken,
            Value::Error(reason) => Attempt::Refused(reason),
            reply => Attempt::Done {
                is_replicated: is_replicated || !self.may_lose,
                reply,
            },
        }
    }

    /// Compares what is at `client`'s node with what was acknowledged, of which some may be gone if `killed` has acknowledged it;
    /// begins anew.
    ///
    /// # Errors
    /// The node does not tell.
    pub fn compare(
        &mut self,
        client: &mut Client,
        killed: Option<SocketAddr>,
    ) -> Result<Found, String> {
        let mut found = Found::default();
        let places = self.places(client, &mut found)?;
        let mut first_gone = None;
        for (number, Sent { fate, length }) in &self.sent {
            let (place, name) = (places.get(number), &self.list);
            if let (Some(place), Some(length)) = (place, length)
                && place != length
            {
                found.fault(|| format!("{name}: {number} was number {length}, and is {place} now"));
            }
            found.acknowledged += u64::from(*fate != Fate::Unknown);
            match (fate, place) {
                (Fate::Unknown, _) => found.unheard += u64::from(place.is_some()),
                (Fate::Replicated, Some(_)) => found.replicated += 1,
                (Fate::Replicated, None) => {
                    found.replicated += 1;
                    found.lost += 1;
                    found.fault(|| format!("{name}: {number} was replicated and is lost"));
                }
                (Fate::Acknowledged { by }, Some(_)) => {
                    if let Some(gone) = first_gone
                        && Some(*by) == killed
                    {
                        found.fault(|| format!("{name}: {gone} is gone, but {number} is there"));
                    }
                }
                (Fate::Acknowledged { by }, None) if Some(*by) == killed => {
                    found.gone += 1;
                    first_gone.get_or_insert(number);
                }
                (Fate::Acknowledged { by }, None) => {
                    found.lost += 1;
                    found.fault(|| {
                        format!("{name}: {number} is lost, which {by} has acknowledged; {killed:?} was killed")
                    });
                }
            }
        }
        self.compare_counter(client, killed, &mut found)?;
        self.begin_anew(client)?;
        Ok(found)
    }

    /// Where each number stands in the list, counted from 1: each is there once, in the order in which they were sent.
    fn places(&self, client: &mut Client, found: &mut Found) -> Result<BTreeMap<u64, u64>, String> {
        let elements = call(client, &["LRANGE", &self.list, "0", "-1"])?.elements();
        let mut places = BTreeMap::new();
        let mut last = None;
        for (place, element) in (1..).zip(elements.unwrap_or_default()) {
            let number = element.text().and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("{}: {element:?}", self.list))?;
            if last.is_some_and(|last| last >= number) {
                found.duplicates += 1;
                found.fault(|| format!("{}: {number} comes after {last:?}", self.list));
            }
            if !self.sent.contains_key(&number) {
                found.fault(|| format!("{}: nobody has sent {number}", self.list));
            }
            last = Some(number);
            places.insert(number, place);
        }
        Ok(places)
    }

    fn compare_counter(
        &self,
        client: &mut Client,
        killed: Option<SocketAddr>,
        found: &mut Found,
    ) -> Result<(), String> {
        let value = call(client, &["GET", &self.counter])?.text();
        let value = value.map_or(Ok(0), |text| text.parse::<u64>());
        let value = value.map_err(|error| format!("{}: {error}", self.counter))?;
        let Counts { sent, kept, .. } = self.counts;
        let heard = self.counts.heard.iter();
        let heard = heard.filter(|(by, _)| Some(**by) != killed);
        let kept = heard.map(|(_, value)| *value).fold(kept, u64::max);
        found.acknowledged += self.counts.acknowledged;
        found.replicated += self.counts.replicated;
        found.lost += kept.saturating_sub(value);
        found.duplicates += value.saturating_sub(sent);
        if !(kept..=sent).contains(&value) {
            found.fault(|| {
                format!(
                    "{}: {value}, but {kept} were kept of {sent} sent",
                    self.counter
                )
            });
        }
        Ok(())
    }

    /// A history does not grow for ever.
    fn begin_anew(&mut self, client: &mut Client) -> Result<(), String> {
        call(client, &["DEL", &self.list, &self.counter])?;
        self.sent.clear();
        self.counts = Counts::default();
        Ok(())
    }
}

fn call(client: &mut Client, request: &[&str]) -> Result<Value, String> {
    let reply = client.call(request);
    match reply.map_err(|error| format!("{request:?}: {error}"))? {
        Value::Error(reason) => Err(format!("{request:?}: {}", String::from_utf8_lossy(&reason))),
        reply => Ok(reply),
    }
}

/// The address in `MOVED slot host:port`.
fn moved_to(reason: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(reason).ok()?;
    let mut words = text.split(' ');
    (words.next() == Some("MOVED")).then_some(())?;
    words.nth(1)?.parse().ok()
}
