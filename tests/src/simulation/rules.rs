//! What must hold, whatever happens.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use almandine_cluster::id::{ClusterId, NodeId, ShardId};
use almandine_cluster::machine::{Effect, Machine, Order};
use almandine_cluster::record::Generation;
use almandine_cluster::topology::{Applied, Change, RaftId, Refusal, Topology};

use super::registers::Registers;
use super::succession::Succession;

/// A line of history.
pub(super) type Line = (ClusterId, Generation);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Who led in which term.
    leaders: BTreeMap<(Line, u64), NodeId>,
    /// What the topology was at which index.
    states: BTreeMap<(Line, u64), Topology>,
    /// The highest epoch that a host knew of a cluster, and its highest index.
    known: BTreeMap<(usize, Line), (u64, u64)>,
    /// The highest epoch that a client was told.
    told: BTreeMap<Line, u64>,
    /// The members at the highest index that anybody has applied.
    latest: BTreeMap<Line, (u64, BTreeSet<NodeId>)>,
    /// Where a host was, if it was there with others.
    places: BTreeMap<usize, (Line, NodeId)>,
    /// The highest epoch at the begin of a line that was forced without loss, and the line that it goes on from.
    forced: BTreeMap<Line, (Line, u64)>,
    /// Who has led a shard with slots in which epoch.
    reigns: BTreeMap<(Line, ShardId, u64), NodeId>,
    /// Whom a name of the log stands for, and since which join of it.
    names: BTreeMap<(Line, RaftId), (NodeId, u64)>,
    registers: Registers,
    succession: Succession,
    /// Clients that want a failover for an epoch that has passed in this line.
    late: BTreeMap<u64, Line>,
    /// The line that a host was in last.
    lines: BTreeMap<usize, Line>,
    /// Hosts that were told to take over, and the client that waits for it: what they lack is lost.
    takeovers: BTreeMap<usize, u64>,
    /// What a host must know before it may say that it is current: what was decided when it started, or got its log.
    due: BTreeMap<usize, (Line, u64)>,
    broken: Option<String>,
}

fn line(machine: &Machine) -> Line {
    let identity = machine.identity();
    (identity.cluster, identity.generation)
}

impl Rules {
    /// Keeps a broken rule for [`Rules::recall`].
    pub(super) fn remember(&mut self, outcome: Result<(), String>) {
        if let Err(broken) = outcome {
            self.broken.get_or_insert(broken);
        }
    }

