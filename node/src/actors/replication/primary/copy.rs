//! A copy of all data: received, loaded beside the shard, put in its place.
//!
//! By default the copy goes into a file first, and the old data are served until it is here whole; then they make room for
//! it. Where `repl-diskless-load` says so it is loaded as it comes. With an append-only file the copy becomes its base.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use almandine_storage::aof::Beginning;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::connection::Connection;
use super::load::{self, Loaded, Pieces, Plan};
use super::{Link, LinkError};
use crate::actors::persistence::messages::{Replace, Resume, Suspend};
use crate::actors::shard::messages::{Adopt, GiveCopyUp, MakeRoom};
use crate::journal::Id;
use crate::node::Node;
use crate::replication::{CopyEnd, LinkState};
use crate::shard::following::Copy;

/// Pieces on their way between the socket and the thread that takes them.
const PIECES: usize = 16;
/// How often the primary gets a sign of life meanwhile.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Receives a copy that the stream of `id` follows at `offset`.
pub(super) async fn receive(
    link: &Link,
    connection: &mut Connection,
    id: Id,
    offset: u64,
) -> Result<(), LinkError> {
    link.enter(LinkState::Sync);
    let line = connection.line().await?;
    let end = CopyEnd::announced(&line)
        .ok_or_else(|| LinkError::Refused(format!("the beginning of a copy: {line}")))?;
    if let (Some(upstream), CopyEnd::Length(length)) =
        (link.node.replication.upstream().as_mut(), &end)
    {
        upstream.copy = (Some(*length), 0);
    }
    let file = Temporary::new(&link.node);
    let mut room = Room {
        link,
        is_made: false,
    };
    let copied = match link.node.params().repl_diskless_load {
        "disabled" => by_file(link, connection, end, &file, &mut room).await,
        "swapdb" => directly(link, connection, end, &file).await,
        _ => match room.make().await {
            Ok(()) => directly(link, connection, end, &file).await,
            Err(error) => Err(error),
        },
    };
    let adopted = match copied {
        Ok(loaded) => adopt(link, loaded, id, offset, file).await,
        Err(error) => Err(error),
    };
    if adopted.is_err() {
        room.give_up().await?;
    }
    adopted
}

/// Whether the old data are gone.
struct Room<'a> {
    link: &'a Link,
    is_made: bool,
}

impl Room<'_> {
    async fn make(&mut self) -> Result<(), LinkError> {
        let changes = self.link.changes;
        self.link.shard.send(MakeRoom { changes }).await??;
        self.is_made = true;
        Ok(())
    }

    async fn give_up(self) -> Result<(), LinkError> {
        let changes = self.link.changes;
        if self.is_made {
            self.link.shard.send(GiveCopyUp { changes }).await??;
        }
        Ok(())
    }
}

/// The old data are served until the copy is here.
async fn by_file(
    link: &Link,
    connection: &mut Connection,
    end: CopyEnd,
    file: &Temporary,
    room: &mut Room<'_>,
) -> Result<Loaded, LinkError> {
    let store = Thread::begin(load::Work::Store(file.create()?), &link.node)?;
    transfer(link, connection, end, store).await?;
    room.make().await?;
    let plan = Plan::File(file.path.clone());
    let load = Thread::begin(load::Work::Load(plan), &link.node)?;
    let loaded = wait(link, connection, load).await?;
    loaded.ok_or(LinkError::Ending)
}

/// The copy is loaded as it comes.
async fn directly(
    link: &Link,
    connection: &mut Connection,
    end: CopyEnd,
    file: &Temporary,
) -> Result<Loaded, LinkError> {
    let is_kept = link.node.params().appendonly;
    let kept = is_kept.then(|| file.create()).transpose()?;
    let load = Thread::begin(load::Work::Load(Plan::Pieces(kept)), &link.node)?;
    let loaded = transfer(link, connection, end, load).await?;
    loaded.ok_or(LinkError::Ending)
}

