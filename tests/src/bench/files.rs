//! What a snapshot costs others, how long a start from files takes, and a full copy to a replica.

use std::time::{Duration, Instant};

use super::Failure;
use super::case::{fill, value};
use super::field::{Contender, Pinning};
use super::latency::{self, probe};
use super::table::{Table, median};
use crate::process::{Directory, Running, wait_until};
use crate::resp::{Client, encode_request, info_field};
use crate::sys;

/// How long a snapshot, a start or a copy may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at a server that saves.
const LOOK: Duration = Duration::from_millis(20);

/// BGSAVE of `plan.keys` and `plan.others` keys under load, medians over the rounds; then a start from that file, and one from an
/// append-only file of `plan.others` keys.
pub fn run(
    contenders: &[Contender],
    pinning: Pinning,
    plan: &latency::Plan,
    mut tell: impl FnMut(&str),
) -> Result<String, Failure> {
    pin(pinning)?;
    let heads = [
        "server",
        "p99 us at rest",
        "p99 while it saves",
        "longest",
        "saved in s",
        "extra memory",
        "start from RDB, s",
        "start from AOF, s",
    ];
    let mut table = Table::new(heads);
    for contender in contenders {
        tell(&format!("{}: saves", contender.name));
        let dir = Directory::new();
        let start = contender.start.clone().cpu(pinning.server).dir(&dir);
        let server = start.clone().run()?;
        let rounds = saves(&server, plan)?;
        drop(server);
        tell(&format!("{}: starts", contender.name));
        let from_snapshot = time_of_start(|| start.run(), plan.keys + plan.others)?;
        let dir = Directory::new();
        let start = contender.start.clone().cpu(pinning.server).dir(&dir);
        let start = start.args(["--appendonly", "yes"]);
        let mut server = start.clone().run()?;
        fill_in(&mut server.client(), "other", plan.others, 16)?;
        server.kill();
        drop(server);
        let from_log = time_of_start(|| start.run(), plan.others)?;
        // What a round takes is there for the next one.
        let extra = rounds.iter().map(|round| round.extra).fold(0.0, f64::max);
        let middle = |figure: fn(&Saving) -> f64| median(rounds.iter().map(figure));
        let micros = |figure: fn(&Saving) -> f64| format!("{:.0}", middle(figure) / 1e3);
        table.row([
            contender.name.clone(),
            micros(|round| round.at_rest as f64),
            micros(|round| round.meanwhile as f64),
            micros(|round| round.longest as f64),
            seconds(Duration::from_secs_f64(middle(|round| {
                round.took.as_secs_f64()
            }))),
            format!("{:.1} %", extra * 100.0),
            seconds(from_snapshot),
            seconds(from_log),
        ]);
    }
    Ok(table.text())
}

/// A full copy of `keys` values of `value_bytes` bytes from one server to another of the same kind.
pub fn copy(
    contenders: &[Contender],
    pinning: Pinning,
    keys: usize,
    value_bytes: usize,
    mut tell: impl FnMut(&str),
) -> Result<String, Failure> {
    pin(pinning)?;
    let mut table = Table::new(["server", "MiB", "full copy, s"]);
    for contender in contenders {
        tell(&contender.name);
        let primary = contender.start.clone().cpu(pinning.server).run()?;
        let replica = contender.start.clone().cpu(pinning.client).run()?;
        fill_in(&mut primary.client(), "key", keys, value_bytes)?;
        let mut client = replica.client();
        client.timeout(PATIENCE);
        let start = Instant::now();
        let port = primary.address().port().to_string();
        client.call(&["REPLICAOF", "127.0.0.1", &port])?;
        let is_up = wait_until(PATIENCE, || {
            let info = client.call(&["INFO", "replication"]).ok();
            let info = info.and_then(|info| info.text()).unwrap_or_default();
            info.contains("master_link_status:up")
        });
        let took = start.elapsed();
        if !is_up || client.call(&["DBSIZE"])?.integer() != Some(keys as i64) {
            return Err(format!("{}: no copy was made", contender.name).into());
        }
        let size = (keys * (value_bytes + 16)) >> 20;
        table.row([contender.name.clone(), size.to_string(), seconds(took)]);
    }
    Ok(table.text())
}

