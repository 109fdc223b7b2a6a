//! Keys on their way to another server: connects, sends what RESTORE needs, hears what was taken. Connections are kept for a
//! while, for many keys usually follow each other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::messages::Migrate;
use crate::shard::migrations::Moved;

/// How long a connection is kept without being used, and how many are.
const KEPT: Duration = Duration::from_secs(10);
const KEPT_MAX: usize = 64;
/// Bytes that are written at a time; each has the whole timeout.
const STEP: usize = 64 << 10;
/// Longest reply, bytes.
const LINE_MAX: usize = 64 << 10;

/// Where keys go.
type Target = (String, String);

/// Connections that wait for more keys.
#[derive(Clone, Default)]
pub(super) struct Idle(Rc<RefCell<HashMap<Target, (TcpStream, Instant)>>>);

/// What has gone wrong.
enum Failure {
    Unreachable,
    Writing,
    Reading,
}

/// What the other server has said.
#[derive(Default)]
struct Answers {
    /// The error replies to AUTH and SELECT.
    prelude: Vec<String>,
    /// The replies to RESTORE; an error's text.
    keys: Vec<Result<(), String>>,
    seen: usize,
}

impl Idle {
    fn take(&self, target: &Target) -> Option<TcpStream> {
        let kept = self.0.borrow_mut().remove(target);
        kept.filter(|(_, since)| since.elapsed() < KEPT)
            .map(|(stream, _)| stream)
    }

    fn keep(&self, target: Target, stream: TcpStream) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.insert(target, (stream, Instant::now()));
        }
    }

    /// Closes those that have waited long enough.
    pub(super) fn close_old(&self) {
        self.0
            .borrow_mut()
            .retain(|_, (_, since)| since.elapsed() < KEPT);
    }
}

/// Does it. A connection that was kept may have been closed by the other side: then once more with a new one.
pub(super) async fn migrate(idle: Idle, order: Migrate) -> Moved {
    let target = (order.host.clone(), order.port.clone());
    let patience = Duration::from_millis(order.timeout_ms);
    if let Some(stream) = idle.take(&target) {
        let mut answers = Answers::default();
        let outcome = talk(stream, &order, patience, &mut answers).await;
        if outcome.is_ok() || answers.seen > 0 {
            return conclude(&idle, target, outcome, answers);
        }
    }
    let mut answers = Answers::default();
    let outcome = match connect(&order, patience).await {
        Ok(stream) => talk(stream, &order, patience, &mut answers).await,
        // Redis notices when it writes.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Failure::Writing),
        Err(_) => Err(Failure::Unreachable),
    };
    conclude(&idle, target, outcome, answers)
}

async fn connect(order: &Migrate, patience: Duration) -> io::Result<TcpStream> {
    let port = order.port.parse::<u16>().map_err(io::Error::other)?;
    let stream = timeout(patience, TcpStream::connect((order.host.as_str(), port))).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn talk(
    mut stream: TcpStream,
    order: &Migrate,
    patience: Duration,
    answers: &mut Answers,
) -> Result<TcpStream, Failure> {
    for piece in order.requests.chunks(STEP) {
        let written = timeout(patience, stream.write_all(piece)).await;
        written
            .map_err(|_| Failure::Writing)?
            .map_err(|_| Failure::Writing)?;
    }
    let mut unread = Vec::new();
    while answers.seen < order.prelude + order.keys {
        let Some(end) = unread.iter().position(|byte| *byte == b'\n') else {
            let read = timeout(patience, stream.read_buf(&mut unread)).await;
            match read {
                Ok(Ok(count)) if count > 0 && unread.len() < LINE_MAX => continue,
                _ => return Err(Failure::Reading),
            }
        };
        let line: Vec<u8> = unread.drain(..=end).collect();
        answers.add(&line, order.prelude);
    }
    Ok(stream)
}

impl Answers {
    fn add(&mut self, line: &[u8], prelude: usize) {
        let line = line.trim_ascii_end();
        let answer = match line.strip_prefix(b"-") {
            Some(error) => Err(String::from_utf8_lossy(error).into_owned()),
            None => Ok(()),
        };
        if self.seen < prelude {
            self.prelude.extend(answer.err());
        } else {
            self.keys.push(answer);
        }
        self.seen += 1;
    }
}

fn conclude(
    idle: &Idle,
    target: Target,
    outcome: Result<TcpStream, Failure>,
    answers: Answers,
) -> Moved {
    let Answers { prelude, keys, .. } = answers;
    let refused = prelude
        .first()
        .or_else(|| keys.iter().find_map(|key| key.as_ref().err()));
    let refused = refused.map(|text| format!("ERR Target instance replied with error: {text}"));
    // Without its password or in the wrong database the other server has taken nothing that counts.
    let taken = keys
        .iter()
        .map(|key| key.is_ok() && prelude.is_empty())
        .collect();
    let error = match outcome {
        Ok(stream) => {
            if refused.is_none() {
                idle.keep(target, stream);
            }
            refused
        }
        Err(failure) => refused.or(Some(failure.text().to_owned())),
    };
    Moved { taken, error }
}

impl Failure {
    fn text(&self) -> &'static str {
        match self {
            Failure::Unreachable => "IOERR error or timeout connecting to the client",
            Failure::Writing => "IOERR error or timeout writing to target instance",
            Failure::Reading => "IOERR error or timeout reading to target instance",
        }
    }
}
