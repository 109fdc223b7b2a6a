//! What waits for a replica that does not keep up, be it with the stream or with its copy: the append-only file has it, if
//! there is one, so that no memory is held for it. Else there is the limit that Redis sets to its output buffer: beyond it the
//! link is given up, and the replica comes again.

use std::time::{Duration, Instant};

use tracing::info;

use super::{Link, LinkError};
use crate::journal::{OutOfReach, Recollection};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lag {
    behind: Option<Recollection>,
    since_slow: Option<Instant>,
}

impl Lag {
    /// A replica that the backlog does not reach back to, if it reads what the file holds.
    pub(super) fn new(behind: Option<Recollection>) -> Self {
        Lag {
            behind,
            since_slow: None,
        }
    }

    /// Whether the replica is sent the file.
    pub(super) fn reads_file(&self) -> bool {
        self.behind.is_some()
    }

    /// The next bytes from `offset` on, at most `max`, where the replica needs nothing before: those of the file until the
    /// backlog reaches back so far. True if replies may have waited for what was sent before.
    pub(super) fn fill(
        &mut self,
        link: &Link,
        offset: u64,
        max: usize,
        into: &mut Vec<u8>,
    ) -> Result<bool, LinkError> {
        let (journal, reader) = (&link.node.journal, link.replica.id);
        if let Some(recollection) = &mut self.behind {
            if !journal.catch_up(reader, offset, recollection) {
                recollection.read(journal, offset, max, into)?;
                return Ok(false);
            }
            info!(
                ip = link.replica.ip,
                offset, "the backlog reaches back to the replica"
            );
            self.behind = None;
        }
        match journal.read_on(reader, offset, max, into) {
            Ok(is_news) => Ok(is_news),
            Err(OutOfReach::Gone) => self.read_file(link, offset).map(|()| false),
            Err(OutOfReach::Stranger) => Err(LinkError::Restarted),
        }
    }

    /// Whether what waits for the replica, which needs everything from `offset` on, is not too much.
    pub(super) fn look_after(&mut self, link: &Link, offset: u64) -> Result<(), LinkError> {
        let journal = &link.node.journal;
        if let Some(recollection) = &mut self.behind {
            return Ok(recollection.keep_up(journal)?);
        }
        match journal.keeps_for(link.replica.id) {
            Ok(()) => {}
            Err(OutOfReach::Gone) => return self.read_file(link, offset),
            Err(OutOfReach::Stranger) => return Err(LinkError::Restarted),
        }
        let params = link.node.params();
        let waiting = journal.offset().saturating_sub(offset);
        if waiting > params.repl_backlog_size && self.read_file(link, offset).is_ok() {
            return Ok(());
        }
        let limit = params.client_output_buffer_limit.replica;
        if limit.soft == 0 || waiting <= limit.soft.max(params.repl_backlog_size) {
            self.since_slow = None;
            return Ok(());
        }
        let since = self.since_slow.get_or_insert_with(Instant::now);
        if since.elapsed() > Duration::from_secs(limit.soft_seconds) {
            return Err(LinkError::TooSlow);
        }
        Ok(())
    }

    /// From now on the replica is sent the file.
    fn read_file(&mut self, link: &Link, offset: u64) -> Result<(), LinkError> {
        let journal = &link.node.journal;
        self.behind = journal.let_go(link.replica.id, offset);
        link.node.gates.tell();
        if self.behind.is_none() {
            return Err(LinkError::TooSlow);
        }
        self.since_slow = None;
        let waiting = journal.offset().saturating_sub(offset);
        info!(
            ip = link.replica.ip,
            waiting, "the replica lags behind: it is sent the file"
        );
        Ok(())
    }
}