fn pin(pinning: Pinning) -> Result<(), Failure> {
    match pinning.client {
        Some(cpu) => Ok(sys::set_affinity(cpu)?),
        None => Ok(()),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}

fn fill_in(
    client: &mut Client,
    prefix: &str,
    keys: usize,
    value_bytes: usize,
) -> Result<(), Failure> {
    client.timeout(PATIENCE);
    let value = value(value_bytes);
    fill(client, keys, |out, number| {
        let key = format!("{prefix}:{number:012}");
        encode_request(&[b"SET", key.as_bytes(), &value], out);
    })
}

struct Saving {
    /// Nanoseconds, the 99th percentile.
    at_rest: u64,
    meanwhile: u64,
    longest: u64,
    took: Duration,
    /// Of the memory before.
    extra: f64,
}

/// All rounds on the same keys.
fn saves(server: &Running, plan: &latency::Plan) -> Result<Vec<Saving>, Failure> {
    let mut client = server.client();
    fill_in(&mut client, "key", plan.keys, 16)?;
    fill_in(&mut client, "other", plan.others, 16)?;
    (0..plan.rounds).map(|_| save(server, plan)).collect()
}

fn save(server: &Running, plan: &latency::Plan) -> Result<Saving, Failure> {
    let at_rest = probe(server, plan, || Ok(false))?.all;
    let before = server.resident_bytes();
    let mut client = server.client();
    client.call(&["BGSAVE"])?;
    let brief = latency::Plan {
        time: Duration::ZERO,
        ..plan.clone()
    };
    let mut look = Look::new(server, client);
    let meanwhile = probe(server, &brief, || look.goes_on())?.all;
    let took = look.took.ok_or("the snapshot does not end")?;
    // What a child has copied is not the parent's.
    let info = look.client.call(&["INFO", "persistence"])?.text();
    let copied = info.and_then(|info| field(&info, "rdb_last_cow_size"));
    let extra = look.peak.saturating_sub(before).max(copied.unwrap_or(0));
    Ok(Saving {
        at_rest: at_rest.value_at_quantile(0.99),
        meanwhile: meanwhile.value_at_quantile(0.99),
        longest: meanwhile.max(),
        took,
        extra: extra as f64 / before as f64,
    })
}

/// Looks at a server that saves, and never waits for it: the requests that are due meanwhile would be late by the look.
struct Look<'a> {
    server: &'a Running,
    client: Client,
    began: Instant,
    /// When it was asked last, ...
    asked: Instant,
    /// ... and whether the answer is still to come.
    is_awaited: bool,
    /// The most memory that was seen, bytes.
    peak: u64,
    took: Option<Duration>,
}

impl<'a> Look<'a> {
    fn new(server: &'a Running, client: Client) -> Self {
        let now = Instant::now();
        Look {
            server,
            client,
            began: now,
            asked: now,
            is_awaited: false,
            peak: 0,
            took: None,
        }
    }

    /// False once the snapshot is there, or does not come.
    fn goes_on(&mut self) -> Result<bool, Failure> {
        if self.is_awaited {
            if let Some(answer) = self.client.receive_now()? {
                self.is_awaited = false;
                let info = answer.text().unwrap_or_default();
                if field(&info, "rdb_bgsave_in_progress") == Some(0) {
                    self.took = Some(self.began.elapsed());
                }
            }
        } else if self.asked.elapsed() >= LOOK {
            (self.asked, self.is_awaited) = (Instant::now(), true);
            self.peak = self.peak.max(self.server.resident_bytes());
            self.client.send(&["INFO", "persistence"])?;
        }
        Ok(self.took.is_none() && self.began.elapsed() < PATIENCE)
    }
}

fn field(info: &str, name: &str) -> Option<u64> {
    info_field(info, name)?.parse().ok()
}

/// From the start of the program to its first PONG, with all keys there.
fn time_of_start<E: Into<Failure>>(
    run: impl FnOnce() -> Result<Running, E>,
    keys: usize,
) -> Result<Duration, Failure> {
    let start = Instant::now();
    let server = run().map_err(Into::into)?;
    let took = start.elapsed();
    match server.client().call(&["DBSIZE"])?.integer() {
        Some(count) if count == keys as i64 => Ok(took),
        other => Err(format!("{other:?} keys instead of {keys}").into()),
    }
}
