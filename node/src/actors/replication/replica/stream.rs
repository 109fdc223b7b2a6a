//! The stream to a replica: pulled from the journal, as much as the socket takes. Its acknowledgements.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use almandine_protocol::{Batch, Limits, Parser, number};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::lag::Lag;
use super::{Link, LinkError};
use crate::actors::shard::messages::Acknowledged;
use crate::commands::Args;
use crate::moment::now_ms;
use crate::stats::bump;

/// Bytes that are taken from the journal at a time.
const STEP: usize = 256 << 10;
/// How often the link is looked after.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How soon the file has what it does not have yet.
const FILE_POLL: Duration = Duration::from_millis(5);

/// How long replies wait for a connection that takes nothing more.
const PATIENCE: Duration = Duration::from_millis(10);

/// What was taken from the journal and has not left.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// Since when the connection has not taken all of it, while somebody may wait for that.
    stands_since: Option<Instant>,
}

/// Sends the stream from `offset` on until something goes wrong.
pub(super) async fn send(
    link: &mut Link,
    mut offset: u64,
    mut lag: Lag,
) -> Result<Infallible, LinkError> {
    let mut outgoing = Outgoing {
        bytes: std::mem::take(&mut link.unsent),
        ..Outgoing::default()
    };
    let mut parser = Parser::default();
    let mut clock = interval(HEARTBEAT);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    hear(link, &mut parser)?;
    loop {
        if outgoing.is_empty() {
            outgoing.clear();
            if lag.fill(link, offset, STEP, &mut outgoing.bytes)? {
                link.node.gates.tell();
            }
            offset += outgoing.bytes.len() as u64;
            outgoing.stands_since = (!outgoing.is_empty()).then(Instant::now);
        }
        let writes = !outgoing.is_empty();
        let stands_since = outgoing.stands_since;
        tokio::select! {
            ready = link.socket.ready(writes) => {
                let ready = ready?;
                if ready.is_readable() || ready.is_read_closed() {
                    read(link)?;
                    hear(link, &mut parser)?;
                }
                if ready.is_writable() && writes {
                    write(link, &mut outgoing)?;
                }
            }
            () = more(link.node.clone(), offset), if !writes && !lag.reads_file() => {}
            () = sleep(FILE_POLL), if !writes && lag.reads_file() => {}
            () = too_long(stands_since), if stands_since.is_some() => {
                outgoing.stands_since = None;
                // It may be this thread that was late.
                write(link, &mut outgoing)?;
                if !outgoing.is_empty() && link.node.journal.falls_behind(link.replica.id) {
                    link.node.gates.tell();
                }
            }
            _ = clock.tick() => look_after(link, offset, &mut lag)?,
        }
    }
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * STEP);
        self.sent = 0;
    }
}

/// Until a connection that stands since then has done so for longer than anybody waits.
async fn too_long(stands_since: Option<Instant>) {
    if let Some(since) = stands_since {
        sleep_until(since + PATIENCE).await;
    }
}

/// Until the journal holds something after `offset`.
async fn more(node: std::sync::Arc<crate::node::Node>, offset: u64) {
    poll_fn(|task| match node.journal.has_more(offset, task.waker()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

fn write(link: &mut Link, outgoing: &mut Outgoing) -> Result<(), LinkError> {
    match link.socket.try_write(&outgoing.bytes[outgoing.sent..]) {
        Ok(count) => {
            outgoing.sent += count;
            link.count_sent(count);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads what the replica has said.
pub(super) fn read(link: &mut Link) -> Result<(), LinkError> {
    link.unread.reserve(4096);
    match link.socket.try_read(&mut link.unread) {
        Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        Ok(count) => {
            bump(&link.client.bytes_in, count as u64);
            link.replica.hear(now_ms());
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes acknowledgements out of what was read; everything else that a replica says means nothing.
pub(super) fn hear(link: &mut Link, parser: &mut Parser) -> Result<bool, LinkError> {
    let (mut batch, mut acknowledged) = (Batch::default(), false);
    loop {
        batch.clear();
        let parsed = parser.parse(&link.unread, &Limits::default(), &mut batch);
        for i in 0..batch.requests.len() {
            let (buffer, spans) = batch.slices(&link.unread, i);
            acknowledged |= take(link, Args::new(buffer, spans));
        }
        let used = match (batch.requests.last(), parsed) {
            (Some(last), _) => last.end as usize,
            (None, Ok(skipped)) => skipped,
            (None, Err(_)) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "bad bytes").into());
            }
        };
        if used == 0 {
            break;
        }
        link.unread.drain(..used);
    }
    if acknowledged && link.node.replication.is_awaited() {
        link.shard.do_send(Acknowledged);
    }
    let (node, journal) = (&link.node, &link.node.journal);
    let is_waited_for = acknowledged && journal.awaits_replicas();
    if is_waited_for && node.replication.look_at_confirmed(journal) {
        node.gates.tell();
    }
    Ok(acknowledged)
}

/// `REPLCONF ACK offset [FACK offset]`
fn take(link: &Link, args: Args<'_>) -> bool {
    if !args.is(0, "replconf") || !args.is(1, "ack") {
        return false;
    }
    let offset = |i: usize| {
        let number = args.get(i).and_then(number::parse_i64);
        number.and_then(|offset| u64::try_from(offset).ok())
    };
    let Some(acknowledged) = offset(2) else {
        return false;
    };
    let synced = offset(4).filter(|_| args.is(3, "fack"));
    link.replica.confirm(acknowledged, synced, now_ms());
    true
}

/// Whether the replica is alive and keeps up.
fn look_after(link: &Link, offset: u64, lag: &mut Lag) -> Result<(), LinkError> {
    let silence_ms = now_ms() - link.replica.heard_ms();
    if silence_ms > i64::from(link.node.params().repl_timeout) * 1000 {
        return Err(LinkError::Silence);
    }
    lag.look_after(link, offset)
}
