//! A copy of all data for a replica: a snapshot of the shard, sent as it is taken.
//!
//! From before its first byte the journal keeps what follows the copy, or the append-only file does (lag.rs). The stream begins when the replica has said that the
//! copy is whole: bytes right behind it would hide its end.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix::{Addr, Context, Handler};
use almandine_protocol::Parser;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::lag::Lag;
use super::stream::{hear, read};
use super::{Link, LinkError, ReplicaLinkActor};
use crate::actors::shard::ShardActor;
use crate::actors::shard::messages::{
    AbortSnapshot, SnapshotPart, SnapshotPiece, SnapshotTaken, TakeSnapshot,
};
use crate::journal::Id;
use crate::replication::{ReplicaState, Start};
use crate::shard::snapshot::Purpose;

/// How often the replica hears that it is not forgotten.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// Bytes that are read at a time from a copy that had to be stored.
const STEP: usize = 256 << 10;

/// Parts of a snapshot on their way from the actor to its link. Few: the shard rests until they are taken.
pub(super) type Sender = UnboundedSender<SnapshotPart>;
/// The other end.
pub(super) type Receiver = UnboundedReceiver<SnapshotPart>;

/// See [`Sender`].
pub(super) fn channel() -> (Sender, Receiver) {
    unbounded_channel()
}

impl Handler<SnapshotPart> for ReplicaLinkActor {
    type Result = ();

    fn handle(&mut self, part: SnapshotPart, _: &mut Context<Self>) {
        // The link has ended if nobody listens any more, and this actor is about to.
        let _ = self.parts.send(part);
    }
}

/// Sends a copy; returns the offset of the journal at which the stream follows, and who has it from there on.
pub(super) async fn send(link: &mut Link) -> Result<(u64, Lag), LinkError> {
    let mut copy = Copying::begin(link);
    let offset = copy.begun(link).await?;
    link.replica.enter(ReplicaState::Copying);
    if link.attachment.start != Start::Plain {
        let id = link.node.journal.history().id();
        let line = format!("+FULLRESYNC {id} {offset}\r\n");
        copy.push(link, line.as_bytes()).await?;
    }
    if !link.attachment.announced.finds_end {
        copy.send_stored(link).await?;
        return Ok((offset, std::mem::take(&mut copy.lag)));
    }
    copy.send_marked(link).await?;
    let only_copy = link.attachment.announced.only_copy;
    while !copy.is_acknowledged {
        copy.rest(link, None).await?;
        if only_copy && link.unread.is_empty() && copy.quiet.elapsed() > SIGN_OF_LIFE {
            return Err(LinkError::Served);
        }
    }
    Ok((offset, std::mem::take(&mut copy.lag)))
}

/// A copy on its way.
struct Copying {
    snapshot: u64,
    shard: Addr<ShardActor>,
    is_over: bool,
    parser: Parser,
    is_acknowledged: bool,
    clock: Interval,
    /// Since when nothing was sent or received.
    quiet: Instant,
    /// Where the stream will follow.
    offset: u64,
    lag: Lag,
}

impl Copying {
    fn begin(link: &Link) -> Self {
        let node = &link.node;
        // The snapshot begins a little later: from here on nothing is lost.
        let (_, offset) = node.journal.attach_here(link.replica.id);
        let snapshot = node.next_snapshot();
        link.shard.do_send(TakeSnapshot {
            id: snapshot,
            purpose: Purpose::Replica,
            to: link.snapshots.clone(),
        });
        let mut clock = interval(SIGN_OF_LIFE);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Copying {
            snapshot,
            shard: link.shard.clone(),
            is_over: false,
            parser: Parser::default(),
            is_acknowledged: false,
            clock,
            quiet: Instant::now(),
            offset,
            lag: Lag::default(),
        }
    }

    /// Waits for the moment that the copy shows.
    async fn begun(&mut self, link: &mut Link) -> Result<u64, LinkError> {
        match self.part(link).await? {
            SnapshotPiece::Begun { offset, .. } => {
                self.offset = offset;
                // What came before it is not needed any more.
                self.lag.fill(link, offset, 0, &mut Vec::new())?;
                Ok(offset)
            }
            _ => Err(LinkError::NoCopy),
        }
    }

    /// The next part. Meanwhile the replica gets signs of life, unless a part of the copy has been sent.
    async fn part(&mut self, link: &mut Link) -> Result<SnapshotPiece, LinkError> {
        loop {
            let unsent = std::mem::take(&mut link.unsent);
            if !unsent.is_empty() {
                self.push(link, &unsent).await?;
            }
            tokio::select! {
                part = link.parts.recv() => match part {
                    Some(part) if part.id == self.snapshot => {
                        self.is_over = matches!(part.piece, SnapshotPiece::Ended | SnapshotPiece::Refused);
                        return Ok(part.piece);
                    }
                    Some(_) => {}
                    None => return Err(LinkError::NoCopy),
                },
                ready = link.socket.ready(false) => {
                    ready?;
                    self.hear(link)?;
                }
                _ = self.clock.tick() => {
                    self.look_after(link)?;
                    if !self.is_marked(link) {
                        link.unsent.push(b'\n');
                    }
                }
            }
        }
    }

