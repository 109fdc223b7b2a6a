//! The story of a failover: each step is told once, by the node that does it, and the last one of a shard is remembered. Who has
//! taken over says so in its pings, so voters and the members of the shard know it too.

use super::{Effect, Failover};
use crate::id::{NodeId, ShardId};
use crate::view::Verdict;

/// How long the promotion that follows may be due to what a client has said.
const FORCED_MS: u64 = 10_000;

/// Why a shard has another primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Cause {
    /// The voters found that the last one has failed.
    Automatic,
    /// CLUSTER FAILOVER.
    Planned,
    /// The last one was about to end.
    Shutdown,
    /// CLUSTER FAILOVER FORCE.
    Forced,
    /// CLUSTER FAILOVER TAKEOVER.
    Takeover,
}

impl Cause {
    /// As INFO says it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Automatic => "automatic",
            Cause::Planned => "planned",
            Cause::Shutdown => "shutdown",
            Cause::Forced => "forced",
            Cause::Takeover => "takeover",
        }
    }
}

/// A failover that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Succession {
    /// Of the shard since then.
    pub epoch: u64,
    pub cause: Cause,
    pub from: NodeId,
    pub to: NodeId,
    /// When it was done, by the clock that people read of the one who leads since.
    pub at_ms: u64,
    /// Since `from` was heard last, or since somebody wanted it.
    pub took_ms: u64,
}

/// How far a failover has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// This node does not hear the primary.
    Suspected,
    /// Neither does a majority of the voters.
    Failed,
    /// A majority has promised to extend its lease no more.
    Fenced,
    /// The log is asked to make `node` the primary.
    Proposed,
    /// It is decided.
    Promoted,
    /// The node may act.
    InCharge,
    /// The node has the stream of the one who leads.
    Follows,
    /// No failover, but of the kind: the node is to follow who leads this shard.
    Moves,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub stage: Stage,
    pub shard: ShardId,
    /// The one that it is about: of the last primary until another is promoted, of that one since.
    pub epoch: u64,
    /// Whom.
    pub node: NodeId,
    pub reason: &'static str,
}

/// This node was promoted, and may not act yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accession {
    shard: ShardId,
    epoch: u64,
    cause: Cause,
    from: NodeId,
    began_at: u64,
}

/// What clients have said to this node, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forced {
    pub(super) cause: Cause,
    pub(super) at: u64,
}

impl Failover {
    pub(super) fn tell(
        &mut self,
        stage: Stage,
        shard: ShardId,
        node: NodeId,
        reason: &'static str,
    ) {
        let epoch = self.shard(shard).map(|led| led.epoch);
        self.effects.push(Effect::Step(Step {
            stage,
            shard,
            epoch: epoch.unwrap_or_default(),
            node,
            reason,
        }));
    }

    /// What is thought of primaries is different.
    pub(super) fn tell_verdicts(&mut self, changed: &[(NodeId, Verdict)]) {
        for &(node, verdict) in changed {
            let Some(shard) = self.led_by(node).filter(|&shard| self.has_slots(shard)) else {
                continue;
            };
            match verdict {
                Verdict::Reachable => {}
                Verdict::Suspected => {
                    self.tell(Stage::Suspected, shard, node, "it is silent");
                }
                Verdict::Failed => {
                    let reason = "a majority of the voters does not hear it";
                    self.tell(Stage::Failed, shard, node, reason);
                }
            }
        }
    }

    /// The shard of this node, and who leads it.
    pub(super) fn own_seat(&self) -> Option<(ShardId, NodeId)> {
        let shard = self.role(self.myself)?.shard()?;
        Some((shard, self.shard(shard)?.primary))
    }

    /// `before` was [`Failover::own_seat`] until now.
    pub(super) fn note_succession(&mut self, before: Option<(ShardId, NodeId)>, now: u64) {
        let after = self.own_seat();
        if before == after {
            return;
        }
        self.accession = None;
        self.follows = None;
        let (Some((before, from)), Some((shard, to))) = (before, after) else {
            return;
        };
        if before != shard {
            return;
        }
        let epoch = self.shard(shard).map(|led| led.epoch);
        let epoch = epoch.unwrap_or_default();
        if to != self.myself {
            self.follows = Some(epoch);
            return;
        }
        let (cause, began_at) = self.cause(from, now);
        self.accession = Some(Accession {
            shard,
            epoch,
            cause,
            from,
            began_at,
        });
        self.tell(Stage::Promoted, shard, to, cause.name());
    }

    /// Why this node leads, and since when somebody saw that coming.
    fn cause(&self, from: NodeId, now: u64) -> (Cause, u64) {
        let forced = self.forced.filter(|forced| now < forced.at + FORCED_MS);
        match (self.handovers.proposed(), forced) {
            (Some(planned), _) => planned,
            (None, Some(Forced { cause, at })) => (cause, at),
            (None, None) => {
                let heard_at = self.detector.reported_at(from);
                (Cause::Automatic, if heard_at > 0 { heard_at } else { now })
            }
        }
    }

    pub(super) fn look_at_succession(&mut self, now: u64, unix_ms: u64) {
        if let Some(accession) = self.accession
            && self.authority.is_given(now)
        {
            let Accession {
                shard,
                epoch,
                cause,
                from,
                began_at,
            } = accession;
            (self.accession, self.forced) = (None, None);
            let succession = Succession {
                epoch,
                cause,
                from,
                to: self.myself,
                at_ms: unix_ms,
                took_ms: now.saturating_sub(began_at),
            };
            self.tell(Stage::InCharge, shard, self.myself, cause.name());
            self.learn_succession(shard, succession);
        }
        let Some((shard, primary)) = self.own_seat() else {
            return;
        };
        let known = self.successions.get(&shard).copied();
        let known = known.filter(|known| Some(known.epoch) == self.follows);
        if let Some(known) = known
            && self.own.is_some_and(|own| own.is_linked)
        {
            self.follows = None;
            self.tell(Stage::Follows, shard, primary, known.cause.name());
        }
    }

    /// Who leads says how that came about.
    pub(super) fn learn_succession(&mut self, shard: ShardId, succession: Succession) {
        let known = self.successions.get(&shard);
        if known.is_none_or(|known| known.epoch < succession.epoch) {
            self.successions.insert(shard, succession);
            self.effects.push(Effect::Succeeded { shard, succession });
        }
    }

    /// What this node says of the shard that it leads.
    pub(super) fn own_succession(&self, shard: ShardId) -> Option<Succession> {
        let succession = self.successions.get(&shard).copied();
        succession.filter(|succession| succession.to == self.myself)
    }
}
