//! What must hold, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use almandine_cluster::id::{ClusterId, NodeId};
use almandine_cluster::machine::{Effect, Machine};
use almandine_cluster::record::Generation;
use almandine_cluster::topology::{Applied, Topology};

/// A line of history.
type Line = (ClusterId, Generation);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Who led in which term.
    leaders: BTreeMap<(Line, u64), NodeId>,
    /// What the topology was at which index.
    states: BTreeMap<(Line, u64), u64>,
    /// The highest epoch that a host knew of a cluster, and its highest index.
    known: BTreeMap<(usize, Line), (u64, u64)>,
    /// The highest epoch that a client was told.
    told: BTreeMap<Line, u64>,
    /// The members at the highest index that anybody has applied.
    latest: BTreeMap<Line, (u64, BTreeSet<NodeId>)>,
    /// Where a host was, if it was there with others.
    places: BTreeMap<usize, (Line, NodeId)>,
    /// What a host must know before it may say that it is current: what was decided when it started, or got its log.
    due: BTreeMap<usize, (Line, u64)>,
    broken: Option<String>,
}

fn line(machine: &Machine) -> Line {
    let identity = machine.identity();
    (identity.cluster, identity.generation)
}

fn digest(topology: &Topology) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{topology:?}").hash(&mut hasher);
    hasher.finish()
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
        let (line, voters) = (line(machine), machine.voters());
        if machine.is_leader() {
            let node = machine.identity().node;
            let leader = *self.leaders.entry((line, voters.term)).or_insert(node);
            if leader != node {
                return Err(format!("{leader} and {node} lead in term {}", voters.term));
            }
        }
        let has_changed = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Changed));
        self.check_place(host, line)?;
        self.check_currency(host, line, machine)?;
        if has_changed && voters.applied > 0 {
            self.check_state(host, line, machine.topology(), voters.applied)?;
            let members: BTreeSet<NodeId> = machine.topology().members().keys().copied().collect();
            if members.len() > 1 {
                self.places.insert(host, (line, machine.identity().node));
            } else {
                self.places.remove(&host);
            }
            let latest = self.latest.entry(line).or_default();
            if latest.0 < voters.applied {
                *latest = (voters.applied, members);
            }
        }
        for effect in effects {
            match effect {
                Effect::Halt { reason } => return Err(format!("it halts: {reason}")),
                Effect::Answer {
                    outcome: Ok(Applied::Bumped(epoch)),
                    ..
                } => {
                    let told = self.told.entry(line).or_default();
                    *told = (*told).max(*epoch);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A host begins again with what its disk has.
    pub(super) fn started(&mut self, host: usize) {
        self.due.remove(&host);
    }

    /// Whoever says that it is current knows what was decided before it began.
    fn check_currency(&mut self, host: usize, line: Line, machine: &Machine) -> Result<(), String> {
        let decided = self.latest.get(&line).map_or(0, |latest| latest.0);
        let due = self.due.entry(host).or_insert((line, decided));
        if due.0 != line {
            *due = (line, decided);
        }
        let applied = machine.voters().applied;
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
        if before == line {
            return Ok(());
        }
        self.places.remove(&host);
        match self.latest.get(&before) {
            Some((_, members)) if members.contains(&node) => {
                Err(format!("{node} has left {before:?}, which counts on it"))
            }
            _ => Ok(()),
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
        let found = digest(topology);
        let known = *self.states.entry((line, applied)).or_insert(found);
        if known != found {
            return Err(format!(
                "the topology at index {applied} is not what others have seen"
            ));
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
        for (line, members) in clusters {
            let first = members[0].topology();
            let most_voters = members.iter().map(|machine| machine.voters().voters.len());
            if members.len() <= most_voters.max().unwrap_or(0) / 2 {
                // They were let go while they were away, and those who could tell them were let go since.
                continue;
            }
            for machine in &members {
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
                    machines
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
        }
        Ok(())
    }
}
