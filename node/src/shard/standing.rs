//! What a shard refuses because of how the node stands to others.

use super::Shard;
use super::dispatch::writes;
use crate::commands::Fault;
use crate::commands::spec::{Command, Flags};
use crate::session::Session;

impl Shard {
    /// Reads how the node stands; called when a batch begins.
    pub(super) fn look_at_standing(&mut self) {
        self.standing = self.node.replication.standing();
        let is_held = self.node.pause.holds_expiry(self.now_ms);
        self.dbs
            .set_keeps_expired(self.standing.is_replica || is_held);
        let (wanted, max_lag) = (
            self.params.min_replicas_to_write,
            self.params.min_replicas_max_lag,
        );
        self.lacks_replicas = wanted > 0
            && max_lag > 0
            && !self.standing.is_replica
            && self.node.replication.good() < wanted as usize;
    }

    /// A read-only replica takes writes from its primary only, and a primary may want replicas before it takes any.
    #[cold]
    pub(super) fn refuse_writes(
        &mut self,
        command: &'static Command,
        session: &Session,
    ) -> Result<(), Fault> {
        let writes = writes(command, session);
        if self.standing.is_replica {
            // On a replica that takes writes a key whose time is up gives way to the one that is written.
            self.dbs.set_keeps_expired(!writes);
        }
        if !writes {
            return Ok(());
        }
        if self.lacks_replicas {
            return Err(Fault::new("NOREPLICAS Not enough good replicas to write."));
        }
        if self.standing.is_replica && self.params.replica_read_only {
            return Err(Fault::new(
                "READONLY You can't write against a read only replica.",
            ));
        }
        Ok(())
    }

    /// What a replica knows may be old while it does not hear its primary.
    #[cold]
    pub(super) fn refuse_stale(&self, command: &'static Command) -> Result<(), Fault> {
        if self.params.replica_serve_stale_data || command.flags.contains(Flags::STALE) {
            return Ok(());
        }
        Err(Fault::new(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ))
    }
}