/// Hands the bytes of the copy to the thread, and waits for its end.
async fn transfer(
    link: &Link,
    connection: &mut Connection,
    end: CopyEnd,
    thread: Thread,
) -> Result<Option<Loaded>, LinkError> {
    let (mut received, mut heard) = (0, Instant::now());
    let mut clock = interval(SIGN_OF_LIFE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (piece, is_last) = end.cut(&mut connection.unread, received);
        received += piece.len() as u64;
        if !piece.is_empty() && thread.pieces.send(piece).await.is_err() {
            // It has ended early, and says why.
            return thread.end().await;
        }
        if let Some(upstream) = link.node.replication.upstream().as_mut() {
            upstream.copy.1 = received;
        }
        if is_last {
            return wait(link, connection, thread).await;
        }
        tokio::select! {
            read = connection.read() => {
                read?;
                heard = Instant::now();
                link.heard();
            }
            _ = clock.tick() => {
                if heard.elapsed() > link.timeout() {
                    return Err(LinkError::Silence);
                }
            }
        }
    }
}

/// Waits for the thread that loads; the primary is not left without a sign of life.
async fn wait(
    link: &Link,
    connection: &mut Connection,
    thread: Thread,
) -> Result<Option<Loaded>, LinkError> {
    let mut clock = interval(SIGN_OF_LIFE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = thread.end();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            loaded = &mut ended => return loaded,
            _ = clock.tick() => {
                link.heard();
                connection.send(b"\n").await?;
            }
        }
    }
}

/// The copy takes the place of the data, in memory and on the disk. This goes on to its end even if the link does not: a writer
/// that is suspended must go on, and the files must be those of the data.
async fn adopt(
    link: &Link,
    loaded: Loaded,
    id: Id,
    offset: u64,
    file: Temporary,
) -> Result<(), LinkError> {
    let db = loaded.stream_db.min(loaded.dbs.count() - 1);
    let copy = Box::new(Copy {
        dbs: loaded.dbs,
        id,
        offset,
        db,
    });
    let (shard, persistence) = (link.shard.clone(), link.persistence.clone());
    let (changes, is_written) = (link.changes, link.node.params().appendonly);
    let adoption = actix_rt::spawn(async move {
        if is_written {
            persistence.send(Suspend).await?;
        }
        let adopted = shard.send(Adopt { changes, copy }).await?;
        if is_written && adopted.is_ok() {
            let base = file.path.clone();
            let beginning = Beginning { offset, db };
            persistence.send(Replace { base, beginning }).await?;
        } else if is_written {
            persistence.send(Resume).await?;
        }
        Ok(adopted?)
    });
    adoption.await.map_err(|_| LinkError::Ending)?
}

/// A thread that stores or loads what it is handed.
struct Thread {
    pieces: mpsc::Sender<Vec<u8>>,
    outcome: oneshot::Receiver<Result<Option<Loaded>, LinkError>>,
}

impl Thread {
    fn begin(work: load::Work, node: &Arc<Node>) -> Result<Thread, LinkError> {
        let (pieces, received) = mpsc::channel(PIECES);
        let (report, outcome) = oneshot::channel();
        let node = node.clone();
        let run = move || {
            // Nobody listens any more if the link has ended.
            let _ = report.send(work.run(Pieces::new(received), &node));
        };
        let thread = std::thread::Builder::new().name("full-copy".into());
        thread.spawn(run).map_err(LinkError::Disk)?;
        Ok(Thread { pieces, outcome })
    }

    async fn end(self) -> Result<Option<Loaded>, LinkError> {
        drop(self.pieces);
        self.outcome.await.map_err(|_| LinkError::Ending)?
    }
}

/// A file that is removed unless it has got another name.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Where the append-only file would take it over, if there is one. Under a name of its own: when the primary changes, the
    /// link to the last one may not have ended yet.
    fn new(node: &Node) -> Self {
        let params = node.params();
        let (process, number) = (std::process::id(), node.next_snapshot());
        let name = format!("temp-copy-{process}-{number}.rdb");
        let path = match params.appendonly {
            true => PathBuf::from(&params.appenddirname).join(name),
            false => PathBuf::from(name),
        };
        Temporary { path }
    }

    /// Made here and not by the thread that fills it: whoever removes the file comes after that.
    fn create(&self) -> Result<File, LinkError> {
        File::create(&self.path).map_err(|error| {
            LinkError::Disk(io::Error::new(
                error.kind(),
                format!("{}: {error}", self.path.display()),
            ))
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has been renamed, or was never made.
        let _ = std::fs::remove_file(&self.path);
    }
}
