//! Percentiles of latency at a given rate. The time runs from the moment when a request was due, not when it could be
//! sent, so a server that stops for a while is charged for all requests that it made wait. What other processes made wait is
//! told apart, by what `witness.rs` sees.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use almandine_storage::Rng;
use hdrhistogram::Histogram;

use super::Failure;
use super::case::{fill, value};
use super::field::{Field, Runner};
use super::table::{Table, median};
use super::witness::Witness;
use crate::process::Running;
use crate::resp::{Client, encode_request};
use crate::sys::{Interest, Poll};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Connections.
    pub clients: usize,
    /// Requests per second, over all connections.
    pub rate: usize,
    /// How long each situation is measured.
    pub time: Duration,
    /// Keys that the measured requests read and write.
    pub keys: usize,
    /// Keys that expire, or that are added, meanwhile.
    pub others: usize,
    /// How often each situation is measured on each server, in turn.
    pub rounds: usize,
    /// Of the random keys.
    pub seed: u64,
}

/// What the servers are in while they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// Nothing else happens.
    Rest,
    /// All other keys expire within the first half of the time.
    Expiry,
    /// Another connection adds keys.
    Growth,
}

impl Situation {
    /// All of them.
    pub const ALL: [Situation; 3] = [Situation::Rest, Situation::Expiry, Situation::Growth];

    /// Its name in tables and flags.
    pub fn name(self) -> &'static str {
        match self {
            Situation::Rest => "rest",
            Situation::Expiry => "expiry",
            Situation::Growth => "growth",
        }
    }
}

impl FromStr for Situation {
    type Err = String;

    fn from_str(text: &str) -> Result<Situation, String> {
        let found = Situation::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| format!("{text}: rest, expiry or growth"))
    }
}

/// Runs these situations on each server; the result is a table of microseconds, medians over the rounds.
pub fn run(
    field: &Field,
    plan: &Plan,
    situations: &[Situation],
    mut tell: impl FnMut(&str),
) -> Result<String, Failure> {
    let heads = [
        "situation",
        "server",
        "requests",
        "p50 us",
        "p99",
        "p99.9",
        "max",
        "undisturbed",
        "p99.9 of them",
        "max",
        "note",
    ];
    let mut table = Table::new(heads);
    for &situation in situations {
        let mut rounds: Vec<Vec<Measured>> = field.runners.iter().map(|_| Vec::new()).collect();
        for round in 1..=plan.rounds {
            for (runner, measured) in field.runners.iter().zip(&mut rounds) {
                let what = format!("{}, {}, round {round}", situation.name(), runner.name);
                tell(&what);
                let one = measure(situation, runner, plan);
                let one = one.map_err(|error| format!("{what}: {error}"))?;
                tell(&format!("{what}: {}", one.times.spelled()));
                measured.push(one);
            }
        }
        for (runner, measured) in field.runners.iter().zip(&rounds) {
            let middle = |figure: &dyn Fn(&Times) -> u64| {
                median(measured.iter().map(|one| figure(&one.times) as f64))
            };
            let micros = |figure: &dyn Fn(&Times) -> u64| format!("{:.0}", middle(figure) / 1e3);
            let note = measured.last().map(|one| one.note.clone());
            table.row([
                situation.name().to_owned(),
                runner.name.clone(),
                format!("{:.0}", middle(&|times| times.all.len())),
                micros(&|times| times.all.value_at_quantile(0.5)),
                micros(&|times| times.all.value_at_quantile(0.99)),
                micros(&|times| times.all.value_at_quantile(0.999)),
                micros(&|times| times.all.max()),
                format!("{:.0}", middle(&|times| times.undisturbed.len())),
                micros(&|times| times.undisturbed.value_at_quantile(0.999)),
                micros(&|times| times.undisturbed.max()),
                note.unwrap_or_default(),
            ]);
        }
    }
    Ok(table.text())
}

/// One round, with a new keyspace.
fn measure(situation: Situation, runner: &Runner, plan: &Plan) -> Result<Measured, Failure> {
    let mut client = runner.server.client();
    client.call(&["FLUSHALL"])?;
    fill(&mut client, plan.keys, |out, number| {
        set(out, "key", number)
    })?;
    match situation {
        Situation::Rest => at_rest(runner, plan),
        Situation::Expiry => expiring(runner, plan, &mut client),
        Situation::Growth => growing(runner, plan),
    }
}

struct Measured {
    times: Times,
    note: String,
}

