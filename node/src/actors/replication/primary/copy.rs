//! A copy of all data: received, loaded beside the shard, put in its place.
//!
//! By default the copy goes into a file first, and the old data are served until it is here whole; then they make room for
//! it. Where `repl-diskless-load` says so it is loaded as it comes. With an append-only file the copy becomes its base.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::connection::Connection;
use super::load::{self, Loaded, Pieces, Plan};
use super::{Link, LinkError};
use crate::actors::persistence::messages::{Replace, Resume, Suspend};
use crate::actors::shard::messages::{Adopt, GiveCopyUp, MakeRoom};
use crate::journal::Id;
use crate::node::Node;
use crate::replication::LinkState;
use crate::shard::following::Copy;

/// Pieces on their way between the socket and the thread that takes them.
const PIECES: usize = 16;
/// How often the primary gets a sign of life meanwhile.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How the end of a copy is found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// After so many bytes.
    Length(u64),
    /// These bytes follow, and nothing more.
    Mark(Vec<u8>),
}

/// Receives a copy that the stream of `id` follows at `offset`.
pub(super) async fn receive(
    link: &Link,
    connection: &mut Connection,
    id: Id,
    offset: u64,
) -> Result<(), LinkError> {
    link.enter(LinkState::Sync);
    let end = header(&connection.line().await?)?;
    if let (Some(upstream), End::Length(length)) = (link.node.replication.upstream().as_mut(), &end)
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
        Ok(loaded) => adopt(link, loaded, id, offset, &file).await,
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
    end: End,
    file: &Temporary,
    room: &mut Room<'_>,
) -> Result<Loaded, LinkError> {
    let store = Thread::begin(load::Work::Store(file.path.clone()), &link.node)?;
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
    end: End,
    file: &Temporary,
) -> Result<Loaded, LinkError> {
    let kept = link.node.params().appendonly.then(|| file.path.clone());
    let load = Thread::begin(load::Work::Load(Plan::Pieces(kept)), &link.node)?;
    let loaded = transfer(link, connection, end, load).await?;
    loaded.ok_or(LinkError::Ending)
}

/// The first line: `$length`, or `$EOF:` and the mark.
fn header(line: &str) -> Result<End, LinkError> {
    let refused = || LinkError::Refused(format!("the beginning of a copy: {line}"));
    let rest = line.strip_prefix('$').ok_or_else(refused)?;
    match rest.strip_prefix("EOF:") {
        Some(mark) if mark.len() == 40 => Ok(End::Mark(mark.as_bytes().to_vec())),
        Some(_) => Err(refused()),
        None => Ok(End::Length(rest.parse().map_err(|_| refused())?)),
    }
}

/// Hands the bytes of the copy to the thread, and waits for its end.
async fn transfer(
    link: &Link,
    connection: &mut Connection,
    end: End,
    thread: Thread,
) -> Result<Option<Loaded>, LinkError> {
    let (mut received, mut heard) = (0, Instant::now());
    let mut clock = interval(SIGN_OF_LIFE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (piece, is_last) = cut(&mut connection.unread, &end, received);
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

/// Takes what certainly belongs to the copy, of which `received` bytes are here already; says whether it ends.
fn cut(unread: &mut Vec<u8>, end: &End, received: u64) -> (Vec<u8>, bool) {
    match end {
        End::Length(length) => {
            let left = usize::try_from(length - received).unwrap_or(usize::MAX);
            let rest = unread.split_off(left.min(unread.len()));
            let piece = std::mem::replace(unread, rest);
            let is_last = piece.len() == left;
            (piece, is_last)
        }
        End::Mark(mark) if unread.ends_with(mark) => {
            unread.truncate(unread.len() - mark.len());
            (std::mem::take(unread), true)
        }
        End::Mark(mark) => {
            // The mark may have begun.
            let sure = unread.len().saturating_sub(mark.len());
            let rest = unread.split_off(sure);
            (std::mem::replace(unread, rest), false)
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

/// The copy takes the place of the data, in memory and on the disk.
async fn adopt(
    link: &Link,
    loaded: Loaded,
    id: Id,
    offset: u64,
    file: &Temporary,
) -> Result<(), LinkError> {
    let copy = Copy {
        dbs: loaded.dbs,
        id,
        offset,
        db: loaded.stream_db,
    };
    let is_written = link.node.params().appendonly;
    if is_written {
        link.persistence.send(Suspend).await?;
    }
    let (changes, copy) = (link.changes, Box::new(copy));
    let adopted = link.shard.send(Adopt { changes, copy }).await?;
    if is_written && adopted.is_ok() {
        let base = file.path.clone();
        link.persistence.send(Replace { base, offset }).await?;
    } else if is_written {
        link.persistence.send(Resume).await?;
    }
    Ok(adopted?)
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
    /// Where the append-only file would take it over, if there is one.
    fn new(node: &Node) -> Self {
        let params = node.params();
        let name = format!("temp-copy-{}.rdb", std::process::id());
        let path = match params.appendonly {
            true => PathBuf::from(&params.appenddirname).join(name),
            false => PathBuf::from(name),
        };
        Temporary { path }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has been renamed, or was never made.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A file for a copy.
pub(super) fn create(path: &PathBuf) -> Result<File, LinkError> {
    File::create(path).map_err(|error| {
        LinkError::Disk(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_begins_with_its_length_or_its_mark() {
        assert_eq!(header("$17").expect("sound"), End::Length(17));
        let mark = "f".repeat(40);
        let parsed = header(&format!("$EOF:{mark}")).expect("sound");
        assert_eq!(parsed, End::Mark(mark.into_bytes()));
        for bad in ["17", "$", "$-1", "$EOF:abc", "-ERR no"] {
            assert!(header(bad).is_err(), "{bad}");
        }
    }

    /// However the bytes arrive.
    #[test]
    fn the_end_is_found_wherever_reads_end() {
        let mark = vec![b'm'; 40];
        let data: Vec<u8> = (0..100).collect();
        for (end, sent, rest) in [
            (
                End::Length(100),
                [data.as_slice(), b"*1"].concat(),
                &b"*1"[..],
            ),
            (
                End::Mark(mark.clone()),
                [data.as_slice(), &mark].concat(),
                b"",
            ),
        ] {
            for step in 1..sent.len() {
                let (mut unread, mut copy) = (Vec::new(), Vec::new());
                let mut pieces = sent.chunks(step);
                loop {
                    let (piece, is_last) = cut(&mut unread, &end, copy.len() as u64);
                    copy.extend(piece);
                    if is_last {
                        break;
                    }
                    unread.extend_from_slice(pieces.next().expect("more"));
                }
                unread.extend(pieces.flatten());
                assert_eq!(
                    (copy.as_slice(), unread.as_slice()),
                    (data.as_slice(), rest)
                );
            }
        }
    }
}
