//! Who follows a primary where nothing may be lost that was acknowledged: only who is in sync by the log, unless it was told to
//! take over.

use std::collections::{BTreeMap, BTreeSet};

use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::topology::{AckMode, Change, InSync, Topology};
use almandine_storage::Rng;

use super::rules::Line;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Succession {
    /// Each shard with slots at each revision of those who are in sync.
    known: BTreeMap<(Line, ShardId, u64), Place>,
    /// Who was ever told to take over.
    forced: BTreeSet<NodeId>,
}

#[derive(Debug)]
struct Place {
    primary: NodeId,
    /// Everybody who may follow; none = anybody.
    heirs: Option<BTreeSet<NodeId>>,
}

impl Succession {
    pub(super) fn force(&mut self, node: NodeId) {
        self.forced.insert(node);
    }

    pub(super) fn check(&mut self, line: Line, topology: &Topology) -> Result<(), String> {
        for (&id, shard) in topology.shards() {
            if shard.slots.is_empty() {
                continue;
            }
            let is_durable = shard.ack_mode == AckMode::Durable;
            let place = Place {
                primary: shard.primary,
                heirs: is_durable.then(|| shard.in_sync.clone()),
            };
            let revision = shard.revision;
            self.known.entry((line, id, revision)).or_insert(place);
            for later in [revision, revision + 1] {
                self.check_step(line, id, later)?;
            }
        }
        Ok(())
    }

    /// From the revision before to this one, if both were seen.
    fn check_step(&self, line: Line, id: ShardId, revision: u64) -> Result<(), String> {
        let before = revision.checked_sub(1);
        let before = before.and_then(|before| self.known.get(&(line, id, before)));
        let (Some(before), Some(now)) = (before, self.known.get(&(line, id, revision))) else {
            return Ok(());
        };
        let heir = now.primary;
        let is_heir = before
            .heirs
            .as_ref()
            .is_none_or(|heirs| heirs.contains(&heir));
        match before.primary == heir || is_heir || self.forced.contains(&heir) {
            true => Ok(()),
            false => Err(format!(
                "{heir} leads shard {id}, though it may lack what {} has acknowledged",
                before.primary
            )),
        }
    }
}

/// What somebody may want of the shard of a node, now or too late.
pub(super) fn wish(dice: &mut Rng, topology: &Topology, node: NodeId) -> Option<Change> {
    let shard = topology.role(node)?.shard()?;
    let led = topology.shards().get(&shard)?;
    if dice.below(3) == 0 {
        return Some(Change::Promote {
            shard,
            expected_epoch: led.epoch,
            candidate: node,
        });
    }
    let replicas = topology.replicas(shard).map(|(replica, _)| replica);
    Some(Change::SetInSync(InSync {
        shard,
        expected_epoch: led.epoch,
        expected_revision: led.revision,
        ack_mode: AckMode::Durable,
        replicas: replicas.filter(|_| dice.below(2) == 0).collect(),
    }))
}