/// What requests took, nanoseconds.
pub(super) struct Times {
    pub(super) all: Histogram<u64>,
    /// Of those that no other process of the machine made wait.
    pub(super) undisturbed: Histogram<u64>,
}

impl Times {
    fn new() -> Result<Times, Failure> {
        Ok(Times {
            all: Histogram::new(3)?,
            undisturbed: Histogram::new(3)?,
        })
    }

    fn spelled(&self) -> String {
        let micros = |times: &Histogram<u64>| times.value_at_quantile(0.999) / 1000;
        let (all, undisturbed) = (micros(&self.all), micros(&self.undisturbed));
        format!("p99.9 {all} us, {undisturbed} undisturbed")
    }
}

fn at_rest(runner: &Runner, plan: &Plan) -> Result<Measured, Failure> {
    let times = probe(&runner.server, plan, || Ok(false))?;
    let note = String::new();
    Ok(Measured { times, note })
}

/// All the other keys expire within the first half of the time.
fn expiring(runner: &Runner, plan: &Plan, client: &mut Client) -> Result<Measured, Failure> {
    let start = Instant::now();
    fill(client, plan.others, |out, number| set(out, "other", number))?;
    // Giving them their time takes about as long as making them did.
    let begin = SystemTime::now() + start.elapsed().mul_f64(1.5) + Duration::from_secs(1);
    let begin_ms = begin.duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let spread_ms = (plan.time / 2).as_millis() as usize;
    let mut rng = Rng::new(plan.seed);
    fill(client, plan.others, |out, number| {
        let at = (begin_ms + rng.below(spread_ms.max(1)) as u64).to_string();
        encode_request(&["PEXPIREAT", &format!("other:{number:012}"), &at], out);
    })?;
    let early = begin.duration_since(SystemTime::now());
    std::thread::sleep(early.unwrap_or_default());
    let times = probe(&runner.server, plan, || Ok(false))?;
    let left = client.call(&["DBSIZE"])?.integer().unwrap_or(-1);
    let note = format!("{} not yet removed", left - plan.keys as i64);
    Ok(Measured { times, note })
}

/// A connection of its own adds keys, [`BATCH`] at a time, until all are there. The thread that measures drives it: another
/// one would take its processor away, the more the faster the server answers.
fn growing(runner: &Runner, plan: &Plan) -> Result<Measured, Failure> {
    let start = Instant::now();
    let mut grower = Grower::connect(runner.server.address(), plan)?;
    let times = probe(&runner.server, plan, || grower.go_on())?;
    let note = format!(
        "{} keys in {:.1} s",
        plan.others,
        start.elapsed().as_secs_f64()
    );
    Ok(Measured { times, note })
}

/// Keys that are added together.
const BATCH: usize = 16;
/// Keys that are added a second.
const GROWTH: usize = 150_000;
/// What each is answered.
const OK: &[u8] = b"+OK\r\n";

/// See [`growing`].
struct Grower {
    stream: TcpStream,
    begun: Instant,
    added: usize,
    all: usize,
    /// Bytes of answers that have not come.
    missing: usize,
    requests: Vec<u8>,
}

impl Grower {
    fn connect(address: SocketAddr, plan: &Plan) -> Result<Grower, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Grower {
            stream,
            begun: Instant::now(),
            added: 0,
            all: plan.others,
            missing: 0,
            requests: Vec::new(),
        })
    }

    /// Sends the next keys if it is time for them; false when all are there.
    fn go_on(&mut self) -> Result<bool, Failure> {
        if self.missing > 0 {
            let mut answers = [0; BATCH * OK.len()];
            match self.stream.read(&mut answers) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(_) if answers.contains(&b'-') => return Err("an error reply".into()),
                Ok(count) => self.missing = self.missing.saturating_sub(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            return Ok(true);
        }
        let due = self.begun.elapsed().mul_f64(GROWTH as f64).as_secs() as usize;
        if self.added >= self.all || self.added > due {
            return Ok(self.added < self.all);
        }
        self.requests.clear();
        let next = (self.added + BATCH).min(self.all);
        for number in self.added..next {
            set(&mut self.requests, "other", number);
        }
        self.missing = (next - self.added) * OK.len();
        self.added = next;
        // So few small requests always fit into an idle socket.
        self.stream.write_all(&self.requests)?;
        Ok(true)
    }
}

