//! Commands that take long, and what another client feels of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Failure;
use super::case::{fill, value};
use super::field::{Field, Runner};
use super::table::Table;
use crate::resp::{Client, ClientError, encode_request};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs slow commands on `keys` keys and on a value of `value_bytes`; the result is a table of milliseconds.
pub fn run(
    field: &Field,
    keys: usize,
    value_bytes: usize,
    mut tell: impl FnMut(&str),
) -> Result<String, Failure> {
    let heads = ["command", "server", "ms", "longest PING meanwhile, ms"];
    let mut table = Table::new(heads);
    for runner in &field.runners {
        tell(&runner.name);
        for (name, (own, others)) in measure(runner, keys, value_bytes)? {
            let millis = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
            table.row([name, runner.name.clone(), millis(own), millis(others)]);
        }
    }
    Ok(table.text())
}

type Figure = (String, (Duration, Duration));

fn measure(runner: &Runner, keys: usize, value_bytes: usize) -> Result<Vec<Figure>, Failure> {
    let mut client = runner.server.client();
    client.timeout(PATIENCE);
    client.call(&["FLUSHALL"])?;
    let mut figures = Vec::new();
    let mut time = |client: &mut Client, name: String, args: &[&[u8]]| -> Result<(), Failure> {
        figures.push((name, watched(runner, client, args)?));
        Ok(())
    };
    let big = value(value_bytes);
    time(
        &mut client,
        format!("SET of {value_bytes} bytes"),
        &[b"SET", b"big", &big],
    )?;
    time(
        &mut client,
        format!("GET of {value_bytes} bytes"),
        &[b"GET", b"big"],
    )?;
    for flush in ["FLUSHALL ASYNC", "FLUSHALL SYNC"] {
        fill(&mut client, keys, |out, number| {
            let key = format!("k{number:011}");
            encode_request(&[b"SET", key.as_bytes(), &value(16)], out);
        })?;
        if flush == "FLUSHALL ASYNC" {
            time(&mut client, format!("KEYS * of {keys}"), &[b"KEYS", b"*"])?;
        }
        let args: Vec<&[u8]> = flush.split(' ').map(str::as_bytes).collect();
        time(&mut client, format!("{flush} of {keys}"), &args)?;
    }
    Ok(figures)
}

/// The time that a command takes, and the longest that a PING of another client takes meanwhile and just after.
fn watched(
    runner: &Runner,
    client: &mut Client,
    args: &[&[u8]],
) -> Result<(Duration, Duration), Failure> {
    const AFTERMATH: Duration = Duration::from_millis(200);
    let finished = AtomicBool::new(false);
    let mut request = Vec::new();
    encode_request(args, &mut request);
    let mut other = runner.server.client();
    other.timeout(PATIENCE);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| -> Result<Duration, String> {
            let mut longest = Duration::ZERO;
            while !finished.load(Ordering::Relaxed) {
                let start = Instant::now();
                other.call(&["PING"]).map_err(|error| error.to_string())?;
                longest = longest.max(start.elapsed());
            }
            Ok(longest)
        });
        let start = Instant::now();
        let reply = send_in_pieces(client, &request).and_then(|()| client.receive());
        let elapsed = start.elapsed();
        std::thread::sleep(AFTERMATH);
        finished.store(true, Ordering::Relaxed);
        let longest = watcher.join().map_err(|_| "the watcher panicked")??;
        match reply? {
            error if error.is_error() => Err(error.text().unwrap_or_default().into()),
            _ => Ok((elapsed, longest)),
        }
    })
}

/// The watcher may share its processor with the sender: a call that sends a hundred megabytes would let it wait for as long as
/// the server is fast enough to take them all.
fn send_in_pieces(client: &mut Client, request: &[u8]) -> Result<(), ClientError> {
    const PIECE: usize = 64 * 1024;
    let mut pieces = request.chunks(PIECE);
    pieces.try_for_each(|piece| client.send_raw(piece))
}
