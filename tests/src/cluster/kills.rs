//! Nodes are killed while the topology changes, one at a time and all together: what was acknowledged is there after the
//! restart, no epoch and no vote goes back, and every vault opens.
//!
//! Four clients change the topology, each slots of its own: a slot goes to another primary (CLUSTER SETSLOT), epochs rise
//! (CLUSTER BUMPEPOCH). Of each slot they know the last owner that was acknowledged and those that were asked for since: one
//! of them, or who has taken over its shard, must own it in the end.
//!
//! ```text
//!   kills.rs       set up, load, kill, look into the vaults, start again, compare
//!   kills/changer.rs   one client
//!   kills/vaults.rs    what a dead node has on its disk
//! ```

mod changer;
mod vaults;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use almandine_cluster::slot::SLOTS;
use almandine_storage::Rng;

use self::changer::{Changer, Place};
use self::vaults::Kept;
use super::nodes::{Cluster, Plan as Nodes};
use super::topology::{self, Topology};
use crate::process::wait_until;

const PRIMARIES: usize = 3;
const REPLICAS: usize = 2;
/// Clients that change the topology.
const CHANGERS: usize = 4;
/// How long a load goes on at most.
const LOAD_MAX: Duration = Duration::from_secs(10);

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often nodes are killed.
    pub times: usize,
    /// Decides the moments, the nodes and the changes.
    pub seed: u64,
    /// Nodes are killed after at most so many acknowledged changes.
    pub changes_max: u64,
}

/// What was seen; all of it right.
#[derive(Debug, Default)]
pub struct Report {
    /// How often nodes were killed.
    pub kills: usize,
    /// Of these, all of them at once.
    pub of_all: usize,
    /// Nodes that were killed and came back.
    pub restarts: usize,
    /// Changes that were acknowledged.
    pub acknowledged: u64,
    /// Changes whose outcome nobody had heard when nodes died.
    pub unheard: u64,
    /// The epoch at the end.
    pub epoch: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills ({} of all nodes at once), {} restarts, {} acknowledged changes of the topology, none lost; {} that \
             nobody had heard of; epoch {}",
            self.kills, self.of_all, self.restarts, self.acknowledged, self.unheard, self.epoch
        )
    }
}

/// What must not go back.
#[derive(Debug, Default)]
struct Heights {
    /// The highest epoch that a node has acknowledged or shown.
    epoch: u64,
    /// By node number, what its vault held last.
    kept: BTreeMap<usize, Kept>,
}

/// Plays `plan`.
///
/// # Errors
/// What was lost or went back, or why a node did not start.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Report, String> {
    let mut rng = Rng::new(plan.seed);
    let mut cluster = set_up();
    let names: Vec<String> = (0..cluster.count())
        .map(|number| cluster.id(number))
        .collect();
    let mut changers: Vec<Changer> = (0..CHANGERS)
        .map(|number| Changer::new(number, CHANGERS))
        .collect();
    let (mut report, mut heights) = (Report::default(), Heights::default());
    let mut topology = cluster.agreed();
    for kill in 0..plan.times {
        let changes = 1 + rng.below(plan.changes_max as usize) as u64;
        let victims: Vec<usize> = match rng.below(3) {
            0 => (0..names.len()).collect(),
            _ => vec![rng.below(names.len())],
        };
        let what = format!("kill {kill} of {victims:?}");
        let places = places(&cluster, &topology, &names);
        let mut round = || -> Result<(), String> {
            report.acknowledged += load(
                &mut cluster,
                &places,
                &mut changers,
                changes,
                &victims,
                &mut rng,
            )?;
            for victim in &victims {
                heights.look_into_vault(&cluster, *victim)?;
            }
            for victim in &victims {
                cluster.restart(*victim)?;
                report.restarts += 1;
            }
            cluster.settle()?;
            topology = cluster
                .try_agreed_on("all are there", |topology| is_whole(topology, names.len()))?;
            report.unheard += compare(&topology, &names, &mut changers)?;
            heights.compare(&cluster, &changers)
        };
        round().map_err(|error| format!("{what}: {error}\n{}", cluster.logs()))?;
        report.kills += 1;
        report.of_all += usize::from(victims.len() > 1);
        report.epoch = heights.epoch;
        tell(&format!("{what}: {report}"));
    }
    Ok(report)
}