    pub(super) fn recall(&mut self) -> Result<(), String> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// After an event of a host.
    pub(super) fn check(
        &mut self,
        host: usize,
        machine: &Machine,
        effects: &[Effect],
    ) -> Result<(), String> {
        let (line, applied) = (line(machine), machine.applied());
        if machine.is_leader() {
            let node = machine.identity().node;
            let term = machine.term();
            let leader = *self.leaders.entry((line, term)).or_insert(node);
            if leader != node {
                return Err(format!("{leader} and {node} lead in term {term}"));
            }
        }
        let has_changed = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Changed));
        self.check_line(host, line, machine)?;
        self.check_place(host, line)?;
        self.check_currency(host, line, machine)?;
        if has_changed && applied > 0 {
            self.check_state(host, line, machine.topology(), applied)?;
            let members: BTreeSet<NodeId> = machine.topology().members().keys().copied().collect();
            if members.len() > 1 {
                self.places.insert(host, (line, machine.identity().node));
            } else {
                self.places.remove(&host);
            }
            let latest = self.latest.entry(line).or_default();
            if latest.0 < applied {
                *latest = (applied, members);
            }
        }
        for effect in effects {
            if let Effect::Answer { client, outcome } = effect {
                self.takeovers.retain(|_, taking| taking != client);
                let place = (line, applied);
                self.registers.answered(host, *client, outcome, place);
                self.check_late(*client, line, outcome)?;
            }
            match effect {
                Effect::Halt { reason } => return Err(format!("it halts: {reason}")),
                Effect::Answer {
                    outcome: Ok(Applied::Bumped(epoch)),
                    ..
                } => {
                    let told = self.told.entry(line).or_default();
                    *told = (*told).max(*epoch);
                    self.check_forced()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A host is forced: FORCE loses nothing that was decided, TAKEOVER may.
    pub(super) fn forcing(&mut self, host: usize, node: NodeId, client: u64, is_takeover: bool) {
        if is_takeover {
            self.succession.force(node);
            self.takeovers.entry(host).or_insert(client);
        }
    }

    /// A host's line only ever rises within its cluster; and a line that was forced without loss has all that was decided in
    /// the one before.
    fn check_line(&mut self, host: usize, line: Line, machine: &Machine) -> Result<(), String> {
        let before = self.lines.insert(host, line);
        let Some(before) = before.filter(|&before| before != line) else {
            return Ok(());
        };
        if before.0 != line.0 {
            return Ok(());
        }
        if before.1 > line.1 {
            return Err(format!("it falls back from {before:?} to {line:?}"));
        }
        if line.1.maker == machine.identity().node && !self.takeovers.contains_key(&host) {
            let epoch = machine.topology().current_epoch;
            self.forced.insert(line, (before, epoch));
        }
        self.check_forced()
    }

    /// How many lines have been begun by force.
    pub(super) fn lines(&self) -> u64 {
        self.latest
            .keys()
            .filter(|(_, line)| line.counter > 1)
            .count() as u64
    }

    fn check_forced(&self) -> Result<(), String> {
        for (line, (before, epoch)) in &self.forced {
            if self.told.get(before).is_some_and(|told| told > epoch) {
                return Err(format!(
                    "{line:?} does not know an epoch that a client was told in {before:?}"
                ));
            }
        }
        Ok(())
    }

    /// Whether a line has everything that was ever decided in another.
    pub(super) fn follows(&self, line: Line, other: Line) -> bool {
        let before = |line: &Line| self.forced.get(line).map(|(before, _)| *before);
        std::iter::successors(Some(line), before).any(|line| line == other)
    }

    pub(super) fn use_register(
        &mut self,
        host: usize,
        client: u64,
        topology: &Topology,
    ) -> Option<Order> {
        self.registers.next(host, client, topology)
    }

    /// A failover for an epoch before that which a host knows of.
    pub(super) fn late_promotion(&mut self, client: u64, machine: &Machine) -> Option<Change> {
        // Until it has applied something of a line that it has just come to, what it knows is of the one before.
        if machine.applied() == 0 {
            return None;
        }
        let (topology, candidate) = (machine.topology(), machine.identity().node);
        let shard = topology.role(candidate)?.shard()?;
        let expected_epoch = topology.shards().get(&shard)?.epoch.checked_sub(1)?;
        self.late.insert(client, line(machine));
        Some(Change::Promote {
            shard,
            expected_epoch,
            candidate,
        })
    }

    fn check_late(
        &mut self,
        client: u64,
        line: Line,
        outcome: &Result<Applied, Refusal>,
    ) -> Result<(), String> {
        match self.late.remove(&client) {
            Some(asked) if outcome.is_ok() && self.follows(line, asked) => {
                Err("a failover for an epoch that has passed was made".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// A shard with slots has one primary in each epoch, and a name of the log stands for one life of a node's log.
    fn check_names(&mut self, line: Line, topology: &Topology) -> Result<(), String> {
        for (&shard, place) in topology.shards() {
            if place.slots.is_empty() || place.epoch == 0 {
                continue;
            }
            let reign = (line, shard, place.epoch);
            let known = *self.reigns.entry(reign).or_insert(place.primary);
            if known != place.primary {
                return Err(format!(
                    "{known} and {} lead shard {shard} in epoch {}",
                    place.primary, place.epoch
                ));
            }
        }
        for (&node, member) in topology.members() {
            let life = (node, member.join);
            let known = *self.names.entry((line, member.raft_id)).or_insert(life);
            if known != life {
                return Err(format!(
                    "name {} of the log stands for {known:?} and {life:?}",
                    member.raft_id
                ));
            }
        }
        Ok(())
    }

    /// Whether a host is in another line than before.
    pub(super) fn is_in_another_line(&self, host: usize, machine: &Machine) -> bool {
        let before = self.lines.get(&host);
        before.is_some_and(|&before| before != line(machine))
    }

    /// A host begins again with what its disk has.
    pub(super) fn started(&mut self, host: usize) {
        self.due.remove(&host);
        self.registers.crashed(host);
    }

    /// What the disk had was looked at: a takeover from before the crash was there, or never will be.
    pub(super) fn is_up(&mut self, host: usize) {
        self.takeovers.remove(&host);
    }

    /// Whoever says that it is current knows what was decided before it began.
    fn check_currency(&mut self, host: usize, line: Line, machine: &Machine) -> Result<(), String> {
        let decided = self.latest.get(&line).map_or(0, |latest| latest.0);
        let due = self.due.entry(host).or_insert((line, decided));
        if due.0 != line {
            *due = (line, decided);
        }
        let applied = machine.applied();
        if machine.is_current() && applied < due.1 {
            return Err(format!(
                "it says that it is current at index {applied}, and {} was decided before it began",
                due.1
            ));
        }
        Ok(())
    }

    /// Nobody leaves the others before they have let it go.
    fn check_place(&mut self, host: usize, line: Line) -> Result<(), String> {
        let Some((before, node)) = self.places.get(&host).copied() else {
            return Ok(());
        };
        let is_higher = before.0 == line.0 && before.1 < line.1;
        if before == line || is_higher {
            return Ok(());
        }
        self.places.remove(&host);
        // A line that was begun by TAKEOVER may count on whom the one before has let go since.
        let lines = self.latest.range(before..);
        let mut lines = lines.take_while(|(line, _)| line.0 == before.0);
        match lines.all(|(_, (_, members))| members.contains(&node)) {
            true => Err(format!("{node} has left {before:?}, which counts on it")),
            false => Ok(()),
        }
    }

    fn check_state(
        &mut self,
        host: usize,
        line: Line,
        topology: &Topology,
        applied: u64,
    ) -> Result<(), String> {
        topology.check()?;
        self.check_names(line, topology)?;
        self.succession.check(line, topology)?;
        let follows = |before| self.follows(line, before);
        self.registers.check(topology, (line, applied), follows)?;
        match self.states.entry((line, applied)) {
            Entry::Vacant(place) => drop(place.insert(topology.clone())),
            Entry::Occupied(known) if known.get() == topology => {}
            Entry::Occupied(_) => {
                return Err(format!(
                    "the topology at index {applied} is not what others have seen"
                ));
            }
        }
        let epoch = topology.current_epoch;
        let (highest, _) = self.known.entry((host, line)).or_insert((epoch, applied));
        // Applied again after a start; the index may be lower then, and the epoch with it, but not lower than it was there.
        *highest = (*highest).max(epoch);
        Ok(())
    }

    /// In peace: everybody who is in a cluster sees the same one, with the same members, and somebody leads it.
    pub(super) fn agree(&self, machines: &[&Machine]) -> Result<(), String> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let mut clusters: BTreeMap<Line, Vec<&Machine>> = BTreeMap::new();
        for machine in machines {
            clusters.entry(line(machine)).or_default().push(machine);
        }
        for (line, members) in &clusters {
            let of_cluster = |(other, _): &(&Line, &Vec<&Machine>)| other.0 == line.0;
            let mut lower = clusters.range(..line).filter(of_cluster).peekable();
            let is_alone = lower.peek().is_none();
            if let Some((other, _)) = lower.find(|(_, others)| !have_let_go(others, members)) {
                return Err(format!("{other:?} does not follow {line:?}"));
            }
            // Else it counts on those who hear it no more.
            if is_alone {
                self.agree_in(*line, members, machines)?;
            }
        }
        Ok(())
    }

    /// The same of those who are in one line.
    fn agree_in(
        &self,
        line: Line,
        members: &[&Machine],
        everybody: &[&Machine],
    ) -> Result<(), String> {
        let first = members[0].topology();
        let most_voters = members.iter().map(|machine| machine.voters().voters.len());
        if members.len() <= most_voters.max().unwrap_or(0) / 2 {
            // They were let go while they were away, and those who could tell them were let go since.
            return Ok(());
        }
        for machine in members {
            if machine.topology() != first {
                return Err(format!(
                    "{} and {} do not agree on {line:?}: {:?} {:?}",
                    machine.identity().node,
                    members[0].identity().node,
                    machine.voters(),
                    members[0].voters(),
                ));
            }
        }
        if first.members().len() != members.len() {
            return Err(format!(
                "{line:?} has {} members, and {} know of it: {:?}; {:?}",
                first.members().len(),
                members.len(),
                first.members(),
                everybody
                    .iter()
                    .map(|machine| machine.identity())
                    .collect::<Vec<_>>(),
            ));
        }
        if !members.iter().all(|machine| machine.is_current()) {
            return Err(format!("not all of {line:?} know that they are current"));
        }
        let leaders = members.iter().filter(|machine| machine.is_leader()).count();
        if leaders != 1 {
            return Err(format!(
                "{line:?} of {} nodes has {leaders} leaders",
                members.len()
            ));
        }
        if self
            .told
            .get(&line)
            .is_some_and(|&told| told > first.current_epoch)
        {
            return Err(format!(
                "{line:?} has forgotten an epoch that a client was told"
            ));
        }
        let voters = members[0].voters().voters.len();
        let wanted = match members.len() {
            0..=3 => members.len(),
            4 => 3,
            _ => 5,
        };
        if voters != wanted {
            return Err(format!("{voters} of {} vote", members.len()));
        }
        Ok(())
    }
}

/// Whether those of one line have let everybody go who is in another: one was forced at the other end of a cut, and lost its
/// place at this one. Only operators can say which of the two goes on.
fn have_let_go(these: &[&Machine], others: &[&Machine]) -> bool {
    let counts_on = |machine: &Machine, other: &Machine| {
        let node = other.identity().node;
        machine.topology().member(node).is_some()
    };
    let mut pairs = these
        .iter()
        .flat_map(|machine| others.iter().map(move |other| (machine, other)));
    !pairs.any(|(machine, other)| counts_on(machine, other))
}