fn set(out: &mut Vec<u8>, prefix: &str, number: usize) {
    let key = format!("{prefix}:{number:012}");
    encode_request(&[b"SET", key.as_bytes(), &value(16)], out);
}

/// Half GET, half SET at the rate of `plan`, for its time and then as long as `goes_on`, which is asked all the time, says.
pub(super) fn probe(
    server: &Running,
    plan: &Plan,
    mut goes_on: impl FnMut() -> Result<bool, Failure>,
) -> Result<Times, Failure> {
    let mut prober = Prober::connect(server, plan)?;
    let interval = Duration::from_secs_f64(1.0 / plan.rate as f64);
    let start = Instant::now();
    let mut due = start;
    loop {
        let now = Instant::now();
        while due <= now {
            prober.waiting.push_back(due);
            due += interval;
        }
        prober.send_waiting()?;
        prober.receive()?;
        if !goes_on()? && now - start > plan.time {
            return Ok(prober.times);
        }
    }
}

/// What comes later than this may have been disturbed.
const LATE: Duration = Duration::from_micros(250);

struct Prober {
    poll: Poll,
    connections: Vec<(TcpStream, Option<Instant>)>,
    idle: Vec<usize>,
    /// When the requests were due that no connection was free for.
    waiting: VecDeque<Instant>,
    ready: Vec<usize>,
    request: Vec<u8>,
    rng: Rng,
    keys: usize,
    times: Times,
    witness: Witness,
    /// Calls of the system since the witness was asked.
    calls: u32,
    /// Requests that were due before are disturbed.
    disturbed: Instant,
}

impl Prober {
    fn connect(server: &Running, plan: &Plan) -> Result<Prober, Failure> {
        let address = server.address();
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..plan.clients {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            poll.add(stream.as_fd(), number, Interest::Read)?;
            connections.push((stream, None));
        }
        Ok(Prober {
            poll,
            idle: (0..connections.len()).collect(),
            connections,
            waiting: VecDeque::new(),
            ready: Vec::new(),
            request: Vec::new(),
            rng: Rng::new(plan.seed),
            keys: plan.keys,
            times: Times::new()?,
            witness: Witness::new(server.pid())?,
            calls: 0,
            disturbed: Instant::now(),
        })
    }

    fn send_waiting(&mut self) -> Result<(), Failure> {
        while let Some(due) = self.waiting.front().copied() {
            let Some(number) = self.idle.pop() else {
                break;
            };
            self.waiting.pop_front();
            self.request.clear();
            let key = self.rng.below(self.keys);
            match self.rng.below(2) {
                0 => set(&mut self.request, "key", key),
                _ => encode_request(&["GET", &format!("key:{key:012}")], &mut self.request),
            }
            let (stream, since) = &mut self.connections[number];
            *since = Some(due);
            // One small request always fits into an idle socket.
            stream.write_all(&self.request)?;
            self.calls += 1;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut ready = mem::take(&mut self.ready);
        self.poll.wait(Duration::ZERO, &mut ready)?;
        let mut buffer = [0; 512];
        self.look(&ready)?;
        for number in &ready {
            let (stream, since) = &mut self.connections[*number];
            match stream.read(&mut buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(_) if buffer[0] == b'-' => return Err("an error reply".into()),
                // Replies are short: they come whole.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            let since = since.take().ok_or("a reply to no request")?;
            let time = since.elapsed().as_nanos() as u64;
            self.times.all.record(time)?;
            if since > self.disturbed {
                self.times.undisturbed.record(time)?;
            }
            self.idle.push(*number);
            self.calls += 1;
        }
        self.ready = ready;
        Ok(())
    }

    /// Asks the witness, before the replies of these connections are taken.
    fn look(&mut self, ready: &[usize]) -> Result<(), Failure> {
        let mut due = ready.iter().filter_map(|at| self.connections[*at].1);
        let is_late = due.any(|since| since.elapsed() > LATE);
        // One of the poll, one of who drives the server on.
        let calls = mem::take(&mut self.calls) + 2;
        if self.witness.was_disturbed(is_late, calls)? {
            self.disturbed = Instant::now();
        }
        // It lasts until nobody waits: whoever came meanwhile waited behind those.
        let sent = self.connections.iter().filter_map(|(_, since)| *since);
        let mut waiting = sent.chain(self.waiting.front().copied());
        if waiting.any(|since| since <= self.disturbed) {
            self.disturbed = Instant::now();
        }
        Ok(())
    }
}
