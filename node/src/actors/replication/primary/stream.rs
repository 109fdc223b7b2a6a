//! The stream: read, cut into requests, handed to the shard, acknowledged: once a second, or as soon as what it has brought is
//! here for good, if the shard waits for that.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::task::Poll;
use std::time::{Duration, Instant};

use almandine_protocol::{Batch, Parser};
use tokio::time::{MissedTickBehavior, interval};

use super::connection::Connection;
use super::{Link, LinkError};
use crate::actors::shard::messages::{Follow, FollowDone};
use crate::replication::STREAM_LIMITS;

/// How often the primary hears how far we are.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);

/// Follows until something goes wrong.
pub(super) async fn follow(
    link: &Link,
    connection: &mut Connection,
) -> Result<Infallible, LinkError> {
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let mut heard = Instant::now();
    let mut clock = interval(ACKNOWLEDGE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = acknowledge(link, connection).await?;
    loop {
        let wants_acknowledgement;
        (batch, wants_acknowledgement) = take(link, connection, &mut parser, batch).await?;
        let is_awaited = link.node.is_awaited();
        if wants_acknowledgement || (is_awaited && link.node.safe_offset() > said) {
            said = acknowledge(link, connection).await?;
        }
        let is_behind = is_awaited && said < link.node.journal.offset();
        tokio::select! {
            read = connection.read() => {
                read?;
                heard = Instant::now();
                link.heard();
            }
            () = is_safe_beyond(link, said), if is_behind => {
                said = acknowledge(link, connection).await?;
            }
            _ = clock.tick() => {
                if heard.elapsed() > link.timeout() {
                    return Err(LinkError::Silence);
                }
                said = acknowledge(link, connection).await?;
            }
        }
    }
}

/// Until more than this is here for good.
async fn is_safe_beyond(link: &Link, said: u64) {
    let node = &link.node;
    poll_fn(|task| {
        let is_safe = || node.safe_offset() > said;
        match node.journal.is_so_or_wakes(task.waker(), is_safe) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Has the shard carry out all requests that are complete.
async fn take(
    link: &Link,
    connection: &mut Connection,
    parser: &mut Parser,
    mut batch: Batch,
) -> Result<(Batch, bool), LinkError> {
    let mut wants_acknowledgement = false;
    loop {
        batch.clear();
        let parsed = parser.parse(&connection.unread, &STREAM_LIMITS, &mut batch);
        let Some(last) = batch.requests.last() else {
            let skipped = parsed.map_err(|error| {
                LinkError::Foreign(format!(
                    "bad bytes in the stream: {}",
                    error.text().escape_ascii()
                ))
            })?;
            connection.unread.drain(..skipped);
            if skipped == 0 {
                return Ok((batch, wants_acknowledgement));
            }
            continue;
        };
        let rest = connection.unread.split_off(last.end as usize);
        let buffer = mem::replace(&mut connection.unread, rest);
        let follow = Follow {
            changes: link.changes,
            buffer,
            batch,
        };
        let FollowDone {
            batch: returned,
            outcome,
        } = link.shard.send(follow).await?;
        batch = returned;
        wants_acknowledgement |= outcome?.wants_acknowledgement;
    }
}

/// Says how far we are, and how far our disk is; returns the first. To a primary that waits for it we say what will be here
/// again after whatever happens.
async fn acknowledge(link: &Link, connection: &mut Connection) -> Result<u64, LinkError> {
    let said = match link.node.is_awaited() {
        true => link.node.safe_offset(),
        false => link.node.journal.offset(),
    };
    let offset = said.to_string();
    let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", offset.as_bytes()];
    let synced = link.node.journal.watermarks().1.to_string();
    if link.node.params().appendonly {
        words.extend([b"FACK".as_slice(), synced.as_bytes()]);
    }
    connection.request(&words).await?;
    Ok(said)
}
