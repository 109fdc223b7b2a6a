//! One client that changes the topology, and what may have come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use almandine_storage::Rng;

use crate::cluster::topology::Topology;
use crate::resp::{Client, Value};

/// Slots of one client: few, so that they move again and again.
const SLOTS: usize = 8;
/// How long an answer is waited for before its outcome counts as unknown.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) name: String,
    /// Whether it led its shard before.
    pub(super) is_primary: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Changer {
    slots: Vec<usize>,
    /// Who may own each slot; nobody is named before the first change.
    owners: BTreeMap<usize, Owners>,
    epoch: u64,
}

#[derive(Debug, Default)]
struct Owners {
    acknowledged: Option<String>,
    /// Asked for since, with an outcome that nobody has heard.
    unheard: BTreeSet<String>,
}

impl Changer {
    pub(super) fn new(number: usize, count: usize) -> Changer {
        Changer {
            slots: (0..SLOTS)
                .map(|slot| slot * 1009 * count % 16384 + number)
                .collect(),
            owners: BTreeMap::new(),
            epoch: 0,
        }
    }

    /// The highest epoch that was acknowledged.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Changes one thing after the other until it is over and nobody answers at once any more.
    pub(super) fn change(
        &mut self,
        places: &[Place],
        mut dice: Rng,
        acknowledged: &AtomicU64,
        is_over: &AtomicU64,
    ) -> Result<(), String> {
        while is_over.load(Ordering::Relaxed) == 0 {
            let primaries: Vec<&Place> = places.iter().filter(|place| place.is_primary).collect();
            let asked = &places[dice.below(places.len())];
            let is_done = match dice.below(4) {
                0 => self.bump(primaries[dice.below(primaries.len())])?,
                _ => {
                    let slot = self.slots[dice.below(self.slots.len())];
                    let owner = &primaries[dice.below(primaries.len())].name;
                    self.assign(slot, owner, asked)?
                }
            };
            acknowledged.fetch_add(u64::from(is_done), Ordering::Relaxed);
        }
        Ok(())
    }

    fn bump(&mut self, at: &Place) -> Result<bool, String> {
        let Some(answer) = ask(at, "CLUSTER BUMPEPOCH") else {
            return Ok(false);
        };
        let text = answer.text().unwrap_or_default();
        let Some(epoch) = text.strip_prefix("BUMPED ").or(text.strip_prefix("STILL ")) else {
            return refused(&text);
        };
        let epoch = epoch
            .parse::<u64>()
            .map_err(|_| format!("BUMPEPOCH says {text}"))?;
        self.epoch = self.epoch.max(epoch);
        Ok(true)
    }

    fn assign(&mut self, slot: usize, owner: &str, at: &Place) -> Result<bool, String> {
        let owners = self.owners.entry(slot).or_default();
        let answer = ask(at, &format!("CLUSTER SETSLOT {slot} NODE {owner}"));
        let text = answer.and_then(|answer| answer.text());
        if text.as_deref() == Some("OK") {
            // What nobody has heard of may still be under way and come later; what is acknowledged has come.
            owners.acknowledged = Some(owner.to_owned());
            return Ok(true);
        }
        owners.unheard.insert(owner.to_owned());
        text.map_or(Ok(false), |text| refused(&text))
    }

    /// Each slot is where it was put last, or where somebody wanted it since. Returns how many of the latter.
    pub(super) fn compare(
        &mut self,
        topology: &Topology,
        found: &BTreeMap<usize, &String>,
    ) -> Result<u64, String> {
        // Who has led may follow now: its shard has the slot.
        let leads_for = |owner: &String, name: &String| {
            let place = topology.nodes.get(name);
            let primary = place.and_then(|place| place.primary.as_ref());
            primary.unwrap_or(name) == owner
        };
        let mut unheard = 0;
        for (slot, owners) in &mut self.owners {
            let owner = found[slot];
            let acknowledged = owners.acknowledged.as_ref();
            let is_acknowledged = acknowledged.is_some_and(|name| leads_for(owner, name));
            // Before the first acknowledgement it may be where it was from the beginning.
            let may_be =
                acknowledged.is_none() || owners.unheard.iter().any(|name| leads_for(owner, name));
            if !is_acknowledged && !may_be {
                return Err(format!("slot {slot} is at {owner}, of {owners:?}"));
            }
            unheard += u64::from(!is_acknowledged);
            owners.acknowledged = Some(owner.clone());
            owners.unheard.clear();
        }
        Ok(unheard)
    }
}

/// The answer; none if the node is gone or does not answer in time.
fn ask(place: &Place, line: &str) -> Option<Value> {
    let mut client = Client::connect(place.address).ok()?;
    client.timeout(PATIENCE);
    client.line(line).ok()
}

/// Where there is no majority, or a node has just started, a change is refused: that is no loss.
fn refused(text: &str) -> Result<bool, String> {
    let may_be = [
        "LOADING ",
        "TRYAGAIN ",
        "CLUSTERDOWN ",
        "ERR Please use SETSLOT only with masters",
        "ERR Target node is not a master",
    ];
    match may_be.iter().any(|start| text.starts_with(start)) {
        true => Ok(false),
        false => Err(format!("a change is answered by {text}")),
    }
}
