//! What this node has of the stream beyond what the primary has: it led, and was deposed before anybody had that. It goes into
//! quarantine before the data of the primary take the place of ours.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::connection::Connection;
use super::{Link, LinkError};
use crate::journal::{History, Recollection};
use crate::moment::now_ms;
use crate::node::Node;
use crate::quarantine::{Outcome, Quarantine, Suffix};

/// Bytes that are taken from the journal at a time.
const STEP: usize = 256 << 10;

/// Asks the primary up to where its stream and ours are the same, and sets aside what we have beyond that.
pub(super) async fn set_aside(link: &Link, connection: &mut Connection) -> Result<(), LinkError> {
    let journal = &link.node.journal;
    // Elsewhere it is a person who says REPLICAOF, and the primary may be any server.
    let Some(cluster) = link.node.cluster.as_ref().filter(|_| journal.is_on()) else {
        return Ok(());
    };
    let terms = journal.term_changes();
    let history = journal.history();
    let to = journal.offset();
    let ids = history.print(to);
    connection
        .request(&[b"REPLCONF", b"history", ids.as_bytes()])
        .await?;
    // A primary whose stream has always been another one has nothing in common with us, and one that is older does not know.
    let answer = connection.line().await?;
    let common = answer.strip_prefix('+').and_then(|text| text.parse().ok());
    let Some(from) = common.filter(|common| *common < to) else {
        return Ok(());
    };
    let suffix = Suffix {
        node: cluster.picture().myself.to_hex(),
        term: history.id(),
        from,
        to,
    };
    let (report, outcome) = oneshot::channel();
    let node = link.node.clone();
    let run = move || {
        // Nobody listens any more if the link has ended.
        let _ = report.send(keep(&node, suffix, terms, &history));
    };
    let thread = std::thread::Builder::new().name("quarantine".into());
    thread.spawn(run).map_err(LinkError::Quarantine)?;
    outcome.await.map_err(|_| LinkError::Ending)?
}

/// On a thread that may wait for the disk.
fn keep(node: &Arc<Node>, suffix: Suffix, terms: u64, history: &History) -> Result<(), LinkError> {
    let (from, to) = (suffix.from, suffix.to);
    let quarantine = Quarantine::default();
    let mut files = None;
    let read = |at, into: &mut Vec<u8>| {
        take(node, history, &mut files, at, into)?;
        // Bytes of another stream might stand at these offsets now.
        match node.journal.term_changes() == terms {
            true => Ok(()),
            false => Err(io::ErrorKind::StaleNetworkFileHandle.into()),
        }
    };
    let time_ms = u64::try_from(now_ms()).unwrap_or(0);
    match quarantine.keep(suffix, time_ms, read) {
        Ok(Outcome::Kept(kept, commands)) => warn!(
            file = kept.name(),
            bytes = kept.bytes,
            commands,
            from,
            to,
            "What only this node had is set aside: its primary never had it, and its data will be the primary's"
        ),
        Ok(Outcome::Known(kept)) => {
            info!(
                file = kept.name(),
                "What only this node had is set aside already"
            );
        }
        Ok(Outcome::Idle) => info!(from, to, "What only this node had changes nothing"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => warn!(
            from,
            to,
            "What only this node had is lost: neither backlog nor append-only file reach back so far"
        ),
        Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => {
            return Err(LinkError::Io(error));
        }
        Err(error) => return Err(LinkError::Quarantine(error)),
    }
    let most = node.params().quarantine_max_bytes;
    let gone = quarantine.shrink(most).map_err(LinkError::Quarantine)?;
    for kept in gone {
        warn!(
            file = kept.name(),
            bytes = kept.bytes,
            "A file in quarantine is removed, because of quarantine-max-bytes"
        );
    }
    Ok(())
}

/// Some bytes of the stream from `at` on.
fn take(
    node: &Node,
    history: &History,
    files: &mut Option<Recollection>,
    at: u64,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    let journal = &node.journal;
    if !journal.read(at, STEP, into) {
        let recollection = match files {
            Some(recollection) => recollection,
            None => {
                let recollected = journal.recollect(history.id(), at);
                files.insert(recollected.ok_or(io::ErrorKind::NotFound)?.1)
            }
        };
        recollection.read(journal, at, STEP, into)?;
    }
    match into.is_empty() {
        true => Err(io::ErrorKind::NotFound.into()),
        false => Ok(()),
    }
}
