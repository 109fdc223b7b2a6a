//! Percentiles of latency at a given rate. The time runs from the moment when a request was due, not when it could be
//! sent, so a server that stops for a while is charged for all requests that it made wait.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use almandine_storage::Rng;
use hdrhistogram::Histogram;

use super::Failure;
use super::case::{fill, value};
use super::field::{Field, Runner};
use super::table::Table;
use crate::resp::{Client, Protocol, encode_request};
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
    /// Of the random keys.
    pub seed: u64,
}

/// Runs all situations on each server; the result is a table of microseconds.
pub fn run(field: &Field, plan: &Plan, mut tell: impl FnMut(&str)) -> Result<String, Failure> {
    let heads = [
        "situation",
        "server",
        "requests",
        "p50 us",
        "p99",
        "p99.9",
        "max",
        "note",
    ];
    let mut table = Table::new(heads);
    let situations: [(&str, Situation); 3] = [
        ("at rest", at_rest),
        ("keys expire", expiring),
        ("the table grows", growing),
    ];
    for (name, situation) in situations {
        for runner in &field.runners {
            tell(&format!("{name}: {}", runner.name));
            let mut client = runner.server.client();
            client.call(&["FLUSHALL"])?;
            fill(&mut client, plan.keys, |out, number| {
                set(out, "key", number)
            })?;
            let measured = situation(runner, plan, &mut client)
                .map_err(|error| format!("{name}, {}: {error}", runner.name))?;
            let micros = |nanos: u64| format!("{:.0}", nanos as f64 / 1e3);
            let times = &measured.times;
            table.row([
                name.to_owned(),
                runner.name.clone(),
                times.len().to_string(),
                micros(times.value_at_quantile(0.5)),
                micros(times.value_at_quantile(0.99)),
                micros(times.value_at_quantile(0.999)),
                micros(times.max()),
                measured.note,
            ]);
        }
    }
    Ok(table.text())
}

type Situation = fn(&Runner, &Plan, &mut Client) -> Result<Measured, Failure>;

struct Measured {
    /// Nanoseconds.
    times: Histogram<u64>,
    note: String,
}

fn at_rest(runner: &Runner, plan: &Plan, _client: &mut Client) -> Result<Measured, Failure> {
    let times = probe(runner.server.address(), plan, || false)?;
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
    let times = probe(runner.server.address(), plan, || false)?;
    let left = client.call(&["DBSIZE"])?.integer().unwrap_or(-1);
    let note = format!("{} not yet removed", left - plan.keys as i64);
    Ok(Measured { times, note })
}

/// Another client adds keys, sixteen at a time, until all are there.
fn growing(runner: &Runner, plan: &Plan, _client: &mut Client) -> Result<Measured, Failure> {
    const BATCH: usize = 16;
    let address = runner.server.address();
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<(), String> {
            let mut client = Client::connect_with(address, Protocol::Resp2)
                .map_err(|error| error.to_string())?;
            for start in (0..plan.others).step_by(BATCH) {
                let add = |out: &mut Vec<u8>, number: usize| set(out, "other", start + number);
                fill(&mut client, BATCH, add).map_err(|error| error.to_string())?;
            }
            finished.store(true, Ordering::Relaxed);
            Ok(())
        });
        let start = Instant::now();
        let times = probe(address, plan, || {
            !finished.load(Ordering::Relaxed) && !writer.is_finished()
        });
        writer
            .join()
            .map_err(|_| "the thread that adds keys panicked")??;
        let note = format!(
            "{} keys in {:.1} s",
            plan.others,
            start.elapsed().as_secs_f64()
        );
        Ok(Measured {
            times: times?,
            note,
        })
    })
}

fn set(out: &mut Vec<u8>, prefix: &str, number: usize) {
    let key = format!("{prefix}:{number:012}");
    encode_request(&[b"SET", key.as_bytes(), &value(16)], out);
}

/// Half GET, half SET at the rate of `plan`, for its time and then as long as `goes_on` says.
pub(super) fn probe(
    address: SocketAddr,
    plan: &Plan,
    goes_on: impl Fn() -> bool,
) -> Result<Histogram<u64>, Failure> {
    let mut prober = Prober::connect(address, plan)?;
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
        if now - start > plan.time && !goes_on() {
            return Ok(prober.times);
        }
    }
}

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
    times: Histogram<u64>,
}

impl Prober {
    fn connect(address: SocketAddr, plan: &Plan) -> Result<Prober, Failure> {
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
            times: Histogram::new(3)?,
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
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poll.wait(Duration::ZERO, &mut ready)?;
        let mut buffer = [0; 512];
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
            self.times.record(since.elapsed().as_nanos() as u64)?;
            self.idle.push(*number);
        }
        self.ready = ready;
        Ok(())
    }
}
