//! Whose stream the files are, and how the data set of a primary takes the place of all files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use actix::{Context, Handler};
use almandine_storage::aof::{Log, LogError, Term};
use almandine_storage::disk::RealDisk;

use tracing::warn;

use super::messages::{Replace, Resume, Suspend};
use super::rewrite::remove_history;
use super::{PersistenceActor, give_up};
use crate::journal::{History, Place};
use crate::node::Node;

impl PersistenceActor {
    /// Says in the manifest whose stream follows, before anything of it is written. False if the disk has no room for it.
    pub(super) fn note_terms(&mut self) -> bool {
        let changes = self.node.journal.term_changes();
        if self.terms == Some(changes) {
            return true;
        }
        if let Some(log) = &mut self.log
            && let Err(error) = log.set_terms(terms(&self.node.journal.history()))
        {
            match error {
                LogError::Io(_, _, cause) if !error.is_final() => self.rest(&cause),
                _ => give_up(&error),
            }
            return false;
        }
        self.terms = Some(changes);
        true
    }
}

/// The same when the node has just started, before any replica hears of the present id: whoever is killed with an id that no
/// file holds is a stranger afterwards. Returns how often the ids had changed by then; none if the disk has no room.
pub(super) fn first_terms(node: &Node, log: &mut Log<RealDisk>) -> Result<Option<u64>, LogError> {
    let changes = node.journal.term_changes();
    match log.set_terms(terms(&node.journal.history())) {
        Ok(()) => Ok(Some(changes)),
        Err(error) if error.is_final() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Replicas that are far behind are sent these files.
pub(super) fn show_files(node: &Node, log: Option<&Log<RealDisk>>) {
    let increments = log.iter().flat_map(|log| {
        let increments = log.manifest().increments.iter();
        increments.filter_map(|segment| {
            Some(Place {
                path: log.path_of(segment),
                start: segment.start_offset?,
                preamble: segment.preamble,
            })
        })
    });
    if let Err(error) = node.journal.set_files(increments.collect()) {
        warn!(%error, "the append-only file cannot be read for replicas");
    }
}

/// The end of the file is the backlog of a node that has just started, for replicas that come back.
pub(super) fn recall(node: &Node, log: &Log<RealDisk>) -> io::Result<()> {
    let Some(last) = log.manifest().increments.last() else {
        return Ok(());
    };
    let mut file = File::open(log.path_of(last))?;
    let length = file.metadata()?.len();
    let of_stream = length.saturating_sub(last.preamble);
    if last.start_offset.map(|start| start + of_stream) != Some(node.journal.offset()) {
        return Ok(());
    }
    let kept = of_stream.min(node.params().repl_backlog_size);
    file.seek(SeekFrom::Start(length - kept))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    node.journal.recall(&bytes);
    show_files(node, Some(log));
    Ok(())
}

/// The ids as the manifest holds them.
fn terms(history: &History) -> Vec<Term> {
    let earlier = history.earlier().iter().map(|(id, end)| Term {
        id: id.to_string(),
        end: Some(*end),
    });
    let present = Term {
        id: history.id().to_string(),
        end: None,
    };
    earlier.chain([present]).collect()
}

impl Handler<Suspend> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, _: Suspend, _: &mut Context<Self>) {
        self.write_down();
        self.is_suspended = true;
    }
}

impl Handler<Resume> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, _: Resume, _: &mut Context<Self>) {
        self.is_suspended = false;
        self.write_down();
    }
}

impl Handler<Replace> for PersistenceActor {
    type Result = ();

    fn handle(&mut self, Replace { base, beginning }: Replace, _: &mut Context<Self>) {
        self.buffer.clear();
        self.replaced += 1;
        if self.rewrite.take().is_some() {
            // Its increment is one of the files that go.
            self.give_up_snapshot();
        }
        if let Some(log) = &mut self.log {
            if let Err(error) = log.replace(&base, beginning, terms(&self.node.journal.history())) {
                // The keys are others already, and no file holds them.
                give_up(&error);
            }
            remove_history(log);
        }
        show_files(&self.node, self.log.as_ref());
        self.is_suspended = false;
        self.write_down();
    }
}