/// Three primaries, two of them with a replica. Each has far more slots than are moved: one that has given its last slot away
/// follows whoever has got it, and in the end a single shard would be left, in which nothing moves.
fn set_up() -> Cluster {
    let cluster = Nodes::new().start(PRIMARIES + REPLICAS);
    for number in 1..PRIMARIES + REPLICAS {
        cluster.meet(number, 0);
    }
    cluster.agreed_on("all know each other", |topology| {
        topology.nodes.len() == PRIMARIES + REPLICAS
    });
    let share = SLOTS / PRIMARIES;
    for number in 0..PRIMARIES {
        let last = match number + 1 {
            PRIMARIES => SLOTS - 1,
            next => next * share - 1,
        };
        let first = number * share;
        cluster.order(number, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
    }
    for number in 0..REPLICAS {
        let primary = cluster.id(number);
        cluster.order(PRIMARIES + number, &format!("CLUSTER REPLICATE {primary}"));
    }
    cluster.agreed_on("replicas", |topology| {
        topology.replicas().count() == REPLICAS
    });
    cluster
}

/// Whether nobody is missing.
fn is_whole(topology: &Topology, count: usize) -> bool {
    let is_here = |place: &topology::Place| !place.is("fail") && !place.is("fail?");
    topology.nodes.len() == count && topology.nodes.values().all(is_here)
}

/// Where changes are asked for.
fn places(cluster: &Cluster, topology: &Topology, names: &[String]) -> Vec<Place> {
    let place = |(number, name): (usize, &String)| Place {
        address: cluster.node(number).address(),
        name: name.clone(),
        is_primary: topology.nodes[name].is("master"),
    };
    names.iter().enumerate().map(place).collect()
}

/// Changes go on until so many are acknowledged; then the victims are killed, while changes go on. Returns the acknowledged
/// ones.
fn load(
    cluster: &mut Cluster,
    places: &[Place],
    changers: &mut [Changer],
    changes: u64,
    victims: &[usize],
    rng: &mut Rng,
) -> Result<u64, String> {
    let (acknowledged, is_over) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let threads: Vec<_> = changers
            .iter_mut()
            .map(|changer| {
                let dice = Rng::new(rng.bits());
                let (acknowledged, is_over) = (&acknowledged, &is_over);
                scope.spawn(move || changer.change(places, dice, acknowledged, is_over))
            })
            .collect();
        // On a slow disk it takes too long: then the moment has come as well.
        wait_until(LOAD_MAX, || {
            acknowledged.load(Ordering::Relaxed) >= changes
                || threads.iter().any(|t| t.is_finished())
        });
        for victim in victims {
            cluster.kill(*victim);
        }
        is_over.store(1, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| "panicked".to_owned())??;
        }
        Ok::<(), String>(())
    })?;
    Ok(acknowledged.into_inner())
}

/// Every slot is where it may be. Returns the changes that nobody had heard of and that were made.
fn compare(topology: &Topology, names: &[String], changers: &mut [Changer]) -> Result<u64, String> {
    let mut owners: BTreeMap<usize, &String> = BTreeMap::new();
    for (name, place) in &topology.nodes {
        if !names.contains(name) {
            return Err(format!("{name} is new: {topology:?}"));
        }
        for slot in place.slot_numbers() {
            if owners.insert(slot, name).is_some() {
                return Err(format!("slot {slot} has two owners: {topology:?}"));
            }
        }
    }
    if topology.slot_count() != SLOTS {
        return Err(format!("slots have no owner: {topology:?}"));
    }
    if topology.primaries().count() != PRIMARIES {
        return Err(format!("a shard is gone or new: {topology:?}"));
    }
    let mut unheard = 0;
    for changer in changers {
        unheard += changer.compare(topology, &owners)?;
    }
    Ok(unheard)
}

impl Heights {
    /// A dead node's disk holds a vault that opens, with a term and a vote that have not gone back.
    fn look_into_vault(&mut self, cluster: &Cluster, number: usize) -> Result<(), String> {
        let kept = vaults::look(&cluster.dir(number).path("nodes.db"))
            .map_err(|error| format!("the vault of node {number}: {error}"))?;
        if let Some(before) = self.kept.insert(number, kept.clone()) {
            kept.follows(&before)
                .map_err(|error| format!("the vault of node {number}: {error}"))?;
        }
        Ok(())
    }

    /// No node shows a lower epoch than was ever acknowledged or shown.
    fn compare(&mut self, cluster: &Cluster, changers: &[Changer]) -> Result<(), String> {
        let acknowledged = changers.iter().map(Changer::epoch).max().unwrap_or(0);
        self.epoch = self.epoch.max(acknowledged);
        let mut highest = self.epoch;
        for number in cluster.running() {
            let info = cluster
                .try_call(number, "CLUSTER INFO")?
                .text()
                .unwrap_or_default();
            let epoch = info
                .lines()
                .find_map(|line| line.strip_prefix("cluster_current_epoch:"))
                .and_then(|epoch| epoch.trim_end().parse().ok())
                .ok_or_else(|| format!("node {number} shows no epoch: {info}"))?;
            if epoch < self.epoch {
                return Err(format!(
                    "node {number} shows epoch {epoch} after {} was there",
                    self.epoch
                ));
            }
            highest = highest.max(epoch);
        }
        self.epoch = highest;
        Ok(())
    }
}