    /// Whether bytes that are sent now would be part of the copy.
    fn is_marked(&self, link: &Link) -> bool {
        link.attachment.announced.finds_end && link.replica.state() == ReplicaState::Copying
    }

    /// The copy between two marks.
    async fn send_marked(&mut self, link: &mut Link) -> Result<(), LinkError> {
        let mark =
            Id::new(link.node.seed ^ self.snapshot ^ self.offset.rotate_left(32)).to_string();
        self.push(link, format!("$EOF:{mark}\r\n").as_bytes())
            .await?;
        loop {
            match self.part(link).await? {
                SnapshotPiece::Bytes(bytes) => {
                    self.push(link, &bytes).await?;
                    self.taken(bytes.len());
                }
                SnapshotPiece::Ended => return self.push(link, mark.as_bytes()).await,
                SnapshotPiece::Begun { .. } | SnapshotPiece::Refused => {
                    return Err(LinkError::NoCopy);
                }
            }
        }
    }

    /// The copy behind its length, which is known only when it is whole.
    async fn send_stored(&mut self, link: &mut Link) -> Result<(), LinkError> {
        let mut file = Stored::new(self.snapshot)?;
        loop {
            match self.part(link).await? {
                SnapshotPiece::Bytes(bytes) => {
                    file.file.write_all(&bytes)?;
                    self.taken(bytes.len());
                }
                SnapshotPiece::Ended => break,
                SnapshotPiece::Begun { .. } | SnapshotPiece::Refused => {
                    return Err(LinkError::NoCopy);
                }
            }
        }
        let length = file.file.stream_position()?;
        file.file.rewind()?;
        self.push(link, format!("${length}\r\n").as_bytes()).await?;
        let mut bytes = vec![0; STEP];
        loop {
            let count = file.file.read(&mut bytes)?;
            if count == 0 {
                return Ok(());
            }
            self.push(link, &bytes[..count]).await?;
        }
    }

    fn taken(&self, bytes: usize) {
        let id = self.snapshot;
        self.shard.do_send(SnapshotTaken { id, bytes });
    }

    /// Sends all of `bytes`.
    async fn push(&mut self, link: &mut Link, bytes: &[u8]) -> Result<(), LinkError> {
        let mut sent = 0;
        while sent < bytes.len() {
            sent += self.rest(link, Some(&bytes[sent..])).await?;
        }
        Ok(())
    }

    /// Waits until something can be read, or something of `bytes` was written: returns how much.
    async fn rest(&mut self, link: &mut Link, bytes: Option<&[u8]>) -> Result<usize, LinkError> {
        tokio::select! {
            ready = link.socket.ready(bytes.is_some()) => {
                let ready = ready?;
                if ready.is_readable() || ready.is_read_closed() {
                    self.hear(link)?;
                }
                let Some(bytes) = bytes.filter(|_| ready.is_writable()) else {
                    return Ok(0);
                };
                match link.socket.try_write(bytes) {
                    Ok(count) => {
                        link.count_sent(count);
                        self.quiet = Instant::now();
                        Ok(count)
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                    Err(error) => Err(error.into()),
                }
            }
            _ = self.clock.tick() => {
                self.look_after(link)?;
                Ok(0)
            }
        }
    }

    fn hear(&mut self, link: &mut Link) -> Result<(), LinkError> {
        read(link)?;
        self.quiet = Instant::now();
        self.is_acknowledged |= hear(link, &mut self.parser)?;
        Ok(())
    }

    /// Whether the replica is alive, and what waits for it is not too much.
    fn look_after(&mut self, link: &Link) -> Result<(), LinkError> {
        let patience = Duration::from_secs(u64::from(link.node.params().repl_timeout));
        // Until the copy is on its way nothing is expected of the replica.
        let owes = self.is_over || link.replica.state() == ReplicaState::Copying;
        if owes && self.quiet.elapsed() > patience {
            return Err(LinkError::Silence);
        }
        self.lag.look_after(link, self.offset)
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        if !self.is_over {
            self.shard.do_send(AbortSnapshot { id: self.snapshot });
        }
    }
}

/// A file that is removed in the end.
struct Stored {
    file: File,
    path: PathBuf,
}

impl Stored {
    fn new(number: u64) -> io::Result<Self> {
        let path = PathBuf::from(format!("temp-copy-{}-{number}.rdb", std::process::id()));
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path)?;
        Ok(Stored { file, path })
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        // It is ours, and nobody needs it.
        let _ = std::fs::remove_file(&self.path);
    }
}
