//! One client that writes to its shard, wherever that is, and what it may find of it afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use almandine_protocol::Value;

use super::client::{Client, ClientError};
use super::history::{Counter, Fate, Found, Killed, Numbers, Shape, call};
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
    list: Numbers,
    set: Numbers,
    counter: Counter,
    route: Route,
}

/// How requests come to the shard.
struct Route {
    shard: usize,
    /// The nodes of the shard.
    addresses: Vec<SocketAddr>,
    /// Where the next attempt goes.
    target: SocketAddr,
    client: Option<Client>,
    /// Whether it asks after each write that a replica has it.
    is_careful: bool,
    /// Whether what was acknowledged and not replicated may be lost.
    may_lose: bool,
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
            list: Numbers::new(Shape::List, tag),
            set: Numbers::new(Shape::Set, tag),
            counter: Counter::new(tag),
            route: Route {
                shard,
                target: addresses[0],
                addresses,
                client: None,
                is_careful,
                may_lose,
            },
        }
    }

    /// Which shard it writes to.
    pub fn shard(&self) -> usize {
        self.route.shard
    }

    /// Writes until it is over. What contradicts an earlier answer is an error.
    ///
    /// # Errors
    /// That contradiction.
    pub fn write(&mut self, watch: &Watch) -> Result<(), String> {
        while !watch.is_over() {
            self.route.put(&mut self.list, watch)?;
            self.route.count(&mut self.counter, watch)?;
            self.route.put(&mut self.set, watch)?;
        }
        Ok(())
    }

    /// Compares what is at `client`'s node with what was acknowledged while `watch` was kept, of which some may be gone if a
    /// `killed` one has acknowledged it; begins anew.
    ///
    /// # Errors
    /// The node does not tell.
    pub fn compare(
        &mut self,
        client: &mut Client,
        watch: &Watch,
        killed: &[SocketAddr],
    ) -> Result<Found, String> {
        let mut found = Found::default();
        let killed = Killed {
            addresses: killed,
            watch,
            shard: self.route.shard,
        };
        self.list.compare(client, &killed, &mut found)?;
        self.set.compare(client, &killed, &mut found)?;
        self.counter.compare(client, &killed, &mut found)?;
        // A history does not grow for ever.
        let keys = [&self.list.key, &self.set.key, &self.counter.key];
        call(client, &["DEL", keys[0], keys[1], keys[2]])?;
        self.list.forget();
        self.set.forget();
        self.counter.forget();
        Ok(found)
    }
}

impl Route {
    fn put(&mut self, numbers: &mut Numbers, watch: &Watch) -> Result<(), String> {
        let number = numbers.next.to_string();
        while !watch.is_over() {
            let by = self.target;
            let request = [numbers.command(), &numbers.key, &number];
            match self.attempt(&request, watch) {
                Attempt::Refused(_) => {}
                Attempt::Broken => return numbers.note(Fate::Unknown, None),
                Attempt::Done {
                    is_replicated,
                    reply,
                } => {
                    let at = watch.now();
                    let fate = match is_replicated {
                        true => Fate::Replicated,
                        false => Fate::Acknowledged { by, at },
                    };
                    return numbers.note(fate, Some(&reply));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, counter: &mut Counter, watch: &Watch) -> Result<(), String> {
        while !watch.is_over() {
            let by = self.target;
            match self.attempt(&["INCR", &counter.key], watch) {
                Attempt::Refused(_) => {}
                Attempt::Broken => {
                    counter.unheard();
                    return Ok(());
                }
                Attempt::Done {
                    is_replicated,
                    reply,
                } => return counter.heard(by, &reply, is_replicated),
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
                // Whoever listens for a node that is dead cannot answer: nothing that is written may be in doubt for that.
                client.call(&["PING"]).ok()?;
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
            watch.acknowledged(self.shard, self.target, sent);
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
}

/// The address in `MOVED slot host:port`.
fn moved_to(reason: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(reason).ok()?;
    let mut words = text.split(' ');
    (words.next() == Some("MOVED")).then_some(())?;
    words.nth(1)?.parse().ok()
}
