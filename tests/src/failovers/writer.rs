//! One client that writes to its shard, wherever that is, and what it may find of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::watch::Watch;
use crate::process::wait_until;
use crate::resp::{Client, ClientError, Value};

/// Longer than a failover lets writes wait.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts while nobody takes a write.
const PAUSE: Duration = Duration::from_millis(4);
/// How long a replica may take to confirm a write, in milliseconds.
const CONFIRMATION_MS: &str = "100";

/// See the module.
pub(super) struct Writer {
    pub(super) shard: usize,
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
    sent: BTreeMap<u64, Fate>,
    next: u64,
    counts: Counts,
}

/// Of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Acknowledged { by: SocketAddr },
    Replicated,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    /// Nothing below it can be found any more.
    kept: u64,
}

/// What was there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) acknowledged: u64,
    pub(super) replicated: u64,
    pub(super) lost: u64,
    pub(super) unheard: u64,
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
    /// `tag` gives its keys a slot of the shard.
    pub(super) fn new(
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

    /// Writes until it is over. What contradicts an earlier answer is an error.
    pub(super) fn write(&mut self, watch: &Watch) -> Result<(), String> {
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
            let fate = match self.attempt(&["RPUSH", &list, &number], watch) {
                Attempt::Done { is_replicated, .. } if is_replicated => Fate::Replicated,
                Attempt::Done { .. } => Fate::Acknowledged { by },
                Attempt::Broken => Fate::Unknown,
                Attempt::Refused(_) => continue,
            };
            self.sent.insert(self.next, fate);
            self.next += 1;
            return;
        }
    }

    fn count(&mut self, watch: &Watch) -> Result<(), String> {
        let counter = self.counter.clone();
        while !watch.is_over() {
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
                    let Counts { sent, kept } = self.counts;
                    let value = value
                        .filter(|value| *value > kept && *value <= sent)
                        .ok_or_else(|| {
                            format!("{counter}: {reply:?}, but {kept} were kept of {sent} sent")
                        })?;
                    if is_replicated {
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
            Value::Error(reason) => Attempt::Refused(reason),
            reply => Attempt::Done {
                is_replicated: is_replicated || !self.may_lose,
                reply,
            },
        }
    }

    /// Compares what is at `client`'s node with what was acknowledged, of which some may be lost if `killed` has acknowledged it;
    /// begins anew.
    pub(super) fn compare(
        &mut self,
        client: &mut Client,
        killed: Option<SocketAddr>,
    ) -> Result<Found, String> {
        let numbers = self.numbers(client)?;
        let mut found = Found::default();
        let mut first_lost = None;
        for (number, fate) in &self.sent {
            let (is_there, name) = (numbers.contains(number), &self.list);
            match fate {
                Fate::Unknown => found.unheard += u64::from(is_there),
                Fate::Replicated if is_there => found.replicated += 1,
                Fate::Replicated => {
                    return Err(format!("{name}: {number} was replicated and is lost"));
                }
                Fate::Acknowledged { by } if is_there => {
                    found.acknowledged += 1;
                    if let Some(lost) = first_lost
                        && Some(*by) == killed
                    {
                        return Err(format!("{name}: {lost} is lost, but {number} is there"));
                    }
                }
                Fate::Acknowledged { by } if Some(*by) == killed => {
                    found.acknowledged += 1;
                    found.lost += 1;
                    first_lost.get_or_insert(number);
                }
                Fate::Acknowledged { by } => {
                    return Err(format!(
                        "{name}: {number} is lost, which {by} has acknowledged; {killed:?} was killed"
                    ));
                }
            }
        }
        found.acknowledged += found.replicated;
        let unsent = numbers
            .iter()
            .find(|number| !self.sent.contains_key(*number));
        if let Some(number) = unsent {
            return Err(format!("{}: nobody has sent {number}", self.list));
        }
        self.compare_counter(client)?;
        self.begin_anew(client)?;
        Ok(found)
    }

    /// What the list holds: each number once, in the order in which they were sent.
    fn numbers(&self, client: &mut Client) -> Result<BTreeSet<u64>, String> {
        let elements = call(client, &["LRANGE", &self.list, "0", "-1"])?.elements();
        let mut numbers = BTreeSet::new();
        let mut last = None;
        for element in elements.unwrap_or_default() {
            let number = element.text().and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("{}: {element:?}", self.list))?;
            if last.is_some_and(|last| last >= number) {
                return Err(format!("{}: {number} comes after {last:?}", self.list));
            }
            last = Some(number);
            numbers.insert(number);
        }
        Ok(numbers)
    }

    fn compare_counter(&self, client: &mut Client) -> Result<(), String> {
        let value = call(client, &["GET", &self.counter])?.text();
        let value = value.map_or(Ok(0), |text| text.parse::<u64>());
        let value = value.map_err(|error| format!("{}: {error}", self.counter))?;
        let Counts { sent, kept } = self.counts;
        match (kept..=sent).contains(&value) {
            true => Ok(()),
            false => Err(format!(
                "{}: {value}, but {kept} were kept of {sent} sent",
                self.counter
            )),
        }
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
