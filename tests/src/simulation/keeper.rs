//! What stands beside the machine in a node, as the product has it: the failover machine with a clock of its own, and the data.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use almandine_cluster::failover::{
    Authority, Event, Failover, Now, Own, Position, Reason, Settings, Standpoint,
};
use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::machine::Machine;
use almandine_cluster::topology::{AckMode, Role, Shard, Topology};

use super::data::Data;

/// A clock that only goes forward, at a rate of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) ahead: u64,
    /// Millionths that it is fast.
    pub(super) rate: i64,
}

impl Clock {
    pub(super) fn now(self, true_ms: u64) -> Now {
        let drift = true_ms as i64 * self.rate / 1_000_000;
        Now {
            ms: (self.ahead + true_ms).saturating_add_signed(drift),
            unix_ms: 1_700_000_000_000 + true_ms,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) clock: Clock,
    pub(super) failover: Option<(NodeId, Failover)>,
    pub(super) standpoint: Option<Standpoint>,
    pub(super) authority: Authority,
    /// It has been allowed to act since it was named.
    pub(super) leads: bool,
    own: Option<Own>,
    term: u64,
    pub(super) data: Data,
    /// Its files are read by then.
    pub(super) reads_until: u64,
    /// Writes pause until then, by its own clock.
    pub(super) paused_until: Option<u64>,
    pub(super) silent: BTreeSet<NodeId>,
    pub(super) attached_at: u64,
    /// Since when others can decide without it, in true time.
    pub(super) is_bound_since: Option<u64>,
    /// When it has served a client as a primary last.
    pub(super) served_at: Option<u64>,
    pub(super) inbox: VecDeque<Event>,
    pub(super) is_busy: bool,
}

impl Keeper {
    pub(super) fn new(clock: Clock) -> Keeper {
        Keeper {
            clock,
            failover: None,
            standpoint: None,
            authority: Authority::No(Reason::NotPrimary),
            leads: false,
            own: None,
            term: 0,
            data: Data::new(),
            reads_until: 0,
            paused_until: None,
            silent: BTreeSet::new(),
            attached_at: 0,
            is_bound_since: None,
            served_at: None,
            inbox: VecDeque::new(),
            is_busy: false,
        }
    }

    /// The process has started again.
    pub(super) fn restart(&mut self, keeps: bool, reads_until: u64) {
        let mut data = std::mem::take(&mut self.data);
        data.restart(keeps);
        *self = Keeper {
            data,
            reads_until,
            ..Keeper::new(self.clock)
        };
    }

    /// What the machine says is told to the failover machine, which begins anew with another name.
    pub(super) fn note(&mut self, machine: &Machine, settings: Settings, true_ms: u64) {
        let identity = machine.identity();
        let myself = identity.node;
        if self
            .failover
            .as_ref()
            .is_none_or(|(node, _)| *node != myself)
        {
            self.own = None;
            let now = self.clock.now(true_ms);
            let failover = Failover::new(myself, identity.start, settings, now);
            self.failover = Some((myself, failover));
        }
        let before = self.standpoint.as_ref().map(|before| &before.topology);
        let topology = before.filter(|before| ***before == *machine.topology());
        let topology = topology.cloned();
        let standpoint = Standpoint {
            topology: topology.unwrap_or_else(|| Arc::new(machine.topology().clone())),
            electorate: machine.electorate(),
            leader: machine.leader(),
            is_current: machine.is_current(),
            may_be_deposed: machine.may_be_deposed(),
        };
        self.inbox.push_back(Event::Changed(standpoint));
    }

    /// The failover machine hears this now, and so does all else in the node.
    pub(super) fn learn(&mut self, standpoint: &Standpoint, true_ms: u64) {
        let can_be_outvoted = [&standpoint.electorate.voters, &standpoint.electorate.coming];
        let can_be_outvoted = can_be_outvoted.iter().all(|set| set.len() >= 3);
        let since = self.is_bound_since.unwrap_or(true_ms);
        self.is_bound_since = can_be_outvoted.then_some(since);
        self.standpoint = Some(standpoint.clone());
        self.leads &= self.led().is_some();
        if self.led().is_none() {
            self.data.copiers.clear();
        }
    }

    pub(super) fn topology(&self) -> Option<&Topology> {
        Some(&self.standpoint.as_ref()?.topology)
    }

    pub(super) fn role(&self) -> Option<Role> {
        let (node, _) = self.failover.as_ref()?;
        self.topology()?.role(*node)
    }

    pub(super) fn shard(&self, id: ShardId) -> Option<&Shard> {
        self.topology()?.shards().get(&id)
    }

    /// The shard that it leads, by its own knowledge.
    pub(super) fn led(&self) -> Option<ShardId> {
        match self.role() {
            Some(Role::Primary(shard)) => Some(shard),
            _ => None,
        }
    }

    /// Whether it has proposed itself because an operator, or its primary, wants it.
    pub(super) fn is_taking_over(&self) -> bool {
        let failover = self.failover.as_ref();
        failover.is_some_and(|(_, failover)| failover.hand_over_state() == "failover-in-progress")
    }

    /// Whom it follows, by its own knowledge; nobody before it knows what was decided.
    pub(super) fn followed(&self) -> Option<NodeId> {
        let is_current = self.standpoint.as_ref()?.is_current;
        match self.role() {
            Some(Role::Replica(shard)) if is_current => Some(self.shard(shard)?.primary),
            _ => None,
        }
    }

    /// The shard with slots for which it may act as the primary at this moment.
    pub(super) fn acts(&self, true_ms: u64) -> Option<ShardId> {
        let is_given = self.authority.is_given(self.clock.now(true_ms).ms) && self.data.is_whole;
        let led = self.led().filter(|_| is_given)?;
        let has_slots = !self.shard(led)?.slots.is_empty();
        has_slots.then_some(led)
    }

    /// Whether clients may write to the shard that it acts for.
    pub(super) fn takes_writes(&self, shard: ShardId, min_insync: usize, true_ms: u64) -> bool {
        let now = self.clock.now(true_ms).ms;
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        let is_enough = self.shard(shard).is_some_and(|led| {
            led.ack_mode == AckMode::Async || led.in_sync.len() + 1 >= min_insync
        });
        !is_paused && is_enough
    }

    pub(super) fn position(&self) -> Position {
        Position {
            term: self.term,
            offset: self.data.log.len() as u64,
        }
    }

    /// How its data stands, if that is news.
    pub(super) fn look_at_own(&mut self, true_ms: u64) {
        if true_ms < self.reads_until {
            return;
        }
        let is_linked = self.data.is_linked();
        let shard = self.role().and_then(Role::shard);
        if let Some(shard) = shard.and_then(|shard| self.shard(shard))
            && (is_linked || self.leads)
        {
            self.term = shard.epoch;
        }
        let own = Own {
            position: self.position(),
            is_linked,
            is_whole: self.data.is_whole,
            priority: 100,
        };
        if self.own != Some(own) {
            self.own = Some(own);
            self.inbox.push_back(Event::Own(own));
        }
    }
}
