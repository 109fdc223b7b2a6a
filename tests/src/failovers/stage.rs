//! The cluster of a story: its shards, who leads, whether everybody is there.

use std::net::SocketAddr;
use std::time::Duration;

use almandine_cluster::slot::{SLOTS, Slot};
use almandine_cluster::topology::AckMode;
use almandine_node::probe::Watch;
use almandine_storage::Rng;

use super::cast::Cast;
use crate::cluster::{Cluster, Plan as Nodes};
use crate::process::wait_until;
use crate::resp::Value;

/// A busy machine may need long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Values, and words of 8 bytes in each, that a shard is filled with.
const FILLERS: usize = 8;
const FILLER_SEED: u64 = 1;
const FILLER_WORDS: usize = 128 << 10;
/// The log is kept by so many at most.
const VOTERS_MAX: usize = 5;

/// See the module.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    /// Numbers of nodes.
    shards: Vec<Vec<usize>>,
    voters: usize,
    ack_mode: AckMode,
}

impl Stage {
    /// The cluster that `cast` describes, with everybody in their place.
    pub(super) fn start(cast: &Cast) -> Result<Stage, String> {
        let count = cast.shards * (1 + cast.replicas);
        let args = ["--appendonly", "yes", "--ack-mode", cast.ack_mode.name()];
        let mut setup = Nodes::new().args(&args).args(cast.args);
        if cast.breaks_links {
            setup = setup.links();
        }
        if cast.fills_disks {
            setup = setup.file_limits();
        }
        let mut cluster = setup.start(count);
        for text in cast.announced {
            cluster.announce(text);
        }
        for _ in 0..cast.witnesses {
            cluster.add(&["--witness", "yes"]);
        }
        let nodes = cluster.count();
        for number in 1..nodes {
            cluster.meet(number, 0);
        }
        let shards = (0..cast.shards)
            .map(|shard| (shard..count).step_by(cast.shards).collect())
            .collect();
        let voters = match nodes {
            2 => 2,
            nodes => VOTERS_MAX.min(nodes - (nodes + 1) % 2),
        };
        let stage = Stage {
            cluster,
            shards,
            voters,
            ack_mode: cast.ack_mode,
        };
        stage.wait("all know each other", |stage| {
            // Who holds no data is shown to nobody.
            (0..count).all(|number| stage.known(number) == Some(count))
        })?;
        for (shard, members) in stage.shards.iter().enumerate() {
            let (first, end) = (stage.first_slot(shard), stage.first_slot(shard + 1));
            let line = format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1);
            stage.cluster.order(members[0], &line);
            let primary = stage.cluster.id(members[0]);
            for replica in &members[1..] {
                let line = format!("CLUSTER REPLICATE {primary}");
                stage.cluster.order(*replica, &line);
            }
        }
        stage.wait_until_whole()?;
        if cast.takes_copies {
            stage.fill(&mut Rng::new(FILLER_SEED))?;
        }
        Ok(stage)
    }

    fn first_slot(&self, shard: usize) -> usize {
        shard * SLOTS / self.shards.len()
    }

    /// A word that gives a key a slot of the shard; another one for each number.
    pub(super) fn tag(&self, shard: usize, number: usize) -> String {
        let slots = self.first_slot(shard)..self.first_slot(shard + 1);
        let words = (0..).map(|n| format!("{number}-{n}"));
        let is_here = |word: &String| slots.contains(&Slot::of(word.as_bytes()).index());
        words.filter(is_here).take(1).collect()
    }

    /// Gives every shard so much data that a copy of it takes a while.
    fn fill(&self, rng: &mut Rng) -> Result<(), String> {
        for shard in 0..self.shards.len() {
            let mut client = self.cluster.client(self.primary(shard)?);
            let tag = self.tag(shard, 0);
            for number in 0..FILLERS {
                let key = format!("filler:{{{tag}}}:{number}").into_bytes();
                let words = std::iter::repeat_with(|| rng.bits().to_le_bytes());
                let value: Vec<u8> = words.take(FILLER_WORDS).flatten().collect();
                let request = [b"SET".to_vec(), key, value];
                self.wait(
                    "a value is taken",
                    |_| matches!(client.call(&request), Ok(answer) if answer == Value::ok()),
                )?;
            }
        }
        self.wait("replicas hold the same", Stage::is_same_everywhere)
    }

    /// Where clients find a node.
    pub(super) fn address(&self, number: usize) -> SocketAddr {
        self.cluster.address(number)
    }

    /// Every node with data, and its shard.
    pub(super) fn all_members(&self) -> Vec<(usize, SocketAddr)> {
        let numbered = self.shards.iter().enumerate();
        let members =
            numbered.flat_map(|(shard, members)| members.iter().map(move |it| (shard, *it)));
        members
            .map(|(shard, member)| (shard, self.address(member)))
            .collect()
    }

    /// The highest epoch of a shard that anybody knows; every change of a primary raises it.
    pub(super) fn epoch(&self) -> Result<u64, String> {
        let epochs = self.shards.iter().flatten().filter_map(|number| {
            let info = self
                .cluster
                .try_call(*number, "CLUSTER INFO")
                .ok()?
                .text()?;
            let mut lines = info.lines();
            let epoch = lines.find_map(|line| line.strip_prefix("cluster_current_epoch:"))?;
            epoch.trim().parse().ok()
        });
        epochs
            .max()
            .ok_or_else(|| "nobody tells the epoch".to_owned())
    }

    pub(super) fn members(&self, shard: usize) -> &[usize] {
        &self.shards[shard]
    }

    pub(super) fn wait(
        &self,
        what: &str,
        mut is_so: impl FnMut(&Stage) -> bool,
    ) -> Result<(), String> {
        match wait_until(PATIENCE, || is_so(self)) {
            true => Ok(()),
            false => Err(format!("it does not come to that: {what}")),
        }
    }

    /// Writes that a shard takes, so many more.
    pub(super) fn wait_for_writes(
        &self,
        watch: &Watch,
        shard: usize,
        count: u64,
    ) -> Result<(), String> {
        let wanted = watch.count(shard) + count;
        let is_over = || watch.is_over() || watch.count(shard) >= wanted;
        if !wait_until(PATIENCE, is_over) || watch.is_over() {
            let now = watch.count(shard);
            return Err(format!(
                "shard {shard} has taken {now} writes of this round, of {wanted}"
            ));
        }
        Ok(())
    }

    /// Nobody has answered for a shard but those who came to lead it, one after the other, since the highest epoch was `epoch`.
    pub(super) fn compare_turns(&self, watch: &Watch, epoch: u64) -> Result<(), String> {
        let decided = self.epoch()?.saturating_sub(epoch);
        for shard in 0..self.shards.len() {
            let turns = watch.changes(shard);
            if turns > decided {
                return Err(format!(
                    "{turns} times another node began to answer for shard {shard}, which was decided {decided} times"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn wait_until_whole(&self) -> Result<(), String> {
        let is_whole = wait_until(PATIENCE, || self.missing().is_none());
        match self.missing() {
            Some(missing) if !is_whole => Err(missing),
            _ => Ok(()),
        }
    }

    /// What is not yet as it should be.
    fn missing(&self) -> Option<String> {
        for (shard, members) in self.shards.iter().enumerate() {
            let Ok(primary) = self.primary(shard) else {
                return Some(format!("shard {shard} has no primary, or two"));
            };
            let mut others = members.iter().filter(|member| **member != primary);
            if let Some(other) = others.find(|member| !self.follows(**member)) {
                return Some(format!("node {other} does not follow {primary}"));
            }
            let in_sync = self.in_sync(primary);
            let due = (self.ack_mode == AckMode::Durable).then_some(members.len() - 1);
            if due.is_some() && in_sync != due {
                return Some(format!("{in_sync:?} are in sync with {primary}"));
            }
        }
        let mut leader = None;
        for number in self.shards.iter().flatten() {
            let Some((led_by, voters)) = self.voters(*number) else {
                return Some(format!("node {number} does not tell who votes"));
            };
            if voters != self.voters {
                return Some(format!("node {number} sees {voters} voters"));
            }
            if led_by.is_none() || leader.is_some() && leader != led_by {
                return Some(format!("node {number} sees {led_by:?} lead the log"));
            }
            leader = led_by;
        }
        None
    }

    /// Whether a replica other than the `dead` ones has all that was acknowledged, as far as the mode asks for it, or none is left.
    pub(super) fn is_safe_without_primary(&self, shard: usize, dead: &[usize]) -> bool {
        let left = self.shards[shard].len() - dead.len();
        let in_sync = self
            .primary(shard)
            .ok()
            .and_then(|primary| self.in_sync(primary));
        left < 2 || self.ack_mode == AckMode::Async || in_sync.is_some_and(|count| count > 0)
    }

    /// How many replicas have all that a primary has acknowledged, if it waits for them.
    fn in_sync(&self, number: usize) -> Option<usize> {
        let info = self
            .cluster
            .try_call(number, "INFO replication")
            .ok()?
            .text()?;
        let after = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
        after("ack_mode:").filter(|mode| *mode == AckMode::Durable.name())?;
        after("insync_replicas:")?.parse().ok()
    }

    /// Waits until a member of the shard other than this one leads it by its own word.
    pub(super) fn wait_until_led_without(&self, shard: usize, number: usize) -> Result<(), String> {
        self.wait("another one leads", |stage| {
            stage.is_led_without(shard, number)
        })
    }

    fn is_led_without(&self, shard: usize, number: usize) -> bool {
        let mut others = self.shards[shard]
            .iter()
            .filter(|member| **member != number);
        others.any(|member| self.role(*member).first() == Some(&Value::bulk("master")))
    }

    /// Whoever leads the shard by its own word; it leads alone.
    pub(super) fn primary(&self, shard: usize) -> Result<usize, String> {
        let members = self.shards[shard].iter().copied();
        let primaries: Vec<usize> = members
            .filter(|member| self.role(*member).first() == Some(&Value::bulk("master")))
            .collect();
        match primaries[..] {
            [primary] => Ok(primary),
            _ => Err(format!("{primaries:?} lead shard {shard}")),
        }
    }

    /// Whether a node has the stream of its primary.
    pub(super) fn follows(&self, number: usize) -> bool {
        let role = self.role(number);
        role.first() == Some(&Value::bulk("slave"))
            && role.get(3) == Some(&Value::bulk("connected"))
    }

    fn role(&self, number: usize) -> Vec<Value> {
        let role = self.cluster.try_call(number, "ROLE").ok();
        role.and_then(Value::elements).unwrap_or_default()
    }

    /// How many nodes a node knows.
    fn known(&self, number: usize) -> Option<usize> {
        let info = self.cluster.try_call(number, "CLUSTER INFO").ok()?.text()?;
        let mut lines = info.lines();
        let count = lines.find_map(|line| line.strip_prefix("cluster_known_nodes:"))?;
        count.trim().parse().ok()
    }

    /// Who leads the log, and how many vote.
    fn voters(&self, number: usize) -> Option<(Option<String>, usize)> {
        let voters = self.cluster.try_call(number, "CLUSTER VOTERS").ok()?;
        let voters = voters.elements()?;
        let after = |name: &str| {
            let at = voters.iter().position(|word| *word == Value::bulk(name));
            voters.get(at? + 1).cloned()
        };
        let count = after("voters")?.elements()?.len();
        Some((after("leader")?.text(), count))
    }

    /// Whether a node leads the log.
    pub(super) fn leads_log(&self, number: usize) -> bool {
        let leader = self.voters(number).and_then(|(leader, _)| leader);
        leader == Some(self.cluster.id(number))
    }

    /// Whether all nodes of every shard hold the same.
    pub(super) fn is_same_everywhere(&self) -> bool {
        let digest = |number: &usize| self.cluster.try_call(*number, "DEBUG DIGEST").ok();
        self.shards.iter().all(|members| {
            let digests: Vec<_> = members.iter().map(digest).collect();
            digests
                .iter()
                .all(|other| other.is_some() && *other == digests[0])
        })
    }
}
